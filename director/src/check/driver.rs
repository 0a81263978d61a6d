//! The set of running checks: one tokio task for each, which feeds its core with deadlines and results.
//!
//! ```text
//!   Checks (one owner: the daemon)
//!     |  reconcile: starts, replaces, aborts
//!     +-- task of check 1: sleep until deadline -> probe -> core --+
//!     +-- task of check 2                                          +--> mpsc, bounded --> the model
//!     +-- ...                                                    --+
//! ```
//!
//! A task may be aborted at every await: it holds nothing but a socket. It must not decide anything: the core does.
//! Only this file reads the clock and the random source.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    time::Instant,
};

use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::sleep_until,
};

use super::{
    health::{Action, Health, HealthCheck, Input, Jitter, Report, Start},
    probe::FailReason,
    tcp,
};
use crate::{config::TcpCheck, model::ServiceId};

/// Events that may wait for the model. A check that finds the channel full waits too, so nothing is lost; a service
/// has tens of servers, and all of them may die in one moment.
const EVENT_DEPTH: usize = 256;

/// Which check of which real server of which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckId {
    /// The service that the server is a member of.
    pub service: ServiceId,
    /// The real server.
    pub server: SocketAddr,
    /// Place among the server's checks, from 0.
    pub index: usize,
}

/// One check as the config wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSpec {
    /// Its name; no two of a set have the same.
    pub id: CheckId,
    /// What to do, and when.
    pub check: TcpCheck,
    /// The server counts as down until the first pass. Matters at the first start only.
    pub alpha: bool,
}

/// What a check has to tell.
///
/// A receiver that sets its server's health from `health` on every event is always right, even if an earlier event
/// of a check that was replaced got lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckEvent {
    /// Whose event it is. The check may have been removed in the meantime: then ignore it.
    pub id: CheckId,
    /// Health after this event.
    pub health: Health,
    /// What happened.
    pub report: Report,
    /// When it happened.
    pub at: Instant,
}

impl CheckEvent {
    /// Why the server did not answer, if it did not.
    #[must_use]
    pub const fn reason(&self) -> Option<FailReason> {
        self.report.reason()
    }
}

/// The running checks. Dropping it stops them all.
#[derive(Debug)]
pub struct Checks {
    running: BTreeMap<CheckId, Running>,
    events: mpsc::Sender<CheckEvent>,
}

/// How many checks a [`Checks::reconcile`] touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// New ones.
    pub started: usize,
    /// Changed ones; they go on from the health that the old one saw.
    pub replaced: usize,
    /// Gone ones.
    pub stopped: usize,
    /// Left alone, with their state and their pace.
    pub unchanged: usize,
}

#[derive(Debug)]
struct Running {
    spec: CheckSpec,
    health: watch::Receiver<Health>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Checks {
    /// No checks yet, and the receiver of what they will tell.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<CheckEvent>) {
        let (events, receiver) = mpsc::channel(EVENT_DEPTH);
        (
            Self {
                running: BTreeMap::new(),
                events,
            },
            receiver,
        )
    }

    /// Makes the running set equal to `wanted`. What did not change goes on undisturbed (scenario 3.14).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn reconcile(&mut self, wanted: Vec<CheckSpec>) -> Reconciled {
        let mut old = std::mem::take(&mut self.running);
        let mut done = Reconciled::default();
        for spec in wanted {
            let id = spec.id;
            let running = match old.remove(&id) {
                Some(running) if running.spec.check == spec.check => {
                    done.unchanged += 1;
                    running
                }
                Some(running) => {
                    done.replaced += 1;
                    let seen = *running.health.borrow();
                    self.start(spec, Start::Resume(seen))
                }
                None => {
                    done.started += 1;
                    let start = if spec.alpha {
                        Start::AssumeDown
                    } else {
                        Start::AssumeUp
                    };
                    self.start(spec, start)
                }
            };
            self.running.insert(id, running);
        }
        done.stopped = old.len();
        done
    }

    /// What a running check believes of its server now.
    #[must_use]
    pub fn health(&self, id: &CheckId) -> Option<Health> {
        self.running.get(id).map(|running| *running.health.borrow())
    }

    fn start(&self, spec: CheckSpec, start: Start) -> Running {
        let core = HealthCheck::new(spec.check.pace.clone(), start, Instant::now(), jitter());
        let (publish, health) = watch::channel(core.health());
        let voice = Voice {
            id: spec.id,
            health: publish,
            events: self.events.clone(),
        };
        let task = tokio::spawn(run(core, spec.check.clone(), voice)).abort_handle();
        Running { spec, health, task }
    }
}

/// Each hasher of the standard library has random keys of its own, which is randomness enough to spread checks.
fn jitter() -> Jitter {
    let random = RandomState::new().hash_one(());
    Jitter((random >> 32) as u32)
}

/// Where a check tells what it saw.
struct Voice {
    id: CheckId,
    health: watch::Sender<Health>,
    events: mpsc::Sender<CheckEvent>,
}

impl Voice {
    /// The watch comes first: a check that is replaced while it waits for room resumes from what it saw.
    async fn tell(&self, at: Instant, health: Health, report: Report) -> Result<(), Unheard> {
        self.health.send_replace(health);
        let event = CheckEvent {
            id: self.id,
            health,
            report,
            at,
        };
        self.events.send(event).await.map_err(|_closed| Unheard)
    }
}

/// Nobody receives events any more.
struct Unheard;

async fn run(mut core: HealthCheck, check: TcpCheck, voice: Voice) {
    let mut input = Input::Deadline;
    loop {
        let now = Instant::now();
        match core.handle(now, input) {
            Some(Action::StartProbe) => {
                input = Input::Probed(tcp::probe(&check).await);
                continue;
            }
            Some(Action::Report(report)) => {
                let Ok(()) = voice.tell(now, core.health(), report).await else {
                    return;
                };
            }
            None => {}
        }
        if let Some(deadline) = core.next_deadline() {
            sleep_until(deadline.into()).await;
        }
        input = Input::Deadline;
    }
}

#[cfg(test)]
mod tests;
