//! Who is told when a role changes.

use std::path::PathBuf;

use serde::Serialize;

use super::script::Script;

/// Scripts of an instance or a sync group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Notify {
    /// `notify_master`.
    pub master: Option<Script>,
    /// `notify_backup`.
    pub backup: Option<Script>,
    /// `notify_fault`.
    pub fault: Option<Script>,
    /// `notify_stop`.
    pub stop: Option<Script>,
    /// `notify_deleted`; of instances only.
    pub deleted: Option<Script>,
    /// `notify`: called with `INSTANCE|GROUP name STATE priority` after its own arguments.
    pub any: Option<Script>,
    /// `notify_master_rx_lower_pri`; of instances only.
    pub lower_priority_master: Option<Script>,
    /// `notify_priority_changes`.
    pub priority_changes: bool,
}

/// `notify_fifo`, `vrrp_notify_fifo`, with their `_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fifo {
    /// The named pipe; it is made if it is not there.
    pub path: PathBuf,
    /// `notify_fifo_script`: started once, with the path as its last argument.
    pub script: Option<Script>,
}
