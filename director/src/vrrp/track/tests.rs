//! Every weight, direction and status. The figures are those that keepalived 2.2.7 was seen to advertise.

use proptest::prelude::*;

use super::*;

const WELL: Status = Status::Well;
const FAILED: Status = Status::Failed;

fn base(value: u8) -> Priority {
    Priority::new(value).expect("not zero")
}

fn tracker(name: &str) -> Tracker {
    Tracker {
        kind: TrackerKind::Interface,
        name: name.into(),
    }
}

fn tracking(value: u8, tracked: &[(i32, Direction, Status)]) -> Tracking {
    let tracked = tracked.iter().enumerate();
    Tracking::new(
        base(value),
        tracked.map(|(index, &(weight, direction, status))| {
            let tracked = Tracked {
                weight,
                direction,
                status,
            };
            (tracker(&index.to_string()), tracked)
        }),
    )
}

/// Scenario 1.8.
#[test]
fn s1_8_weights_are_added_while_well_and_subtracted_while_failed() {
    use Direction::{Forward, Reverse};
    let table = [
        (20, Forward, WELL, Some(120)),
        (20, Forward, FAILED, Some(100)),
        (-20, Forward, WELL, Some(100)),
        (-20, Forward, FAILED, Some(80)),
        (20, Reverse, WELL, Some(80)),
        (20, Reverse, FAILED, Some(100)),
        (-20, Reverse, WELL, Some(100)),
        (-20, Reverse, FAILED, Some(120)),
        (0, Forward, WELL, Some(100)),
        (0, Forward, FAILED, None),
        (0, Reverse, WELL, None),
        (0, Reverse, FAILED, Some(100)),
        (253, Forward, WELL, Some(254)),
        (-253, Forward, FAILED, Some(1)),
        // A file that holds a number.
        (5, Forward, Status::Number(-3), Some(85)),
        (5, Reverse, Status::Number(-3), Some(115)),
        (1, Forward, Status::Number(-253), Some(1)),
        (1, Forward, Status::Number(-300), None),
        (1, Forward, Status::Number(300), Some(254)),
        (0, Forward, Status::Number(2), None),
        (0, Forward, Status::Number(0), Some(100)),
        (0, Reverse, Status::Number(2), Some(100)),
        (0, Reverse, Status::Number(0), None),
        (i32::MAX, Forward, Status::Number(i32::MAX), Some(254)),
        (i32::MIN, Forward, Status::Number(i32::MAX), None),
    ];
    for (weight, direction, status, wanted) in table {
        let tracking = tracking(100, &[(weight, direction, status)]);
        let what = format!("{weight} {direction:?} {status:?}");
        assert_eq!(tracking.faults().is_empty(), wanted.is_some(), "{what}");
        let priority = tracking.effective_priority();
        assert_eq!(priority, base(wanted.unwrap_or(100)), "{what}");
    }
}

#[test]
fn weights_add_up_before_they_are_cut() {
    let three = [
        (200, Direction::Forward, WELL),
        (-150, Direction::Forward, FAILED),
        (10, Direction::Forward, FAILED),
    ];
    let tracking = tracking(100, &three);
    assert_eq!(tracking.effective_priority(), base(150));
}

#[test]
fn the_owner_stays_the_owner_and_can_be_in_fault() {
    let both = [
        (-20, Direction::Forward, FAILED),
        (0, Direction::Forward, FAILED),
    ];
    let tracking = tracking(255, &both);
    assert_eq!(tracking.effective_priority(), Priority::ADDRESS_OWNER);
    assert_eq!(
        tracking.faults(),
        BTreeSet::from([Fault::Tracker(tracker("1"))])
    );
}

#[test]
fn a_new_status_tells_the_instance_what_follows_and_nothing_twice() {
    let mut tracking = tracking(
        100,
        &[
            (-20, Direction::Forward, WELL),
            (0, Direction::Forward, WELL),
        ],
    );
    let (weighted, vital) = (tracker("0"), tracker("1"));
    let changed = |value| vec![Event::PriorityChanged(base(value))];
    assert_eq!(tracking.update(&weighted, FAILED), changed(80));
    assert_eq!(tracking.update(&weighted, FAILED), []);
    assert_eq!(tracking.update(&weighted, WELL), changed(100));
    let fault = Fault::Tracker(vital.clone());
    let began = [Event::FaultBegan(fault.clone())];
    assert_eq!(tracking.update(&vital, FAILED), began);
    assert_eq!(tracking.update(&vital, FAILED), []);
    assert_eq!(tracking.update(&vital, WELL), [Event::FaultEnded(fault)]);
    assert_eq!(tracking.update(&tracker("stranger"), FAILED), []);
}

#[test]
fn a_file_can_end_a_fault_and_change_the_priority_at_once() {
    let mut tracking = tracking(100, &[(1, Direction::Forward, Status::Number(-300))]);
    let file = tracker("0");
    let events = tracking.update(&file, Status::Number(50));
    let wanted = [
        Event::PriorityChanged(base(150)),
        Event::FaultEnded(Fault::Tracker(file)),
    ];
    assert_eq!(events, wanted);
}

fn any_status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(WELL),
        Just(FAILED),
        any::<i32>().prop_map(Status::Number)
    ]
}

proptest! {
    #[test]
    fn what_is_told_step_by_step_is_what_there_is(
        value in 1..=u8::MAX,
        weights in proptest::collection::vec((any::<i32>(), any::<bool>()), 1..4),
        updates in proptest::collection::vec((0..4_usize, any_status()), 0..30),
    ) {
        let tracked: Vec<_> = weights
            .into_iter()
            .map(|(weight, is_reverse)| {
                let direction = if is_reverse { Direction::Reverse } else { Direction::Forward };
                (weight % 300, direction, WELL)
            })
            .collect();
        let mut tracking = tracking(value, &tracked);
        let mut priority = tracking.effective_priority();
        let mut faults = tracking.faults();
        for (index, status) in updates {
            for event in tracking.update(&tracker(&index.to_string()), status) {
                match event {
                    Event::PriorityChanged(to) => priority = to,
                    Event::FaultBegan(fault) => prop_assert!(faults.insert(fault)),
                    Event::FaultEnded(fault) => prop_assert!(faults.remove(&fault)),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            prop_assert_eq!(priority, tracking.effective_priority());
            prop_assert_eq!(&faults, &tracking.faults());
            prop_assert_eq!(priority.is_owner(), value == 255);
        }
    }
}
