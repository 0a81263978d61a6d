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
//! silence may be our own deafness.

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use self::lists::ToldLists;
use super::{
    election::{self, Priority, RELEASE},
    packet::Version,
    reception::Accepted,
    sync_group::Standing,
};

mod event;
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
    /// It has fired, and the sync group holds the instance back.
    Fired,
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
                MasterDownTimer::Runs(_) => Standing::Backup,
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
                master_down_timer: MasterDownTimer::Runs(at),
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
                MasterDownTimer::Runs(at) if now >= at => self.master_is_down(now),
                MasterDownTimer::Runs(_) | MasterDownTimer::Fired => Vec::new(),
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
            | (State::Backup(_), Event::Startup | Event::Yield)
            | (
                State::Master { .. },
                Event::Startup | Event::Deadline | Event::PriorityChanged(_) | Event::TakeOver,
            )
            | (
                State::Fault,
                Event::Startup
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
        let mut backup = self.backup(now, self.settings.interval);
        match (self.priority.is_owner(), self.settings.membership) {
            (true, Membership::Alone) => return self.become_master(now, Reason::AddressOwner),
            (true, Membership::InGroup) => {
                backup.master_down_timer = MasterDownTimer::Fired;
                backup.takeover = Reason::AddressOwner;
            }
            (false, Membership::Alone | Membership::InGroup) => {}
        }
        vec![self.enter(State::Backup(backup), reason)]
    }

    /// RFC 9568 section 6.4.2.
    fn backup_hears(&mut self, now: Instant, heard: Accepted) -> Vec<Action> {
        let (peer, interval) = (heard.source, self.pace_of(&heard));
        match Priority::new(heard.advertisement.priority) {
            None => self.master_leaves(now, peer),
            Some(theirs) => self.master_is_heard(now, peer, theirs, interval),
        }
        Vec::from_iter(self.told_lists.compare(peer, heard.addresses))
    }

    /// Of several Backups the most willing takes over, after its skew time. One that waits for its group goes on to wait.
    fn master_leaves(&mut self, now: Instant, peer: IpAddr) {
        if let State::Backup(backup) = &mut self.state
            && let MasterDownTimer::Runs(at) = &mut backup.master_down_timer
        {
            let (version, pace) = (self.settings.version, backup.master_adver_interval);
            *at = now + election::skew_time(version, self.priority, pace);
            backup.takeover = Reason::MasterReleased { peer };
        }
    }

    fn master_is_heard(
        &mut self,
        now: Instant,
        peer: IpAddr,
        theirs: Priority,
        interval: Duration,
    ) {
        let (preempt, fresh) = (self.preempt(), self.backup(now, interval));
        let State::Backup(backup) = &mut self.state else {
            return;
        };
        backup.preempt_from = match preempt {
            Preempt::After(delay) if theirs < self.priority => {
                Some(backup.preempt_from.unwrap_or(now + delay))
            }
            Preempt::After(_) | Preempt::Never => None,
        };
        if backup.preempt_from.is_some_and(|from| now >= from) {
            // The advertisement is discarded: the timer runs out although there is a Master.
            backup.takeover = Reason::Preempted {
                peer,
                priority: theirs,
            };
        } else {
            *backup = Backup {
                preempt_from: backup.preempt_from,
                ..fresh
            };
        }
    }

    /// RFC 9568 section 6.4.3.
    fn master_hears(&mut self, now: Instant, heard: Accepted) -> Vec<Action> {
        let (peer, interval) = (heard.source, self.pace_of(&heard));
        let mut actions = Vec::from_iter(self.told_lists.compare(peer, heard.addresses));
        let Some(theirs) = Priority::new(heard.advertisement.priority) else {
            // A Master that leaves: its Backups, and the link, shall learn at once that there is another.
            actions.push(self.advertise(now));
            return actions;
        };
        if theirs.is_owner() && self.priority.is_owner() {
            actions.push(Action::Alarm(Alarm::TwoOwners { peer }));
        }
        let ours = (self.priority, self.settings.primary_address);
        match election::compare(ours, (theirs, peer)) {
            Ordering::Less => {
                if self.settings.on_higher_priority == OnHigherPriority::AdvertiseOnceMore {
                    actions.push(self.advertisement());
                }
                let backup = self.backup(now, interval);
                let reason = Reason::BetterMaster {
                    peer,
                    priority: theirs,
                };
                actions.push(self.enter(State::Backup(backup), reason));
            }
            // Both have one address. Neither would give way to the other, and answering would never end.
            Ordering::Equal => {}
            Ordering::Greater => {
                // The pace is kept: only the timer sets it.
                if self.settings.on_lower_priority == OnLowerPriority::Advertise {
                    actions.push(self.advertisement());
                }
                // The other one has announced the addresses as its own.
                actions.push(Action::AnnounceAddresses);
                actions.push(Action::Alarm(Alarm::LowerPriorityMaster {
                    peer,
                    priority: theirs,
                }));
            }
        }
        actions
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

    /// In version 3 a Backup follows the Master's pace (RFC 9568 section 6.4.2); in version 2 there is only one.
    fn pace_of(&self, heard: &Accepted) -> Duration {
        match self.settings.version {
            Version::Two => self.settings.interval,
            Version::Three => heard.advertisement.interval,
        }
    }

    /// RFC 9568 section 6.1: the owner preempts independently of Preempt_Mode.
    fn preempt(&self) -> Preempt {
        if self.priority.is_owner() {
            Preempt::After(Duration::ZERO)
        } else {
            self.settings.preempt
        }
    }
}

#[cfg(test)]
mod tests;
