//! Quorum: whether a pool has enough live weight, with a band against flapping.

use serde::Serialize;

/// `quorum` and `hysteresis` of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quorum {
    /// Least live weight.
    pub quorum: u32,
    /// Half the width of the band.
    pub hysteresis: u32,
}

impl Quorum {
    /// Live weight from which a quorum that was lost is gained.
    #[must_use]
    pub const fn up_from(self) -> u64 {
        self.quorum as u64 + self.hysteresis as u64
    }

    /// Live weight below which the quorum is lost.
    #[must_use]
    pub const fn down_below(self) -> u64 {
        (self.quorum as u64).saturating_sub(self.hysteresis as u64)
    }

    /// Whether the quorum is met with `live` weight, after it was `before`.
    #[must_use]
    pub const fn is_met(self, before: Met, live: u64) -> Met {
        let met = match before {
            Met::Yes => live >= self.down_below(),
            Met::No => live >= self.up_from(),
        };
        if met { Met::Yes } else { Met::No }
    }
}

/// State of a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Met {
    /// The real servers get the new flows.
    Yes,
    /// The sorry server gets them, if there is one.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_the_band_the_quorum_stays_what_it_was() {
        let quorum = Quorum {
            quorum: 5,
            hysteresis: 2,
        };
        for live in 0..10 {
            let down = quorum.is_met(Met::Yes, live) == Met::No;
            let up = quorum.is_met(Met::No, live) == Met::Yes;
            assert_eq!(down, live < 3, "lost at {live}");
            assert_eq!(up, live >= 7, "gained at {live}");
        }
    }

    #[test]
    fn without_hysteresis_the_quorum_is_one_threshold() {
        let quorum = Quorum {
            quorum: 1,
            hysteresis: 0,
        };
        assert_eq!(quorum.is_met(Met::Yes, 0), Met::No);
        assert_eq!(quorum.is_met(Met::No, 1), Met::Yes);
    }
}
