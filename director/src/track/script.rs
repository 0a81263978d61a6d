//! The pure core of one `vrrp_script`: what its runs mean, and when the next one is due.
//!
//! ```text
//!               fall failures in a row
//!          +--------+ ------------------------> +----------+
//!          |  Well  |                           |  Failed  |
//!          +--------+ <------------------------ +----------+
//!               ^       rise successes in a row      ^
//!               | success                            | failure, or broken
//!               '------------ (Unknown) -------------'
//! ```
//!
//! - Before the first result nothing is known (`init_fail`: it has failed). What is unknown counts as well, and keepalived has an
//!   instance wait in Backup for it. The first result decides at once, whatever `rise` and `fall` are.
//! - *Broken* is neither healthy nor a service that is down: the script could not find out. So it never makes a failed script well, which
//!   would have this director take over (scenario 6.3: keepalived took a deleted script for a success), and it never makes a
//!   well one failed, which would throw a healthy Master out. It ends a row of successes and leaves a row of failures as it is.
//!   What was never known and is broken has failed: there is no health to speak of.
//! - From the start of one run to the start of the next it is `interval`. Runs never overlap: after one that took longer the next one starts
//!   at once.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use crate::{
    config::{StartsAs, VrrpScript},
    script::{Call, Policy, Verdict},
    vrrp::Status,
};

/// A `vrrp_script` as the daemon runs it, and whoever wants to see what it does.
#[must_use]
pub fn call(script: &VrrpScript, policy: &Policy) -> Call {
    Call {
        variables: vec![("DIRECTOR_SCRIPT", script.name.clone())],
        ..Call::new(script.script.clone(), policy.clone())
    }
}

/// What is believed of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not run yet.
    Unknown,
    /// It is well.
    Well,
    /// It has failed.
    Failed,
}

impl Standing {
    /// How it counts.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Unknown | Self::Well => Status::Well,
            Self::Failed => Status::Failed,
        }
    }
}

impl From<StartsAs> for Standing {
    fn from(start: StartsAs) -> Self {
        match start {
            StartsAs::Unknown => Self::Unknown,
            StartsAs::Failed => Self::Failed,
        }
    }
}

/// What a run changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The status, if it is another one now, or known for the first time.
    pub status: Option<Status>,
    /// Whether the script is one that can be run.
    pub soundness: Soundness,
}

/// Whether a script can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// As before.
    Unchanged,
    /// It is broken, and was not before.
    Broke,
    /// It is broken no more.
    Mended,
}

/// One `vrrp_script`.
#[derive(Clone, Debug)]
pub struct ScriptTracker {
    interval: Duration,
    rise: NonZeroU32,
    fall: NonZeroU32,
    standing: Standing,
    /// Since the last run that was none.
    successes: u32,
    /// Since the last success.
    failures: u32,
    /// The last verdict, and how many runs in a row had it.
    row: Option<(Verdict, u32)>,
    next_start: Instant,
}

impl ScriptTracker {
    /// A script whose first run is due now. `standing` is what an earlier tracker of the same name believed, or what
    /// `init_fail` says.
    #[must_use]
    pub const fn new(script: &VrrpScript, standing: Standing, now: Instant) -> Self {
        Self {
            interval: script.interval,
            rise: script.rise,
            fall: script.fall,
            standing,
            successes: 0,
            failures: 0,
            row: None,
            next_start: now,
        }
    }

    /// When the next run shall start.
    #[must_use]
    pub const fn next_start(&self) -> Instant {
        self.next_start
    }

    /// What is believed now.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether the last run was broken.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        matches!(self.row, Some((Verdict::Broken, _)))
    }

    /// How many runs up to the last one ended alike.
    #[must_use]
    pub fn in_a_row(&self) -> u32 {
        self.row.map_or(0, |(_, runs)| runs)
    }

    /// Takes the result of a run that started at `began` and is over now.
    pub fn ended(&mut self, began: Instant, now: Instant, verdict: Verdict) -> Report {
        self.next_start = began.checked_add(self.interval).unwrap_or(now).max(now);
        let was_broken = self.is_broken();
        self.count(verdict);
        let before = self.standing;
        self.standing = self.judge(verdict);
        Report {
            status: (self.standing != before).then(|| self.standing.status()),
            soundness: match (was_broken, self.is_broken()) {
                (false, true) => Soundness::Broke,
                (true, false) => Soundness::Mended,
                (true, true) | (false, false) => Soundness::Unchanged,
            },
        }
    }

    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Success => {
                self.successes = self.successes.saturating_add(1);
                self.failures = 0;
            }
            Verdict::Failure => {
                self.failures = self.failures.saturating_add(1);
                self.successes = 0;
            }
            Verdict::Broken => self.successes = 0,
        }
        let before = match self.row {
            Some((last, runs)) if last == verdict => runs,
            Some(_) | None => 0,
        };
        self.row = Some((verdict, before.saturating_add(1)));
    }

    fn judge(&self, verdict: Verdict) -> Standing {
        match (self.standing, verdict) {
            (Standing::Unknown, Verdict::Success) => Standing::Well,
            (Standing::Unknown, Verdict::Failure | Verdict::Broken) => Standing::Failed,
            (Standing::Well, Verdict::Failure) if self.failures >= self.fall.get() => {
                Standing::Failed
            }
            (Standing::Failed, Verdict::Success) if self.successes >= self.rise.get() => {
                Standing::Well
            }
            (Standing::Well | Standing::Failed, _) => self.standing,
        }
    }
}

#[cfg(test)]
mod tests;
