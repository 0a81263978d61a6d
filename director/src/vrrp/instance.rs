//! The state machine of one virtual router. RFC 3768 section 6.4, RFC 9568 section 6.4; `Fault` is keepalived's.
//!
//! It must not open a socket, read a clock or log: `now` is an argument, and what shall happen is returned.
//!
//! ```text
//!                         the Master is silent or of lower priority
//!  +------------+ starts +--------+ ------------------------> +--------+
//!  | Initialize | -----> | Backup |                           | Master |
//!  +------------+        +--------+ <------------------------ +--------+
//!                         ^      | another is of higher priority  |
//!               the last  |      |                                |
//!             fault ends  |      v a fault begins                 | a fault begins
//!                        +--------+                               |
//!                        | Fault  | <-----------------------------'
//!                        +--------+
//! ```
//!
//! - Stopping leads back to Initialize from everywhere. A Master that stops, or finds a fault, says so with priority 0.
//! - The owner of the addresses goes to Master where others go to Backup.
//! - A member of a sync group goes to Master only when its group says so.
//!
//! Advertisements that wait in a socket must be handed in before [`Event::Deadline`]: after a sleep of the host the Master's
//! silence may be our own deafness. A Backup that comes late itself listens for one interval more.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use self::lists::ToldLists;
use super::{
    election::{self, Priority, RELEASE},
    sync_group::Standing,
};

mod event;
mod hearing;
mod lists;
mod settings;

pub use event::{Action, Alarm, Event, Fault, Reason, Role};
pub use settings::{Membership, OnHigherPriority, OnLowerPriority, Preempt, Settings};

/// The states of RFC 9568 section 6.4, each with the timers that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Section 6.4.1.
    Initialize,
    /// Section 6.4.2.
    Backup(Backup),
    /// Section 6.4.3. RFC 9568 calls it *Active*.
    Master {
        /// When the next advertisement is due.
        adver_timer: Instant,
    },
    /// keepalived's: something keeps it from taking part.
    Fault,
}

/// What a Backup knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// When the Master is down.
    pub master_down_timer: MasterDownTimer,
    /// The Master's pace: in version 3 learned from it.
    pub master_adver_interval: Duration,
    /// Since when a Master of lower priority is ignored, or will be; `None`: none was heard last.
    pub preempt_from: Option<Instant>,
    /// Why it is to become Master, if it does.
    pub takeover: Reason,
}

/// Master_Down_Timer; RFC 9568 calls it *Active_Down_Timer*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterDownTimer {
    /// It fires then.
    Runs(Instant),
    /// It fires then for good: the first time this host came so late to look that the silence may have been its own.
    RunsOnceMore(Instant),
    /// It has fired, and the sync group holds the instance back.
    Fired,
}

impl Backup {
    /// Whether whoever finds the Master silent comes so late that advertisements may wait where they cannot be heard yet: after a
    /// standstill of the host a thread may run before the kernel has taken the packets from the interface. The Master of a host
    /// that lives is heard within one more interval. Where a Master has left or is preempted, there is nothing to wait for.
    fn has_overslept(&self, late: Duration) -> bool {
        late > self.master_adver_interval / 2 && self.takeover == Reason::MasterDown
    }
}

/// One virtual router.
#[derive(Clone, Debug)]
pub struct Instance {
    settings: Settings,
    priority: Priority,
    faults: BTreeSet<Fault>,
    state: State,
    told_lists: ToldLists,
}

impl Instance {
    /// It waits for [`Event::Startup`]. `faults`: what keeps it from more.
    #[must_use]
    pub const fn new(settings: Settings, priority: Priority, faults: BTreeSet<Fault>) -> Self {
        Self {
            settings,
            priority,
            faults,
            state: State::Initialize,
            told_lists: ToldLists::new(),
        }
    }

    /// Its state, with the timers.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What it is.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self.state {
            State::Initialize => Role::Initialize,
            State::Backup(_) => Role::Backup,
            State::Master { .. } => Role::Master,
            State::Fault => Role::Fault,
        }
    }

    /// Its effective priority.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// Everything that keeps it in Fault.
    #[must_use]
    pub const fn faults(&self) -> &BTreeSet<Fault> {
        &self.faults
    }

    /// How it stands, for its sync group.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match &self.state {
            State::Initialize => Standing::Initialize,
            State::Backup(backup) => match backup.master_down_timer {
                MasterDownTimer::Runs(_) | MasterDownTimer::RunsOnceMore(_) => Standing::Backup,
                MasterDownTimer::Fired => Standing::Ready,
            },
            State::Master { .. } => Standing::Master,
            State::Fault if self.faults.iter().all(|fault| *fault == Fault::SyncGroup) => {
                Standing::Held
            }
            State::Fault => Standing::Fault,
        }
    }

    /// When [`Event::Deadline`] has an effect; `None`: not in this state.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Backup(Backup {
                master_down_timer: MasterDownTimer::Runs(at) | MasterDownTimer::RunsOnceMore(at),
                ..
            })
            | State::Master { adver_timer: at } => Some(*at),
            State::Initialize | State::Fault | State::Backup(_) => None,
        }
    }

    /// Takes what happened at `now`. What has no meaning in a state does nothing there.
    pub fn handle(&mut self, now: Instant, event: Event) -> Vec<Action> {
        match (&mut self.state, event) {
            (State::Initialize, Event::Startup) => self.start(now, Reason::Startup),
            (State::Initialize, Event::Resume) => self.resume(now),

            (State::Backup(_) | State::Fault, Event::Shutdown) => {
                vec![self.enter(State::Initialize, Reason::Shutdown)]
            }
            // RFC 9568 section 6.4.3: a Master that stops says so.
            (State::Master { .. }, Event::Shutdown) => {
                self.release(State::Initialize, Reason::Shutdown)
            }

            (State::Backup(_), Event::Advertisement(heard)) => self.backup_hears(now, heard),
            (State::Master { .. }, Event::Advertisement(heard)) => self.master_hears(now, heard),

            (State::Backup(backup), Event::Deadline) => match backup.master_down_timer {
                MasterDownTimer::Runs(at) if now >= at && backup.has_overslept(now - at) => {
                    let once_more = now + backup.master_adver_interval;
                    backup.master_down_timer = MasterDownTimer::RunsOnceMore(once_more);
                    Vec::new()
                }
                MasterDownTimer::Runs(at) | MasterDownTimer::RunsOnceMore(at) if now >= at => {
                    self.master_is_down(now)
                }
                MasterDownTimer::Runs(_)
                | MasterDownTimer::RunsOnceMore(_)
                | MasterDownTimer::Fired => Vec::new(),
            },
            // RFC 9568 section 6.4.3: send, and set the timer anew. What a late driver missed is not made up for.
            (State::Master { adver_timer }, Event::Deadline) if now >= *adver_timer => {
                vec![self.advertise(now)]
            }

            // A Backup's timer stands; its next skew time is another one.
            (State::Initialize | State::Backup(_) | State::Fault, Event::PriorityChanged(to)) => {
                self.priority = to;
                Vec::new()
            }
            // The others need not wait for the next advertisement to learn it.
            (State::Master { .. }, Event::PriorityChanged(to)) if self.priority != to => {
                self.priority = to;
                vec![self.advertise(now)]
            }

            (State::Initialize | State::Fault, Event::FaultBegan(fault)) => {
                self.faults.insert(fault);
                Vec::new()
            }
            (State::Backup(_), Event::FaultBegan(fault)) => {
                self.faults.insert(fault.clone());
                vec![self.enter(State::Fault, Reason::Fault(fault))]
            }
            (State::Master { .. }, Event::FaultBegan(fault)) => {
                self.faults.insert(fault.clone());
                self.release(State::Fault, Reason::Fault(fault))
            }
            (State::Fault, Event::FaultEnded(fault)) => {
                self.faults.remove(&fault);
                // Scenario 1.9: it recovers by itself.
                if self.faults.is_empty() {
                    self.start(now, Reason::FaultsEnded)
                } else {
                    Vec::new()
                }
            }
            (
                State::Initialize | State::Backup(_) | State::Master { .. },
                Event::FaultEnded(fault),
            ) => {
                self.faults.remove(&fault);
                Vec::new()
            }

            (State::Backup(backup), Event::TakeOver) => {
                let reason = backup.takeover.clone();
                self.become_master(now, reason)
            }
            // keepalived sends nothing here, and the others wait for the master down interval.
            (State::Master { .. }, Event::Yield) => {
                let backup = self.backup(now, self.settings.interval);
                self.release(State::Backup(backup), Reason::SyncGroup)
            }

            (
                State::Initialize,
                Event::Shutdown
                | Event::Advertisement(_)
                | Event::Deadline
                | Event::TakeOver
                | Event::Yield,
            )
            | (State::Backup(_), Event::Startup | Event::Resume | Event::Yield)
            | (
                State::Master { .. },
                Event::Startup
                | Event::Resume
                | Event::Deadline
                | Event::PriorityChanged(_)
                | Event::TakeOver,
            )
            | (
                State::Fault,
                Event::Startup
                | Event::Resume
                | Event::Advertisement(_)
                | Event::Deadline
                | Event::TakeOver
                | Event::Yield,
            ) => Vec::new(),
        }
    }

    /// RFC 9568 section 6.4.1. `reason` is told if there is no better one.
    fn start(&mut self, now: Instant, reason: Reason) -> Vec<Action> {
        if let Some(fault) = self.faults.first() {
            let fault = fault.clone();
            return vec![self.enter(State::Fault, Reason::Fault(fault))];
        }
        if self.priority.is_owner() {
            return self.wait_for_nobody(now, Reason::AddressOwner);
        }
        let backup = self.backup(now, self.settings.interval);
        vec![self.enter(State::Backup(backup), reason)]
    }

    /// A daemon that was killed and is back goes on where it was.
    fn resume(&mut self, now: Instant) -> Vec<Action> {
        if self.faults.is_empty() {
            self.wait_for_nobody(now, Reason::Resumed)
        } else {
            self.start(now, Reason::Startup)
        }
    }

    /// Master at once, or as soon as the group says so.
    fn wait_for_nobody(&mut self, now: Instant, reason: Reason) -> Vec<Action> {
        match self.settings.membership {
            Membership::Alone => self.become_master(now, reason),
            Membership::InGroup => {
                let backup = Backup {
                    master_down_timer: MasterDownTimer::Fired,
                    takeover: reason,
                    ..self.backup(now, self.settings.interval)
                };
                vec![self.enter(State::Backup(backup), Reason::Startup)]
            }
        }
    }

    /// Takes other settings while it runs. Its state stays; the timers of a Backup begin anew, and a Master says at once what is
    /// new.
    pub fn change(&mut self, now: Instant, settings: Settings) -> Vec<Action> {
        self.settings = settings;
        match &self.state {
            State::Backup(_) => {
                self.state = State::Backup(self.backup(now, self.settings.interval));
                Vec::new()
            }
            State::Master { .. } => vec![self.advertise(now)],
            State::Initialize | State::Fault => Vec::new(),
        }
    }

    fn master_is_down(&mut self, now: Instant) -> Vec<Action> {
        let State::Backup(backup) = &mut self.state else {
            return Vec::new();
        };
        match self.settings.membership {
            Membership::Alone => {
                let reason = backup.takeover.clone();
                self.become_master(now, reason)
            }
            Membership::InGroup => {
                backup.master_down_timer = MasterDownTimer::Fired;
                Vec::new()
            }
        }
    }

    /// RFC 9568 section 6.4.2. The advertisement goes first, so that the old Master gives the addresses up before they are
    /// announced.
    fn become_master(&mut self, now: Instant, reason: Reason) -> Vec<Action> {
        let adver_timer = now + self.settings.interval;
        vec![
            self.advertisement(),
            self.enter(State::Master { adver_timer }, reason),
            Action::AnnounceAddresses,
        ]
    }

    /// Leaves Master with an advertisement of priority 0.
    fn release(&mut self, to: State, reason: Reason) -> Vec<Action> {
        let priority = RELEASE;
        vec![
            Action::SendAdvertisement { priority },
            self.enter(to, reason),
        ]
    }

    fn enter(&mut self, state: State, reason: Reason) -> Action {
        self.state = state;
        let role = self.role();
        Action::Become { role, reason }
    }

    /// An advertisement of a Master, whose next one is due an interval later.
    fn advertise(&mut self, now: Instant) -> Action {
        let next = now + self.settings.interval;
        if let State::Master { adver_timer } = &mut self.state {
            *adver_timer = next;
        }
        self.advertisement()
    }

    fn advertisement(&self) -> Action {
        Action::SendAdvertisement {
            priority: self.priority.get(),
        }
    }

    /// A Backup that has heard a Master of this pace, or starts.
    fn backup(&self, now: Instant, master_adver_interval: Duration) -> Backup {
        let master_down_interval = election::master_down_interval(
            self.settings.version,
            self.priority,
            master_adver_interval,
            self.settings.down_timer_adverts,
        );
        Backup {
            master_down_timer: MasterDownTimer::Runs(now + master_down_interval),
            master_adver_interval,
            preempt_from: None,
            takeover: Reason::MasterDown,
        }
    }
}

#[cfg(test)]
mod tests;
