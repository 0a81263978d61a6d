//! `ipvsadm -S -n`: the rules that make what is there. Pure.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    api::response::{ListedServer, ListedService, Listing},
    config::Protocol,
};

/// One rule a line, each service before its servers.
pub(super) fn rules(listing: &Listing) -> String {
    listing
        .services
        .iter()
        .flat_map(|service| {
            let servers = service.servers.iter();
            std::iter::once(service_rule(service))
                .chain(servers.map(move |server| server_rule(service, server)))
        })
        .collect()
}

fn name(service: &ListedService) -> String {
    let protocol = match service.protocol {
        Protocol::Tcp => "-t",
        Protocol::Udp => "-u",
    };
    format!("{protocol} {}", service.endpoint())
}

fn service_rule(service: &ListedService) -> String {
    let mut rule = format!("-A {} -s {}", name(service), service.scheduler.name());
    if let Some(timeout) = service.persistence_timeout_secs {
        rule += &format!(" -p {timeout}");
        let prefix = service.persistence_prefix;
        match service.address {
            IpAddr::V4(_) if prefix < 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                rule += &format!(" -M {}", Ipv4Addr::from(mask));
            }
            IpAddr::V6(_) if prefix < 128 => rule += &format!(" -M {prefix}"),
            _ => {}
        }
    }
    if service.one_packet {
        rule += " -o";
    }
    if !service.scheduler_flags.is_empty() {
        rule += &format!(" -b {}", service.scheduler_flags.join(","));
    }
    rule + "\n"
}

fn server_rule(service: &ListedService, server: &ListedServer) -> String {
    let endpoint = std::net::SocketAddr::new(server.address, server.port);
    let mut rule = format!("-a {} -r {endpoint} -g -w {}", name(service), server.weight);
    if server.upper_threshold > 0 || server.lower_threshold > 0 {
        let (upper, lower) = (server.upper_threshold, server.lower_threshold);
        rule += &format!(" -x {upper} -y {lower}");
    }
    rule + "\n"
}
