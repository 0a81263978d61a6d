//! Virtual servers and their real servers.

use std::{fmt::Display, net::IpAddr};

use serde_json::Value as Json;

use super::{
    super::address::{host_prefix, is_in_network},
    Finding, Side, Span, Value,
    object::Object,
    rules::{self, CHECK, PACE_OF_CHECK, REAL_SERVER, VIRTUAL_SERVER},
};

/// What makes two virtual servers the same one.
#[derive(PartialEq, Eq)]
struct Name<'a> {
    address: &'a str,
    port: &'a Json,
    protocol: &'a str,
}

impl<'a> Name<'a> {
    fn of(server: Object<'a>) -> Self {
        Self {
            address: server.text("address"),
            port: server.get("port"),
            protocol: server.text("protocol"),
        }
    }

    fn shown(&self) -> String {
        format!(
            "virtual_server {} {} {}",
            self.address, self.port, self.protocol
        )
    }
}

/// What a virtual server is called.
pub(super) fn subject(server: Object<'_>) -> String {
    Name::of(server).shown()
}

/// What a real server is called, of the virtual server with this name.
pub(super) fn real_server_subject(address: impl Display, virtual_server: &str) -> String {
    format!("real_server {address} of {virtual_server}")
}

pub(super) fn compare(a: &Side<'_>, b: &Side<'_>, findings: &mut Vec<Finding>) {
    let (servers_a, servers_b) = (a.virtual_servers(), b.virtual_servers());
    for (index, server) in servers_a.iter().enumerate() {
        let name = Name::of(*server);
        let other = servers_b.iter().position(|other| Name::of(*other) == name);
        let subject = name.shown();
        match other.and_then(|other| Some((other, *servers_b.get(other)?))) {
            Some((other_index, other)) => {
                rules::apply(VIRTUAL_SERVER, &subject, *server, other, findings);
                let servers = (a.real_servers(index), b.real_servers(other_index));
                real_servers(
                    &subject,
                    (*server, &servers.0),
                    (other, &servers.1),
                    findings,
                );
            }
            None => findings.push(alone(
                &subject,
                Value::new(HERE, server.span),
                Value::nothing(None),
            )),
        }
    }
    for server in &servers_b {
        let name = Name::of(*server);
        if !servers_a.iter().any(|other| Name::of(*other) == name) {
            let subject = name.shown();
            let value = Value::new(HERE, server.span);
            findings.push(alone(&subject, Value::nothing(None), value));
        }
    }
    let outside = |server: Outside| {
        let value = Value::new(server.shown, server.span);
        Finding::outside(&server.subject, value, Value::nothing(None))
    };
    findings.extend(off_link(a).into_iter().map(outside));
    let outside = |server: Outside| {
        let value = Value::new(server.shown, server.span);
        Finding::outside(&server.subject, Value::nothing(None), value)
    };
    findings.extend(off_link(b).into_iter().map(outside));
}

/// Of the side that has what the other has not.
const HERE: &str = "only here";

fn alone(subject: &str, a: Value, b: Value) -> Finding {
    Finding::missing(subject, "virtual_server", a, b)
        .leads_to("while the other director is MASTER nobody answers its connections")
        .help("write it in both files, or in neither")
}

type Pool<'a> = (Object<'a>, &'a [Object<'a>]);

fn real_servers(subject: &str, a: Pool<'_>, b: Pool<'_>, findings: &mut Vec<Finding>) {
    let ((service_a, servers_a), (service_b, servers_b)) = (a, b);
    for server in servers_a {
        let address = server.text("address");
        let own = real_server_subject(address, subject);
        match named(servers_b, address) {
            Some(other) => real_server(&own, *server, other, findings),
            None => findings.push(server_alone(
                &own,
                Value::new(HERE, server.span),
                Value::new("not here", service_b.span),
            )),
        }
    }
    for server in servers_b {
        let address = server.text("address");
        if named(servers_a, address).is_none() {
            findings.push(server_alone(
                &real_server_subject(address, subject),
                Value::new("not here", service_a.span),
                Value::new(HERE, server.span),
            ));
        }
    }
}

fn named<'a>(servers: &[Object<'a>], address: &str) -> Option<Object<'a>> {
    let mut servers = servers.iter();
    servers
        .find(|server| server.text("address") == address)
        .copied()
}

fn server_alone(subject: &str, a: Value, b: Value) -> Finding {
    Finding::missing(subject, "real_server", a, b)
        .leads_to("it gets no connections while the other director is MASTER")
        .help("list it in both files, or in neither")
}

fn real_server(subject: &str, a: Object<'_>, b: Object<'_>, findings: &mut Vec<Finding>) {
    rules::apply(REAL_SERVER, subject, a, b, findings);
    let (checks_a, checks_b) = (a.list("checks"), b.list("checks"));
    if checks_a.len() != checks_b.len() {
        let value = |server: Object<'_>, checks: &[Json]| {
            let shown = match checks.len() {
                0 => "no check".to_owned(),
                1 => "1 check".to_owned(),
                count => format!("{count} checks"),
            };
            Value::new(shown, server.place("TCP_CHECK"))
        };
        findings.push(
            Finding::differs(subject, "TCP_CHECK", value(a, checks_a), value(b, checks_b))
                .leads_to("one director takes the server for alive when the other does not"),
        );
        return;
    }
    for (in_a, in_b) in checks_a.iter().zip(checks_b) {
        let (a, b) = (a.inner(in_a, "TCP_CHECK"), b.inner(in_b, "TCP_CHECK"));
        rules::apply(CHECK, subject, a, b, findings);
        rules::apply(
            PACE_OF_CHECK,
            subject,
            a.child("pace"),
            b.child("pace"),
            findings,
        );
    }
}

/// A real server that is not in the network of its virtual address.
struct Outside {
    subject: String,
    shown: String,
    span: Option<Span>,
}

/// Real servers that are outside of the network that their own virtual address has in the file. One that is not on the link
/// cannot be reached in direct routing (scenario 2.38).
fn off_link(side: &Side<'_>) -> Vec<Outside> {
    let held: Vec<(IpAddr, u8)> = side.instances().iter().flat_map(networks).collect();
    let mut outside = Vec::new();
    for (index, service) in side.virtual_servers().iter().enumerate() {
        let vip = service.text("address").parse::<IpAddr>();
        let Some((vip, bits)) = held.iter().find(|(address, _)| Ok(*address) == vip) else {
            continue;
        };
        for server in side.real_servers(index) {
            if let Ok(address) = server.text("address").parse()
                && is_outside(*vip, *bits, address)
            {
                outside.push(Outside {
                    subject: real_server_subject(address, &subject(*service)),
                    shown: format!("{address}, outside of {vip}/{bits}"),
                    span: server.span,
                });
            }
        }
    }
    outside
}

/// A mask of one host says nothing of the network, and neither does an address of the other family.
fn is_outside(vip: IpAddr, bits: u8, address: IpAddr) -> bool {
    bits != host_prefix(vip)
        && vip.is_ipv4() == address.is_ipv4()
        && !is_in_network(vip, bits, address)
}

/// The addresses of an instance, with the bits of their masks.
fn networks(instance: &Object<'_>) -> Vec<(IpAddr, u8)> {
    let lists = ["virtual_ipaddress", "virtual_ipaddress_excluded"];
    let addresses = lists.into_iter().flat_map(|key| instance.list(key));
    addresses
        .filter_map(|address| {
            let bits = u8::try_from(address.get("prefix_length")?.as_u64()?).ok()?;
            Some((address.get("address")?.as_str()?.parse().ok()?, bits))
        })
        .collect()
}
