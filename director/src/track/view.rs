//! How each tracker stands, for people and for the API. Times are RFC 3339 in UTC; enumerations are text.

use std::{collections::BTreeSet, path::PathBuf, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    script::{Outcome, Verdict},
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
        assert_eq!(
            to_value(TrackedStatus::Number(-3)).unwrap(),
            json!({"number": -3})
        );
    }
}
