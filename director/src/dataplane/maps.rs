//! Typed handles of the pinned maps. Private to the data plane: nobody else touches a BPF map.

use std::path::Path;

use aya::maps::{
    Array, ArrayOfMaps, HashMap, Map, MapData, MapError, PerCpuArray, xdp::DevMapHash,
};
use bytemuck::Pod;
use director_common::{
    counters::Traffic,
    flow::{Flow, FlowKeyV4, FlowKeyV6},
    fragment::{Fragment, FragmentKey},
    instance::Instance,
    interface::Interface,
    limits::map,
    load::Load,
    persistence::{Template, TemplateKey},
    schedule::{Locality, Schedule},
    server::RealServer,
    service::{Service, ServiceKeyV4, ServiceKeyV6, VipFilter},
    settings::{ReplyBudget, Settings},
};

use super::leases::{Leases, NoClock};

/// A layout of `director-common` as aya wants it.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(super) struct Plain<T>(pub(super) T);

// SAFETY: `bytemuck::Pod` promises what `aya::Pod` asks for: any bytes are a value, and there is no padding.
unsafe impl<T: Pod> aya::Pod for Plain<T> {}

/// The inner map of `SCHEDULES`.
pub(super) type ScheduleMap = Array<MapData, Plain<Schedule>>;

/// A hash map with layouts of `director-common`.
pub(super) type PlainHash<K, V> = HashMap<MapData, Plain<K>, Plain<V>>;

/// Handles of all maps. Those with an underscore are opened for their layouts to be compared, and are read elsewhere.
pub(super) struct Maps {
    pub(super) settings: Array<MapData, Plain<Settings>>,
    pub(super) interfaces: HashMap<MapData, u32, Plain<Interface>>,
    pub(super) egress: DevMapHash<MapData>,
    pub(super) instances: Array<MapData, Plain<Instance>>,
    pub(super) leases: Leases<NoClock>,
    pub(super) vip_filter: Array<MapData, Plain<VipFilter>>,
    pub(super) services_v4: PlainHash<ServiceKeyV4, Service>,
    pub(super) services_v6: PlainHash<ServiceKeyV6, Service>,
    pub(super) servers: Array<MapData, Plain<RealServer>>,
    pub(super) loads: Array<MapData, Plain<Load>>,
    pub(super) schedules: ArrayOfMaps<MapData, ScheduleMap>,
    _cursors: Array<MapData, u64>,
    pub(super) localities: Array<MapData, Plain<Locality>>,
    _flows_v4: PlainHash<FlowKeyV4, Flow>,
    _flows_v6: PlainHash<FlowKeyV6, Flow>,
    _half_open_v4: PlainHash<FlowKeyV4, Flow>,
    _half_open_v6: PlainHash<FlowKeyV6, Flow>,
    _templates: PlainHash<TemplateKey, Template>,
    _fragments: PlainHash<FragmentKey, Fragment>,
    pub(super) service_traffic: PerCpuArray<MapData, Plain<Traffic>>,
    pub(super) server_traffic: PerCpuArray<MapData, Plain<Traffic>>,
    pub(super) counters: PerCpuArray<MapData, u64>,
    _reply_budget: PerCpuArray<MapData, Plain<ReplyBudget>>,
}

/// A pinned map cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the pinned map {name} cannot be used")]
pub struct OpenMapError {
    name: &'static str,
    #[source]
    source: MapError,
}

impl OpenMapError {
    pub(super) const fn new(name: &'static str, source: MapError) -> Self {
        Self { name, source }
    }
}

impl Maps {
    /// Opens the maps that are pinned in `folder`. Their layouts are compared with ours.
    pub(super) fn open(folder: &Path) -> Result<Self, OpenMapError> {
        Ok(Self {
            settings: open(folder, map::SETTINGS)?,
            interfaces: open(folder, map::INTERFACES)?,
            egress: open(folder, map::EGRESS)?,
            instances: open(folder, map::INSTANCES)?,
            leases: Leases::in_folder(folder)?,
            vip_filter: open(folder, map::VIP_FILTER)?,
            services_v4: open(folder, map::SERVICES_V4)?,
            services_v6: open(folder, map::SERVICES_V6)?,
            servers: open(folder, map::SERVERS)?,
            loads: open(folder, map::LOADS)?,
            schedules: open(folder, map::SCHEDULES)?,
            _cursors: open(folder, map::CURSORS)?,
            localities: open(folder, map::LOCALITIES)?,
            _flows_v4: open(folder, map::FLOWS_V4)?,
            _flows_v6: open(folder, map::FLOWS_V6)?,
            _half_open_v4: open(folder, map::HALF_OPEN_V4)?,
            _half_open_v6: open(folder, map::HALF_OPEN_V6)?,
            _templates: open(folder, map::TEMPLATES)?,
            _fragments: open(folder, map::FRAGMENTS)?,
            service_traffic: open(folder, map::SERVICE_TRAFFIC)?,
            server_traffic: open(folder, map::SERVER_TRAFFIC)?,
            counters: open(folder, map::COUNTERS)?,
            _reply_budget: open(folder, map::REPLY_BUDGET)?,
        })
    }
}

/// Opens one pinned map.
pub(super) fn open<M: TryFrom<Map, Error = MapError>>(
    folder: &Path,
    name: &'static str,
) -> Result<M, OpenMapError> {
    MapData::from_pin(folder.join(name))
        .and_then(Map::from_map_data)
        .and_then(M::try_from)
        .map_err(|source| OpenMapError { name, source })
}
