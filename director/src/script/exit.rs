//! How a run of a script ended. Pure.

use std::{
    fmt,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, SystemTime},
};

use nix::{errno::Errno, sys::signal::Signal};

use super::{account::AccountError, output::last_line, security::Insecure};

/// A shell's exit code for a command that is there and cannot be executed (POSIX, *Shell Command Language*, 2.8.2).
const NOT_EXECUTABLE: i32 = 126;
/// A shell's exit code for a command that was not found (the same section).
const NOT_FOUND: i32 = 127;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With code 0.
    Success,
    /// With another code, 1 to 125 or 128 to 255.
    Failure(u8),
    /// By a signal that was not the director's.
    Signal(i32),
    /// It took longer than it may, and was ended.
    TimedOut,
    /// It could not be run as it is meant: this says nothing of what it was to find out.
    Broken(Broken),
}

/// What a run means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It succeeded.
    Success,
    /// It failed.
    Failure,
    /// It was not run, or not to its end.
    Broken,
}

/// Why a script cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// There is no such file.
    #[error("{} is not there", path.display())]
    Missing {
        /// The program, from the root.
        path: PathBuf,
    },
    /// It has no slash in its name, and is in none of the folders of `PATH`.
    #[error("command not found: {name} (it is not in {})", super::PATH)]
    NotInPath {
        /// Its name.
        name: String,
    },
    /// The file is there, and its user may not execute it.
    #[error("{} cannot be executed by user {user}", path.display())]
    NotExecutable {
        /// The program.
        path: PathBuf,
        /// The name of the account.
        user: String,
    },
    /// Its first line names an interpreter that is not there.
    #[error("{} needs {interpreter}, which is not there", path.display())]
    NoInterpreter {
        /// The script.
        path: PathBuf,
        /// What stands after `#!`.
        interpreter: String,
    },
    /// `enable_script_security` keeps it from being run as root.
    #[error("script security refuses it")]
    Refused(#[from] Insecure),
    /// The user or the group is none.
    #[error("it has no user to run as")]
    Account(#[from] AccountError),
    /// Exit code 126: a command in it is no program, or may not be executed.
    #[error("exit 126: {}", last_line.as_deref().unwrap_or("a command cannot be executed"))]
    Exit126 {
        /// The end of its output, where a shell says which command.
        last_line: Option<String>,
    },
    /// Exit code 127: a command in it was not found.
    #[error("exit 127: {}", missing(last_line.as_deref()))]
    Exit127 {
        /// The end of its output, where a shell says which command.
        last_line: Option<String>,
    },
    /// It was started, and its end cannot be seen.
    #[error("how it ended cannot be told")]
    Unwatched(#[source] Errno),
    /// The kernel refused to start it for another reason.
    #[error("{} cannot be started as user {user}", path.display())]
    Spawn {
        /// The program.
        path: PathBuf,
        /// The name of the account.
        user: String,
        /// The kernel's word.
        #[source]
        errno: Errno,
    },
}

impl Broken {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "put the file there, or write the right path",
            Self::NotInPath { .. } => "write the whole path of the program",
            Self::NotExecutable { .. } => {
                "make it executable (`chmod 755`), and the folders above it searchable for that user"
            }
            Self::NoInterpreter { .. } => "install the interpreter, or write its right path",
            Self::Refused(_) => "make root its owner and take the right to write from others",
            Self::Account(_) => {
                "create the user, or write another one: `script_user` or `user` of the script"
            }
            Self::Exit126 { .. } | Self::Exit127 { .. } => {
                "write the whole paths of the commands in the script"
            }
            Self::Unwatched(_) | Self::Spawn { .. } => {
                "look at the limits of the system, and run the director as root"
            }
        }
    }

    /// All of it on one line: what, and why.
    #[must_use]
    pub fn explained(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// Shells name the command that they did not find in three ways, and one of them is said here.
fn missing(last_line: Option<&str>) -> String {
    let Some(line) = last_line else {
        return "a command was not found".to_owned();
    };
    let named = line
        .strip_suffix(": command not found")
        .or_else(|| line.strip_suffix(": not found"));
    match named.and_then(|before| before.rsplit(": ").next()) {
        Some(command) => format!("command not found: {command}"),
        None => line.to_owned(),
    }
}

impl Exit {
    /// How a process ended that was not ended by the director; `output` is what it wrote.
    pub(super) fn of(status: ExitStatus, output: &str) -> Self {
        let last_line = || last_line(output).map(str::to_owned);
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::Success,
            (Some(NOT_EXECUTABLE), _) => Self::Broken(Broken::Exit126 {
                last_line: last_line(),
            }),
            (Some(NOT_FOUND), _) => Self::Broken(Broken::Exit127 {
                last_line: last_line(),
            }),
            // The kernel keeps the low eight bits only.
            (Some(code), _) => Self::Failure(code as u8),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }

    /// What it means.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Success => Verdict::Success,
            Self::Failure(_) | Self::Signal(_) | Self::TimedOut => Verdict::Failure,
            Self::Broken(_) => Verdict::Broken,
        }
    }

    /// What to do about it, if it is broken.
    #[must_use]
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::Broken(broken) => Some(broken.help()),
            Self::Success | Self::Failure(_) | Self::Signal(_) | Self::TimedOut => None,
        }
    }

    /// The exit code of the process, if it came to one.
    #[must_use]
    pub const fn code(&self) -> Option<i32> {
        match self {
            Self::Success => Some(0),
            Self::Failure(code) => Some(*code as i32),
            Self::Broken(Broken::Exit126 { .. }) => Some(NOT_EXECUTABLE),
            Self::Broken(Broken::Exit127 { .. }) => Some(NOT_FOUND),
            Self::Signal(_) | Self::TimedOut | Self::Broken(_) => None,
        }
    }
}

impl fmt::Display for Exit {
    /// On one line, such as `exit 1`, `timed out` or `exit 127: command not found: mysqladmin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("exit 0"),
            Self::Failure(code) => write!(f, "exit {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "ended by {signal}"),
                Err(_) => write!(f, "ended by signal {number}"),
            },
            Self::TimedOut => f.write_str("timed out"),
            Self::Broken(broken) => f.write_str(&broken.explained()),
        }
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// The end of what it wrote to standard output and standard error, in order; at most 4 KiB.
    pub output: String,
    /// When it was started.
    pub started: SystemTime,
    /// How long it took.
    pub duration: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i32, output: &str) -> Exit {
        Exit::of(ExitStatus::from_raw(code << 8), output)
    }

    /// Scenario 1.7.
    #[test]
    fn s1_7_every_exit_code_has_its_meaning() {
        assert_eq!(exit(0, ""), Exit::Success);
        for code in (1..=255).filter(|code| ![126, 127].contains(code)) {
            assert_eq!(exit(code, ""), Exit::Failure(code as u8));
            assert_eq!(exit(code, "").verdict(), Verdict::Failure);
            assert_eq!(exit(code, "").code(), Some(code));
        }
        for code in [126, 127] {
            assert_eq!(exit(code, "").verdict(), Verdict::Broken, "{code}");
            assert_eq!(exit(code, "").code(), Some(code));
        }
        assert_eq!(Exit::TimedOut.verdict(), Verdict::Failure);
        assert_eq!(Exit::of(ExitStatus::from_raw(9), ""), Exit::Signal(9));
        assert_eq!(Exit::Signal(9).to_string(), "ended by SIGKILL");
        assert_eq!(Exit::Signal(42).to_string(), "ended by signal 42");
    }

    /// Scenario 1.6.
    #[test]
    fn s1_6_a_command_that_was_not_found_is_named_whatever_the_shell() {
        for line in [
            "/etc/check.sh: 2: mycat: not found",
            "/etc/check.sh: line 2: mycat: command not found",
            "some earlier line\nzsh: command not found: mycat\n\n",
        ] {
            let text = exit(127, line).to_string();
            assert!(
                text.ends_with("command not found: mycat"),
                "{line:?} became {text:?}"
            );
        }
        assert_eq!(
            exit(127, "").to_string(),
            "exit 127: a command was not found"
        );
        assert_eq!(exit(127, "oops").to_string(), "exit 127: oops");
        assert_eq!(
            exit(126, "x: 1: /tmp: Permission denied").to_string(),
            "exit 126: x: 1: /tmp: Permission denied"
        );
    }
}
