//! How fast connections are told, so that a network and its hosts are not flooded by what should help them. Pure.

use std::time::Duration;

/// A steady pace from a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Connections in a second; 0: no pace, as fast as it goes.
    per_second: u32,
}

/// A pause that is shorter is not worth a call of the kernel.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

impl Pace {
    /// So many connections in a second; 0: as fast as it goes.
    #[must_use]
    pub const fn new(per_second: u32) -> Self {
        Self { per_second }
    }

    /// How long to wait when `told` connections were told in the time since the start.
    #[must_use]
    pub fn pause(self, told: u64, elapsed: Duration) -> Option<Duration> {
        if self.per_second == 0 {
            return None;
        }
        let due = Duration::from_secs(told).checked_div(self.per_second)?;
        due.checked_sub(elapsed)
            .filter(|pause| *pause >= SHORTEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_go_in_a_second_as_the_pace_says() {
        let pace = Pace::new(50_000);
        let millis = Duration::from_millis;
        assert_eq!(pace.pause(0, millis(0)), None);
        assert_eq!(pace.pause(50, millis(0)), Some(millis(1)));
        assert_eq!(pace.pause(50_000, millis(900)), Some(millis(100)));
        assert_eq!(pace.pause(50_000, millis(1000)), None);
        assert_eq!(
            pace.pause(100, millis(5000)),
            None,
            "what was missed is not made up for in one go"
        );
    }

    #[test]
    fn without_a_pace_nothing_waits() {
        assert_eq!(Pace::new(0).pause(u64::MAX, Duration::ZERO), None);
    }
}
