//! A data plane to run packets on: its pins are its own, and go with it, also when a test panics.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use director::{
    config::{Scheduler, SchedulerFlags},
    dataplane::{
        DataPlane, Sizes, TestRun, Wanted, dump,
        expiry::Timeouts,
        flows::FlowTables,
        ledger::Ledger,
        pins,
        plan::MapOp,
        tables::{
            InstanceKey, Path as ServerPath, ServiceKey, WantedInterface, WantedServer,
            WantedService,
        },
    },
};
use director_common::{instance::Role, limits::map, protocol};
use serde_json::Value;

pub(crate) const DROP: u32 = 1;
pub(crate) const PASS: u32 = 2;
pub(crate) const TX: u32 = 3;
pub(crate) const REDIRECT: u32 = 4;

pub(crate) const VIP: [u8; 4] = [192, 168, 66, 251];
pub(crate) const PORT: u16 = 3306;
/// The director's own addresses.
pub(crate) const DIRECTOR: [u8; 4] = [192, 168, 66, 6];
pub(crate) const DIRECTOR_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, 6);
pub(crate) const DIRECTOR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 6];

/// MAC address of the server whose address ends so.
pub(crate) const fn mac(last: u8) -> [u8; 6] {
    [2, 0, 0, 0, 1, last]
}

/// The interface that packets of a test run come in by: that of no cable.
pub(crate) const IFINDEX: u32 = 1;

pub(crate) const TCP_SERVICE: ServiceKey = ServiceKey {
    address: IpAddr::V4(Ipv4Addr::new(VIP[0], VIP[1], VIP[2], VIP[3])),
    port: PORT,
    protocol: protocol::TCP,
};

/// A server with this last byte of its address, and this weight.
pub(crate) fn server(last: u8, weight: u32) -> WantedServer {
    WantedServer {
        address: IpAddr::from([192, 168, 66, last]),
        path: Some(ServerPath::Link {
            mac: mac(last),
            source_mac: DIRECTOR_MAC,
            ifindex: IFINDEX,
            vlan: 0,
            mtu: 1500,
        }),
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

/// A service with these servers.
pub(crate) fn service(scheduler: Scheduler, servers: &[WantedServer]) -> WantedService {
    WantedService {
        instance: InstanceKey::default(),
        scheduler,
        scheduler_flags: SchedulerFlags::default(),
        one_packet: false,
        persistence: None,
        idle_timeout: Duration::from_secs(900),
        servers: servers.to_vec(),
        leaving: Vec::new(),
        on_no_flow: director::config::NoFlow::default(),
    }
}

/// The interface that packets come in by.
pub(crate) fn interface() -> WantedInterface {
    WantedInterface {
        mac: DIRECTOR_MAC,
        mtu: 1500,
        address_v4: Some(DIRECTOR.into()),
        address_v6: Some(DIRECTOR_V6),
        master: None,
    }
}

/// A TCP and a UDP service on the same VIP and port.
pub(crate) fn wanted(scheduler: Scheduler, servers: &[WantedServer]) -> Wanted {
    wanted_service(service(scheduler, servers))
}

/// The same service for TCP and for UDP.
pub(crate) fn wanted_service(service: WantedService) -> Wanted {
    let udp = ServiceKey {
        protocol: protocol::UDP,
        ..TCP_SERVICE
    };
    Wanted {
        instances: [(service.instance, Role::MASTER)].into(),
        interfaces: [(IFINDEX, interface())].into(),
        services: [(TCP_SERVICE, service.clone()), (udp, service)].into(),
        ..Wanted::default()
    }
}

/// Tables with room for this many flows.
pub(crate) fn sizes(flows: u32) -> Sizes {
    Sizes {
        flows,
        half_open: flows,
        templates: 1024,
        fragments: 1024,
    }
}

/// A folder for pins that is removed at the end.
pub(crate) struct PinRoot(PathBuf);

impl PinRoot {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        assert!(
            nix::unistd::geteuid().is_root(),
            "needs root: run `cargo xtask test`"
        );
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("director-test-{}-{number}", std::process::id());
        Self(Path::new("/sys/fs/bpf").join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PinRoot {
    fn drop(&mut self) {
        // Whatever is pinned here is this test's own; nothing may be.
        let _nothing_pinned = std::fs::remove_dir_all(&self.0);
    }
}

/// A data plane with two servers, .1 and .2, in turn.
pub(crate) struct Bench {
    pub(crate) dataplane: DataPlane,
    pub(crate) root: PinRoot,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(&wanted(
            Scheduler::RoundRobin,
            &[server(1, 1), server(2, 1)],
        ))
    }

    pub(crate) fn with(wanted: &Wanted) -> Self {
        let mut bench = Self::sized(4096);
        bench.apply(wanted);
        bench
    }

    pub(crate) fn sized(flow_table_size: u32) -> Self {
        Self::with_sizes(&sizes(flow_table_size))
    }

    pub(crate) fn with_sizes(sizes: &Sizes) -> Self {
        let root = PinRoot::new();
        let dataplane = DataPlane::load(root.path(), sizes).expect("the data plane loads");
        Self { dataplane, root }
    }

    pub(crate) fn apply(&mut self, wanted: &Wanted) -> Vec<MapOp> {
        self.dataplane
            .apply(wanted)
            .expect("the tables are written")
    }

    pub(crate) fn run(&mut self, frame: &[u8]) -> TestRun {
        self.dataplane.test_run(frame, 1).expect("the program runs")
    }

    /// Last byte of the server that a frame is sent to; `None`: it is not sent.
    pub(crate) fn server_of(&mut self, frame: &[u8]) -> Option<u8> {
        let run = self.run(frame);
        (run.action == TX).then(|| run.packet[5])
    }

    pub(crate) fn counters(&self) -> BTreeMap<&'static str, u64> {
        let counters = self.dataplane.counters().expect("the counters are read");
        counters
            .into_iter()
            .map(|(counter, count)| (counter.name(), count))
            .collect()
    }

    /// Every entry of a map, decoded.
    pub(crate) fn rows(&self, map: &str) -> Vec<(Value, Value)> {
        let mut rows = Vec::new();
        dump::dump(self.root.path(), map, |row| {
            rows.push((row.key.clone(), row.value.clone()));
            std::ops::ControlFlow::Continue(())
        })
        .expect("the map is read");
        rows
    }

    /// What a sweep needs to know, as of now. `persistence` is that of every service.
    pub(crate) fn ledger(&mut self, persistence: Duration) -> Ledger {
        let now = self.dataplane.read_clock().expect("the clock");
        let tables = self.dataplane.tables();
        let timeouts = tables
            .services
            .values()
            .map(|service| (service.id, persistence))
            .collect();
        Ledger::new(now, Timeouts::default(), tables, &timeouts)
    }

    /// The tables of flows, to be swept.
    pub(crate) fn flow_tables(&self) -> FlowTables {
        FlowTables::open(&pins::folder(self.root.path())).expect("the tables")
    }

    /// The flows of both families, half-open ones included.
    pub(crate) fn flows(&self) -> Vec<(Value, Value)> {
        let tables = [
            map::FLOWS_V4,
            map::HALF_OPEN_V4,
            map::FLOWS_V6,
            map::HALF_OPEN_V6,
        ];
        tables
            .into_iter()
            .flat_map(|name| self.rows(name))
            .collect()
    }

    /// What is remembered of the only flow.
    pub(crate) fn flow(&self) -> Value {
        let rows = self.flows();
        assert_eq!(rows.len(), 1, "one flow is expected: {rows:?}");
        rows[0].1.clone()
    }
}
