//! Reading `keepalived.conf`: text becomes tokens, tokens a tree, the tree a typed [`Config`].
//!
//! Nothing after this module sees a keyword as text. Nothing in a file is ever ignored in silence: a keyword is
//! honoured, or named in a warning, or an error.

pub mod address;
pub mod check;
mod diagnostic;
pub mod diff;
pub mod edit;
mod escape;
pub mod global;
mod grammar;
mod include;
mod lexer;
mod load;
pub mod notify;
mod render;
pub mod script;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
pub mod track;
mod tree;
mod value;
pub mod virtual_server;
pub mod vrrp;

use serde::Serialize;

pub use address::Family;
pub use check::{CheckPace, TcpCheck};
pub use diagnostic::{Diagnostic, Footer, Severity};
pub use global::{Global, LvsTimeouts, TableSizes};
pub use load::{DEFAULT_PATH, Loaded, load, parse};
pub use notify::{Fifo, Notify};
pub use render::{Color, Record};
pub use script::{Script, ScriptUser};
pub use settings::Places;
pub use sources::{MAX_FILE_BYTES, Place, ReadError, Source, Sources};
pub use track::{
    InitFile, ProcessMatch, StartsAs, Track, TrackFile, TrackProcess, Tracked, VrrpScript,
};
pub use virtual_server::{
    Failback, Farewell, Farewells, ForwardingMethod, Idle, NoFlow, Protocol, RealServer, Scheduler,
    SchedulerFlags, SorryServer, Switchover, VirtualServer,
};
pub use vrrp::{
    Authentication, AuthenticationType, Delivery, GratuitousArp, InitialState, SyncGroup,
    UnicastPeer, Version, VirtualAddress, VirtualMac, VrrpInstance, Witness,
};

/// A configuration without errors, after defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Config {
    /// `global_defs`.
    pub global: Global,
    /// In the order of the file.
    pub vrrp_instances: Vec<VrrpInstance>,
    /// In the order of the file.
    pub sync_groups: Vec<SyncGroup>,
    /// In the order of the file.
    pub vrrp_scripts: Vec<VrrpScript>,
    /// In the order of the file.
    pub track_processes: Vec<TrackProcess>,
    /// In the order of the file.
    pub track_files: Vec<TrackFile>,
    /// In the order of the file.
    pub virtual_servers: Vec<VirtualServer>,
}

/// Compares what is shown of two things, which leaves out where they stand.
pub(crate) fn says_the_same<T: Serialize + PartialEq>(a: &T, b: &T) -> bool {
    // Most things are equal to the letter, and that is seen at once.
    a == b
        || match (serde_json::to_value(a), serde_json::to_value(b)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        }
}

impl Config {
    /// Whether it says nothing at all, as where there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A stretch of text in one of the files that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Index of the file in [`Sources`].
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// First byte after it.
    pub end: u32,
}

/// Durations as seconds in JSON.
pub(crate) mod seconds {
    use std::time::Duration;

    pub(crate) fn serialize<S: serde::Serializer>(
        value: &Duration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_f64(value.as_secs_f64())
    }
}

/// Optional durations as seconds in JSON.
pub(crate) mod optional_seconds {
    use std::time::Duration;

    pub(crate) fn serialize<S: serde::Serializer>(
        value: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_some(&value.as_secs_f64()),
            None => to.serialize_none(),
        }
    }
}
