//! One virtual router with all that belongs to it: its state machine, what it may hear, what is tracked for it, and what it counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use super::report::{Claims, Counters, InstanceReport, Peers};
use crate::vrrp::{
    Action, AddressList, Alarm, Endpoints, Event, Expected, Fault, Instance, Reason, Received,
    Rejected, Role, State, Status, Tracked, Tracker, Tracking,
    profile::{Profile, Weighed},
};

/// A Master answers others at most so often in the time between two of its advertisements: a flood must not make another one.
const ANSWERS_PER_INTERVAL: u32 = 10;

/// How everything that is tracked is. What is not in it is well.
pub(super) type Statuses = BTreeMap<Tracker, Status>;

#[derive(Clone, Debug)]
pub(super) struct Station {
    pub(super) profile: Profile,
    pub(super) instance: Instance,
    pub(super) counters: Counters,
    pub(super) peers: Peers,
    pub(super) claims: Claims,
    expected: Expected,
    tracking: Tracking,
    /// Why it is what it is, and since when.
    standing: (Reason, Instant),
    last_answer: Option<Instant>,
    /// It was Master, and nobody else has been heard as such since.
    awaits_successor: bool,
}

impl Station {
    pub(super) fn new(now: Instant, profile: Profile, statuses: &Statuses) -> Self {
        let tracking = tracking(&profile, statuses);
        Self {
            instance: Instance::new(
                profile.settings(),
                tracking.effective_priority(),
                faults(&profile, &tracking),
            ),
            expected: profile.expected(),
            tracking,
            profile,
            counters: Counters::default(),
            peers: Peers::default(),
            claims: Claims::default(),
            standing: (Reason::Startup, now),
            last_answer: None,
            awaits_successor: false,
        }
    }

    /// Takes another profile while it runs. What it must be told then is returned.
    pub(super) fn change(
        &mut self,
        now: Instant,
        profile: Profile,
        statuses: &Statuses,
    ) -> (Vec<Action>, Vec<Event>) {
        let tracking = tracking(&profile, statuses);
        let (before, after) = (
            faults(&self.profile, &self.tracking),
            faults(&profile, &tracking),
        );
        let priority = tracking.effective_priority();
        let mut events = vec![Event::PriorityChanged(priority)];
        events.extend(after.difference(&before).cloned().map(Event::FaultBegan));
        events.extend(before.difference(&after).cloned().map(Event::FaultEnded));
        self.expected = profile.expected();
        self.tracking = tracking;
        let actions = match profile.settings() == self.profile.settings()
            && profile.advertised == self.profile.advertised
        {
            true => Vec::new(),
            false => self.instance.change(now, profile.settings()),
        };
        self.profile = profile;
        (actions, events)
    }

    /// What a new status of something tracked means for the instance.
    pub(super) fn track(&mut self, tracker: &Tracker, status: Status) -> Vec<Event> {
        self.tracking.update(tracker, status)
    }

    /// Judges a message that is for this virtual router.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        received: Received,
        message: &[u8],
    ) -> Result<Event, Rejected> {
        match self.expected.judge(received, message) {
            Ok(accepted) => {
                self.counters.received += 1;
                if accepted.advertisement.priority == 0 {
                    self.counters.received_release += 1;
                }
                if accepted.addresses != AddressList::Agrees {
                    self.counters.other_addresses += 1;
                }
                self.peers.accept(&accepted, now);
                Ok(Event::Advertisement(accepted))
            }
            Err(reason) => {
                self.counters.reject(reason);
                self.peers.reject(received.endpoints.source(), reason, now);
                Err(reason)
            }
        }
    }

    /// Takes an event. A Master's answers to a flood are few.
    pub(super) fn handle(&mut self, now: Instant, event: Event) -> Vec<Action> {
        let is_answer = matches!(event, Event::Advertisement(_)) && self.role() == Role::Master;
        let was = self.role();
        let mut actions = self.instance.handle(now, event);
        match (was, self.role()) {
            (Role::Master, Role::Master) => {}
            (Role::Master, _) => {
                self.counters.left_master += 1;
                self.awaits_successor = true;
            }
            (_, Role::Master) => {
                self.counters.became_master += 1;
                self.awaits_successor = false;
            }
            (_, Role::Initialize | Role::Backup | Role::Fault) => {}
        }
        for action in &actions {
            if let Action::Become { reason, .. } = action {
                self.standing = (reason.clone(), now);
            }
        }
        if is_answer && self.role() == Role::Master && !actions.is_empty() {
            let pause = self.profile.interval / ANSWERS_PER_INTERVAL;
            if self.last_answer.is_some_and(|last| now < last + pause) {
                actions.retain(|action| !is_limited(action));
            } else {
                self.last_answer = Some(now);
            }
        }
        actions
    }

    /// Whether the Master that has just been heard is the first one after this.
    pub(super) fn is_succeeded(&mut self) -> bool {
        self.role() != Role::Master && std::mem::take(&mut self.awaits_successor)
    }

    pub(super) fn role(&self) -> Role {
        self.instance.role()
    }

    /// Of an advertisement that is due: how much too late it is now.
    pub(super) fn lateness(&self, now: Instant) -> Option<Duration> {
        let State::Master { adver_timer } = self.instance.state() else {
            return None;
        };
        let late = now.saturating_duration_since(*adver_timer);
        (late >= self.profile.interval / 2).then_some(late)
    }

    pub(super) fn report(&self, now: Instant) -> InstanceReport {
        let profile = &self.profile;
        let (reason, since) = &self.standing;
        let destinations = profile.ways().into_iter().map(Endpoints::destination);
        InstanceReport {
            name: profile.name.to_string(),
            role: self.role(),
            reason: reason.to_string(),
            for_secs: now.saturating_duration_since(*since).as_secs_f64(),
            version: profile.version.number(),
            virtual_router_id: profile.key.virtual_router_id,
            priority: self.instance.priority().get(),
            configured_priority: profile.priority.get(),
            interval_secs: profile.interval.as_secs_f64(),
            source: profile.source,
            destinations: destinations.collect::<Vec<IpAddr>>(),
            faults: self
                .instance
                .faults()
                .iter()
                .map(ToString::to_string)
                .collect(),
            counters: self.counters.clone(),
            peers: self.peers.report(now),
            claims: self.claims.report(now),
        }
    }
}

/// What a Master does because it heard another, and may leave undone if it has just done it.
const fn is_limited(action: &Action) -> bool {
    match action {
        Action::SendAdvertisement { .. }
        | Action::AnnounceAddresses
        | Action::Alarm(Alarm::LowerPriorityMaster { .. }) => true,
        Action::Become { .. } | Action::Alarm(_) => false,
    }
}

fn tracking(profile: &Profile, statuses: &Statuses) -> Tracking {
    let tracked = profile.tracked.iter().map(|weighed| {
        let Weighed {
            tracker,
            weight,
            direction,
        } = weighed;
        let tracked = Tracked {
            weight: *weight,
            direction: *direction,
            status: statuses.get(tracker).copied().unwrap_or(Status::Well),
        };
        (tracker.clone(), tracked)
    });
    Tracking::new(profile.priority, tracked)
}

fn faults(profile: &Profile, tracking: &Tracking) -> BTreeSet<Fault> {
    let mut faults = tracking.faults();
    if profile.source.is_none() {
        faults.insert(Fault::NoSourceAddress);
    }
    faults
}
