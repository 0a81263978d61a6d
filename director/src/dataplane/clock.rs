//! The clock of the flows: jiffies, as the packet path reads them.
//!
//! How many of them make a second is a secret of the kernel's configuration, so it is measured.

use std::time::{Duration, Instant};

use super::expiry::Jiffies;

/// Values of `CONFIG_HZ` that kernels are built with.
const KNOWN_RATES: [u32; 4] = [100, 250, 300, 1000];
/// A shorter measurement could mistake 250 for 300.
pub const SHORTEST_MEASUREMENT: Duration = Duration::from_millis(200);
/// Debian's, until the measurement is done.
pub const RATE_UNTIL_MEASURED: u32 = 250;

/// Measures the rate of jiffies from two readings. Pure: readings and times are arguments.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    first: (Instant, u32),
    per_second: Option<u32>,
}

impl Clock {
    /// Begins with a first reading.
    #[must_use]
    pub const fn new(at: Instant, jiffies: u32) -> Self {
        Self {
            first: (at, jiffies),
            per_second: None,
        }
    }

    /// Takes a further reading, and gives it with the rate as well as that is known.
    pub fn read(&mut self, at: Instant, jiffies: u32) -> Jiffies {
        let (first_at, first_jiffies) = self.first;
        let elapsed = at.saturating_duration_since(first_at);
        if self.per_second.is_none() && elapsed >= SHORTEST_MEASUREMENT {
            let measured = f64::from(jiffies.wrapping_sub(first_jiffies)) / elapsed.as_secs_f64();
            self.per_second = Some(nearest_rate(measured));
        }
        Jiffies {
            now: jiffies,
            per_second: self.per_second(),
        }
    }

    /// Jiffies in a second, as well as that is known.
    #[must_use]
    pub fn per_second(&self) -> u32 {
        self.per_second.unwrap_or(RATE_UNTIL_MEASURED)
    }
}

fn nearest_rate(measured: f64) -> u32 {
    KNOWN_RATES
        .into_iter()
        .min_by(|a, b| {
            let distance = |rate: u32| (measured / f64::from(rate)).ln().abs();
            distance(*a).total_cmp(&distance(*b))
        })
        .unwrap_or(RATE_UNTIL_MEASURED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_known_one_nearest_to_the_measurement() {
        for rate in KNOWN_RATES {
            let start = Instant::now();
            let mut clock = Clock::new(start, u32::MAX - 10);
            let ticks = rate * 3 / 10 + 1;
            let later = clock.read(
                start + Duration::from_millis(300),
                (u32::MAX - 10).wrapping_add(ticks),
            );
            assert_eq!(later.per_second, rate);
        }
    }

    #[test]
    fn a_measurement_that_is_too_short_settles_nothing() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 0);
        assert_eq!(
            clock.read(start + Duration::from_millis(10), 10).per_second,
            RATE_UNTIL_MEASURED
        );
        assert_eq!(
            clock.read(start + Duration::from_secs(1), 1000).per_second,
            1000
        );
    }
}
