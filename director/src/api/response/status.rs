//! `GET /v1/status`: what everything is and since when.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

pub use crate::vrrp::Role;

use crate::config::{Protocol, Scheduler};

/// The state of the whole daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon that answers.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started.
    #[serde(with = "rfc3339")]
    pub started: SystemTime,
    /// The configuration that is in force.
    pub config_file: PathBuf,
    /// What is different from the file because it was changed by hand, one sentence each.
    #[serde(default)]
    pub by_hand: Vec<String>,
    /// VRRP instances, in the order of the configuration.
    pub instances: Vec<InstanceStatus>,
    /// Virtual services, in the order of the configuration.
    pub services: Vec<ServiceStatus>,
    /// Counters of the packet path by name ([`director_common::counters::Counter::name`]), summed over the CPUs.
    pub counters: BTreeMap<String, u64>,
    /// What an operator should know, one sentence each.
    pub warnings: Vec<String>,
    /// The flow table.
    pub flows: FlowTable,
    /// What became of connections whose real server went, since the daemon started.
    pub told: Told,
}

/// One VRRP instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// `vrrp_instance NAME`.
    pub name: String,
    /// VRID, 1 to 255.
    pub virtual_router_id: u8,
    /// What it is now.
    pub role: Role,
    /// Why it is that.
    #[serde(default)]
    pub reason: String,
    /// Since when; `None`: it has not started yet.
    #[serde(default, with = "optional_rfc3339")]
    pub since: Option<SystemTime>,
    /// How many of its addresses another host has now, too; the warnings name it.
    #[serde(default)]
    pub vip_conflicts: u64,
    /// What stands in its advertisements, with all that is tracked.
    #[serde(default)]
    pub priority: u8,
    /// The interface that it speaks on.
    pub interface: String,
    /// How the XDP program is attached there; `None`: it is not, as no virtual server receives there.
    pub xdp_mode: Option<AttachMode>,
    /// Its VIPs, as `address/prefix`.
    pub addresses: Vec<String>,
}

/// Where in the kernel the XDP program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachMode {
    /// In the driver, before the kernel makes a socket buffer of the frame.
    Native,
    /// After it: works with every driver, costs more.
    Generic,
}

impl fmt::Display for AttachMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Generic => "generic",
        })
    }
}

/// One virtual service and its pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// The VIP.
    pub address: IpAddr,
    /// 1 to 65535.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Whether it is configured, or goes on for a while.
    #[serde(default)]
    pub presence: Presence,
    /// Who gets the next flow.
    pub scheduler: Scheduler,
    /// The VRRP instance that holds the VIP, if one does.
    pub instance: Option<String>,
    /// Least weight of live servers for the service to be up.
    pub quorum: u32,
    /// Whether it is reached.
    pub quorum_up: bool,
    /// Whether new flows go to the sorry server.
    pub sorry_active: bool,
    /// Real servers in the order of the configuration, then the sorry server.
    pub servers: Vec<ServerStatus>,
}

/// Whether a service is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// By the file or by hand.
    #[default]
    Configured,
    /// It was taken out: new connections are refused, those that are there go on for a while.
    Removed,
}

/// One real server of one service, or the service's sorry server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// The server's own address.
    pub address: IpAddr,
    /// 1 to 65535.
    pub port: u16,
    /// The configured weight.
    pub weight: u32,
    /// The weight that counts now: 0 while the server gets no new flows.
    pub effective_weight: u32,
    /// Real or sorry.
    pub role: ServerKind,
    /// What it is now.
    pub state: ServerState,
    /// Why it is that, in words; empty where the state says it all.
    pub reason: String,
    /// Since when.
    #[serde(with = "rfc3339")]
    pub since: SystemTime,
    /// Its MAC address, `aa:bb:cc:dd:ee:ff`, once the kernel has resolved it.
    pub mac: Option<String>,
}

impl ServerStatus {
    /// Address and port.
    #[must_use]
    pub const fn endpoint(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl ServiceStatus {
    /// VIP and port.
    #[must_use]
    pub const fn endpoint(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// What a server is to its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerKind {
    /// A `real_server`.
    Real,
    /// The `sorry_server`.
    Sorry,
}

/// Whether a server gets new flows, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    /// It gets new flows.
    Up,
    /// A check failed, or none has passed yet.
    Down,
    /// Its MAC address is not known.
    #[serde(rename = "no neighbour")]
    NoNeighbor,
    /// Its weight is 0: no new flows, the old ones stay.
    Quiesced,
    /// A sorry server that is not needed now.
    Standby,
    /// It was taken out of the configuration; its connections go on for a while.
    Draining,
    /// It was taken out of the configuration; its connections wait until it returns.
    Held,
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::NoNeighbor => "no neighbour",
            Self::Quiesced => "quiesced",
            Self::Standby => "standby",
            Self::Draining => "draining",
            Self::Held => "held",
        })
    }
}

/// The tables of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowTable {
    /// Flows of each address family that there is room for.
    pub capacity: u32,
    /// Flows that the last sweep found.
    pub known: u64,
    /// Those of them that were heard once.
    pub half_open: u64,
    /// Kernel memory of all maps, bytes.
    pub memory_bytes: u64,
}

/// Connections whose real server went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// TCP connections that were ended at both ends.
    pub connections: u64,
    /// Clients of theirs that could not be told.
    pub untold_clients: u64,
    /// Connections of which their real server could not be told.
    pub untold_servers: u64,
    /// Flows of datagrams that were forgotten: the next datagram is scheduled afresh.
    pub datagram_flows: u64,
    /// Connections by what ended them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_cause: BTreeMap<String, u64>,
}

/// Times as RFC 3339 in UTC, to the second.
mod rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_rfc3339_seconds(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        humantime::parse_rfc3339(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The same for times that may be missing.
mod optional_rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::rfc3339::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let time = text.map(|text| humantime::parse_rfc3339(&text));
        time.transpose().map_err(D::Error::custom)
    }
}
