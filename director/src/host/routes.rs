//! Where the kernel would send a packet to an address (RTM_GETROUTE, as `ip route get` asks).

use std::net::IpAddr;

use futures_util::TryStreamExt;
use nix::errno::Errno;
use rtnetlink::{
    RouteMessageBuilder,
    packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia},
};
use thiserror::Error;

use super::{Host, error::KernelError};

/// The kernel's way to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The host is a neighbor: direct routing can reach it.
    OnLink {
        /// The interface that it is behind.
        ifindex: u32,
        /// The address of ours that the kernel would send from.
        source: IpAddr,
    },
    /// A router stands between: direct routing cannot reach it.
    Gateway {
        /// The interface that the router is behind.
        ifindex: u32,
        /// The router; may be of the other family.
        gateway: IpAddr,
    },
    /// The address is one of ours.
    Local,
    /// There is no route, or one that forbids, or the address is not one host's.
    Unreachable,
}

/// Asking for the route failed.
#[derive(Debug, Error)]
#[error("asking for the route to {address}")]
pub struct RouteError {
    /// Where to.
    address: IpAddr,
    /// Why it failed.
    source: KernelError,
}

impl Host {
    /// Where the kernel would send a packet to `address` now.
    ///
    /// # Errors
    ///
    /// The kernel does not tell. That there is no route is an answer, not an error.
    pub async fn route(&self, address: IpAddr) -> Result<Route, RouteError> {
        self.read_route(address)
            .await
            .map_err(|source| RouteError { address, source })
    }

    async fn read_route(&self, address: IpAddr) -> Result<Route, KernelError> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let question = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(address, bits)
            .map_err(|_invalid| KernelError::Unexpected)?
            .build();
        let mut answers = Box::pin(self.netlink.route().get(question).execute());
        match answers.try_next().await.map_err(KernelError::from) {
            Ok(Some(message)) => understand(&message).ok_or(KernelError::Unexpected),
            Ok(None) => Err(KernelError::Unexpected),
            Err(KernelError::Refused(errno)) if is_no_route(errno) => Ok(Route::Unreachable),
            Err(error) => Err(error),
        }
    }
}

/// No route; and the three kinds of route that forbid, in the order of net/ipv4/fib_semantics.c: unreachable,
/// prohibit, blackhole.
const fn is_no_route(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EACCES | Errno::EINVAL
    )
}

/// `None` if the answer lacks an interface or a source.
fn understand(message: &RouteMessage) -> Option<Route> {
    match message.header.kind {
        RouteType::Unicast => {}
        RouteType::Local => return Some(Route::Local),
        _ => return Some(Route::Unreachable),
    }
    let (mut interface, mut source, mut gateway) = (None, None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => interface = Some(*index),
            RouteAttribute::PrefSource(address) => source = ip(address),
            RouteAttribute::Gateway(address) => gateway = ip(address),
            RouteAttribute::Via(RouteVia::Inet6(address)) => gateway = Some((*address).into()),
            _ => {}
        }
    }
    let ifindex = interface?;
    match gateway {
        Some(gateway) => Some(Route::Gateway { ifindex, gateway }),
        None => Some(Route::OnLink {
            ifindex,
            source: source?,
        }),
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: RouteType, attributes: Vec<RouteAttribute>) -> RouteMessage {
        let mut message = RouteMessage::default();
        message.header.kind = kind;
        message.attributes = attributes;
        message
    }

    fn inet(address: [u8; 4]) -> RouteAddress {
        RouteAddress::Inet(address.into())
    }

    #[test]
    fn without_a_gateway_the_host_is_on_the_link() {
        let attributes = vec![
            RouteAttribute::Oif(3),
            RouteAttribute::PrefSource(inet([192, 0, 2, 6])),
        ];
        let source = IpAddr::from([192, 0, 2, 6]);
        assert_eq!(
            understand(&message(RouteType::Unicast, attributes)),
            Some(Route::OnLink { ifindex: 3, source })
        );
    }

    #[test]
    fn with_a_gateway_it_is_not() {
        let attributes = vec![
            RouteAttribute::Oif(3),
            RouteAttribute::Gateway(inet([192, 0, 2, 1])),
        ];
        let gateway = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(
            understand(&message(RouteType::Unicast, attributes)),
            Some(Route::Gateway {
                ifindex: 3,
                gateway
            })
        );
    }

    #[test]
    fn broadcast_is_no_way_to_a_host() {
        assert_eq!(
            understand(&message(RouteType::Broadcast, vec![])),
            Some(Route::Unreachable)
        );
    }

    #[test]
    fn an_answer_without_an_interface_is_not_believed() {
        assert_eq!(understand(&message(RouteType::Unicast, vec![])), None);
    }
}
