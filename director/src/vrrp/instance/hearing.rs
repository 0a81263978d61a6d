//! What an instance does when it hears another one: RFC 9568 sections 6.4.2 and 6.4.3.

use std::{
    cmp::Ordering,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{
    Action, Alarm, Backup, Instance, MasterDownTimer, OnHigherPriority, OnLowerPriority, Preempt,
    Reason, State,
};
use crate::vrrp::{
    election::{self, Priority},
    packet::Version,
    reception::Accepted,
};

impl Instance {
    /// RFC 9568 section 6.4.2.
    pub(super) fn backup_hears(&mut self, now: Instant, heard: Accepted) -> Vec<Action> {
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
            && backup.master_down_timer != MasterDownTimer::Fired
        {
            let (version, pace) = (self.settings.version, backup.master_adver_interval);
            let skew_time = election::skew_time(version, self.priority, pace);
            backup.master_down_timer = MasterDownTimer::Runs(now + skew_time);
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
    pub(super) fn master_hears(&mut self, now: Instant, heard: Accepted) -> Vec<Action> {
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
