//! `virtual_server`, its `real_server`s and its `sorry_server`.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Span, check::TcpCheck};

mod agreement;
mod pool;
mod real_server;
mod service;

pub(super) use agreement::judge;
pub(super) use service::virtual_servers;

/// One `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualServer {
    /// The address on the network.
    pub address: IpAddr,
    /// 1 to 65535.
    pub port: u16,
    /// `protocol`.
    pub protocol: Protocol,
    /// `lb_algo` or `lvs_sched`.
    pub scheduler: Scheduler,
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
    /// `None`: nobody answers while quorum is lost.
    pub sorry_server: Option<SorryServer>,
    /// In the order of the file.
    pub real_servers: Vec<RealServer>,
    /// Where its address and port stand.
    #[serde(skip)]
    pub span: Span,
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
    /// A failed check sets the weight to 0 instead of removing the server.
    pub inhibit_on_failure: bool,
    /// `alpha` of the server, or the virtual server's.
    pub alpha: bool,
    /// All of them must pass. None: the server always counts as up.
    pub checks: Vec<TcpCheck>,
    /// Where its address and port stand.
    #[serde(skip)]
    pub span: Span,
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

/// `lb_algo`, `lvs_sched`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheduler {
    /// `rr`: one after the other, whatever their weights.
    #[serde(rename = "rr")]
    RoundRobin,
    /// `wrr`: in proportion to their weights.
    #[serde(rename = "wrr")]
    WeightedRoundRobin,
}

impl Scheduler {
    /// The word of ipvsadm and keepalived.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "rr",
            Self::WeightedRoundRobin => "wrr",
        }
    }
}

/// `lb_kind`, `lvs_method`. NAT and TUN are errors, never silently something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForwardingMethod {
    /// `DR`: only the hardware addresses of a packet change.
    #[serde(rename = "DR")]
    DirectRouting,
}
