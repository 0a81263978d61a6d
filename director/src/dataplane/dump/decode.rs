//! Keys and values of the maps as JSON, in the words that people use. Pure.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use director_common::{
    counters::{Counter, Traffic},
    flow::{Flow, FlowKeyV4, FlowKeyV6},
    fragment::{Fragment, FragmentKey},
    instance::{Instance, Lease},
    interface::Interface,
    load::Load,
    persistence::{Template, TemplateKey},
    schedule::{Algorithm, Locality},
    server::RealServer,
    service::{Service, VipFilter},
    settings::{ReplyBudget, Settings},
    tcp::FlowState,
};
use serde_json::{Map, Value, json};

use super::super::{
    flows,
    schedule::Table,
    tables::{self, ServiceKey},
};

pub(super) fn settings(settings: &Settings) -> Value {
    let timeouts: Map<String, Value> = (0..)
        .zip(settings.timeouts)
        .map(|(state, jiffies)| (FlowState(state).name().to_owned(), json!(jiffies)))
        .filter(|(_, jiffies)| *jiffies != json!(0))
        .collect();
    json!({
        "timeouts_jiffies": timeouts,
        "fragment_timeout_jiffies": settings.fragment_timeout,
        "locality_timeout_jiffies": settings.locality_timeout,
        "reply_window_jiffies": settings.reply_window,
        "replies": settings.replies,
    })
}

pub(super) fn interface(interface: &Interface) -> Value {
    json!({
        "mac": mac(&interface.mac),
        "mtu": interface.mtu,
        "master": interface.master,
        "address_v4": IpAddr::from(interface.address_v4),
        "address_v6": IpAddr::from(interface.address_v6),
    })
}

pub(super) fn instance(instance: &Instance) -> Value {
    json!({
        "role": instance.role.name(),
        "virtual_router_id": instance.virtual_router_id,
        "ifindex": instance.ifindex,
        "family": match instance.family {
            Instance::V6 => "IPv6",
            _ => "IPv4",
        },
    })
}

/// A lease as it stands at `now_ns` by `CLOCK_MONOTONIC`. What has no end has no time that is left.
pub(super) fn lease(lease: &Lease, now_ns: u64) -> Value {
    let left_ns = lease.until_monotonic_ns.saturating_sub(now_ns);
    let (state, left_ms) = match *lease {
        Lease::FOREVER => ("held for ever", None),
        _ if left_ns > 0 => ("held", Some(left_ns / 1_000_000)),
        _ => ("ended", Some(0)),
    };
    json!({
        "state": state,
        "left_ms": left_ms,
        "until_jiffies": lease.until,
        "until_monotonic_ns": lease.until_monotonic_ns,
    })
}

pub(super) fn vip_filter(filter: &VipFilter) -> Value {
    let set: u32 = filter.words.iter().map(|word| word.count_ones()).sum();
    json!({"bits_set": set, "bits": VipFilter::WORDS * 64})
}

pub(super) fn server(server: &RealServer) -> Value {
    json!({
        "address": tables::server_address(server),
        "port": u16::from_be_bytes(server.port),
        "in_use": server.flags & RealServer::IN_USE != 0,
        "accepts_new": server.flags & RealServer::ACCEPTS_NEW != 0,
        "local": server.flags & RealServer::LOCAL != 0,
        "generation": server.generation,
        "service": server.service,
        "instance": server.instance,
        "mac": mac(&server.mac),
        "source_mac": mac(&server.source_mac),
        "ifindex": server.ifindex,
        "vlans": [server.vlan & 0xffff, server.vlan >> 16],
        "mtu": server.mtu,
        "upper_threshold": server.upper_threshold,
        "lower_threshold": server.lower_threshold,
    })
}

fn mac(mac: &[u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

pub(super) fn service_key(key: &ServiceKey) -> Value {
    json!({
        "vip": SocketAddr::new(key.address, key.port).to_string(),
        "protocol": protocol(key.protocol.into()),
    })
}

pub(super) fn service(service: &Service) -> Value {
    json!({
        "id": service.id,
        "instance": service.instance,
        "persistent": service.flags & Service::PERSISTENT != 0,
        "one_packet": service.flags & Service::ONE_PACKET != 0,
        "idle_timeout_jiffies": service.idle_timeout,
        "client_mask": IpAddr::from(service.client_mask),
    })
}

pub(super) fn load(load: &Load) -> Value {
    json!({
        "active": load.active,
        "inactive": load.inactive,
        "overloaded": load.overloaded != 0,
    })
}

pub(super) fn schedule(table: &Table) -> Value {
    let candidates: Vec<_> = table
        .candidates
        .iter()
        .map(|candidate| json!({"server": candidate.server, "weight": candidate.weight}))
        .collect();
    json!({
        "algorithm": algorithm(table.algorithm),
        "flags": table.flags,
        "candidates": candidates,
        "slots": table.slots,
    })
}

const fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::NEXT_SLOT => "next slot (rr, wrr)",
        Algorithm::SOURCE_HASH => "hash of the client (sh, mh)",
        Algorithm::DESTINATION_HASH => "hash of the VIP (dh)",
        Algorithm::LEAST_CONNECTION => "lc",
        Algorithm::WEIGHTED_LEAST_CONNECTION => "wlc",
        Algorithm::SHORTEST_EXPECTED_DELAY => "sed",
        Algorithm::NEVER_QUEUE => "nq",
        Algorithm::WEIGHTED_FAILOVER => "fo",
        Algorithm::WEIGHTED_OVERFLOW => "ovf",
        Algorithm::POWER_OF_TWO => "twos",
        Algorithm::LOCALITY => "lblc",
        Algorithm::LOCALITY_WITH_REPLICATION => "lblcr",
        _ => "no server is available",
    }
}

pub(super) fn locality(set: &Locality) -> Value {
    let length = (set.length as usize).min(set.servers.len());
    json!({"servers": set.servers[..length], "changed_jiffies": set.changed})
}

pub(super) fn flow_key_v4(key: &FlowKeyV4) -> Value {
    flow_key(
        key.source.into(),
        key.destination.into(),
        key.ports,
        key.protocol,
    )
}

pub(super) fn flow_key_v6(key: &FlowKeyV6) -> Value {
    flow_key(
        key.source.into(),
        key.destination.into(),
        key.ports,
        key.protocol,
    )
}

fn flow_key(client: IpAddr, vip: IpAddr, ports: [u8; 4], number: u32) -> Value {
    let (client_port, port) = flows::ports(ports);
    json!({
        "client": SocketAddr::new(client, client_port).to_string(),
        "vip": SocketAddr::new(vip, port).to_string(),
        "protocol": protocol(number),
    })
}

pub(super) fn flow(flow: &Flow) -> Value {
    json!({
        "server": flow.server,
        "generation": flow.generation,
        "state": FlowState(flow.state).name(),
        "created_jiffies": flow.created,
        "last_seen_jiffies": flow.last_seen,
        "next_sequence": flow.next_sequence,
        "last_acknowledgement": flow.last_acknowledgement,
    })
}

pub(super) fn template_key(key: &TemplateKey) -> Value {
    json!({
        "client": Ipv6Addr::from(key.client).to_canonical(),
        "service": key.service,
    })
}

pub(super) fn template(template: &Template) -> Value {
    json!({
        "server": template.server,
        "generation": template.generation,
        "created_jiffies": template.created,
        "last_seen_jiffies": template.last_seen,
    })
}

pub(super) fn fragment_key(key: &FragmentKey) -> Value {
    json!({
        "source": Ipv6Addr::from(key.source).to_canonical(),
        "destination": Ipv6Addr::from(key.destination).to_canonical(),
        "identification": u32::from_be(key.identification),
        "protocol": protocol(key.protocol),
    })
}

pub(super) fn fragment(fragment: &Fragment) -> Value {
    json!({
        "server": fragment.server,
        "generation": fragment.generation,
        "seen_jiffies": fragment.seen,
    })
}

pub(super) fn traffic(cpus: &[Traffic]) -> Value {
    let mut sum = Traffic::default();
    for cpu in cpus {
        sum += *cpu;
    }
    let decode = |traffic: &Traffic| {
        json!({
            "connections": traffic.connections,
            "packets": traffic.packets,
            "bytes": traffic.bytes,
        })
    };
    json!({"sum": decode(&sum), "cpus": cpus.iter().map(decode).collect::<Vec<_>>()})
}

pub(super) fn counter_name(index: u32) -> Value {
    let counter = Counter::ALL.get(index as usize);
    counter.map_or_else(|| json!(index), |counter| json!(counter.name()))
}

pub(super) fn reply_budget(cpus: &[ReplyBudget]) -> Value {
    let decode = |budget: &ReplyBudget| json!({"began_jiffies": budget.began, "sent": budget.sent});
    json!({"cpus": cpus.iter().map(decode).collect::<Vec<_>>()})
}

fn protocol(number: u32) -> Value {
    match u8::try_from(number) {
        Ok(director_common::protocol::TCP) => json!("TCP"),
        Ok(director_common::protocol::UDP) => json!("UDP"),
        _ => json!(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_shown_as_people_write_it() {
        let key = FlowKeyV4 {
            source: [192, 168, 66, 10],
            destination: [192, 168, 66, 251],
            ports: [0xd9, 0xc2, 0x0c, 0xea],
            protocol: 6,
        };
        assert_eq!(
            flow_key_v4(&key),
            json!({"client": "192.168.66.10:55746", "vip": "192.168.66.251:3306", "protocol": "TCP"})
        );
    }
}
