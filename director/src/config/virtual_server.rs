//! `virtual_server`, its `real_server`s and its `sorry_server`.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Places, Span, check::TcpCheck};

mod agreement;
mod failback;
mod farewell;
mod limits;
mod persistence;
mod pool;
mod real_server;
mod scheduler;
mod service;

pub(super) use agreement::judge;
pub use failback::Failback;
pub use farewell::{Farewell, Farewells};
pub(super) use persistence::MOST_PERSISTENCE_SECS;
pub(super) use pool::MOST_WEIGHT;
pub(super) use real_server::MOST_THRESHOLD;
pub use scheduler::{Scheduler, SchedulerFlags};
pub(super) use service::virtual_servers;

/// One `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualServer {
    /// The address on the network.
    pub address: IpAddr,
    /// 1 to 65535, or 0 for all ports, which only a service with persistence has.
    pub port: u16,
    /// `protocol`.
    pub protocol: Protocol,
    /// `lb_algo` or `lvs_sched`.
    pub scheduler: Scheduler,
    /// `sh-port`, `mh-fallback` and the like.
    pub scheduler_flags: SchedulerFlags,
    /// `ops`: each datagram is scheduled by itself, and no flow is kept. UDP only.
    pub one_packet: bool,
    /// `lb_kind` or `lvs_method`.
    pub forwarding: ForwardingMethod,
    /// `quorum`: least weight of live servers for the service to be up. Default 1.
    pub quorum: u32,
    /// `hysteresis`: up at quorum + hysteresis, down below quorum - hysteresis. Default 0.
    pub hysteresis: u32,
    /// `alpha`: servers count as down until their first successful check.
    pub alpha: bool,
    /// `persistence_timeout`; `None`: off.
    #[serde(with = "super::optional_seconds")]
    pub persistence_timeout: Option<Duration>,
    /// `persistence_granularity`: clients whose first bits are equal stay together. Default 32, IPv6 128: each by itself.
    pub persistence_prefix: u8,
    /// `idle_timeout`: how long an established flow without packets is kept; `None`: as long as the others of its protocol.
    #[serde(with = "super::optional_seconds")]
    pub idle_timeout: Option<Duration>,
    /// `on_no_flow`: what a TCP segment gets that belongs to no flow and opens none.
    pub on_no_flow: NoFlow,
    /// `on_idle`: whether the ends of a connection are told that it was idle for too long.
    pub on_idle: Idle,
    /// `on_switchover`: what becomes of the connections when another director takes over.
    pub on_switchover: Switchover,
    /// What becomes of flows whose server gets no more of them.
    #[serde(flatten)]
    pub farewells: Farewells,
    /// `failback`: when the real servers take over from the sorry server again.
    pub failback: Failback,
    /// `None`: nobody answers while quorum is lost.
    pub sorry_server: Option<SorryServer>,
    /// In the order of the file.
    pub real_servers: Vec<RealServer>,
    /// Where its address and port stand.
    #[serde(skip)]
    pub span: Span,
    /// Where its settings stand.
    #[serde(skip)]
    pub places: Places,
}

impl VirtualServer {
    /// Its real server with this address.
    #[must_use]
    pub fn real_server(&self, address: IpAddr) -> Option<&RealServer> {
        let mut servers = self.real_servers.iter();
        servers.find(|server| server.address == address)
    }
}

/// One `real_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RealServer {
    /// The address on the network.
    pub address: IpAddr,
    /// Equal to the virtual server's: direct routing cannot translate ports.
    pub port: u16,
    /// 0 to 2^31 - 1; 0 gets no new flows.
    pub weight: u32,
    /// `uthreshold`: with this many flows it gets no new ones. 0: no limit.
    pub upper_threshold: u32,
    /// `lthreshold`: below this many flows it gets new ones again. 0: below three quarters of the upper threshold.
    pub lower_threshold: u32,
    /// A failed check sets the weight to 0 instead of removing the server.
    pub inhibit_on_failure: bool,
    /// What becomes of its flows when it is drained by hand; `None`: what the virtual server says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_removal: Option<Farewell>,
    /// `alpha` of the server, or the virtual server's.
    pub alpha: bool,
    /// All of them must pass. None: the server always counts as up.
    pub checks: Vec<TcpCheck>,
    /// Where its address and port stand.
    #[serde(skip)]
    pub span: Span,
    /// Where its settings stand.
    #[serde(skip)]
    pub places: Places,
}

/// `sorry_server`: gets new flows while quorum is lost, and only then. It is never checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SorryServer {
    /// The address on the network.
    pub address: IpAddr,
    /// Default: the virtual server's port, which it must equal.
    pub port: u16,
    /// Where its address and port stand.
    #[serde(skip)]
    pub span: Span,
}

/// `protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// `TCP`.
    Tcp,
    /// `UDP`.
    Udp,
}

/// `on_no_flow`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoFlow {
    /// `reset`: its sender is told.
    #[default]
    Reset,
    /// `pass`: it is the kernel's.
    Pass,
    /// `schedule`: it gets a server as if it opened a connection.
    Schedule,
}

/// `on_idle`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Idle {
    /// `reset`: both ends are told.
    #[default]
    Reset,
    /// `silent`: the flow is forgotten, as with IPVS.
    Silent,
}

/// `on_switchover`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Switchover {
    /// `reset`: the other director knows none of them, so both ends are told.
    #[default]
    Reset,
    /// `keep`: they are left alone, in case this director is MASTER again before they speak.
    Keep,
}

/// `lb_kind`, `lvs_method`. NAT and TUN are errors, never silently something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardingMethod {
    /// `DR`: only the hardware addresses of a packet change.
    #[serde(rename = "DR")]
    DirectRouting,
}
