//! The times that operators are promised, measured on the virtual clock.

use super::*;

/// Reports 1 and 2: MASTER with 100, BACKUP with 90, an advertisement a second.
fn pair(preempt: Preempt) -> World {
    let mut world = World::new(&[100, 90], 1, &settings(Version::Two, SECOND, preempt));
    world.start_all();
    world.run_for(10 * SECOND);
    assert_eq!(world.masters(), [0]);
    world
}

/// Runs until `index` is Master, and says how long that took.
fn wait_for_master(world: &mut World, index: usize) -> Duration {
    let start = world.elapsed();
    let mut found = None;
    world.run_until(start + 60 * SECOND, |world| {
        if world.directors[index].is_master() {
            found = found.or(Some(world.elapsed() - start));
        }
    });
    found.expect("a Master within a minute")
}

const AT_ONCE: Preempt = Preempt::After(Duration::ZERO);
/// (256 - 90) / 256 s.
const SKEW_OF_90: Duration = Duration::from_nanos(648_437_500);

#[test]
fn s2_10_of_100_and_90_the_higher_priority_wins_whoever_starts_first() {
    for first in [0, 1] {
        let settings = settings(Version::Two, SECOND, AT_ONCE);
        let mut world = World::new(&[100, 90], 1, &settings);
        world.start(first);
        world.run_for(7 * SECOND);
        assert_eq!(world.masters(), [first]);
        world.start(1 - first);
        world.run_for(7 * SECOND);
        assert_eq!(world.masters(), [0]);
    }
}

/// keepalived 2.2.7 was measured at 0.67 s.
#[test]
fn s0_1_the_backup_takes_over_after_its_skew_time_when_the_master_stops() {
    let mut world = pair(AT_ONCE);
    world.tell(0, &Event::Shutdown);
    assert_eq!(wait_for_master(&mut world, 1), SKEW_OF_90 + WIRE);
}

#[test]
fn s2_25_the_backup_takes_over_after_its_master_down_interval_when_the_master_crashes() {
    let mut world = pair(AT_ONCE);
    world.crash(0);
    let time = wait_for_master(&mut world, 1);
    assert!(time > 2 * SECOND + SKEW_OF_90 && time <= 3 * SECOND + SKEW_OF_90 + WIRE);
}

#[test]
fn s2_28_the_master_that_returns_takes_over_again() {
    let mut world = pair(AT_ONCE);
    world.crash(0);
    world.run_for(10 * SECOND);
    assert_eq!(world.masters(), [1]);
    world.start(0);
    world.run_for(4 * SECOND);
    assert_eq!(world.masters(), [0]);
}

#[test]
fn s1_17_with_nopreempt_the_master_that_returns_does_not_take_over() {
    let mut world = pair(Preempt::Never);
    world.crash(0);
    world.run_for(10 * SECOND);
    world.start(0);
    let end = world.elapsed() + 60 * SECOND;
    world.run_until(end, |world| assert_eq!(world.masters(), [1]));
}

#[test]
fn s1_8_a_priority_that_falls_below_the_others_moves_the_addresses_and_back() {
    let mut world = pair(AT_ONCE);
    world.tell(0, &Event::PriorityChanged(priority(80)));
    world.run_for(4 * SECOND);
    assert_eq!(world.masters(), [1]);
    world.tell(0, &Event::PriorityChanged(priority(100)));
    world.run_for(4 * SECOND);
    assert_eq!(world.masters(), [0]);
}

#[test]
fn s1_9_a_fault_moves_the_addresses_and_its_end_moves_them_back() {
    let mut world = pair(AT_ONCE);
    world.tell(0, &Event::FaultBegan(World::fault()));
    assert_eq!(wait_for_master(&mut world, 1), SKEW_OF_90 + WIRE);
    world.tell(0, &Event::FaultEnded(World::fault()));
    world.run_for(4 * SECOND);
    assert_eq!(world.masters(), [0]);
}

/// The example of a sub-second takeover: hundredths of a second in version 3.
#[test]
fn s2_25_in_version_3_a_crash_is_noticed_within_half_a_second() {
    let fast = settings(Version::Three, SECOND / 10, AT_ONCE);
    let mut world = World::new(&[100, 90], 1, &fast);
    world.start_all();
    world.run_for(2 * SECOND);
    world.crash(0);
    assert!(wait_for_master(&mut world, 1) < SECOND / 2);
}

/// A network that is cut makes two Masters. When it is whole again, one advertisement ends that.
#[test]
fn two_masters_of_a_network_that_was_cut_are_one_within_an_interval() {
    for priorities in [[100, 90], [100, 100]] {
        let settings = settings(Version::Two, SECOND, AT_ONCE);
        let mut world = World::new(&priorities, 1, &settings);
        world.fates = vec![Fate::IsLost];
        world.start_all();
        world.run_for(10 * SECOND);
        assert_eq!(world.masters(), [0, 1]);
        world.fates.clear();
        world.run_for(SECOND + 2 * WIRE);
        let stays = usize::from(priorities[0] == priorities[1]);
        assert_eq!(world.masters(), [stays], "{priorities:?}");
    }
}

#[test]
fn a_sync_group_takes_both_links_over_when_one_link_of_the_master_fails() {
    let settings = settings(Version::Two, SECOND, AT_ONCE);
    let mut world = World::new(&[100, 90], 2, &settings);
    world.start_all();
    world.run_for(10 * SECOND);
    assert_eq!(world.masters(), [0]);
    world.tell_one(0, 1, Event::FaultBegan(World::fault()));
    assert_eq!(wait_for_master(&mut world, 1), SKEW_OF_90 + WIRE);
    let roles = |world: &World, index: usize| -> Vec<Role> {
        let instances = world.directors[index].instances.iter();
        instances.map(Instance::role).collect()
    };
    assert_eq!(roles(&world, 0), [Role::Fault; 2]);
    world.tell_one(0, 1, Event::FaultEnded(World::fault()));
    assert_eq!(roles(&world, 0), [Role::Backup; 2]);
    world.run_for(4 * SECOND);
    assert_eq!(world.masters(), [0]);
}
