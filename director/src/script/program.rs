//! From a script of the configuration to something that can be executed. It reads the file system and the list of users, and starts
//! nothing.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{account::Account, exit::Broken, security};
use crate::config::{Global, Script, ScriptUser};

/// Where a program whose name has no slash is looked up, and `PATH` of every script.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a relative path starts from, and where every script runs.
pub(super) const FOLDER: &str = "/";

/// A script, and what is added to it for this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What the configuration says.
    pub script: Script,
    /// Added after the script's own arguments.
    pub arguments: Vec<String>,
    /// Added to its environment.
    pub variables: Vec<(&'static str, String)>,
    /// What holds for all scripts.
    pub policy: Policy,
}

/// What holds for all scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `script_user`.
    pub user: Option<ScriptUser>,
    /// `enable_script_security`.
    pub security: Security,
}

/// `enable_script_security`, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Whatever is configured is run.
    #[default]
    Off,
    /// What others can change is not run as root.
    On,
}

impl From<&Global> for Policy {
    fn from(global: &Global) -> Self {
        Self {
            user: global.script_user.clone(),
            security: match global.script_security {
                true => Security::On,
                false => Security::Off,
            },
        }
    }
}

/// Everything that is needed to execute a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The file, from the root.
    pub path: PathBuf,
    /// Its arguments without its name.
    pub arguments: Vec<String>,
    /// Who it runs as.
    pub account: Account,
    /// Its whole environment.
    pub environment: Vec<(&'static str, OsString)>,
}

impl Call {
    /// A script by itself.
    #[must_use]
    pub const fn new(script: Script, policy: Policy) -> Self {
        Self {
            script,
            arguments: Vec::new(),
            variables: Vec::new(),
            policy,
        }
    }

    /// The words of the command, as an operator writes them.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut text = self.script.shown();
        for argument in &self.arguments {
            text.push(' ');
            text.push_str(argument);
        }
        text
    }

    /// Finds the program and the user. It may ask a name service and read file systems, and so may take time.
    ///
    /// # Errors
    ///
    /// It cannot be run.
    pub fn resolve(&self) -> Result<Program, Broken> {
        let user = self.script.user.as_ref().or(self.policy.user.as_ref());
        let account = Account::find(user)?;
        let (name, own) = match self.script.command.split_first() {
            Some((name, own)) => (name.as_str(), own),
            None => ("", [].as_slice()),
        };
        let path = locate(name, &account)?;
        if self.policy.security == Security::On && account.is_privileged() {
            security::check(&path)?;
        }
        Ok(Program {
            path,
            arguments: own.iter().chain(&self.arguments).cloned().collect(),
            environment: environment(&account, &self.variables),
            account,
        })
    }
}

fn environment(
    account: &Account,
    added: &[(&'static str, String)],
) -> Vec<(&'static str, OsString)> {
    let mut all: Vec<(&'static str, OsString)> = vec![
        ("PATH", PATH.into()),
        ("HOME", account.home.clone().into()),
        ("USER", account.name.clone().into()),
        ("LOGNAME", account.name.clone().into()),
        ("SHELL", "/bin/sh".into()),
        ("LANG", "C.UTF-8".into()),
    ];
    all.extend(
        added
            .iter()
            .map(|(name, value)| (*name, value.clone().into())),
    );
    all
}

fn locate(name: &str, account: &Account) -> Result<PathBuf, Broken> {
    if !name.contains('/') {
        return search(name, account);
    }
    let path = Path::new(FOLDER).join(name);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        Ok(_) => Err(not_executable(path, account)),
        Err(error) if is_absence(&error) => Err(Broken::Missing { path }),
        // The kernel says why when it is executed.
        Err(_) => Ok(path),
    }
}

/// As a shell does it: what cannot be executed is passed over, and told only if nothing better is found.
fn search(name: &str, account: &Account) -> Result<PathBuf, Broken> {
    let mut passed_over = None;
    for folder in PATH.split(':') {
        let path = Path::new(folder).join(name);
        let found = fs::metadata(&path).ok().filter(Metadata::is_file);
        let Some(metadata) = found else { continue };
        if may_execute(&metadata, account) {
            return Ok(path);
        }
        passed_over.get_or_insert(path);
    }
    Err(match passed_over {
        Some(path) => not_executable(path, account),
        None => Broken::NotInPath {
            name: name.to_owned(),
        },
    })
}

/// Owner, group or others: the first of them that fits decides (path_resolution(7)).
fn may_execute(metadata: &Metadata, account: &Account) -> bool {
    let mode = metadata.mode();
    let bits = match account {
        Account { uid, .. } if uid.is_root() => 0o111,
        Account { uid, .. } if uid.as_raw() == metadata.uid() => 0o100,
        Account { gid, .. } if gid.as_raw() == metadata.gid() => 0o010,
        Account { .. } => 0o001,
    };
    mode & bits != 0
}

fn not_executable(path: PathBuf, account: &Account) -> Broken {
    Broken::NotExecutable {
        path,
        user: account.name.clone(),
    }
}

pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
