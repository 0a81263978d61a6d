//! Names for addresses and ports, as the system's resolver knows them. This file waits for the network.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use crate::config::Protocol;

/// Writes an endpoint with the names of its host and service; what has no name stays a number.
///
/// Every name is looked up once: the connections of a service all end in the same few endpoints.
pub(super) fn resolver() -> impl Fn(SocketAddr, Protocol) -> String {
    let hosts = RefCell::new(HashMap::new());
    let services = RefCell::new(HashMap::new());
    move |address, protocol| {
        let mut hosts = hosts.borrow_mut();
        let host = hosts.entry(address.ip()).or_insert_with_key(host_name);
        let mut services = services.borrow_mut();
        let service = services
            .entry((address.port(), protocol))
            .or_insert_with_key(service_name);
        match address.ip() {
            IpAddr::V4(_) => format!("{host}:{service}"),
            IpAddr::V6(_) => format!("[{host}]:{service}"),
        }
    }
}

fn host_name(address: &IpAddr) -> String {
    match dns_lookup::getnameinfo(&SocketAddr::new(*address, 0), libc::NI_NUMERICSERV) {
        Ok((host, _)) => host,
        Err(_) => address.to_string(),
    }
}

fn service_name((port, protocol): &(u16, Protocol)) -> String {
    let flags = match protocol {
        Protocol::Tcp => libc::NI_NUMERICHOST,
        Protocol::Udp => libc::NI_NUMERICHOST | libc::NI_DGRAM,
    };
    match dns_lookup::getnameinfo(&SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), *port), flags) {
        Ok((_, service)) => service,
        Err(_) => port.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_without_names_stays_a_number() {
        // TEST-NET-1 (RFC 5737) and a port that no registry names.
        let resolver = resolver();
        assert_eq!(
            resolver("192.0.2.1:49999".parse().unwrap(), Protocol::Tcp),
            "192.0.2.1:49999"
        );
    }
}
