//! What VRRP instances look at besides the network: `vrrp_script`, `vrrp_track_process`, `track_file`, and who tracks what.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use serde::Serialize;

use super::{Span, script::Script};

mod agreement;
mod definition;
mod file;
mod process;
mod script;
mod tracked;

pub(super) use agreement::{judge_definitions, judge_weights};
pub(super) use definition::{Defined, Definitions};

/// `vrrp_script NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VrrpScript {
    /// The name that instances know it by.
    pub name: String,
    /// `script`, `user`.
    pub script: Script,
    /// `interval`: from one start to the next. Default 1 s.
    #[serde(with = "super::seconds")]
    pub interval: Duration,
    /// `timeout`: a run that takes longer has failed, and is ended. Default: the interval.
    #[serde(with = "super::seconds")]
    pub timeout: Duration,
    /// `rise`: runs in a row that must succeed. Default 1.
    pub rise: NonZeroU32,
    /// `fall`: runs in a row that must fail. Default 1.
    pub fall: NonZeroU32,
    /// `init_fail`.
    pub starts_as: StartsAs,
    /// Where its name stands.
    #[serde(skip)]
    pub span: Span,
}

/// What a script is taken for before its first run is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StartsAs {
    /// Its instances wait for the first run in Backup.
    #[default]
    Unknown,
    /// `init_fail`: it has failed until it succeeds.
    Failed,
}

/// `vrrp_track_process NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackProcess {
    /// The name that instances know it by.
    pub name: String,
    /// `process`: its name as the kernel has it, or with `full_command` and its arguments its command line; never empty.
    pub process: Vec<String>,
    /// `full_command`, `param_match`: how much of the command line counts.
    pub matching: ProcessMatch,
    /// `quorum`: so many must run. Default 1, with `quorum_max 0` 0.
    pub quorum: u32,
    /// `quorum_max`: not more than that.
    pub quorum_max: Option<u32>,
    /// `fork_delay`, `delay`: it must have run so long.
    #[serde(with = "super::seconds")]
    pub fork_delay: Duration,
    /// `terminate_delay`, `delay`: it may be away so long.
    #[serde(with = "super::seconds")]
    pub terminate_delay: Duration,
    /// Where its name stands.
    #[serde(skip)]
    pub span: Span,
}

/// What of a process is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessMatch {
    /// The name alone.
    Name,
    /// `full_command`: the command line's program must be the first word.
    FullCommand,
    /// `param_match partial`: the arguments must begin with the given ones, each in full; others may follow.
    InitialArguments,
    /// `param_match initial`: likewise, and the last given one may be the beginning of an argument.
    PartialArguments,
    /// `param_match` alone, or arguments without that: these arguments and no others.
    ExactArguments,
}

/// `track_file NAME`, `vrrp_track_file NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackFile {
    /// The name that instances know it by.
    pub name: String,
    /// `file`: it holds a number.
    pub file: PathBuf,
    /// `init_file [VALUE] [overwrite]`.
    pub init: Option<InitFile>,
    /// Where its name stands.
    #[serde(skip)]
    pub span: Span,
}

/// What is written to a tracked file at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InitFile {
    /// The number.
    pub value: i32,
    /// Whether a file that is there is overwritten.
    pub overwrite: bool,
}

/// What an instance or a sync group tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Track {
    /// `track_interface`. The instance's own interface is among them only with a weight; it is watched in any case.
    pub interfaces: Vec<Tracked>,
    /// `track_script`.
    pub scripts: Vec<Tracked>,
    /// `track_process`.
    pub processes: Vec<Tracked>,
    /// `track_file`.
    pub files: Vec<Tracked>,
}

/// One thing that is tracked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tracked {
    /// The name of an interface, a script, a process or a file.
    pub name: String,
    /// -253 to 253 (a process or a file: -254 to 254), as written here or else where it is defined; 0: Fault instead. That of a
    /// member of a sync group is 0 unless the group has `sync_group_tracking_weight`.
    pub weight: i32,
    /// `reverse`.
    pub reverse: bool,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}
