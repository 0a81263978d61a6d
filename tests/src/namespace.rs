//! Network namespaces: made by `ip netns add`, entered by a thread of this process.
//!
//! Never by `ip netns exec`, which mounts a fresh `/sys` and so hides the BPF file system from the program.

use std::{
    fs::File,
    panic,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context, Result, ensure};
use nix::{
    fcntl::{Flock, FlockArg},
    sched::{CloneFlags, setns},
};

use crate::{id::LabId, termination};

pub(crate) const NAMESPACES: &str = "/run/netns";

/// A network namespace of a lab. Dropping it does nothing: the lab removes all of its namespaces at once.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes an empty namespace whose loopback is up and which has no IPv6, so that nothing speaks unasked.
    pub fn create(id: &LabId, host: &str) -> Result<Self> {
        let namespace = Self {
            name: id.namespace(host),
        };
        namespace.add()?;
        for scope in ["all", "default"] {
            namespace.set(&format!("net/ipv6/conf/{scope}/disable_ipv6"), "1")?;
        }
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Has interfaces that come later speak IPv6, with addresses that are good at once: no duplicates are looked for, no
    /// router is asked for, none is heard.
    pub(crate) fn speak_ipv6(&self) -> Result<()> {
        for scope in ["all", "default"] {
            for setting in ["accept_dad", "accept_ra", "router_solicitations"] {
                self.set(&format!("net/ipv6/conf/{scope}/{setting}"), "0")?;
            }
            self.set(&format!("net/ipv6/conf/{scope}/disable_ipv6"), "0")?;
        }
        Ok(())
    }

    fn add(&self) -> Result<()> {
        let _running = termination::guard();
        // The first `ip netns add` after a boot mounts the folder of namespaces; two at once would hide one another's.
        let folder = File::open("/run").context("cannot open /run")?;
        let locked = Flock::lock(folder, FlockArg::LockExclusive).map_err(|(_, error)| error);
        let _alone = locked.context("cannot lock /run")?;
        run(Command::new("ip").args(["netns", "add", &self.name])).map(drop)
    }

    /// The name that `ip netns` knows it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file to enter it by: `nsenter --net=FILE`.
    pub fn file(&self) -> PathBuf {
        Path::new(NAMESPACES).join(&self.name)
    }

    /// Does `work` on a thread inside the namespace. Sockets and processes made there stay in it.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let file = File::open(self.file())
            .with_context(|| format!("cannot open namespace {}", self.name))?;
        let inside = move || -> nix::Result<T> {
            setns(file, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        };
        let outcome = thread::scope(|scope| scope.spawn(inside).join());
        let outcome = outcome.unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        outcome.with_context(|| format!("cannot enter namespace {}", self.name))
    }

    /// Starts a program inside, in a process group of its own so that Ctrl-C does not reach it before the lab is told.
    pub fn spawn(&self, command: &mut Command) -> Result<Child> {
        use std::os::unix::process::CommandExt;
        let _running = termination::guard();
        command.process_group(0);
        let child = self.enter(|| command.spawn())?;
        child.with_context(|| format!("cannot start {command:?} in {}", self.name))
    }

    /// Runs a program inside to its end and returns what it printed; an error if it failed.
    pub fn run(&self, command: &mut Command) -> Result<String> {
        self.enter(|| run(command))?
            .with_context(|| format!("in namespace {}", self.name))
    }

    /// Runs `ip` inside with these words.
    pub fn ip(&self, words: &str) -> Result<String> {
        self.run(Command::new("ip").args(words.split(' ')))
    }

    /// Writes a setting below `/proc/sys`.
    pub fn set(&self, setting: &str, value: &str) -> Result<()> {
        let file = Path::new("/proc/sys").join(setting);
        let written = self.enter(|| std::fs::write(&file, value))?;
        written.with_context(|| {
            format!(
                "cannot write {value} to {} in {}",
                file.display(),
                self.name
            )
        })
    }

    /// Reads a setting below `/proc/sys`.
    pub fn setting(&self, setting: &str) -> Result<String> {
        let file = Path::new("/proc/sys").join(setting);
        let read = self.enter(|| std::fs::read_to_string(&file))?;
        Ok(read
            .with_context(|| format!("cannot read {} in {}", file.display(), self.name))?
            .trim()
            .to_owned())
    }
}

/// Runs a program to its end and returns what it printed; an error with what it complained of if it failed.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{command:?} failed ({}): {}",
        output.status,
        complaint.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
