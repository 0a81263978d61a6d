//! A data plane to run packets on: its pins are its own, and go with it, also when a test panics.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use director::{
    config::Scheduler,
    dataplane::{
        DataPlane, TestRun, Wanted, dump,
        plan::MapOp,
        tables::{InstanceKey, Path as ServerPath, WantedServer, WantedService},
    },
};
use director_common::{instance::Role, protocol, service::ServiceKey};
use serde_json::Value;

pub(crate) const DROP: u32 = 1;
pub(crate) const PASS: u32 = 2;
pub(crate) const TX: u32 = 3;

pub(crate) const VIP: [u8; 4] = [192, 168, 66, 251];
pub(crate) const PORT: u16 = 3306;
pub(crate) const DIRECTOR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 6];

/// MAC address of the server whose address ends so.
pub(crate) const fn mac(last: u8) -> [u8; 6] {
    [2, 0, 0, 0, 1, last]
}

pub(crate) const TCP_SERVICE: ServiceKey = ServiceKey {
    address: VIP,
    port: PORT.to_be_bytes(),
    protocol: protocol::TCP,
    _reserved: 0,
};

/// A server with this last byte of its address, and this weight.
pub(crate) fn server(last: u8, weight: u32) -> WantedServer {
    WantedServer {
        address: IpAddr::from([192, 168, 66, last]),
        path: Some(ServerPath {
            mac: mac(last),
            source_mac: DIRECTOR_MAC,
            ifindex: 1,
        }),
        weight,
    }
}

/// A TCP and a UDP service on the same VIP and port.
pub(crate) fn wanted(scheduler: Scheduler, servers: &[WantedServer]) -> Wanted {
    let instance = InstanceKey::default();
    let service = WantedService {
        instance,
        scheduler,
        servers: servers.to_vec(),
    };
    let udp = ServiceKey {
        protocol: protocol::UDP,
        ..TCP_SERVICE
    };
    Wanted {
        instances: [(instance, Role::MASTER)].into(),
        services: [(TCP_SERVICE, service.clone()), (udp, service)].into(),
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
        let root = PinRoot::new();
        let dataplane =
            DataPlane::load(root.path(), flow_table_size).expect("the data plane loads");
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

    /// What is remembered of the only flow.
    pub(crate) fn flow(&self) -> Value {
        let rows = self.rows("FLOWS_V4");
        assert_eq!(rows.len(), 1, "one flow is expected: {rows:?}");
        rows[0].1.clone()
    }
}
