//! When an instance is given up. Pure: times are nanoseconds of CLOCK_MONOTONIC, as leases have them.

use std::time::Duration;

/// What to do about an instance now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is not MASTER: look again after this time.
    Idle(Duration),
    /// It is MASTER, and its lease is fresh or has its last chance to be renewed: look again after this time.
    Wait(Duration),
    /// Its lease was not renewed: end it, and give up the rest.
    GiveUp,
}

/// How soon a new MASTER is noticed. A lease is longer than one interval, and no interval is shorter than 10 ms.
const IDLE_LOOK: Duration = Duration::from_millis(10);

/// Looks at the lease of one instance, again and again.
///
/// One that was not renewed is looked at twice: a margin before it ends, and a margin after that look. A host that stood still
/// wakes the daemon and its guardian in the same moment, and which of them runs first is chance. Whoever is that late shall find
/// out whether the daemon lives before it takes anything from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Watch {
    suspicion: Option<Suspicion>,
}

/// A lease was not renewed when it should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Suspicion {
    /// Which one.
    until_ns: u64,
    /// When that is the daemon's fault.
    proven_ns: u64,
}

impl Watch {
    /// `until_ns`: when the lease ends, 0: it is not held. `margin`: so long before that it is suspicious.
    pub(super) fn look(&mut self, now_ns: u64, until_ns: u64, margin: Duration) -> Step {
        let suspicion = self
            .suspicion
            .take()
            .filter(|suspicion| suspicion.until_ns == until_ns);
        if until_ns == 0 || until_ns == u64::MAX {
            return Step::Idle(IDLE_LOOK);
        }
        let margin_ns = u64::try_from(margin.as_nanos()).unwrap_or(u64::MAX);
        let due_ns = until_ns.saturating_sub(margin_ns);
        if now_ns < due_ns {
            return Step::Wait(Duration::from_nanos(due_ns - now_ns));
        }
        let proven_ns = match suspicion {
            Some(suspicion) => suspicion.proven_ns,
            None => now_ns.saturating_add(margin_ns),
        };
        if now_ns >= proven_ns {
            return Step::GiveUp;
        }
        self.suspicion = Some(Suspicion {
            until_ns,
            proven_ns,
        });
        Step::Wait(Duration::from_nanos(proven_ns - now_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MARGIN_NS: u64 = SECOND / 4;
    const MARGIN: Duration = Duration::from_nanos(MARGIN_NS);
    const UNTIL: u64 = 13 * SECOND;

    #[test]
    fn a_lease_that_is_renewed_is_looked_at_again_shortly_before_it_would_end() {
        let mut watch = Watch::default();
        for now in [10 * SECOND, 11 * SECOND] {
            let step = watch.look(now, now + 3 * SECOND, MARGIN);
            assert_eq!(step, Step::Wait(Duration::from_millis(2750)));
        }
    }

    #[test]
    fn a_lease_that_nobody_renews_is_given_up_when_it_ends() {
        let mut watch = Watch::default();
        let step = watch.look(UNTIL - MARGIN_NS, UNTIL, MARGIN);
        assert_eq!(step, Step::Wait(MARGIN));
        // Woken by something else meanwhile.
        let step = watch.look(UNTIL - 1, UNTIL, MARGIN);
        assert_eq!(step, Step::Wait(Duration::from_nanos(1)));
        assert_eq!(watch.look(UNTIL, UNTIL, MARGIN), Step::GiveUp);
    }

    #[test]
    fn a_guardian_that_comes_late_itself_looks_once_more() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(20 * SECOND, UNTIL, MARGIN), Step::Wait(MARGIN));
        let later = 20 * SECOND + MARGIN_NS;
        assert_eq!(watch.look(later, UNTIL, MARGIN), Step::GiveUp);
    }

    #[test]
    fn what_is_renewed_in_the_last_moment_is_not_suspected_any_more() {
        let mut watch = Watch::default();
        watch.look(20 * SECOND, UNTIL, MARGIN);
        let renewed = 23 * SECOND;
        let step = watch.look(20 * SECOND + MARGIN_NS, renewed, MARGIN);
        assert_eq!(step, Step::Wait(Duration::from_millis(2500)));
        // Each lease has its own last chance.
        assert_eq!(watch.look(30 * SECOND, renewed, MARGIN), Step::Wait(MARGIN));
    }

    #[test]
    fn what_is_not_held_is_let_alone() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(SECOND, 0, MARGIN), Step::Idle(IDLE_LOOK));
        assert_eq!(watch.look(SECOND, u64::MAX, MARGIN), Step::Idle(IDLE_LOOK));
    }

    #[test]
    fn a_margin_of_nothing_gives_up_at_once_and_one_beyond_all_time_does_not_overflow() {
        assert_eq!(Watch::default().look(1, 1, Duration::ZERO), Step::GiveUp);
        let step = Watch::default().look(0, 1, Duration::MAX);
        assert_eq!(step, Step::Wait(Duration::from_nanos(u64::MAX)));
    }
}
