//! Whatever the network and the directors did: when all is well again, there is one Master within the RFC's time.

use proptest::prelude::*;

use super::*;

/// No advertisement is under way for longer.
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// What happens to one director.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Crash,
    Stop,
    Start,
    /// On one link.
    Fault(usize),
    /// On one link.
    Recover(usize),
    Priority(u8),
}

fn any_fate() -> impl Strategy<Value = Fate> {
    let delay = || (0..=LONGEST_DELAY.as_millis() as u64).prop_map(Duration::from_millis);
    let short = (0..20_u64).prop_map(Duration::from_millis);
    prop_oneof![
        4 => Just(Fate::IsLost),
        2 => short.prop_map(Fate::Arrives),
        2 => delay().prop_map(Fate::Arrives),
        1 => (delay(), delay()).prop_map(|(first, second)| Fate::ArrivesTwice(first, second)),
    ]
}

fn any_blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        1 => Just(Blow::Crash),
        1 => Just(Blow::Stop),
        3 => Just(Blow::Start),
        1 => (0..2_usize).prop_map(Blow::Fault),
        1 => (0..2_usize).prop_map(Blow::Recover),
        1 => (1..=254_u8).prop_map(Blow::Priority),
    ]
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let pace = (any::<bool>(), 1..=5_u64).prop_map(|(is_version_2, pace)| {
        if is_version_2 {
            (Version::Two, Duration::from_secs(pace))
        } else {
            (Version::Three, Duration::from_millis(pace * 200))
        }
    });
    let preempt = prop_oneof![
        2 => Just(Preempt::After(Duration::ZERO)),
        1 => (1..10_u64).prop_map(|secs| Preempt::After(Duration::from_secs(secs))),
        1 => Just(Preempt::Never),
    ];
    (pace, preempt).prop_map(|((version, pace), preempt)| settings(version, pace, preempt))
}

/// Time in which there must be one Master: the best one's master down interval, and with a delay this one, which begins when
/// the Master is heard and ends at one of its advertisements.
fn patience(longest: Duration, preempt: Preempt) -> Duration {
    let master_down_interval = 3 * longest + longest.max(SECOND);
    let delay = match preempt {
        Preempt::Never | Preempt::After(Duration::ZERO) => Duration::ZERO,
        Preempt::After(delay) => delay + 2 * longest,
    };
    master_down_interval + delay + 10 * WIRE
}

fn strike(world: &mut World, index: usize, blow: Blow) {
    let links = world.links;
    match blow {
        Blow::Crash => world.crash(index),
        Blow::Stop => world.tell(index, &Event::Shutdown),
        Blow::Start => world.start(index),
        Blow::Fault(link) => {
            world.tell_one(index, link % links, Event::FaultBegan(World::fault()));
        }
        Blow::Recover(link) => {
            world.tell_one(index, link % links, Event::FaultEnded(World::fault()));
        }
        Blow::Priority(value) => world.tell(index, &Event::PriorityChanged(priority(value))),
    }
}

fn heal(world: &mut World) {
    world.fates.clear();
    world.lateness = Duration::ZERO;
    for index in 0..world.directors.len() {
        let base = world.directors[index].base;
        world.tell(index, &Event::FaultEnded(World::fault()));
        world.tell(index, &Event::PriorityChanged(base));
        world.start(index);
    }
}

/// Chaos, healing, and what must hold afterwards.
fn live_through(
    mut world: World,
    blows: Vec<(u64, usize, Blow)>,
    preempt: Preempt,
) -> Result<(), TestCaseError> {
    world.start_all();
    for (millis, index, blow) in blows {
        world.run_for(Duration::from_millis(millis));
        strike(&mut world, index, blow);
    }
    heal(&mut world);
    let intervals = world
        .directors
        .iter()
        .map(|director| director.settings.interval);
    let longest = intervals.max().unwrap_or_default();
    world.run_for(LONGEST_DELAY + patience(longest, preempt));

    let masters = world.masters();
    prop_assert_eq!(masters.len(), 1, "{:?}", masters);
    let master = &world.directors[masters[0]];
    if preempt != Preempt::Never {
        let best = world.directors.iter().map(|director| director.base).max();
        prop_assert_eq!(Some(master.base), best);
    }
    // And so it stays.
    let end = world.elapsed() + 20 * longest;
    world.run_until(end, |world| assert_eq!(world.masters(), masters));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn of_three_directors_one_is_master_when_all_is_well_again(
        settings in any_settings(),
        priorities in proptest::collection::vec(1..=255_u8, 3),
        paces in proptest::collection::vec(1..=10_u64, 3),
        fates in proptest::collection::vec(any_fate(), 1..40),
        lateness_millis in 0..300_u64,
        blows in proptest::collection::vec((0..6000_u64, 0..3_usize, any_blow()), 0..30),
    ) {
        let preempt = settings.preempt;
        // The owner always preempts, so that without preemption too the best wins; that is tested elsewhere.
        let owners = priorities.iter().filter(|value| **value == 255).count();
        prop_assume!(owners <= 1);
        let mut world = World::new(&priorities, 1, &settings);
        if settings.version == Version::Three {
            // Each at its own pace: the others learn it.
            for (director, pace) in world.directors.iter_mut().zip(paces) {
                director.settings.interval = Duration::from_millis(pace * 100);
                director.boot(1);
            }
        }
        world.fates = fates;
        world.lateness = Duration::from_millis(lateness_millis);
        live_through(world, blows, preempt)?;
    }

    #[test]
    fn of_two_directors_with_a_sync_group_one_is_master_of_both_links(
        settings in any_settings(),
        priorities in proptest::collection::vec(1..=254_u8, 2),
        fates in proptest::collection::vec(any_fate(), 1..40),
        lateness_millis in 0..300_u64,
        blows in proptest::collection::vec((0..6000_u64, 0..2_usize, any_blow()), 0..30),
    ) {
        let preempt = settings.preempt;
        let mut world = World::new(&priorities, 2, &settings);
        world.fates = fates;
        world.lateness = Duration::from_millis(lateness_millis);
        live_through(world, blows, preempt)?;
    }
}
