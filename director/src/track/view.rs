//! How each tracker stands, for people and for the API. Times are RFC 3339 in UTC; enumerations are text.

use std::{collections::BTreeSet, fmt, path::PathBuf, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    script::{Outcome, Verdict, last_line},
    vrrp::Status,
};

/// One tracker, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerView {
    /// Its name in the configuration.
    pub name: String,
    /// How it counts.
    pub status: TrackedStatus,
    /// Whether that was seen, or is only assumed.
    pub basis: Basis,
    /// Since when it counts so.
    #[serde(with = "rfc3339")]
    pub since: SystemTime,
    /// It could not find out at the last attempt: the status is that of an earlier one.
    pub broken: bool,
    /// What it found at the last attempt, in words.
    pub why: String,
    /// What sort of tracker it is, and what it found.
    #[serde(flatten)]
    pub found: Found,
}

impl TrackerView {
    /// In a word or two: `ok`, `failed`, `broken, counts as ok`, `not seen yet, counts as ok`, the number of a file.
    #[must_use]
    pub fn standing(&self) -> String {
        match (self.broken, self.basis) {
            (true, _) => format!("broken, counts as {}", self.status),
            (false, Basis::Assumed) => format!("not seen yet, counts as {}", self.status),
            (false, Basis::Seen) => self.status.to_string(),
        }
    }

    /// What people call it: `script chk_mysql`.
    #[must_use]
    pub fn subject(&self) -> String {
        let kind = match self.found {
            Found::Script { .. } => "script",
            Found::Process { .. } => "process",
            Found::File { .. } => "file",
            Found::Interface => "interface",
        };
        format!("{kind} {}", self.name)
    }

    /// The last run of a script; `None`: it has not run yet, or is no script.
    #[must_use]
    pub const fn last_run(&self) -> Option<&RunView> {
        match &self.found {
            Found::Script { last, .. } => last.as_ref(),
            Found::Process { .. } | Found::File { .. } | Found::Interface => None,
        }
    }
}

impl RunView {
    /// The last line that it wrote, as far as it wrote any.
    #[must_use]
    pub fn last_line(&self) -> Option<&str> {
        last_line(&self.output)
    }
}

/// How something that is tracked is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackedStatus {
    /// It is well.
    Well,
    /// It has failed.
    Failed,
    /// The number in a file.
    Number(i32),
}

impl fmt::Display for TrackedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("ok"),
            Self::Failed => f.write_str("failed"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Where a status comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Nothing was seen yet.
    Assumed,
    /// It was seen.
    Seen,
}

/// What a tracker found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Found {
    /// `vrrp_script`.
    Script {
        /// How many runs up to the last one ended alike.
        in_a_row: u32,
        /// The last run.
        last: Option<RunView>,
    },
    /// `vrrp_track_process`.
    Process {
        /// The processes that match.
        pids: BTreeSet<i32>,
    },
    /// `track_file`.
    File {
        /// Where it is.
        path: PathBuf,
    },
    /// `track_interface`, and an instance's own one.
    Interface,
}

/// One run of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// What it means.
    pub verdict: RunVerdict,
    /// How it ended, in words: `exit 1`, `timed out`, `exit 127: command not found: mycat`.
    pub exit: String,
    /// Its exit code, if it came to one.
    pub code: Option<i32>,
    /// What to do about it, if it is broken.
    pub help: Option<String>,
    /// The end of what it wrote; at most 4 KiB.
    pub output: String,
    /// When it was started.
    #[serde(with = "rfc3339")]
    pub started: SystemTime,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// What a run means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// It succeeded.
    Success,
    /// It failed.
    Failure,
    /// It could not be run as it is meant.
    Broken,
}

impl From<Status> for TrackedStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Well => Self::Well,
            Status::Failed => Self::Failed,
            Status::Number(number) => Self::Number(number),
        }
    }
}

impl From<TrackedStatus> for Status {
    fn from(status: TrackedStatus) -> Self {
        match status {
            TrackedStatus::Well => Self::Well,
            TrackedStatus::Failed => Self::Failed,
            TrackedStatus::Number(number) => Self::Number(number),
        }
    }
}

impl From<&Outcome> for RunView {
    fn from(outcome: &Outcome) -> Self {
        Self {
            verdict: match outcome.exit.verdict() {
                Verdict::Success => RunVerdict::Success,
                Verdict::Failure => RunVerdict::Failure,
                Verdict::Broken => RunVerdict::Broken,
            },
            exit: outcome.exit.to_string(),
            code: outcome.exit.code(),
            help: outcome.exit.help().map(str::to_owned),
            output: outcome.output.clone(),
            started: outcome.started,
            duration_ms: u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Times as RFC 3339 in UTC, to the millisecond.
mod rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_rfc3339_millis(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        humantime::parse_rfc3339(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;
    use crate::script::{Broken, Exit};

    #[test]
    fn a_view_goes_through_json_and_back() {
        let outcome = Outcome {
            exit: Exit::Broken(Broken::Exit127 {
                last_line: Some("sh: 1: mycat: not found".to_owned()),
            }),
            output: "sh: 1: mycat: not found\n".to_owned(),
            started: SystemTime::UNIX_EPOCH,
            duration: std::time::Duration::from_millis(12),
        };
        let view = TrackerView {
            name: "chk".to_owned(),
            status: TrackedStatus::Well,
            basis: Basis::Seen,
            since: SystemTime::UNIX_EPOCH,
            broken: true,
            why: outcome.exit.to_string(),
            found: Found::Script {
                in_a_row: 3,
                last: Some(RunView::from(&outcome)),
            },
        };
        let value = to_value(&view).unwrap();
        assert_eq!(
            value,
            json!({
                "name": "chk",
                "status": "well",
                "basis": "seen",
                "since": "1970-01-01T00:00:00.000Z",
                "broken": true,
                "why": "exit 127: command not found: mycat",
                "kind": "script",
                "in_a_row": 3,
                "last": {
                    "verdict": "broken",
                    "exit": "exit 127: command not found: mycat",
                    "code": 127,
                    "help": "write the whole paths of the commands in the script",
                    "output": "sh: 1: mycat: not found\n",
                    "started": "1970-01-01T00:00:00.000Z",
                    "duration_ms": 12,
                },
            })
        );
        assert_eq!(from_value::<TrackerView>(value).unwrap(), view);
        assert_eq!(view.standing(), "broken, counts as ok");
        assert_eq!(view.subject(), "script chk");
        let last = view.last_run().and_then(RunView::last_line);
        assert_eq!(last, Some("sh: 1: mycat: not found"));
        assert_eq!(
            to_value(TrackedStatus::Number(-3)).unwrap(),
            json!({"number": -3})
        );
    }
}
