//! Which flows are meant. Pure.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::response::{Connection, ConnectionState};
use crate::config::{
    address::{host_prefix, is_in_network},
    edit::ServiceName,
};

/// What a flow must be; what is `None` does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowFilter {
    /// Its client.
    pub client: Option<Network>,
    /// Its virtual server.
    pub service: Option<ServiceName>,
    /// Its real server's address.
    pub server: Option<IpAddr>,
    /// Its state.
    pub state: Option<ConnectionState>,
    /// Its client has said nothing for so many seconds, or longer.
    pub idle_secs: Option<u32>,
}

impl FlowFilter {
    /// Whether a flow is meant. Persistence templates are none.
    #[must_use]
    pub fn matches(&self, flow: &Connection) -> bool {
        let service = ServiceName {
            protocol: flow.protocol,
            address: flow.vip.ip(),
            port: flow.vip.port(),
        };
        flow.client.port() != 0
            && self
                .client
                .is_none_or(|client| client.has(flow.client.ip()))
            && self.service.is_none_or(|wanted| wanted == service)
            && self.server.is_none_or(|server| server == flow.server.ip())
            && self.state.is_none_or(|state| state == flow.state)
            && self.idle_secs.is_none_or(|idle| flow.idle_secs >= idle)
    }
}

/// Addresses that begin with the same bits: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn has(self, address: IpAddr) -> bool {
        is_in_network(self.address, self.prefix, address)
    }
}

/// What was written is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address, or a network such as 10.0.0.0/8 or fd00::/64")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let whole = host_prefix(address);
        let prefix = prefix.map_or(Ok(whole), |prefix| prefix.parse().map_err(|_| NotANetwork))?;
        match prefix <= whole {
            true => Ok(Self { address, prefix }),
            false => Err(NotANetwork),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Protocol;

    const FLOW: fn() -> Connection = || Connection {
        protocol: Protocol::Tcp,
        client: "10.1.2.3:40000".parse().expect("an address"),
        vip: "192.168.66.251:3306".parse().expect("an address"),
        server: "192.168.66.253:3306".parse().expect("an address"),
        state: ConnectionState::Established,
        expires_secs: 800,
        idle_secs: 100,
    };

    #[test]
    fn every_word_must_be_true_of_a_flow() {
        let network = |text: &str| text.parse().ok();
        let all = FlowFilter::default();
        assert!(all.matches(&FLOW()));
        for (filter, is_meant) in [
            (
                FlowFilter {
                    client: network("10.0.0.0/8"),
                    ..all
                },
                true,
            ),
            (
                FlowFilter {
                    client: network("10.1.2.3"),
                    ..all
                },
                true,
            ),
            (
                FlowFilter {
                    client: network("10.1.2.4"),
                    ..all
                },
                false,
            ),
            (
                FlowFilter {
                    client: network("::/0"),
                    ..all
                },
                false,
            ),
            (
                FlowFilter {
                    server: "192.168.66.253".parse().ok(),
                    ..all
                },
                true,
            ),
            (
                FlowFilter {
                    server: "192.168.66.254".parse().ok(),
                    ..all
                },
                false,
            ),
            (
                FlowFilter {
                    state: Some(ConnectionState::FinWait),
                    ..all
                },
                false,
            ),
            (
                FlowFilter {
                    idle_secs: Some(100),
                    ..all
                },
                true,
            ),
            (
                FlowFilter {
                    idle_secs: Some(101),
                    ..all
                },
                false,
            ),
            (
                FlowFilter {
                    idle_secs: Some(1),
                    client: network("10.1.2.4"),
                    ..all
                },
                false,
            ),
        ] {
            assert_eq!(filter.matches(&FLOW()), is_meant, "{filter:?}");
        }
        let template = Connection {
            client: "10.1.2.3:0".parse().expect("an address"),
            ..FLOW()
        };
        assert!(!all.matches(&template));
    }

    #[test]
    fn a_network_has_a_prefix_of_its_family() {
        for text in ["10.0.0.0/33", "fd00::/129", "ten", "10.0.0.0/", "/8"] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
        assert_eq!(
            "fd00::/64"
                .parse::<Network>()
                .map(|known| known.to_string()),
            Ok("fd00::/64".to_owned())
        );
    }
}
