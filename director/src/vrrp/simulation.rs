//! Several directors on one virtual clock, and a network that loses, delays and repeats advertisements.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU8,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    election::Priority,
    instance::{
        Action, Event, Fault, Instance, Membership, OnHigherPriority, OnLowerPriority, Preempt,
        Role, Settings,
    },
    packet::{Advertisement, Authentication, Coverage, Version},
    reception::{Accepted, AddressList},
    sync_group::{Order, SyncGroup},
};

mod chaos;
mod promises;

const SECOND: Duration = Duration::from_secs(1);
/// How long an advertisement takes in a network that is well.
const WIRE: Duration = Duration::from_millis(1);

fn priority(value: u8) -> Priority {
    Priority::new(value).expect("not zero")
}

fn settings(version: Version, interval: Duration, preempt: Preempt) -> Settings {
    Settings {
        version,
        interval,
        primary_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        preempt,
        down_timer_adverts: NonZeroU8::new(3).expect("not zero"),
        on_lower_priority: OnLowerPriority::Advertise,
        on_higher_priority: OnHigherPriority::StepBack,
        membership: Membership::Alone,
    }
}

/// What becomes of an advertisement on its way to one receiver.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Arrives(Duration),
    ArrivesTwice(Duration, Duration),
    IsLost,
}

/// An advertisement under way. The number keeps the order of those that arrive in the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    at: Instant,
    number: u64,
    to: usize,
    link: usize,
    from: IpAddr,
    priority: u8,
    interval: Duration,
}

/// One director: an instance on each link, in a group if there is more than one.
struct Director {
    address: IpAddr,
    base: Priority,
    settings: Settings,
    instances: Vec<Instance>,
    group: SyncGroup,
    /// Between a crash and the next start nothing reaches it.
    is_running: bool,
}

impl Director {
    fn new(index: usize, base: Priority, links: usize, settings: &Settings) -> Self {
        let address = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 1 + index as u8));
        let settings = Settings {
            primary_address: address,
            membership: if links > 1 {
                Membership::InGroup
            } else {
                Membership::Alone
            },
            ..settings.clone()
        };
        let mut director = Self {
            address,
            base,
            settings,
            instances: Vec::new(),
            group: SyncGroup::new([]),
            is_running: false,
        };
        director.boot(links);
        director
    }

    /// As after `kill -9`: nothing is remembered.
    fn boot(&mut self, links: usize) {
        let instance = || Instance::new(self.settings.clone(), self.base, BTreeSet::new());
        self.instances = (0..links).map(|_| instance()).collect();
        self.group = SyncGroup::new((0..links).map(name));
        self.is_running = true;
    }

    fn is_master(&self) -> bool {
        self.is_running && self.instances.iter().all(|one| one.role() == Role::Master)
    }
}

fn name(link: usize) -> Arc<str> {
    link.to_string().into()
}

/// All directors, their links, and the clock.
struct World {
    start: Instant,
    now: Instant,
    directors: Vec<Director>,
    links: usize,
    flying: BinaryHeap<Reverse<Flying>>,
    sent: u64,
    /// Taken one after the other, again and again; empty: the network is well.
    fates: Vec<Fate>,
    /// How late drivers are.
    lateness: Duration,
}

impl World {
    fn new(priorities: &[u8], links: usize, settings: &Settings) -> Self {
        let start = Instant::now();
        let bases = priorities.iter().map(|value| priority(*value)).enumerate();
        Self {
            start,
            now: start,
            directors: bases
                .map(|(index, base)| Director::new(index, base, links, settings))
                .collect(),
            links,
            flying: BinaryHeap::new(),
            sent: 0,
            fates: Vec::new(),
            lateness: Duration::ZERO,
        }
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn masters(&self) -> Vec<usize> {
        let master = |index: &usize| self.directors[*index].is_master();
        (0..self.directors.len()).filter(master).collect()
    }

    /// Tells all instances of a director.
    fn tell(&mut self, index: usize, event: &Event) {
        for link in 0..self.links {
            self.tell_one(index, link, event.clone());
        }
    }

    fn tell_one(&mut self, index: usize, link: usize, event: Event) {
        if !self.directors[index].is_running {
            return;
        }
        let mut orders = vec![Order {
            member: name(link),
            event,
        }];
        while let Some(Order { member, event }) = orders.pop() {
            let link: usize = member.parse().expect("a link");
            let director = &mut self.directors[index];
            let actions = director.instances[link].handle(self.now, event);
            if self.links > 1 {
                let standing = director.instances[link].standing();
                orders.extend(director.group.update(&member, standing));
            }
            for action in actions {
                if let Action::SendAdvertisement { priority } = action {
                    self.send(index, link, priority);
                }
            }
        }
        let roles = self.directors[index].instances.iter().map(Instance::role);
        let masters = roles.filter(|role| *role == Role::Master).count();
        assert!([0, self.links].contains(&masters), "a group moves together");
    }

    fn send(&mut self, from: usize, link: usize, priority: u8) {
        let sender = &self.directors[from];
        let (address, interval) = (sender.address, sender.settings.interval);
        for to in (0..self.directors.len()).filter(|to| *to != from) {
            let fate = match self.fates.len() {
                0 => Fate::Arrives(WIRE),
                count => self.fates[(self.sent as usize) % count],
            };
            let delays = match fate {
                Fate::Arrives(delay) => vec![delay],
                Fate::ArrivesTwice(first, second) => vec![first, second],
                Fate::IsLost => Vec::new(),
            };
            self.sent += 1;
            for delay in delays {
                self.sent += 1;
                self.flying.push(Reverse(Flying {
                    at: self.now + delay,
                    number: self.sent,
                    to,
                    link,
                    from: address,
                    priority,
                    interval,
                }));
            }
        }
    }

    fn receive(&mut self, flying: Flying) {
        let Flying { to, link, .. } = flying;
        let accepted = Accepted {
            source: flying.from,
            advertisement: Advertisement {
                version: self.directors[to].settings.version,
                virtual_router_id: 66,
                priority: flying.priority,
                interval: flying.interval,
                authentication: Authentication::None,
                addresses: Vec::new(),
            },
            coverage: Coverage::PseudoHeader,
            addresses: AddressList::Agrees,
        };
        self.tell_one(to, link, Event::Advertisement(accepted));
    }

    /// The next deadline of all that run.
    fn next_deadline(&self) -> Option<Instant> {
        let running = self.directors.iter().filter(|director| director.is_running);
        let instances = running.flat_map(|director| &director.instances);
        let next = instances.filter_map(Instance::next_deadline).min()?;
        Some(next + self.lateness)
    }

    /// Lets everything happen until then; `check` looks at the world after each thing.
    fn run_until(&mut self, end: Duration, mut check: impl FnMut(&Self)) {
        let end = self.start + end;
        loop {
            let arrival = self.flying.peek().map(|Reverse(flying)| flying.at);
            let deadline = self.next_deadline();
            let next = arrival.into_iter().chain(deadline).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            // What came in goes before what is due.
            if arrival == Some(next) {
                if let Some(Reverse(flying)) = self.flying.pop() {
                    self.receive(flying);
                }
            } else {
                for index in 0..self.directors.len() {
                    self.tell(index, &Event::Deadline);
                }
            }
            check(self);
        }
    }

    fn run_for(&mut self, time: Duration) {
        self.run_until(self.elapsed() + time, |_| {});
    }

    /// As a power cut: nobody is told.
    fn crash(&mut self, index: usize) {
        self.directors[index].is_running = false;
    }

    fn start(&mut self, index: usize) {
        if !self.directors[index].is_running {
            self.directors[index].boot(self.links);
        }
        self.tell(index, &Event::Startup);
    }

    fn start_all(&mut self) {
        for index in 0..self.directors.len() {
            self.start(index);
        }
    }

    fn fault() -> Fault {
        Fault::Tracker(super::track::Tracker {
            kind: super::track::TrackerKind::Interface,
            name: "eth0".into(),
        })
    }
}
