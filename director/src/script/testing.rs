//! Small real scripts for tests.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{Call, Policy};
use crate::config::{Script, ScriptUser, Span};

/// A folder that everybody can look into.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    shell("chmod 755 \"$0\"", folder.path(), "");
    folder
}

/// An executable script. A process of its own writes it: a file that is open for writing in this one cannot be executed,
/// and another thread may be about to fork.
pub(crate) fn script(folder: &TempDir, name: &str, body: &str) -> PathBuf {
    let path = folder.path().join(name);
    let text = format!("#!/bin/sh\n{body}\n");
    shell(
        "printf %s \"$1\" > \"$0.new\" && chmod 755 \"$0.new\" && mv \"$0.new\" \"$0\"",
        &path,
        &text,
    );
    path
}

fn shell(command: &str, path: &Path, text: &str) {
    let mut shell = Command::new("/bin/sh");
    let status = shell.args(["-c", command]).arg(path).arg(text).status();
    assert!(status.unwrap().success());
}

/// A script as the configuration has it, run as root.
pub(crate) fn configured<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Script {
    Script {
        command: command.into_iter().map(Into::into).collect(),
        user: Some(user("root")),
        span: Span::default(),
    }
}

pub(crate) fn user(name: &str) -> ScriptUser {
    ScriptUser {
        user: name.to_owned(),
        group: None,
    }
}

/// A program without arguments.
pub(crate) fn call(path: &Path) -> Call {
    Call::new(configured([path.display().to_string()]), Policy::default())
}
