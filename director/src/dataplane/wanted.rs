//! What the model wants the packet path to do, in the words of the network: no index and no jiffy. Pure.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use director_common::instance::Role;

use super::expiry::Timeouts;
pub use crate::config::Family;
use crate::config::{NoFlow, Scheduler, SchedulerFlags};

/// What the model wants the packet path to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Who may forward.
    pub instances: BTreeMap<InstanceKey, Role>,
    /// Our interfaces that run the program, by index.
    pub interfaces: BTreeMap<u32, WantedInterface>,
    /// The virtual services.
    pub services: BTreeMap<ServiceKey, WantedService>,
    /// How long flows are kept.
    pub timeouts: Timeouts,
}

/// Identity of a VRRP instance in the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    /// 1 to 255; 0 stands for all services whose VIP no VRRP instance holds.
    pub virtual_router_id: u8,
    /// Interface of the instance, 0 with VRID 0.
    pub ifindex: u32,
    /// Address family of the instance, IPv4 with VRID 0.
    pub family: Family,
}

/// Identity of a virtual service in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// The VIP.
    pub address: IpAddr,
    /// Its port; 0: every port that has no service of its own.
    pub port: u16,
    /// IP protocol number, see [`director_common::protocol`].
    pub protocol: u8,
}

/// One of our interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WantedInterface {
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Greatest IP packet that it takes, bytes.
    pub mtu: u32,
    /// Index of the bond that it is a port of.
    pub master: Option<u32>,
    /// Its IPv4 address, the source of ICMP errors.
    pub address_v4: Option<Ipv4Addr>,
    /// Its IPv6 address, likewise.
    pub address_v6: Option<Ipv6Addr>,
}

/// One virtual service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedService {
    /// The instance that holds the VIP.
    pub instance: InstanceKey,
    /// Order in which servers get new flows.
    pub scheduler: Scheduler,
    /// Options of the scheduler.
    pub scheduler_flags: SchedulerFlags,
    /// Each datagram is scheduled by itself.
    pub one_packet: bool,
    /// What a TCP segment gets that belongs to no flow.
    pub on_no_flow: NoFlow,
    /// A client keeps its server.
    pub persistence: Option<Persistence>,
    /// Time that an established flow is kept after the client was last heard.
    pub idle_timeout: Duration,
    /// Its real servers, the sorry server among them, in the order of the configuration.
    pub servers: Vec<WantedServer>,
    /// Servers that are no members any more and whose flows go on for a while. They get no new ones.
    pub leaving: Vec<WantedServer>,
}

impl WantedService {
    /// Every server that may have flows.
    pub(super) fn all_servers(&self) -> impl Iterator<Item = &WantedServer> {
        self.servers.iter().chain(&self.leaving)
    }
}

/// Affinity of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// How long a client keeps its server after its last flow.
    pub timeout: Duration,
    /// Bits of a client's address that count.
    pub prefix_length: u8,
}

/// One real server of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedServer {
    /// Address of the server.
    pub address: IpAddr,
    /// Whether known flows may go on to it, and how. `None`: its flows are over.
    pub path: Option<Path>,
    /// Share of new flows; 0: none.
    pub weight: u32,
    /// With this many flows it gets no new ones; 0: no limit.
    pub upper_threshold: u32,
    /// Below this many it gets new ones again; 0: below three quarters of the upper threshold.
    pub lower_threshold: u32,
}

/// Where frames for a server go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Out by an interface of ours.
    Link {
        /// MAC address of the server.
        mac: [u8; 6],
        /// MAC address of our interface.
        source_mac: [u8; 6],
        /// Our interface on the server's link; of a VLAN device, the device below it.
        ifindex: u32,
        /// VLANs of the link, see [`director_common::server::vlan_tags`]; 0: none.
        vlan: u32,
        /// Greatest IP packet that the link takes, bytes.
        mtu: u32,
    },
    /// To this director's own kernel.
    Local,
    /// Nowhere for now: the packets of its flows are dropped until the server returns.
    Held,
}
