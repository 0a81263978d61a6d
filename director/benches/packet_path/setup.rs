//! Data planes to measure: services, servers, schedulers, table sizes.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use anyhow::Result;
use director::{
    config::{Scheduler, SchedulerFlags},
    dataplane::{
        DataPlane, Sizes, Wanted,
        tables::{InstanceKey, Path, ServiceKey, WantedServer, WantedService},
    },
};
use director_common::{instance::Role, protocol};

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 251);
pub(crate) const VIP_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, 0x251);
pub(crate) const PORT: u16 = 3306;
pub(crate) const VLAN: u16 = 100;
/// Flows that a table of the benchmark holds.
pub(crate) const TABLE: u32 = 131_072;
const HUGE_TABLE: u32 = 2_097_152;
/// The interface that a test run's packets come in by.
const LOOPBACK: u32 = 1;

/// What a data plane has.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    scheduler: Scheduler,
    servers: u8,
    services: u16,
    vlan: u16,
    flows: u32,
    ifindex: u32,
}

impl Setup {
    pub(crate) const ONE_SERVICE: Self = Self {
        scheduler: Scheduler::RoundRobin,
        servers: 2,
        services: 1,
        vlan: 0,
        flows: TABLE,
        ifindex: LOOPBACK,
    };
    pub(crate) const ONE_SERVER: Self = Self {
        servers: 1,
        flows: 4 * TABLE,
        ..Self::ONE_SERVICE
    };
    pub(crate) const HUGE_TABLE: Self = Self {
        flows: HUGE_TABLE,
        ..Self::ONE_SERVICE
    };
    pub(crate) const VLAN: Self = Self {
        vlan: VLAN,
        ..Self::ONE_SERVICE
    };
    pub(crate) const MANY_SERVICES: Self = Self {
        services: 1000,
        ..Self::ONE_SERVICE
    };
    pub(crate) const SOURCE_HASH: Self = Self {
        scheduler: Scheduler::SourceHash,
        ..Self::ONE_SERVICE
    };
    pub(crate) const MAGLEV: Self = Self {
        scheduler: Scheduler::Maglev,
        ..Self::ONE_SERVICE
    };
    pub(crate) const LEAST_CONNECTION_64: Self = Self {
        scheduler: Scheduler::WeightedLeastConnection,
        servers: 64,
        ..Self::ONE_SERVICE
    };

    /// The same behind another interface than the one that test runs come in by.
    pub(crate) const fn behind(self, ifindex: u32) -> Self {
        Self { ifindex, ..self }
    }

    fn service(self) -> WantedService {
        WantedService {
            instance: InstanceKey::default(),
            scheduler: self.scheduler,
            scheduler_flags: SchedulerFlags::default(),
            one_packet: false,
            persistence: None,
            idle_timeout: Duration::from_secs(900),
            servers: (1..=self.servers).map(|last| self.server(last)).collect(),
            leaving: Vec::new(),
            on_no_flow: director::config::NoFlow::default(),
        }
    }

    fn server(self, last: u8) -> WantedServer {
        WantedServer {
            address: IpAddr::from([192, 168, 66, last]),
            path: Some(Path::Link {
                mac: [2, 0, 0, 0, 0, last],
                source_mac: [2, 0, 0, 0, 0, 6],
                ifindex: self.ifindex,
                vlan: self.vlan.into(),
                mtu: 1500,
            }),
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
        }
    }
}

/// Where a data plane of this process is pinned.
pub(crate) fn pins(name: &str) -> PathBuf {
    let process = std::process::id();
    PathBuf::from(format!("/sys/fs/bpf/director-bench-{process}-{name}"))
}

/// A data plane whose TCP and UDP services are on two VIPs, one of each address family. Its pins go with it.
pub(crate) fn dataplane(name: &str, setup: Setup) -> Result<DataPlane> {
    let sizes = Sizes {
        flows: setup.flows,
        half_open: TABLE,
        templates: 1024,
        fragments: 1024,
    };
    let mut dataplane = DataPlane::load(&pins(name), &sizes)?;
    dataplane.apply(&wanted(setup, &setup.service()))?;
    Ok(dataplane)
}

/// Takes the servers away, and leaves the services.
pub(crate) fn end_servers(dataplane: &mut DataPlane, setup: Setup) -> Result<()> {
    let nobody = WantedService {
        servers: Vec::new(),
        ..setup.service()
    };
    dataplane.apply(&wanted(setup, &nobody))?;
    Ok(())
}

fn wanted(setup: Setup, service: &WantedService) -> Wanted {
    let mut keys: Vec<_> = (0..setup.services)
        .map(|number| key(VIP.into(), PORT + number, protocol::TCP))
        .collect();
    keys.push(key(VIP.into(), PORT, protocol::UDP));
    keys.push(key(VIP_V6.into(), PORT, protocol::TCP));
    Wanted {
        instances: [(InstanceKey::default(), Role::MASTER)].into(),
        services: keys.into_iter().map(|key| (key, service.clone())).collect(),
        ..Wanted::default()
    }
}

fn key(address: IpAddr, port: u16, protocol: u8) -> ServiceKey {
    ServiceKey {
        address,
        port,
        protocol,
    }
}
