//! What the API answers: the JSON of version 1, and nothing that computes.
//!
//! Times are RFC 3339 in UTC, addresses and enumerations are text, durations are whole seconds and say so in their name.

mod event;
mod listing;
mod pair;
mod status;
mod vrrp;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use event::EventLine;
pub use listing::{
    Connection, ConnectionLine, ConnectionState, Forwarding, ListedServer, ListedService,
    ListedTimeouts, Listing, Rate, Traffic,
};
pub use pair::{PairDigests, PairView};
pub use status::{
    AttachMode, FlowTable, InstanceStatus, Presence, Role, ServerKind, ServerState, ServerStatus,
    ServiceStatus, Status, Told,
};
pub use vrrp::{TrackedView, VrrpInstanceStatus, VrrpStatus};

/// Why something could not be done, for a person: every error of the command line and every answer that is not 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What failed, where.
    pub what: String,
    /// Its causes, outermost first. A cause may have several lines.
    pub why: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without a cause or help yet.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: Vec::new(),
            help: None,
        }
    }

    /// The problem that an error and its sources tell. Where a source repeats what stands above it, it is left out.
    pub fn from_error(error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let mut problem = Self::new(error.to_string());
        for why in causes.map(ToString::to_string) {
            if problem.why.last().unwrap_or(&problem.what) != &why {
                problem.why.push(why);
            }
        }
        problem
    }

    /// Adds a cause.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    /// `error: what`, the causes indented by two, `help:` likewise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for line in self.why.iter().flat_map(|why| why.lines()) {
            let indent = if line.is_empty() { "" } else { "  " };
            write!(f, "\n{indent}{line}")?;
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// A configuration was read again and is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What changed, one sentence each. Empty: nothing did.
    pub changes: Vec<String>,
    /// What stays different from the file because it was changed by hand, one sentence each.
    #[serde(default)]
    pub by_hand: Vec<String>,
    /// The report of the configuration's warnings, as `director config check` prints it. Empty: none.
    pub warnings: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_what_why_help() {
        let problem = Problem::new("cannot listen on /run/x")
            .because("permission denied")
            .because("first line\n\n  second line")
            .help("run it as root");
        assert_eq!(
            problem.to_string(),
            "error: cannot listen on /run/x\n  permission denied\n  first line\n\n    second line\n  help: run it as root"
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Cause {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    fn chain(texts: &[&'static str]) -> Option<Box<Cause>> {
        let (text, below) = texts.split_first()?;
        Some(Box::new(Cause {
            text,
            source: chain(below),
        }))
    }

    #[test]
    fn an_error_tells_its_sources_as_causes() {
        let error = chain(&["cannot read it", "the disk is gone", "somebody took it"]).unwrap();
        assert_eq!(
            Problem::from_error(&*error),
            Problem::new("cannot read it")
                .because("the disk is gone")
                .because("somebody took it")
        );
    }

    #[test]
    fn a_cause_that_repeats_what_stands_above_it_is_told_once() {
        let error = chain(&["no", "no", "because", "because", "no"]).unwrap();
        let problem = Problem::from_error(&*error);
        assert_eq!(problem, Problem::new("no").because("because").because("no"));
    }
}
