//! What there is to tell, in keepalived's words. Pure.

use std::fmt;

use crate::{
    config::{Notify, Script},
    vrrp::Role,
};

/// Who has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// `vrrp_instance NAME`.
    Instance(String),
    /// `vrrp_sync_group NAME`.
    Group(String),
}

/// What it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It holds the addresses.
    Master,
    /// Another one may.
    Backup,
    /// It could not.
    Fault,
    /// The daemon stops.
    Stop,
    /// A reload has taken it away.
    Deleted,
    /// A MASTER of lower priority was heard.
    LowerPriorityMaster,
    /// Its priority is another one, while it is this.
    PriorityChanged(Role),
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub subject: Subject,
    /// What it is now.
    pub state: State,
    /// Its effective priority; of a group 0.
    pub priority: u8,
}

impl Change {
    /// The script that is for this state alone; it gets no more arguments than its own.
    pub(super) const fn script<'a>(&self, notify: &'a Notify) -> Option<&'a Script> {
        match self.state {
            State::Master => notify.master.as_ref(),
            State::Backup => notify.backup.as_ref(),
            State::Fault => notify.fault.as_ref(),
            State::Stop => notify.stop.as_ref(),
            State::Deleted => notify.deleted.as_ref(),
            State::LowerPriorityMaster => notify.lower_priority_master.as_ref(),
            State::PriorityChanged(_) => None,
        }
    }

    /// Whether the script for all states is for this one.
    pub(super) const fn is_for_any(&self) -> bool {
        !matches!(self.state, State::LowerPriorityMaster)
    }

    /// `INSTANCE|GROUP NAME STATE PRIORITY`, for the script that is for all states.
    pub(super) fn arguments(&self) -> Vec<String> {
        let (kind, name) = self.subject.words();
        vec![
            kind.to_owned(),
            name.to_owned(),
            self.state.word().to_owned(),
            self.priority.to_string(),
        ]
    }

    /// The same as a line for a named pipe, the name in quotes.
    pub(super) fn line(&self) -> String {
        let (kind, name) = self.subject.words();
        format!(
            "{kind} \"{name}\" {} {}\n",
            self.state.word(),
            self.priority
        )
    }
}

impl Subject {
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Instance(name) => ("INSTANCE", name),
            Self::Group(name) => ("GROUP", name),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.words();
        write!(f, "{kind} {name}")
    }
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Master => Role::Master.word(),
            Self::Backup => Role::Backup.word(),
            Self::Fault => Role::Fault.word(),
            Self::PriorityChanged(role) => role.word(),
            Self::Stop => "STOP",
            Self::Deleted => "DELETED",
            Self::LowerPriorityMaster => "MASTER_RX_LOWER_PRI",
        }
    }
}
