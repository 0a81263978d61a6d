//! Rates of the services and the servers, from looks at their counters.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use director_common::counters::Traffic;

use crate::dataplane::{
    DataPlane, MapAccessError,
    counters::{Rate, RateEstimator},
};

/// Time between two looks, as in IPVS (`ip_vs_est.c`).
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// Estimators by index.
#[derive(Debug, Default)]
pub(super) struct Rates {
    services: BTreeMap<u32, RateEstimator>,
    servers: BTreeMap<u32, RateEstimator>,
}

impl Rates {
    /// Takes a look at every counter that is in use.
    pub(super) fn look(
        &mut self,
        dataplane: &DataPlane,
        now: Instant,
    ) -> Result<(), MapAccessError> {
        let tables = dataplane.tables();
        let services: Vec<u32> = tables.services.values().map(|service| service.id).collect();
        look(&mut self.services, &services, now, |id| {
            dataplane.service_traffic(id)
        })?;
        let servers: Vec<u32> = tables
            .servers
            .iter()
            .filter(|(_, server)| server.service != 0)
            .map(|(index, _)| *index)
            .collect();
        look(&mut self.servers, &servers, now, |index| {
            dataplane.server_traffic(index)
        })
    }

    /// Rate of a service.
    pub(super) fn service(&self, id: u32) -> Rate {
        self.services
            .get(&id)
            .map(RateEstimator::rate)
            .unwrap_or_default()
    }

    /// Rate of a real server.
    pub(super) fn server(&self, index: u32) -> Rate {
        self.servers
            .get(&index)
            .map(RateEstimator::rate)
            .unwrap_or_default()
    }
}

fn look(
    estimators: &mut BTreeMap<u32, RateEstimator>,
    indexes: &[u32],
    now: Instant,
    read: impl Fn(u32) -> Result<Traffic, MapAccessError>,
) -> Result<(), MapAccessError> {
    estimators.retain(|index, _| indexes.contains(index));
    for index in indexes {
        let traffic = read(*index)?;
        estimators
            .entry(*index)
            .or_insert_with(|| RateEstimator::new(now, traffic))
            .look(now, traffic);
    }
    Ok(())
}
