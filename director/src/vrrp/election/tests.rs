//! Every priority, with both versions' formulas in whole nanoseconds.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const THREE: NonZeroU8 = NonZeroU8::new(3).expect("not zero");

fn priority(value: u8) -> Priority {
    Priority::new(value).expect("not zero")
}

#[test]
fn no_skew_time_is_cut_to_zero_and_each_is_shorter_than_that_of_the_next_lower_priority() {
    for version in [Version::Two, Version::Three] {
        for interval in [10, 500, 1000, 40_950].map(Duration::from_millis) {
            let skew = |value| skew_time(version, priority(value), interval);
            for value in 1..=254 {
                let unit = match version {
                    Version::Two => SECOND,
                    Version::Three => interval,
                };
                let nanos = unit.as_nanos() * (256 - u128::from(value)) / 256;
                assert_eq!(skew(value).as_nanos(), nanos, "{version:?} {value}");
                assert!(skew(value) > skew(value + 1), "{version:?} {value}");
                assert!(skew(value) < unit, "{version:?} {value}");
            }
        }
    }
}

#[test]
fn the_skew_time_of_version_2_does_not_depend_on_the_interval() {
    let skew = |secs| skew_time(Version::Two, priority(90), Duration::from_secs(secs));
    assert_eq!(skew(1), skew(255));
    assert_eq!(skew(1), Duration::from_nanos(648_437_500));
}

#[test]
fn a_master_is_down_after_three_intervals_and_the_skew_time() {
    let down =
        |version, value, interval| master_down_interval(version, priority(value), interval, THREE);
    let millis = Duration::from_millis;
    assert_eq!(
        down(Version::Two, 100, SECOND),
        Duration::from_nanos(3_609_375_000)
    );
    assert_eq!(down(Version::Three, 128, millis(100)), millis(350));
    assert_eq!(down(Version::Two, 128, 2 * SECOND), millis(6_500));
    assert_eq!(down(Version::Three, 128, 2 * SECOND), millis(7_000));
}

#[test]
fn fewer_or_more_advertisements_may_be_missed() {
    for count in [1, 100] {
        let adverts = NonZeroU8::new(count).expect("not zero");
        let down = master_down_interval(Version::Three, priority(128), SECOND, adverts);
        assert_eq!(down, SECOND * u32::from(count) + SECOND / 2);
    }
}

#[test]
fn the_higher_priority_wins_and_of_equal_ones_the_greater_address_as_a_number() {
    let at = |value, address: &str| (priority(value), address.parse().expect("an address"));
    let table = [
        (at(100, "10.0.0.9"), at(99, "10.0.0.10"), Ordering::Greater),
        (at(100, "10.0.0.9"), at(100, "10.0.0.10"), Ordering::Less),
        (
            at(100, "10.0.0.9"),
            at(100, "9.255.255.255"),
            Ordering::Greater,
        ),
        (at(100, "fe80::9"), at(100, "fe80::10"), Ordering::Less),
        (at(100, "10.0.0.9"), at(100, "10.0.0.9"), Ordering::Equal),
        (at(255, "10.0.0.1"), at(254, "10.0.0.2"), Ordering::Greater),
    ];
    for (ours, theirs, order) in table {
        assert_eq!(compare(ours, theirs), order, "{ours:?} and {theirs:?}");
        assert_eq!(compare(theirs, ours), order.reverse());
    }
}

#[test]
fn zero_is_no_priority() {
    assert_eq!(Priority::new(RELEASE), None);
    assert!(priority(255).is_owner());
    assert!(!priority(254).is_owner());
}
