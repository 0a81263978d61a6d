//! The pure core of one check: when to probe, and what the results mean for the server's health.
//!
//! It must not open a socket, read a clock or log: `now` is an argument, and what shall happen is returned. The
//! rules are keepalived's:
//!
//! ```text
//!             pass: wait interval
//!             fail, fewer than retries so far: wait retry_delay
//!            .---.
//!            |   v        fail, after all retries
//!          +--------+ --------------------------------> +--------+
//!          |   Up   |                                   |  Down  | <--.
//!          +--------+ <-------------------------------- +--------+    | fail: wait interval
//!                                   pass                     `--------'
//! ```
//!
//! - A server counts as up from the start (`alpha`: as down), but that is an assumption: while it stands, one failed
//!   attempt suffices for Down.
//! - Recovery needs one pass.
//! - All waiting starts when an attempt has ended, so two attempts never overlap.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::probe::{FailReason, Probe};
use crate::config::CheckPace;

/// No check runs in this first second, as in keepalived. Links and neighbors of a machine that just booted are
/// still settling, and while a server is only assumed to be up a single failure takes it out.
const BOOTSTRAP_DELAY: Duration = Duration::from_secs(1);

/// The debounced result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    /// The server may get new flows.
    Up,
    /// It may not.
    Down,
}

/// What is believed before the first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Up until seen; one failed attempt suffices for Down.
    AssumeUp,
    /// `alpha`: Down until the first pass.
    AssumeDown,
    /// The check goes on from what an earlier one of the same server saw.
    Resume(Health),
}

/// A share of a whole: 0 is none of it, `u32::MAX` all but the last 2^-32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(pub u32);

impl Jitter {
    fn of(self, whole: Duration) -> Duration {
        whole.mul_f64(f64::from(self.0) / (f64::from(u32::MAX) + 1.0))
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// [`HealthCheck::next_deadline`] may have passed. Harmless when it has not.
    Deadline,
    /// The probe that [`Action::StartProbe`] asked for has ended.
    Probed(Probe),
}

/// What shall happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make one attempt and hand its end back by [`Input::Probed`].
    StartProbe,
    /// Tell this. The server's health after it is [`HealthCheck::health`].
    Report(Report),
}

/// What an attempt told. Passes that repeat what is known are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Up as before, and now without doubt: the first pass, or one after failed attempts.
    Confirmed,
    /// Down to Up.
    Recovered,
    /// An attempt failed; the server stays Up while further attempts follow.
    Retrying {
        /// 1 to `attempts` - 1.
        attempt: u32,
        /// As many failures in a row make the server Down.
        attempts: u32,
        /// Why it failed.
        reason: FailReason,
    },
    /// Up to Down.
    Died {
        /// So many attempts in a row failed.
        attempts: u32,
        /// Why the last one failed.
        reason: FailReason,
    },
    /// Down as before.
    StillDown {
        /// Why the attempt failed.
        reason: FailReason,
    },
    /// This host could not make the attempt. Nothing changes.
    Broken {
        /// What the operating system said.
        errno: Errno,
    },
}

impl Report {
    /// Whether, and to what, this changes the server's health.
    #[must_use]
    pub const fn transition(&self) -> Option<Health> {
        match self {
            Self::Recovered => Some(Health::Up),
            Self::Died { .. } => Some(Health::Down),
            Self::Confirmed
            | Self::Retrying { .. }
            | Self::StillDown { .. }
            | Self::Broken { .. } => None,
        }
    }

    /// Why the server did not answer, if it did not.
    #[must_use]
    pub const fn reason(&self) -> Option<FailReason> {
        match *self {
            Self::Retrying { reason, .. }
            | Self::Died { reason, .. }
            | Self::StillDown { reason } => Some(reason),
            Self::Confirmed | Self::Recovered | Self::Broken { .. } => None,
        }
    }
}

/// One check of one real server.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    pace: CheckPace,
    state: State,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Up by assumption: no attempt has ended yet.
    AssumedUp,
    /// Up, and so many attempts failed since the last pass; at most `retries`.
    Up { failures: u32 },
    /// Down, by assumption or because it was seen to be.
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting { until: Instant },
    Probing,
}

impl HealthCheck {
    /// The first attempt is due at a share (`jitter`) of the warmup, and one second as keepalived has it.
    #[must_use]
    pub fn new(pace: CheckPace, start: Start, now: Instant, jitter: Jitter) -> Self {
        let until = now + BOOTSTRAP_DELAY + jitter.of(pace.warmup);
        let state = match start {
            Start::AssumeUp => State::AssumedUp,
            Start::Resume(Health::Up) => State::Up { failures: 0 },
            Start::AssumeDown | Start::Resume(Health::Down) => State::Down,
        };
        Self {
            pace,
            state,
            phase: Phase::Waiting { until },
        }
    }

    /// What is believed of the server now.
    #[must_use]
    pub const fn health(&self) -> Health {
        match self.state {
            State::AssumedUp | State::Up { .. } => Health::Up,
            State::Down => Health::Down,
        }
    }

    /// When [`Input::Deadline`] has an effect; `None` while a probe runs.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Probing => None,
        }
    }

    /// Takes what happened at `now`. An early or repeated deadline, and a result that nobody waits for, do nothing.
    pub fn handle(&mut self, now: Instant, input: Input) -> Option<Action> {
        match (self.phase, input) {
            (Phase::Waiting { until }, Input::Deadline) if now >= until => {
                self.phase = Phase::Probing;
                Some(Action::StartProbe)
            }
            (Phase::Probing, Input::Probed(probe)) => self.probed(now, probe).map(Action::Report),
            (Phase::Waiting { .. }, Input::Deadline | Input::Probed(_))
            | (Phase::Probing, Input::Deadline) => None,
        }
    }

    fn probed(&mut self, now: Instant, probe: Probe) -> Option<Report> {
        let (state, wait, report) = self.judge(probe);
        self.state = state;
        self.phase = Phase::Waiting { until: now + wait };
        report
    }

    /// The transition table: state after, time until the next attempt, what to tell.
    fn judge(&self, probe: Probe) -> (State, Duration, Option<Report>) {
        let CheckPace {
            interval,
            retries,
            retry_delay,
            warmup: _,
        } = self.pace;
        let up = State::Up { failures: 0 };
        match (self.state, probe) {
            (State::Up { failures: 0 }, Probe::Pass) => (up, interval, None),
            (State::AssumedUp | State::Up { .. }, Probe::Pass) => {
                (up, interval, Some(Report::Confirmed))
            }
            (State::Down, Probe::Pass) => (up, interval, Some(Report::Recovered)),
            (State::AssumedUp, Probe::Fail(reason)) => (
                State::Down,
                interval,
                Some(Report::Died {
                    attempts: 1,
                    reason,
                }),
            ),
            (State::Up { failures }, Probe::Fail(reason)) if failures < retries => {
                let attempt = failures + 1;
                let report = Report::Retrying {
                    attempt,
                    attempts: retries.saturating_add(1),
                    reason,
                };
                (State::Up { failures: attempt }, retry_delay, Some(report))
            }
            (State::Up { failures }, Probe::Fail(reason)) => {
                let attempts = failures.saturating_add(1);
                (
                    State::Down,
                    interval,
                    Some(Report::Died { attempts, reason }),
                )
            }
            (State::Down, Probe::Fail(reason)) => {
                (State::Down, interval, Some(Report::StillDown { reason }))
            }
            // The interval and not the retry delay, which may be zero: a host that is short of something must not
            // be made shorter of it by attempts without a pause.
            (state, Probe::Broken(errno)) => (state, interval, Some(Report::Broken { errno })),
        }
    }
}

#[cfg(test)]
mod tests;
