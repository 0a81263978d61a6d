//! All virtual routers of this host: which of them a packet is for, what each one wants, and how groups move them together.
//!
//! Pure: packets and the time come in, [`Effect`]s go out. The thread in [`super::driver`] has the sockets and the clock.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use self::{
    group::Group,
    handover::Handovers,
    quiet::Quiet,
    station::{Station, Statuses},
};
use super::{
    Action, Event, Reason, Role, Status, Tracker,
    profile::{Profile, Witnessed},
};

mod effect;
mod group;
mod handover;
mod hear;
mod quiet;
mod report;
mod station;

pub use effect::{Effect, LeaseEffect, News, Notice};
pub use group::Verdict;
pub use report::{ClaimReport, Counters, InstanceReport, PeerReport};

/// The virtual routers.
#[derive(Clone, Debug, Default)]
pub struct Router {
    stations: Vec<Station>,
    groups: Vec<Group>,
    statuses: Statuses,
    quiet: Quiet<Told>,
    handovers: Handovers,
}

/// What is not told again and again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Rejected(Arc<str>, IpAddr, &'static str),
    ClaimedUnderOtherId(IpAddr, u8, IpAddr),
    WitnessesSilent(Arc<str>),
    LowerPriorityMaster(Arc<str>, IpAddr),
    TwoOwners(Arc<str>, IpAddr),
    Late(Arc<str>),
    Unsent(Arc<str>, String),
}

/// What is still to be done before a call returns.
type Queue = VecDeque<(Arc<str>, Event)>;

impl Router {
    /// Takes the virtual routers that there shall be. Those that are there already go on as they are; new ones start, and those in
    /// `resumable` are Master at once if nothing keeps them from it; those that are gone say so to the others.
    pub fn configure(
        &mut self,
        now: Instant,
        profiles: Vec<Profile>,
        resumable: &BTreeSet<Arc<str>>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.stations)
            .into_iter()
            .partition(|station| profiles.iter().any(|new| new.goes_on_as(&station.profile)));
        for mut station in gone {
            let actions = station.handle(now, Event::Shutdown);
            perform(&mut station, actions, &mut effects);
        }
        let mut kept: BTreeMap<_, _> = kept
            .into_iter()
            .map(|station| (Arc::clone(&station.profile.name), station))
            .collect();
        let mut queue = Queue::new();
        let mut changes = Vec::new();
        for profile in profiles {
            let name = Arc::clone(&profile.name);
            if let Some(mut station) = kept.remove(&name) {
                let (actions, events) = station.change(now, profile, &self.statuses);
                changes.push((Arc::clone(&name), actions));
                queue.extend(events.into_iter().map(|event| (Arc::clone(&name), event)));
                self.stations.push(station);
            } else {
                let event = match resumable.contains(&name) {
                    true => Event::Resume,
                    false => Event::Startup,
                };
                self.stations
                    .push(Station::new(now, profile, &self.statuses));
                queue.push_back((name, event));
            }
        }
        self.regroup();
        for (name, actions) in changes {
            self.settle(now, &name, actions, &mut queue, &mut effects);
        }
        self.work(now, queue, &mut effects);
        effects
    }

    /// Groups are made anew; how the members stand is told by [`Router::settle`].
    fn regroup(&mut self) {
        let mut members: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        for station in &self.stations {
            if let Some(group) = station.profile.group_name() {
                let name = Arc::clone(&station.profile.name);
                members.entry(Arc::clone(group)).or_default().insert(name);
            }
        }
        let is_witnessed = |name: &&Arc<str>| {
            self.stations.iter().any(|station| {
                station.profile.name == **name && station.profile.witnessed == Witnessed::Yes
            })
        };
        let groups: Vec<_> = members
            .into_iter()
            .map(|(name, members)| {
                let witnessed: BTreeSet<_> = members.iter().filter(is_witnessed).cloned().collect();
                match self
                    .groups
                    .iter()
                    .find(|group| group.name == name && group.members == members)
                {
                    Some(known) => known.witnessed_by(witnessed),
                    None => Group::new(name, members, witnessed),
                }
            })
            .collect();
        self.groups = groups;
    }

    /// When [`Router::act`] has an effect.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.stations
            .iter()
            .filter_map(|station| station.instance.next_deadline())
            .chain(self.groups.iter().filter_map(Group::next_deadline))
            .chain(self.handovers.next_deadline())
            .min()
    }

    /// Whether any deadline that has passed is a Backup's: then what waits in the sockets must be heard first.
    #[must_use]
    pub fn is_about_to_take_over(&self, now: Instant) -> bool {
        self.stations.iter().any(|station| {
            station.role() == Role::Backup
                && station
                    .instance
                    .next_deadline()
                    .is_some_and(|deadline| now >= deadline)
        })
    }

    /// Does what is due.
    pub fn act(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut queue = Queue::new();
        for station in &mut self.stations {
            if station
                .instance
                .next_deadline()
                .is_some_and(|deadline| now >= deadline)
            {
                let name = Arc::clone(&station.profile.name);
                if let Some(by) = station.lateness(now) {
                    station.counters.late += 1;
                    let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
                    station.counters.latest_micros = station.counters.latest_micros.max(micros);
                    if self.quiet.lets_pass(Told::Late(Arc::clone(&name)), now) {
                        effects.push(tell(&name, News::Late { by }));
                    }
                }
                queue.push_back((name, Event::Deadline));
            }
        }
        self.work(now, queue, &mut effects);
        let due: Vec<Arc<str>> = self
            .groups
            .iter_mut()
            .filter_map(|group| group.is_due(now).then(|| group.members.first().cloned()))
            .flatten()
            .collect();
        for member in due {
            self.settle(now, &member, Vec::new(), &mut Queue::new(), &mut effects);
        }
        effects.extend(self.handovers.act(now));
        effects
    }

    /// Takes how something tracked is now.
    pub fn track(&mut self, now: Instant, tracker: &Tracker, status: Status) -> Vec<Effect> {
        self.statuses.insert(tracker.clone(), status);
        let mut queue = Queue::new();
        for station in &mut self.stations {
            let name = Arc::clone(&station.profile.name);
            let events = station.track(tracker, status);
            queue.extend(events.into_iter().map(|event| (Arc::clone(&name), event)));
        }
        let mut effects = Vec::new();
        self.work(now, queue, &mut effects);
        effects
    }

    /// Takes what the witnesses of an instance said.
    pub fn hear_witnesses(&mut self, now: Instant, name: &str, verdict: Verdict) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(station) = self.station_mut(name) else {
            return effects;
        };
        let name = Arc::clone(&station.profile.name);
        for group in &mut self.groups {
            if group.members.contains(&name) {
                group.hear_witnesses(now, &name, verdict);
            }
        }
        let told = Told::WitnessesSilent(Arc::clone(&name));
        if verdict == Verdict::CutOff && self.quiet.lets_pass(told, now) {
            effects.push(tell(&name, News::WitnessesSilent));
        }
        self.settle(now, &name, Vec::new(), &mut Queue::new(), &mut effects);
        effects
    }

    /// Ends all of them: the others learn it at once, if they have not by [`Router::leave`].
    pub fn stop(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = self.handovers.end();
        effects.extend(self.configure(now, Vec::new(), &BTreeSet::new()));
        effects
    }

    /// What an advertisement that could not be sent means: it is counted and told; the lease is not renewed.
    pub fn take_unsent(&mut self, now: Instant, name: &str, error: String) -> Vec<Effect> {
        let Some(station) = self.station_mut(name) else {
            return Vec::new();
        };
        station.counters.unsent += 1;
        let name = Arc::clone(&station.profile.name);
        match self
            .quiet
            .lets_pass(Told::Unsent(Arc::clone(&name), error.clone()), now)
        {
            true => vec![tell(&name, News::Unsent { error })],
            false => Vec::new(),
        }
    }

    /// The profile of an instance.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.station(name).map(|station| &station.profile)
    }

    /// Everything that can be told of them, in the order of the configuration.
    #[must_use]
    pub fn report(&self, now: Instant) -> Vec<InstanceReport> {
        self.stations
            .iter()
            .map(|station| station.report(now))
            .collect()
    }

    fn station(&self, name: &str) -> Option<&Station> {
        self.stations
            .iter()
            .find(|station| *station.profile.name == *name)
    }

    fn station_mut(&mut self, name: &str) -> Option<&mut Station> {
        self.stations
            .iter_mut()
            .find(|station| *station.profile.name == *name)
    }

    /// Hands events to instances, and orders that follow from them, until there are none left.
    fn work(&mut self, now: Instant, mut queue: Queue, effects: &mut Vec<Effect>) {
        while let Some((name, event)) = queue.pop_front() {
            let Some(station) = self.station_mut(&name) else {
                continue;
            };
            let priority_before = station.instance.priority().get();
            let actions = station.handle(now, event);
            let priority = station.instance.priority().get();
            if priority != priority_before {
                let news = News::Priority {
                    from: priority_before,
                    to: priority,
                };
                effects.push(tell(&name, news));
            }
            self.settle(now, &name, actions, &mut queue, effects);
        }
    }

    /// Does what an instance wants, and tells its group how it stands.
    fn settle(
        &mut self,
        now: Instant,
        name: &Arc<str>,
        actions: Vec<Action>,
        queue: &mut Queue,
        effects: &mut Vec<Effect>,
    ) {
        let actions: Vec<_> = actions
            .into_iter()
            .filter(|action| self.is_news(name, action, now))
            .collect();
        let Some(station) = self.station_mut(name) else {
            return;
        };
        perform(station, actions, effects);
        let standing = station.instance.standing();
        let mut orders = VecDeque::new();
        for group in &mut self.groups {
            if !group.members.contains(name) {
                continue;
            }
            let wishes = group.update(now, name, standing);
            effects.extend(
                wishes
                    .ask
                    .into_iter()
                    .map(|instance| Effect::AskWitnesses { instance }),
            );
            orders.extend(
                wishes
                    .orders
                    .into_iter()
                    .map(|order| (order.member, order.event)),
            );
        }
        // Orders go before what was waiting: a group moves as one.
        let waiting = std::mem::take(queue);
        self.work(now, orders, effects);
        *queue = waiting;
    }

    /// An alarm that was told a moment ago is not told again.
    fn is_news(&mut self, name: &Arc<str>, action: &Action, now: Instant) -> bool {
        use super::Alarm;
        let told = match action {
            Action::Alarm(Alarm::LowerPriorityMaster { peer, .. }) => {
                Told::LowerPriorityMaster(Arc::clone(name), *peer)
            }
            Action::Alarm(Alarm::TwoOwners { peer }) => Told::TwoOwners(Arc::clone(name), *peer),
            _ => return true,
        };
        self.quiet.lets_pass(told, now)
    }
}

fn tell(name: &Arc<str>, news: News) -> Effect {
    Effect::Tell(Notice {
        instance: Arc::clone(name),
        news,
    })
}

/// What an instance wants, as effects. The right to forward ends before the others are told that they may.
fn perform(station: &mut Station, actions: Vec<Action>, effects: &mut Vec<Effect>) {
    let name = Arc::clone(&station.profile.name);
    for action in actions {
        match action {
            Action::SendAdvertisement { priority } => {
                let messages = station.profile.messages(priority);
                let copies = messages.len() as u64;
                station.counters.sent += copies;
                let lease = match priority {
                    super::election::RELEASE => {
                        station.counters.sent_release += copies;
                        effects.push(Effect::EndLease {
                            instance: Arc::clone(&name),
                        });
                        LeaseEffect::None
                    }
                    _ => LeaseEffect::Renew(station.profile.lease()),
                };
                effects.push(Effect::Transmit {
                    instance: Arc::clone(&name),
                    messages,
                    lease,
                });
            }
            Action::Become { role, reason } => {
                // One that starts has no lease, or that of a daemon that was killed: it bridges the wait for a group.
                if role != Role::Master && reason != Reason::Startup {
                    effects.push(Effect::EndLease {
                        instance: Arc::clone(&name),
                    });
                }
                let priority = station.instance.priority().get();
                let news = News::Role {
                    role,
                    reason,
                    priority,
                };
                effects.push(tell(&name, news));
            }
            Action::AnnounceAddresses => effects.push(tell(&name, News::AnnounceAddresses)),
            Action::Alarm(alarm) => effects.push(tell(&name, News::Alarm(alarm))),
        }
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
