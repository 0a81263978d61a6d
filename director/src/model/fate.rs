//! What becomes of a server's flows when it gets no more of them. Pure.

use std::time::SystemTime;

use crate::config::{Farewell, Farewells};

/// Why a server gets no new flows for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A check fails.
    Failed,
    /// The operator set its weight to 0.
    Quiesced,
    /// The operator took it out of the configuration.
    Removed,
    /// It is the sorry server, and the real servers are back.
    Relieved,
}

/// What becomes of its flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They go on.
    GoOn,
    /// They go on until then.
    Drain(SystemTime),
    /// Their packets are dropped until the server returns.
    Held,
    /// They are over: both ends are told.
    Over,
}

impl Cause {
    /// What the operator wants then.
    #[must_use]
    pub const fn farewell(self, farewells: &Farewells) -> Farewell {
        match self {
            Self::Failed => farewells.on_failure,
            Self::Quiesced | Self::Removed => farewells.on_removal,
            Self::Relieved => farewells.on_relief,
        }
    }
}

impl Fate {
    /// What begins when a server's turn ends.
    #[must_use]
    pub fn of(cause: Cause, farewell: Farewell, now: SystemTime) -> Self {
        match farewell {
            Farewell::Reset => Self::Over,
            // A time that no clock can tell is for ever.
            Farewell::Drain(time) => now.checked_add(time).map_or(Self::GoOn, Self::Drain),
            // A server with weight 0 is there, so nothing is to be waited for.
            Farewell::Hold if cause == Cause::Quiesced => Self::GoOn,
            Farewell::Hold => Self::Held,
            Farewell::Keep => Self::GoOn,
        }
    }

    /// The fate at a time.
    #[must_use]
    pub fn at(self, now: SystemTime) -> Self {
        match self {
            Self::Drain(deadline) if deadline <= now => Self::Over,
            fate => fate,
        }
    }

    /// When it changes by itself.
    #[must_use]
    pub const fn deadline(self) -> Option<SystemTime> {
        match self {
            Self::Drain(deadline) => Some(deadline),
            Self::GoOn | Self::Held | Self::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn each_cause_has_its_own_farewell() {
        let farewells = Farewells {
            on_failure: Farewell::Hold,
            on_removal: Farewell::Drain(Duration::from_secs(5)),
            on_relief: Farewell::Keep,
        };
        let until = NOW + Duration::from_secs(5);
        for (cause, fate) in [
            (Cause::Failed, Fate::Held),
            (Cause::Removed, Fate::Drain(until)),
            (Cause::Quiesced, Fate::Drain(until)),
            (Cause::Relieved, Fate::GoOn),
        ] {
            let farewell = cause.farewell(&farewells);
            assert_eq!(Fate::of(cause, farewell, NOW), fate, "{cause:?}");
        }
        let hold = |cause| Fate::of(cause, Farewell::Hold, NOW);
        assert_eq!(hold(Cause::Quiesced), Fate::GoOn);
        assert_eq!(hold(Cause::Removed), Fate::Held);
    }

    #[test]
    fn what_drains_is_over_at_its_deadline() {
        let fate = Fate::Drain(NOW + Duration::from_secs(5));
        assert_eq!(fate.at(NOW + Duration::from_secs(4)), fate);
        assert_eq!(fate.at(NOW + Duration::from_secs(5)), Fate::Over);
        assert_eq!(Fate::Held.at(NOW + Duration::from_secs(5)), Fate::Held);
    }
}
