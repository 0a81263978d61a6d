//! When a lease ends.

use proptest::prelude::*;

use super::*;

const NOW: Reading = Reading {
    jiffies: 4_294_967_290,
    monotonic_ns: 7_000_000_123,
};

fn milliseconds(length: u64) -> Duration {
    Duration::from_millis(length)
}

#[test]
fn a_lease_ends_in_both_clocks_at_the_same_moment() {
    let lease = lease_from(NOW, 250, milliseconds(300));
    assert_eq!(lease.until, NOW.jiffies + 75);
    assert_eq!(lease.until_monotonic_ns, NOW.monotonic_ns + 300_000_000);
}

#[test]
fn a_length_is_rounded_down_to_whole_jiffies() {
    let lease = lease_from(NOW, 100, milliseconds(309));
    assert_eq!(lease.until, NOW.jiffies + 30);
    assert_eq!(lease.until_monotonic_ns, NOW.monotonic_ns + 300_000_000);
    let lease = lease_from(NOW, 300, milliseconds(10));
    assert_eq!(lease.until, NOW.jiffies + 3);
    assert_eq!(lease.until_monotonic_ns, NOW.monotonic_ns + 10_000_000);
}

#[test]
fn a_length_below_one_jiffy_is_one_jiffy() {
    for length in [Duration::ZERO, Duration::from_nanos(1), milliseconds(3)] {
        let lease = lease_from(NOW, 250, length);
        assert_eq!(lease.until, NOW.jiffies + 1);
        assert_eq!(lease.until_monotonic_ns, NOW.monotonic_ns + 4_000_000);
    }
}

#[test]
fn a_length_beyond_all_clocks_is_for_ever() {
    assert_eq!(lease_from(NOW, 1000, Duration::MAX), Lease::FOREVER);
}

proptest! {
    #[test]
    fn no_lease_lasts_longer_than_was_asked_for(
        per_second in prop::sample::select(&[100_u32, 250, 300, 1000][..]),
        microseconds in 10_000..10_000_000_u64,
    ) {
        let length = Duration::from_micros(microseconds);
        let lease = lease_from(NOW, per_second, length);
        let jiffy = Duration::from_secs(1) / per_second;
        let by_jiffies = jiffy * u32::try_from(lease.until - NOW.jiffies).expect("few");
        prop_assert!(by_jiffies <= length);
        prop_assert!(by_jiffies + jiffy + Duration::from_micros(1) > length);
        let by_the_other = Duration::from_nanos(lease.until_monotonic_ns - NOW.monotonic_ns);
        prop_assert!(by_the_other <= length);
        prop_assert!(by_the_other >= by_jiffies);
    }
}
