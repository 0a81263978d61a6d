//! What the CPUs counted, summed; and rates from two looks.

use std::time::Instant;

use aya::maps::{MapData, MapError, PerCpuArray};
use director_common::counters::{Counter, Traffic};

use super::{
    apply::MapAccessError,
    maps::{Maps, Plain},
};

/// Traffic of one index of a per-CPU map.
fn total(map: &PerCpuArray<MapData, Plain<Traffic>>, index: u32) -> Result<Traffic, MapError> {
    let mut total = Traffic::default();
    for cpu in map.get(&index, 0)?.iter() {
        total += cpu.0;
    }
    Ok(total)
}

/// Traffic of a virtual service.
pub(super) fn service(maps: &Maps, id: u32) -> Result<Traffic, MapAccessError> {
    total(&maps.service_traffic, id).map_err(MapAccessError::while_doing(
        "reading the counters of a service",
    ))
}

/// Traffic of a real server.
pub(super) fn server(maps: &Maps, index: u32) -> Result<Traffic, MapAccessError> {
    total(&maps.server_traffic, index).map_err(MapAccessError::while_doing(
        "reading the counters of a real server",
    ))
}

/// Every counter of the packet path, in the order of [`Counter::ALL`].
pub(super) fn all(maps: &Maps) -> Result<Vec<(Counter, u64)>, MapAccessError> {
    Counter::ALL
        .iter()
        .map(|counter| {
            let cpus = maps.counters.get(&(*counter as u32), 0)?;
            Ok((*counter, cpus.iter().sum()))
        })
        .collect::<Result<_, _>>()
        .map_err(MapAccessError::while_doing("reading the counters"))
}

/// Traffic per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// New flows per second (*CPS*).
    pub connections: f64,
    /// Packets per second (*InPPS*).
    pub packets: f64,
    /// Bytes per second (*InBPS*).
    pub bytes: f64,
}

/// Estimates rates as IPVS does (`ip_vs_est.c`): each look moves the estimate a quarter of the way to what was measured.
#[derive(Clone, Copy, Debug)]
pub struct RateEstimator {
    last: (Instant, Traffic),
    rate: Rate,
}

impl RateEstimator {
    /// Begins with a first look; the rate is zero until the second.
    #[must_use]
    pub const fn new(now: Instant, traffic: Traffic) -> Self {
        Self {
            last: (now, traffic),
            rate: Rate {
                connections: 0.0,
                packets: 0.0,
                bytes: 0.0,
            },
        }
    }

    /// Takes a further look. Counters that went back were cleared: the estimate begins anew.
    pub fn look(&mut self, now: Instant, traffic: Traffic) {
        let (then, before) = self.last;
        let seconds = now.saturating_duration_since(then).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        if traffic.packets < before.packets {
            *self = Self::new(now, traffic);
            return;
        }
        let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let approach =
            |estimate: &mut f64, measured: f64| *estimate += (measured - *estimate) / 4.0;
        approach(
            &mut self.rate.connections,
            per_second(traffic.connections, before.connections),
        );
        approach(
            &mut self.rate.packets,
            per_second(traffic.packets, before.packets),
        );
        approach(
            &mut self.rate.bytes,
            per_second(traffic.bytes, before.bytes),
        );
        self.last = (now, traffic);
    }

    /// The estimate.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn packets(packets: u64) -> Traffic {
        Traffic {
            packets,
            ..Traffic::default()
        }
    }

    #[test]
    fn a_steady_stream_is_estimated_at_its_rate() {
        let start = Instant::now();
        let mut estimator = RateEstimator::new(start, packets(0));
        for look in 1..=40 {
            estimator.look(start + Duration::from_secs(2 * look), packets(200 * look));
        }
        assert!((estimator.rate().packets - 100.0).abs() < 0.01);
    }

    #[test]
    fn the_first_look_moves_a_quarter_of_the_way() {
        let start = Instant::now();
        let mut estimator = RateEstimator::new(start, packets(0));
        estimator.look(start + Duration::from_secs(2), packets(200));
        assert_eq!(estimator.rate().packets, 25.0);
    }

    #[test]
    fn cleared_counters_begin_a_new_estimate() {
        let start = Instant::now();
        let mut estimator = RateEstimator::new(start, packets(1000));
        estimator.look(start + Duration::from_secs(2), packets(10));
        assert_eq!(estimator.rate(), Rate::default());
    }
}
