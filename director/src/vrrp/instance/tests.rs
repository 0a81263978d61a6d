//! The transition table, the rules beyond it, and random sequences with invariants.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU8,
};

use super::*;
use crate::vrrp::{
    packet::{Advertisement, Authentication, Coverage, Version},
    reception::{Accepted, AddressList},
    track::{Tracker, TrackerKind},
};

mod random;
mod rules;

const SECOND: Duration = Duration::from_secs(1);
/// Of priority 100 with an interval of one second, in both versions.
const SKEW: Duration = Duration::from_nanos(609_375_000);
const DOWN: Duration = Duration::from_nanos(3_609_375_000);
/// So long after entering the state the event comes.
const LATER: Duration = Duration::from_millis(500);

const US: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 12));
const LESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 6));
const GREATER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 99));
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 251));

fn settings(version: Version) -> Settings {
    Settings {
        version,
        interval: SECOND,
        primary_address: US,
        preempt: Preempt::After(Duration::ZERO),
        down_timer_adverts: NonZeroU8::new(3).expect("not zero"),
        on_lower_priority: OnLowerPriority::Advertise,
        on_higher_priority: OnHigherPriority::StepBack,
        membership: Membership::Alone,
    }
}

fn priority(value: u8) -> Priority {
    Priority::new(value).expect("not zero")
}

fn accepted(source: IpAddr, priority: u8, interval: Duration) -> Accepted {
    Accepted {
        source,
        advertisement: Advertisement {
            version: Version::Three,
            virtual_router_id: 66,
            priority,
            interval,
            authentication: Authentication::None,
            addresses: vec![VIP],
        },
        coverage: Coverage::PseudoHeader,
        addresses: AddressList::Agrees,
    }
}

fn heard(source: IpAddr, priority: u8) -> Event {
    Event::Advertisement(accepted(source, priority, SECOND))
}

fn tracker(name: &str) -> Fault {
    Fault::Tracker(Tracker {
        kind: TrackerKind::Script,
        name: name.into(),
    })
}

fn send(priority: u8) -> Action {
    Action::SendAdvertisement { priority }
}

fn becomes(role: Role, reason: Reason) -> Action {
    Action::Become { role, reason }
}

/// What a takeover consists of, in its order.
fn takeover(priority: u8, reason: Reason) -> Vec<Action> {
    vec![
        send(priority),
        becomes(Role::Master, reason),
        Action::AnnounceAddresses,
    ]
}

/// An instance with the clock that a driver would read.
struct Bench {
    instance: Instance,
    now: Instant,
}

impl Bench {
    fn new(settings: Settings, priority: Priority) -> Self {
        Self {
            instance: Instance::new(settings, priority, BTreeSet::new()),
            now: Instant::now(),
        }
    }

    /// One that has just entered `role`, with priority 100.
    fn in_role(settings: Settings, role: Role) -> Self {
        let mut bench = Self::new(settings, priority(100));
        match role {
            Role::Initialize => {}
            Role::Backup => {
                bench.tell(Event::Startup);
            }
            Role::Master => {
                bench.tell(Event::Startup);
                bench.tell(Event::TakeOver);
            }
            Role::Fault => {
                bench.tell(Event::FaultBegan(tracker("chk")));
                bench.tell(Event::Startup);
            }
        }
        assert_eq!(bench.instance.role(), role);
        bench
    }

    fn tell(&mut self, event: Event) -> Vec<Action> {
        self.instance.handle(self.now, event)
    }

    fn tell_after(&mut self, wait: Duration, event: Event) -> Vec<Action> {
        self.now += wait;
        self.tell(event)
    }

    /// Waits for the deadline.
    fn wait(&mut self) -> Vec<Action> {
        self.now = self.instance.next_deadline().expect("a deadline");
        self.tell(Event::Deadline)
    }

    fn pause(&self) -> Option<Duration> {
        self.instance.next_deadline().map(|at| at - self.now)
    }
}

/// When the next deadline is.
#[derive(Clone, Copy, Debug)]
enum Next {
    Never,
    AsBefore,
    In(Duration),
}

/// RFC 3768 and RFC 9568 sections 6.4.1 to 6.4.3, and Fault: every state and event, of priority 100.
#[test]
fn every_state_and_event_has_its_transition_actions_and_timer() {
    use Next::{AsBefore, In, Never};
    use Role::{Backup, Fault, Initialize, Master};
    let nothing = Vec::new;
    let better = |peer, value| {
        let priority = priority(value);
        let reason = Reason::BetterMaster { peer, priority };
        vec![becomes(Backup, reason)]
    };
    let worse = |peer, value| {
        let priority = priority(value);
        vec![
            send(100),
            Action::AnnounceAddresses,
            Action::Alarm(Alarm::LowerPriorityMaster { peer, priority }),
        ]
    };
    let stops = || vec![becomes(Initialize, Reason::Shutdown)];
    let began = |name| Event::FaultBegan(tracker(name));
    let ended = |name| Event::FaultEnded(tracker(name));
    let faulty = || becomes(Fault, Reason::Fault(tracker("link")));
    let changed = |value| Event::PriorityChanged(priority(value));

    let table: Vec<(Role, Event, Role, Vec<Action>, Next)> = vec![
        (
            Initialize,
            Event::Startup,
            Backup,
            vec![becomes(Backup, Reason::Startup)],
            In(DOWN),
        ),
        (Initialize, Event::Shutdown, Initialize, nothing(), Never),
        (Initialize, heard(LESS, 0), Initialize, nothing(), Never),
        (Initialize, heard(LESS, 1), Initialize, nothing(), Never),
        (Initialize, heard(LESS, 255), Initialize, nothing(), Never),
        (Initialize, Event::Deadline, Initialize, nothing(), Never),
        (Initialize, changed(50), Initialize, nothing(), Never),
        (Initialize, began("link"), Initialize, nothing(), Never),
        (Initialize, ended("link"), Initialize, nothing(), Never),
        (Initialize, Event::TakeOver, Initialize, nothing(), Never),
        (Initialize, Event::Yield, Initialize, nothing(), Never),
        //
        (Backup, Event::Startup, Backup, nothing(), AsBefore),
        (Backup, Event::Shutdown, Initialize, stops(), Never),
        (Backup, heard(LESS, 0), Backup, nothing(), In(SKEW)),
        (Backup, heard(LESS, 1), Backup, nothing(), AsBefore),
        (Backup, heard(GREATER, 99), Backup, nothing(), AsBefore),
        (Backup, heard(LESS, 100), Backup, nothing(), In(DOWN)),
        (Backup, heard(GREATER, 100), Backup, nothing(), In(DOWN)),
        (Backup, heard(LESS, 101), Backup, nothing(), In(DOWN)),
        (Backup, heard(LESS, 255), Backup, nothing(), In(DOWN)),
        (Backup, Event::Deadline, Backup, nothing(), AsBefore),
        (Backup, changed(50), Backup, nothing(), AsBefore),
        (Backup, began("link"), Fault, vec![faulty()], Never),
        (Backup, ended("link"), Backup, nothing(), AsBefore),
        (
            Backup,
            Event::TakeOver,
            Master,
            takeover(100, Reason::MasterDown),
            In(SECOND),
        ),
        (Backup, Event::Yield, Backup, nothing(), AsBefore),
        //
        (Master, Event::Startup, Master, nothing(), AsBefore),
        (
            Master,
            Event::Shutdown,
            Initialize,
            [vec![send(0)], stops()].concat(),
            Never,
        ),
        (Master, heard(LESS, 0), Master, vec![send(100)], In(SECOND)),
        (Master, heard(LESS, 1), Master, worse(LESS, 1), AsBefore),
        (
            Master,
            heard(GREATER, 99),
            Master,
            worse(GREATER, 99),
            AsBefore,
        ),
        (Master, heard(LESS, 100), Master, worse(LESS, 100), AsBefore),
        (Master, heard(US, 100), Master, nothing(), AsBefore),
        (
            Master,
            heard(GREATER, 100),
            Backup,
            better(GREATER, 100),
            In(DOWN),
        ),
        (
            Master,
            heard(LESS, 101),
            Backup,
            better(LESS, 101),
            In(DOWN),
        ),
        (
            Master,
            heard(LESS, 255),
            Backup,
            better(LESS, 255),
            In(DOWN),
        ),
        (Master, Event::Deadline, Master, nothing(), AsBefore),
        (Master, changed(50), Master, vec![send(50)], In(SECOND)),
        (Master, changed(100), Master, nothing(), AsBefore),
        (Master, began("link"), Fault, vec![send(0), faulty()], Never),
        (Master, ended("link"), Master, nothing(), AsBefore),
        (Master, Event::TakeOver, Master, nothing(), AsBefore),
        (
            Master,
            Event::Yield,
            Backup,
            vec![send(0), becomes(Backup, Reason::SyncGroup)],
            In(DOWN),
        ),
        //
        (Fault, Event::Startup, Fault, nothing(), Never),
        (Fault, Event::Shutdown, Initialize, stops(), Never),
        (Fault, heard(LESS, 0), Fault, nothing(), Never),
        (Fault, heard(LESS, 1), Fault, nothing(), Never),
        (Fault, heard(LESS, 255), Fault, nothing(), Never),
        (Fault, Event::Deadline, Fault, nothing(), Never),
        (Fault, changed(50), Fault, nothing(), Never),
        (Fault, began("link"), Fault, nothing(), Never),
        (Fault, ended("link"), Fault, nothing(), Never),
        (
            Fault,
            ended("chk"),
            Backup,
            vec![becomes(Backup, Reason::FaultsEnded)],
            In(DOWN),
        ),
        (Fault, Event::TakeOver, Fault, nothing(), Never),
        (Fault, Event::Yield, Fault, nothing(), Never),
    ];
    for version in [Version::Two, Version::Three] {
        for (before, event, after, actions, next) in &table {
            let what = format!("{version:?} {before:?} {event:?}");
            let mut bench = Bench::in_role(settings(version), *before);
            let deadline = bench.instance.next_deadline();
            assert_eq!(bench.tell_after(LATER, event.clone()), *actions, "{what}");
            assert_eq!(bench.instance.role(), *after, "{what}");
            let wanted = match next {
                Never => None,
                AsBefore => deadline,
                In(pause) => Some(bench.now + *pause),
            };
            assert_eq!(bench.instance.next_deadline(), wanted, "{what}");
        }
    }
}

#[test]
fn a_deadline_that_is_due_makes_a_backup_master_and_a_master_advertise() {
    for version in [Version::Two, Version::Three] {
        let mut bench = Bench::in_role(settings(version), Role::Backup);
        assert_eq!(bench.pause(), Some(DOWN));
        assert_eq!(bench.wait(), takeover(100, Reason::MasterDown));
        for _ in 0..3 {
            assert_eq!(bench.pause(), Some(SECOND));
            assert_eq!(bench.wait(), [send(100)]);
        }
    }
}

#[test]
fn each_priority_has_its_own_pause_before_it_takes_over() {
    for version in [Version::Two, Version::Three] {
        for value in 1..=254 {
            let mut bench = Bench::new(settings(version), priority(value));
            bench.tell(Event::Startup);
            let skew = SECOND * (256 - u32::from(value)) / 256;
            assert_eq!(bench.pause(), Some(3 * SECOND + skew));
            bench.tell(heard(LESS, 0));
            assert_eq!(bench.pause(), Some(skew));
            let reason = Reason::MasterReleased { peer: LESS };
            assert_eq!(bench.wait(), takeover(value, reason));
        }
    }
}
