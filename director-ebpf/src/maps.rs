//! Every map, one declaration each: who writes it and who reads it. Layouts are in `director-common`.
//!
//! The sizes here are defaults; the daemon sets the flow table's at load.

use aya_ebpf::{
    bindings::BPF_F_NO_COMMON_LRU,
    btf_maps::{Array, ArrayOfMaps, HashMap, LruHashMap, PerCpuArray},
    macros::btf_map,
};
use director_common::{
    counters::{self, Traffic},
    flow::{Flow, FlowKeyV4},
    instance::Instance,
    limits::{DEFAULT_FLOWS, MAX_INSTANCES, MAX_SERVERS, MAX_SERVICES},
    schedule::Schedule,
    server::RealServer,
    service::{Service, ServiceKey},
};

/// Who may forward. Written by the daemon, read for each packet.
#[btf_map]
pub static INSTANCES: Array<Instance, { MAX_INSTANCES as usize }> = Array::new();

/// The virtual services. Written by the daemon, read for each packet without a flow.
#[btf_map]
pub static SERVICES: HashMap<ServiceKey, Service, { MAX_SERVICES as usize }> = HashMap::new();

/// The real servers. Written by the daemon, read for each packet that is forwarded.
#[btf_map]
pub static SERVERS: Array<RealServer, { MAX_SERVERS as usize }> = Array::new();

/// The order in which new flows are given away. The daemon swaps a service's table whole.
#[btf_map]
pub static SCHEDULES: ArrayOfMaps<Array<Schedule, 1>, { MAX_SERVICES as usize }> =
    ArrayOfMaps::new();

/// Position in a service's order. Written here, once for each new flow.
#[btf_map]
pub static CURSORS: Array<u64, { MAX_SERVICES as usize }> = Array::new();

/// The flows: one table that all CPUs share, with free lists of their own so that no insertion takes a global lock.
/// Written here, expired by the daemon.
#[btf_map]
pub static FLOWS_V4: LruHashMap<
    FlowKeyV4,
    Flow,
    { DEFAULT_FLOWS as usize },
    { BPF_F_NO_COMMON_LRU as usize },
> = LruHashMap::new();

/// Traffic by service. Written here, read by the daemon.
#[btf_map]
pub static SERVICE_TRAFFIC: PerCpuArray<Traffic, { MAX_SERVICES as usize }> = PerCpuArray::new();

/// Traffic by real server. Written here, read by the daemon.
#[btf_map]
pub static SERVER_TRAFFIC: PerCpuArray<Traffic, { MAX_SERVERS as usize }> = PerCpuArray::new();

/// How packets left, by [`counters::Counter`]. Written here, read by the daemon.
#[btf_map]
pub static COUNTERS: PerCpuArray<u64, { counters::COUNTERS as usize }> = PerCpuArray::new();
