//! The clock of the packet path.

use crate::bench::Bench;

/// Jiffies that are compared with as much of the other clock: enough to tell 250 a second from 300.
const STRETCH: u64 = 100;
/// Jiffies that may be late: the kernel counts them when it gets to it.
const LATE: u64 = 8;

#[test]
fn jiffies_run_as_fast_as_the_kernel_says() {
    let bench = Bench::new();
    let moment = || bench.dataplane.moment().expect("the clock");
    let first = moment();
    let last = loop {
        let now = moment();
        if now.jiffies - first.jiffies >= STRETCH {
            break now;
        }
    };
    let jiffy_ns = 1_000_000_000 / u64::from(bench.dataplane.jiffies_per_second());
    let by_the_other = (last.monotonic_ns - first.monotonic_ns) / jiffy_ns;
    let by_this = last.jiffies - first.jiffies;
    assert!(
        by_this.abs_diff(by_the_other) <= LATE,
        "{by_this} jiffies, and {by_the_other} by the other clock"
    );
}

#[test]
fn flows_are_stamped_with_the_low_bits_of_jiffies() {
    let bench = Bench::new();
    let before = bench.dataplane.moment().expect("the clock").jiffies;
    let now = bench.dataplane.read_clock().expect("the clock");
    assert!(now.now.wrapping_sub(before as u32) < now.per_second);
}
