//! Two configurations held against each other, as those of the two directors of a pair: what must be equal and is not, and what
//! must differ and does not. Pure.
//!
//! Both sides are compared as what `director config show --json` prints, so that one of them can come from another director. Only
//! a side that was read from files has places, and passwords.

pub mod digest;
mod instances;
mod object;
mod report;
mod rules;
pub mod running;
mod servers;

use super::{Config, Span};

pub use object::Side;
pub use report::{Comparison, FindingRecord, Seen};

/// What a finding means for the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// The two are no pair: something must be equal and is not, or must differ and does not.
    Conflict,
    /// They work together, perhaps not as their author thinks.
    Warning,
    /// It is allowed, and good to know.
    Note,
}

/// What is wrong with two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// They differ.
    Differs,
    /// They are the same.
    Same,
    /// One side has nothing of the kind.
    Missing,
    /// A real server that is not in the network of its virtual address.
    Outside,
}

/// One remark on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it means for the pair.
    pub gravity: Gravity,
    /// What is wrong.
    pub kind: Kind,
    /// Whose setting it is, such as `vrrp_instance VI_1`.
    pub subject: String,
    /// The keyword, such as `virtual_router_id`.
    pub setting: String,
    /// How it is on the first side.
    pub a: Value,
    /// How it is on the second side.
    pub b: Value,
    /// What follows from it.
    pub leads_to: String,
    /// What to do.
    pub help: Option<String>,
}

/// How a setting is on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// As a person reads it; never a password.
    pub shown: String,
    /// Where it stands, or else the block that it is not in.
    pub span: Option<Span>,
}

/// Compares two sides.
#[must_use]
pub fn compare(a: &Side<'_>, b: &Side<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (global_a, global_b) = (a.global(), b.global());
    rules::apply(
        rules::GLOBAL,
        "global_defs",
        global_a,
        global_b,
        &mut findings,
    );
    let (timeouts_a, timeouts_b) = (
        global_a.child("lvs_timeouts"),
        global_b.child("lvs_timeouts"),
    );
    rules::apply(
        rules::LVS_TIMEOUTS,
        "global_defs",
        timeouts_a,
        timeouts_b,
        &mut findings,
    );
    let pairs = instances::compare(a, b, &mut findings);
    instances::compare_groups(a, b, &pairs, &mut findings);
    servers::compare(a, b, &mut findings);
    // The gravest first, and each kind in the order of the first file.
    findings.sort_by_key(|finding| finding.gravity);
    findings
}

impl Finding {
    /// Two values that are not equal.
    fn differs(subject: &str, setting: &str, a: Value, b: Value) -> Self {
        Self {
            gravity: Gravity::Conflict,
            kind: Kind::Differs,
            subject: subject.to_owned(),
            setting: setting.to_owned(),
            a,
            b,
            leads_to: String::new(),
            help: None,
        }
    }

    /// Something that one side has alone.
    fn missing(subject: &str, setting: &str, a: Value, b: Value) -> Self {
        Self {
            kind: Kind::Missing,
            ..Self::differs(subject, setting, a, b)
        }
    }

    fn same(subject: &str, setting: &str, a: Value, b: Value) -> Self {
        Self {
            kind: Kind::Same,
            ..Self::differs(subject, setting, a, b)
        }
    }

    /// Of one side alone.
    fn outside(subject: &str, a: Value, b: Value) -> Self {
        Self {
            kind: Kind::Outside,
            ..Self::differs(subject, "real_server", a, b)
        }
        .warning()
        .leads_to("a real server must be on the link of its director; by the mask of its virtual address it is not")
        .help("see which of the two is mistyped: the server's address, or the mask")
    }

    const fn warning(mut self) -> Self {
        self.gravity = Gravity::Warning;
        self
    }

    const fn note(mut self) -> Self {
        self.gravity = Gravity::Note;
        self
    }

    fn leads_to(mut self, text: impl Into<String>) -> Self {
        self.leads_to = text.into();
        self
    }

    fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

impl Value {
    fn new(shown: impl Into<String>, span: Option<Span>) -> Self {
        Self {
            shown: shown.into(),
            span,
        }
    }

    /// Of the side that has no such thing; `span` is where it could be.
    fn nothing(span: Option<Span>) -> Self {
        Self::new("nothing", span)
    }
}

#[cfg(test)]
mod tests;
