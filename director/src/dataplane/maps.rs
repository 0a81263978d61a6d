//! Typed handles of the pinned maps. Private to the data plane: nobody else touches a BPF map.

use std::path::Path;

use aya::maps::{Array, ArrayOfMaps, HashMap, Map, MapData, MapError, PerCpuArray};
use bytemuck::Pod;
use director_common::{
    counters::Traffic,
    flow::{Flow, FlowKeyV4},
    instance::Instance,
    limits::map,
    schedule::Schedule,
    server::RealServer,
    service::{Service, ServiceKey},
};

/// A layout of `director-common` as aya wants it.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(super) struct Plain<T>(pub(super) T);

// SAFETY: `bytemuck::Pod` promises what `aya::Pod` asks for: any bytes are a value, and there is no padding.
unsafe impl<T: Pod> aya::Pod for Plain<T> {}

/// The inner map of `SCHEDULES`.
pub(super) type ScheduleMap = Array<MapData, Plain<Schedule>>;

/// Handles of all maps. Those with an underscore are opened for their layouts to be compared, and are read elsewhere.
pub(super) struct Maps {
    pub(super) instances: Array<MapData, Plain<Instance>>,
    pub(super) services: HashMap<MapData, Plain<ServiceKey>, Plain<Service>>,
    pub(super) servers: Array<MapData, Plain<RealServer>>,
    pub(super) schedules: ArrayOfMaps<MapData, ScheduleMap>,
    _cursors: Array<MapData, u64>,
    _flows_v4: HashMap<MapData, Plain<FlowKeyV4>, Plain<Flow>>,
    pub(super) service_traffic: PerCpuArray<MapData, Plain<Traffic>>,
    pub(super) server_traffic: PerCpuArray<MapData, Plain<Traffic>>,
    pub(super) counters: PerCpuArray<MapData, u64>,
}

/// A pinned map cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the pinned map {name} cannot be used")]
pub struct OpenMapError {
    name: &'static str,
    #[source]
    source: MapError,
}

impl Maps {
    /// Opens the maps that are pinned in `folder`. Their layouts are compared with ours.
    pub(super) fn open(folder: &Path) -> Result<Self, OpenMapError> {
        Ok(Self {
            instances: open(folder, map::INSTANCES)?,
            services: open(folder, map::SERVICES)?,
            servers: open(folder, map::SERVERS)?,
            schedules: open(folder, map::SCHEDULES)?,
            _cursors: open(folder, map::CURSORS)?,
            _flows_v4: open(folder, map::FLOWS_V4)?,
            service_traffic: open(folder, map::SERVICE_TRAFFIC)?,
            server_traffic: open(folder, map::SERVER_TRAFFIC)?,
            counters: open(folder, map::COUNTERS)?,
        })
    }
}

fn open<M: TryFrom<Map, Error = MapError>>(
    folder: &Path,
    name: &'static str,
) -> Result<M, OpenMapError> {
    MapData::from_pin(folder.join(name))
        .and_then(Map::from_map_data)
        .and_then(M::try_from)
        .map_err(|source| OpenMapError { name, source })
}
