//! When an instance is given up. Pure: times are nanoseconds of CLOCK_MONOTONIC, as leases have them.

use std::time::Duration;

/// What to do about an instance now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is not MASTER: look again after this time.
    Idle(Duration),
    /// It is MASTER and its lease is fresh: look again after this time.
    Wait(Duration),
    /// Its lease was not renewed: end it, and give up the rest.
    GiveUp,
}

/// How soon a new MASTER is noticed. A lease is longer than one interval, and no interval is shorter than 10 ms.
const IDLE_LOOK: Duration = Duration::from_millis(10);

/// `until_ns`: when the lease ends, 0: it is not held.
pub(super) fn step(now_ns: u64, until_ns: u64, margin: Duration) -> Step {
    if until_ns == 0 || until_ns == u64::MAX {
        return Step::Idle(IDLE_LOOK);
    }
    let margin_ns = u64::try_from(margin.as_nanos()).unwrap_or(u64::MAX);
    match until_ns.saturating_sub(margin_ns) {
        due if now_ns >= due => Step::GiveUp,
        due => Step::Wait(Duration::from_nanos(due - now_ns)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MARGIN: Duration = Duration::from_millis(250);

    #[test]
    fn a_lease_that_is_renewed_is_looked_at_again_shortly_before_it_would_end() {
        let step = step(10 * SECOND, 13 * SECOND, MARGIN);
        assert_eq!(step, Step::Wait(Duration::from_millis(2750)));
    }

    #[test]
    fn a_lease_that_is_about_to_end_is_given_up() {
        let due = 13 * SECOND - 250_000_000;
        assert_eq!(step(due, 13 * SECOND, MARGIN), Step::GiveUp);
        assert_eq!(
            step(due - 1, 13 * SECOND, MARGIN),
            Step::Wait(Duration::from_nanos(1))
        );
        assert_eq!(step(20 * SECOND, 13 * SECOND, MARGIN), Step::GiveUp);
    }

    #[test]
    fn what_is_not_held_is_let_alone() {
        assert_eq!(step(SECOND, 0, MARGIN), Step::Idle(IDLE_LOOK));
        assert_eq!(step(SECOND, u64::MAX, MARGIN), Step::Idle(IDLE_LOOK));
    }

    #[test]
    fn a_margin_longer_than_the_lease_gives_up_and_does_not_overflow() {
        assert_eq!(step(0, 1, Duration::MAX), Step::GiveUp);
    }
}
