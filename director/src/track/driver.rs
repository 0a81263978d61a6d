//! The set of running trackers: one tokio task for each, which feeds its core.
//!
//! ```text
//!   Trackers (one owner: the daemon)
//!     |  reconcile: starts, replaces, aborts
//!     +-- task of a script:  sleep until due -> run -> core ------------+
//!     +-- task of a file:    change, or half a second -> read -> core --+--> mpsc, bounded --> vrrp::Tracking
//!     +-- task of a process: new list -> core --------------------------+
//!     |                         ^
//!     '-- scanner: half a second, or an exit -> list of processes
//! ```
//!
//! A task may be aborted at every await; a script that runs then gets SIGTERM. It must not decide anything: the core does.
//! Changes of a status are told to the receiver of events, who logs them; what is broken is logged here, once for each change.

mod file;
mod folder;
mod process;
mod scanner;
mod script;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::{Duration, Instant, SystemTime},
};

use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
};

use super::{
    file::Reading,
    view::{Basis, Found, TrackedStatus, TrackerView},
    wanted::{Spec, wanted},
};
use crate::{
    config::{Config, StartsAs},
    script::Exit,
    vrrp::{Status, Tracker},
};
use scanner::Scanner;

/// Events that may wait for the receiver. A tracker that finds the channel full waits too, so nothing is lost.
const EVENT_DEPTH: usize = 256;
/// What the end of a script that takes too long takes at most, see [`crate::script::Runner::run`].
const ENDING: Duration = Duration::from_secs(2);
/// What the first look at a file, or at the list of processes, takes at most on a host that is not stuck.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// What a tracker has to tell: its first status, and each other one after it.
///
/// A receiver that takes over `status` on every event, and all of them after [`Trackers::reconcile`], is always right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackEvent {
    /// Whose event it is. It may have been removed in the meantime: then ignore it.
    pub tracker: Tracker,
    /// How it is now.
    pub status: Status,
    /// What was found.
    pub why: Why,
    /// When.
    pub at: Instant,
}

/// What a tracker found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// How the last run of a script ended.
    Script(Exit),
    /// So many processes run.
    Processes(usize),
    /// What a file says.
    File(Reading),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(exit) => exit.fmt(f),
            Self::Processes(0) => f.write_str("no such process runs"),
            Self::Processes(1) => f.write_str("1 such process runs"),
            Self::Processes(running) => write!(f, "{running} such processes run"),
            Self::File(reading) => reading.fmt(f),
        }
    }
}

/// How many trackers a [`Trackers::reconcile`] touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// New ones.
    pub started: usize,
    /// Changed ones; they go on from the status that the old one had seen.
    pub replaced: usize,
    /// Gone ones.
    pub stopped: usize,
    /// Left alone, with their state and their pace.
    pub unchanged: usize,
}

/// Whether the daemon has just started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occasion {
    Start,
    Reload,
}

/// The running trackers. Dropping it stops them all.
#[derive(Debug)]
pub struct Trackers {
    running: BTreeMap<Tracker, Running>,
    events: mpsc::Sender<TrackEvent>,
    /// `None`: no process is tracked.
    scanner: Option<Scanner>,
    occasion: Occasion,
}

#[derive(Debug)]
struct Running {
    spec: Spec,
    view: watch::Receiver<TrackerView>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Trackers {
    /// No trackers yet, and the receiver of what they will tell.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<TrackEvent>) {
        let (events, receiver) = mpsc::channel(EVENT_DEPTH);
        let trackers = Self {
            running: BTreeMap::new(),
            events,
            scanner: None,
            occasion: Occasion::Start,
        };
        (trackers, receiver)
    }

    /// Makes the running set equal to what a configuration tracks. What did not change goes on undisturbed. At the first time `init_file`
    /// is written as it says; later no file that is there is overwritten, as in keepalived.
    ///
    /// The receiver takes each [`Self::status`] over afterwards: an event that a replaced tracker was about to send is not sent.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn reconcile(&mut self, config: &Config) -> Reconciled {
        let wanted = wanted(config);
        self.scan(&wanted);
        let mut old = std::mem::take(&mut self.running);
        let mut done = Reconciled::default();
        for (tracker, spec) in wanted {
            let running = match old.remove(&tracker) {
                Some(running) if running.spec.does_the_same(&spec) => {
                    done.unchanged += 1;
                    running
                }
                Some(running) => {
                    done.replaced += 1;
                    let seen = running.view.borrow().clone();
                    self.start(&tracker, spec, Some(seen))
                }
                None => {
                    done.started += 1;
                    self.start(&tracker, spec, None)
                }
            };
            self.running.insert(tracker, running);
        }
        self.occasion = Occasion::Reload;
        done.stopped = old.len();
        done
    }

    /// How a tracker counts now. `None`: it does not run.
    #[must_use]
    pub fn status(&self, tracker: &Tracker) -> Option<Status> {
        let running = self.running.get(tracker)?;
        Some(running.view.borrow().status.into())
    }

    /// How all of them count now.
    #[must_use]
    pub fn statuses(&self) -> Vec<(Tracker, Status)> {
        let status = |(tracker, running): (&Tracker, &Running)| {
            (tracker.clone(), running.view.borrow().status.into())
        };
        self.running.iter().map(status).collect()
    }

    /// How long the first result of a tracker may take; `None`: it has one, or does not run.
    #[must_use]
    pub fn first_result_within(&self, tracker: &Tracker) -> Option<Duration> {
        let running = self.running.get(tracker)?;
        if self.is_seen(tracker) {
            return None;
        }
        Some(match &running.spec {
            Spec::Script(script, _) => script.timeout.saturating_add(ENDING),
            Spec::Process(_) | Spec::File(_) => FIRST_LOOK,
        })
    }

    /// Whether a tracker has seen something.
    #[must_use]
    pub fn is_seen(&self, tracker: &Tracker) -> bool {
        self.running
            .get(tracker)
            .is_some_and(|running| running.view.borrow().basis == Basis::Seen)
    }

    /// How one of them stands. `None`: it does not run.
    #[must_use]
    pub fn view_of(&self, tracker: &Tracker) -> Option<TrackerView> {
        let running = self.running.get(tracker)?;
        Some(running.view.borrow().clone())
    }

    /// How all of them stand, by kind and name.
    #[must_use]
    pub fn view(&self) -> Vec<TrackerView> {
        let views = self
            .running
            .values()
            .map(|running| running.view.borrow().clone());
        views.collect()
    }

    fn scan(&mut self, wanted: &BTreeMap<Tracker, Spec>) {
        let processes = wanted.values().filter_map(|spec| match spec {
            Spec::Process(process) => Some(process),
            Spec::Script(..) | Spec::File(_) => None,
        });
        let depths = processes.map(scanner::Depth::of);
        match (depths.max(), &self.scanner) {
            (None, _) => self.scanner = None,
            (Some(depth), Some(scanner)) => scanner.look(depth),
            (Some(depth), None) => self.scanner = Some(Scanner::start(depth)),
        }
    }

    fn start(&self, tracker: &Tracker, spec: Spec, before: Option<TrackerView>) -> Running {
        let (publish, view) = watch::channel(first_view(tracker, &spec, before));
        let voice = Voice {
            tracker: tracker.clone(),
            view: publish,
            events: self.events.clone(),
        };
        let task = match (&spec, &self.scanner) {
            (Spec::Script(script, policy), _) => {
                tokio::spawn(script::run(script.clone(), policy.clone(), voice))
            }
            (Spec::File(file), _) => tokio::spawn(file::run(file.clone(), self.occasion, voice)),
            (Spec::Process(process), Some(scanner)) => {
                tokio::spawn(process::run(process.clone(), scanner.listener(), voice))
            }
            // `scan` has started one for every set that has a process.
            (Spec::Process(_), None) => tokio::spawn(async {}),
        };
        Running {
            spec,
            view,
            task: task.abort_handle(),
        }
    }
}

/// What is shown before anything is seen. What an earlier tracker of the same name saw goes on to count.
fn first_view(tracker: &Tracker, spec: &Spec, before: Option<TrackerView>) -> TrackerView {
    let (status, basis, found) = match spec {
        Spec::Script(script, _) => {
            let (status, basis) = match script.starts_as {
                StartsAs::Unknown => (TrackedStatus::Well, Basis::Assumed),
                StartsAs::Failed => (TrackedStatus::Failed, Basis::Seen),
            };
            let (in_a_row, last) = (0, None);
            (status, basis, Found::Script { in_a_row, last })
        }
        Spec::Process(_) => {
            let pids = BTreeSet::new();
            (TrackedStatus::Well, Basis::Assumed, Found::Process { pids })
        }
        Spec::File(file) => {
            let path = file.file.clone();
            (
                TrackedStatus::Number(0),
                Basis::Assumed,
                Found::File { path },
            )
        }
    };
    let fresh = TrackerView {
        name: tracker.name.to_string(),
        status,
        basis,
        since: SystemTime::now(),
        broken: false,
        why: match basis {
            Basis::Assumed => "nothing was seen yet",
            Basis::Seen => "`init_fail`, and it has not run yet",
        }
        .to_owned(),
        found,
    };
    match before {
        Some(before) if before.basis == Basis::Seen => TrackerView {
            found: fresh.found,
            ..before
        },
        Some(_) | None => fresh,
    }
}

/// Where a tracker tells what it saw.
#[derive(Debug)]
struct Voice {
    tracker: Tracker,
    view: watch::Sender<TrackerView>,
    events: mpsc::Sender<TrackEvent>,
}

/// What was found, and how it is to be shown.
struct Sight {
    why: Why,
    found: Found,
    broken: bool,
}

/// Nobody receives events any more.
struct Unheard;

impl Voice {
    /// What is believed at the start. `None`: nothing was seen yet.
    fn believed(&self) -> Option<Status> {
        let view = self.view.borrow();
        (view.basis == Basis::Seen).then(|| view.status.into())
    }

    fn name(&self) -> &str {
        &self.tracker.name
    }

    /// Shows what was found, and tells the status if it is news. The view comes first: a tracker that is replaced while it waits for
    /// room goes on from what it saw.
    async fn tell(&self, at: Instant, sight: Sight, news: Option<Status>) -> Result<(), Unheard> {
        let Sight { why, found, broken } = sight;
        self.view.send_modify(|view| {
            view.why = why.to_string();
            view.found = found;
            view.broken = broken;
            if let Some(status) = news {
                view.status = status.into();
                view.basis = Basis::Seen;
                view.since = SystemTime::now();
            }
        });
        let Some(status) = news else { return Ok(()) };
        let event = TrackEvent {
            tracker: self.tracker.clone(),
            status,
            why,
            at,
        };
        self.events.send(event).await.map_err(|_closed| Unheard)
    }
}

#[cfg(test)]
mod tests;
