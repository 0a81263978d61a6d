//! `GET /v1/listing` and `GET /v1/connections`: what ipvsadm would show.

use std::net::{IpAddr, SocketAddr};

use director_common::{counters, tcp::FlowState};
use serde::{Deserialize, Serialize};

use super::{Problem, Role};
use crate::config::{Protocol, Scheduler};

/// All services and their servers with traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Entries that the flow table has room for.
    pub flow_table_size: u32,
    /// How long flows are kept, unless a service says otherwise.
    pub timeouts: ListedTimeouts,
    /// In the order of the configuration.
    pub services: Vec<ListedService>,
}

/// What `ipvsadm -L --timeout` shows, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedTimeouts {
    /// Established TCP flows.
    pub tcp_secs: u64,
    /// TCP flows after a FIN.
    pub tcp_fin_secs: u64,
    /// UDP flows.
    pub udp_secs: u64,
}

/// One virtual service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedService {
    /// The VIP.
    pub address: IpAddr,
    /// 1 to 65535.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The VRRP instance that holds the address; `None`: none does, and the service is always forwarded.
    #[serde(default)]
    pub instance: Option<String>,
    /// What that instance is: it forwards as MASTER only.
    #[serde(default)]
    pub role: Option<Role>,
    /// Who gets the next flow.
    pub scheduler: Scheduler,
    /// Flags of the scheduler, in ipvsadm's words.
    pub scheduler_flags: Vec<String>,
    /// How long a client keeps its server after its last flow; `None`: no affinity.
    pub persistence_timeout_secs: Option<u32>,
    /// Bits of a client's address that count for it: 32 or 128 where each client is one of its own.
    pub persistence_prefix: u8,
    /// Each datagram is scheduled by itself.
    pub one_packet: bool,
    /// How long an idle established flow is kept, seconds.
    pub idle_timeout_secs: u64,
    /// Since the service was made.
    pub traffic: Traffic,
    /// Now.
    pub rate: Rate,
    /// Its pool: the servers that the scheduler knows, and the sorry server while it is in use.
    pub servers: Vec<ListedServer>,
}

impl ListedService {
    /// VIP and port.
    #[must_use]
    pub const fn endpoint(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// One server of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedServer {
    /// The server's own address.
    pub address: IpAddr,
    /// 1 to 65535.
    pub port: u16,
    /// How packets reach it.
    pub forwarding: Forwarding,
    /// The weight that counts now.
    pub weight: u32,
    /// Flows in state ESTABLISHED or SYN_RECV.
    pub active: u64,
    /// All other flows.
    pub inactive: u64,
    /// Clients that keep this server (persistence templates).
    pub persistent: u64,
    /// With this many flows the server gets no new ones; 0: no limit.
    pub upper_threshold: u32,
    /// Below this many it gets new ones again; 0: below three quarters of the upper threshold.
    pub lower_threshold: u32,
    /// Since the server was added.
    pub traffic: Traffic,
    /// Now.
    pub rate: Rate,
}

/// How packets reach a server, in ipvsadm's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forwarding {
    /// By direct routing.
    Route,
    /// The server is the director itself.
    Local,
}

impl Forwarding {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "Route",
            Self::Local => "Local",
        }
    }
}

impl ListedServer {
    /// Address and port.
    #[must_use]
    pub const fn endpoint(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// Traffic from clients; answers bypass the director.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// New flows.
    pub connections: u64,
    /// Forwarded packets.
    pub packets: u64,
    /// Forwarded bytes, from the IP header on.
    pub bytes: u64,
}

impl From<counters::Traffic> for Traffic {
    fn from(traffic: counters::Traffic) -> Self {
        Self {
            connections: traffic.connections,
            packets: traffic.packets,
            bytes: traffic.bytes,
        }
    }
}

/// Traffic from clients, a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// New flows.
    pub connections_per_second: u64,
    /// Forwarded packets.
    pub packets_per_second: u64,
    /// Forwarded bytes, from the IP header on.
    pub bytes_per_second: u64,
}

/// One flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Who speaks.
    pub client: SocketAddr,
    /// To which service.
    pub vip: SocketAddr,
    /// Who serves.
    pub server: SocketAddr,
    /// As seen from the client's side.
    pub state: ConnectionState,
    /// Until the flow is forgotten if the client stays silent.
    pub expires_secs: u32,
    /// Since the client was last heard.
    pub idle_secs: u32,
}

/// State of a flow, in ipvsadm's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are those of RFC 9293 section 3.3.2")]
pub enum ConnectionState {
    None,
    SynRecv,
    Established,
    FinWait,
    TimeWait,
    Close,
    Udp,
}

impl ConnectionState {
    /// The word that ipvsadm prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => FlowState::NONE.name(),
            Self::SynRecv => FlowState::SYN_RECV.name(),
            Self::Established => FlowState::ESTABLISHED.name(),
            Self::FinWait => FlowState::FIN_WAIT.name(),
            Self::TimeWait => FlowState::TIME_WAIT.name(),
            Self::Close => FlowState::CLOSE.name(),
            Self::Udp => FlowState::UDP.name(),
        }
    }
}

impl From<FlowState> for ConnectionState {
    fn from(state: FlowState) -> Self {
        match state {
            FlowState::SYN_RECV => Self::SynRecv,
            FlowState::ESTABLISHED => Self::Established,
            FlowState::FIN_WAIT => Self::FinWait,
            FlowState::TIME_WAIT => Self::TimeWait,
            FlowState::CLOSE => Self::Close,
            FlowState::UDP => Self::Udp,
            _ => Self::None,
        }
    }
}

/// One line of `GET /v1/connections`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConnectionLine {
    /// One flow.
    Connection(Connection),
    /// The walk of the flow table ended early; this is the last line.
    Problem {
        /// Why.
        error: Problem,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_the_same_word_in_json_and_in_the_listing() {
        for number in 0..=FlowState::UDP.0 {
            let state = ConnectionState::from(FlowState(number));
            assert_eq!(state.name(), FlowState(number).name());
            assert_eq!(serde_json::json!(state), state.name());
        }
    }
}
