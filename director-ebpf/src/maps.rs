//! Every map, one declaration each: who writes it and who reads it. Layouts are in `director-common`.
//!
//! The sizes of the tables of flows, templates and fragments are defaults; the daemon sets them at load.

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_F_NO_COMMON_LRU},
    btf_maps::{Array, ArrayOfMaps, DevMapHash, HashMap, LruHashMap, PerCpuArray},
    macros::btf_map,
};
use director_common::{
    counters::{self, Traffic},
    flow::{Flow, FlowKeyV4, FlowKeyV6},
    fragment::{Fragment, FragmentKey},
    instance::{Instance, Lease},
    interface::Interface,
    limits::{
        DEFAULT_FLOWS, DEFAULT_FRAGMENTS, DEFAULT_HALF_OPEN, DEFAULT_TEMPLATES, MAX_INSTANCES,
        MAX_INTERFACES, MAX_SERVERS, MAX_SERVICES,
    },
    load::Load,
    persistence::{Template, TemplateKey},
    schedule::{Locality, Schedule},
    server::RealServer,
    service::{Service, ServiceKeyV4, ServiceKeyV6, VipFilter},
    settings::{ReplyBudget, Settings},
};

/// Free lists of each CPU's own, so that no insertion takes a global lock.
const PER_CPU_LISTS: usize = BPF_F_NO_COMMON_LRU as usize;

/// Times and limits. Written by the daemon, read off the hot path.
#[btf_map]
pub static SETTINGS: Array<Settings, 1> = Array::new();

/// Our interfaces. Written by the daemon, read for packets that do not leave as they came.
#[btf_map]
pub static INTERFACES: HashMap<u32, Interface, { MAX_INTERFACES as usize }> = HashMap::new();

/// Where frames can be redirected to, by interface index. Written by the daemon, read by the kernel.
#[btf_map]
pub static EGRESS: DevMapHash<{ MAX_INTERFACES as usize }> = DevMapHash::new();

/// What an instance's index means. Written by the daemon, read by people and by the next daemon.
#[btf_map]
pub static INSTANCES: Array<Instance, { MAX_INSTANCES as usize }> = Array::new();

/// Who may forward, and until when. Written by the thread that speaks VRRP, through memory that it shares; for services without an
/// instance, and where an index is freed, by the daemon. Read for each packet.
#[btf_map]
pub static LEASES: Array<Lease, { MAX_INSTANCES as usize }, { BPF_F_MMAPABLE as usize }> =
    Array::new();

/// Which addresses may be VIPs. Written by the daemon, read for each packet.
#[btf_map]
pub static VIP_FILTER: Array<VipFilter, 1> = Array::new();

/// The virtual services on IPv4. Written by the daemon, read for each packet without a flow.
#[btf_map]
pub static SERVICES_V4: HashMap<ServiceKeyV4, Service, { MAX_SERVICES as usize }> = HashMap::new();

/// The virtual services on IPv6, likewise.
#[btf_map]
pub static SERVICES_V6: HashMap<ServiceKeyV6, Service, { MAX_SERVICES as usize }> = HashMap::new();

/// The real servers. Written by the daemon, read for each packet that is forwarded.
#[btf_map]
pub static SERVERS: Array<RealServer, { MAX_SERVERS as usize }> = Array::new();

/// How many flows each real server has. Written here where that changes; the daemon's sweep adds its corrections, through
/// memory that it shares.
#[btf_map]
pub static LOADS: Array<Load, { MAX_SERVERS as usize }, { BPF_F_MMAPABLE as usize }> = Array::new();

/// How new flows are given away. The daemon swaps a service's table whole.
#[btf_map]
pub static SCHEDULES: ArrayOfMaps<Array<Schedule, 1>, { MAX_SERVICES as usize }> =
    ArrayOfMaps::new();

/// Position in a service's order. Written here, once for each new flow.
#[btf_map]
pub static CURSORS: Array<u64, { MAX_SERVICES as usize }> = Array::new();

/// What lblc and lblcr remember. Written here; the daemon clears a service's when its index gets a new meaning.
#[btf_map]
pub static LOCALITIES: Array<Locality, { MAX_SERVICES as usize }> = Array::new();

/// The IPv4 flows: one table that all CPUs share. Written here, expired by the daemon.
#[btf_map]
pub static FLOWS_V4: LruHashMap<FlowKeyV4, Flow, { DEFAULT_FLOWS as usize }, PER_CPU_LISTS> =
    LruHashMap::new();

/// The IPv6 flows, likewise.
#[btf_map]
pub static FLOWS_V6: LruHashMap<FlowKeyV6, Flow, { DEFAULT_FLOWS as usize }, PER_CPU_LISTS> =
    LruHashMap::new();

/// IPv4 flows that were heard once, likewise.
#[btf_map]
pub static HALF_OPEN_V4: LruHashMap<
    FlowKeyV4,
    Flow,
    { DEFAULT_HALF_OPEN as usize },
    PER_CPU_LISTS,
> = LruHashMap::new();

/// IPv6 flows that were heard once, likewise.
#[btf_map]
pub static HALF_OPEN_V6: LruHashMap<
    FlowKeyV6,
    Flow,
    { DEFAULT_HALF_OPEN as usize },
    PER_CPU_LISTS,
> = LruHashMap::new();

/// Which server a client keeps. Written here, expired by the daemon.
#[btf_map]
pub static TEMPLATES: LruHashMap<
    TemplateKey,
    Template,
    { DEFAULT_TEMPLATES as usize },
    PER_CPU_LISTS,
> = LruHashMap::new();

/// Where first fragments went. Written here; an entry is of no use after some seconds.
#[btf_map]
pub static FRAGMENTS: LruHashMap<
    FragmentKey,
    Fragment,
    { DEFAULT_FRAGMENTS as usize },
    PER_CPU_LISTS,
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

/// ICMP errors sent of late. Written and read here.
#[btf_map]
pub static REPLY_BUDGET: PerCpuArray<ReplyBudget, 1> = PerCpuArray::new();
