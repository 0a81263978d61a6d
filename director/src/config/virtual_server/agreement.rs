//! Whether virtual servers agree with one another and with the addresses that the instances hold.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

use super::{
    super::{Diagnostic, Severity, VrrpInstance},
    Protocol, VirtualServer, limits,
};

/// Says where virtual servers collide, and where nobody holds their address.
pub(in super::super) fn judge(
    servers: &[VirtualServer],
    instances: &[VrrpInstance],
    diagnostics: &mut Vec<Diagnostic>,
) {
    duplicates(servers, diagnostics);
    limits::judge(servers, diagnostics);
    // An address that was refused is not among those of its instance, and would be missed here for nothing.
    if diagnostics
        .iter()
        .all(|diagnostic| diagnostic.severity == Severity::Warning)
    {
        not_held(servers, instances, diagnostics);
    }
}

const fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

fn duplicates(servers: &[VirtualServer], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen = HashMap::new();
    for server in servers {
        let key = (server.address, server.port, server.protocol);
        if let Some(earlier) = seen.insert(key, server.span) {
            diagnostics.push(
                Diagnostic::error(
                    server.span,
                    format!(
                        "a second virtual server {} {}",
                        SocketAddr::new(server.address, server.port),
                        name(server.protocol)
                    ),
                )
                .related(earlier, "the first one")
                .help("put all its real servers into one of them"),
            );
        }
    }
}

fn not_held(
    servers: &[VirtualServer],
    instances: &[VrrpInstance],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let addresses = |instance: &VrrpInstance| -> Vec<_> {
        let both = instance
            .virtual_ipaddress
            .iter()
            .chain(&instance.virtual_ipaddress_excluded);
        both.map(|address| address.address).collect()
    };
    let mut held: HashSet<_> = instances.iter().flat_map(addresses).collect();
    for server in servers {
        // One remark for each address.
        if held.insert(server.address) {
            diagnostics.push(
                Diagnostic::warning(server.span, format!("no `vrrp_instance` holds {}", server.address))
                    .label("nothing here brings this address up")
                    .help("list it in the `virtual_ipaddress` of an instance, unless something else adds it"),
            );
        }
    }
}
