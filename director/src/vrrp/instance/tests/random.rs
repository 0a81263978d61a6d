//! Random sequences: whatever happens, these things hold.

use proptest::prelude::*;

use super::*;

fn any_event() -> impl Strategy<Value = Event> {
    let advertisement =
        (0..3_usize, any::<u8>(), 1..500_u64).prop_map(|(who, priority, centis)| {
            let source = [LESS, US, GREATER][who];
            let interval = Duration::from_millis(centis * 10);
            Event::Advertisement(accepted(source, priority, interval))
        });
    let fault = (0..3_usize)
        .prop_map(|which| [tracker("chk"), tracker("link"), Fault::SyncGroup][which].clone());
    prop_oneof![
        2 => Just(Event::Startup),
        1 => Just(Event::Shutdown),
        8 => advertisement,
        8 => Just(Event::Deadline),
        2 => (1..=u8::MAX).prop_map(|value| Event::PriorityChanged(priority(value))),
        1 => fault.clone().prop_map(Event::FaultBegan),
        2 => fault.prop_map(Event::FaultEnded),
        1 => Just(Event::TakeOver),
        1 => Just(Event::Yield),
    ]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let preempt = prop_oneof![
        Just(Preempt::Never),
        (0..10_u64).prop_map(|secs| Preempt::After(Duration::from_secs(secs))),
    ];
    (any::<[bool; 4]>(), preempt, 1..=100_u8).prop_map(|(choices, preempt, adverts)| {
        let [is_version_2, is_member, waits, is_talkative] = choices;
        Settings {
            version: if is_version_2 {
                Version::Two
            } else {
                Version::Three
            },
            preempt,
            down_timer_adverts: NonZeroU8::new(adverts).expect("not zero"),
            on_lower_priority: if waits {
                OnLowerPriority::Wait
            } else {
                OnLowerPriority::Advertise
            },
            on_higher_priority: if is_talkative {
                OnHigherPriority::AdvertiseOnceMore
            } else {
                OnHigherPriority::StepBack
            },
            membership: if is_member {
                Membership::InGroup
            } else {
                Membership::Alone
            },
            ..settings(Version::Two)
        }
    })
}

/// What an instance told of itself, and nothing else, is what a driver knows.
struct Told {
    role: Role,
}

impl Told {
    fn follow(&mut self, actions: &[Action], priority: Priority) -> Result<(), TestCaseError> {
        let before = self.role;
        for action in actions {
            match action {
                Action::Become { role, .. } => {
                    prop_assert_ne!(*role, self.role, "a change is one");
                    self.role = *role;
                }
                Action::SendAdvertisement { priority: RELEASE } => {
                    prop_assert_eq!(self.role, Role::Master, "only a Master leaves");
                }
                Action::SendAdvertisement { priority: sent } => {
                    prop_assert_eq!(*sent, priority.get());
                }
                Action::AnnounceAddresses => prop_assert_eq!(self.role, Role::Master),
                Action::Alarm(_) => {}
            }
        }
        if before == Role::Master && matches!(self.role, Role::Initialize | Role::Fault) {
            let release = Action::SendAdvertisement { priority: RELEASE };
            prop_assert!(actions.contains(&release), "who cannot go on says so");
        }
        if before != Role::Master && self.role == Role::Master {
            let sends = matches!(actions, [Action::SendAdvertisement { .. }, ..]);
            prop_assert!(sends, "the advertisement comes first");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_driver_that_follows_the_actions_knows_the_role(
        settings in any_settings(),
        base in 1..=u8::MAX,
        events in proptest::collection::vec((0..5000_u64, any_event()), 0..100),
    ) {
        let in_group = settings.membership == Membership::InGroup;
        let mut bench = Bench::new(settings, priority(base));
        let mut told = Told { role: Role::Initialize };
        for (millis, event) in events {
            bench.now += Duration::from_millis(millis);
            let is_deadline = event == Event::Deadline;
            let is_order = event == Event::TakeOver;
            let before = told.role;
            let actions = bench.tell(event);
            told.follow(&actions, bench.instance.priority())?;
            prop_assert_eq!(told.role, bench.instance.role());
            prop_assert_eq!(
                bench.instance.role() == Role::Fault,
                bench.instance.role() != Role::Initialize && !bench.instance.faults().is_empty()
            );
            if is_deadline {
                // A driver that sleeps until the deadline never spins.
                let next = bench.instance.next_deadline();
                prop_assert!(next.is_none_or(|next| next > bench.now));
            }
            if in_group && before != Role::Master && told.role == Role::Master {
                prop_assert!(is_order, "a member does nothing alone");
            }
            let waits = matches!(
                bench.instance.standing(),
                Standing::Initialize | Standing::Fault | Standing::Held | Standing::Ready
            );
            prop_assert_eq!(bench.instance.next_deadline().is_none(), waits);
        }
    }
}
