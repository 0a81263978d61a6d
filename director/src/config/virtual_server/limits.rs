//! Whether the tables of the packet path have room for all virtual servers and their real servers.

use std::collections::HashSet;

use director_common::limits::{MAX_SERVERS, MAX_SERVERS_PER_SERVICE, MAX_SERVICES};

use super::{
    super::{Diagnostic, Span},
    VirtualServer,
};

/// Slot 0 of both tables is reserved.
const MOST_VIRTUAL_SERVERS: usize = MAX_SERVICES as usize - 1;
const MOST_SERVERS: usize = MAX_SERVERS as usize - 1;
const MOST_SERVERS_OF_ONE: usize = MAX_SERVERS_PER_SERVICE;

/// Says which of them is the first without a place.
pub(super) fn judge(virtual_servers: &[VirtualServer], diagnostics: &mut Vec<Diagnostic>) {
    if let Some(first) = virtual_servers.get(MOST_VIRTUAL_SERVERS) {
        diagnostics.push(
            Diagnostic::error(
                first.span,
                format!("more than {MOST_VIRTUAL_SERVERS} virtual servers"),
            )
            .label(format!(
                "there are {}, and this is the first without a place",
                virtual_servers.len()
            ))
            .help("join some of them by port 0 (all ports), or share them among several directors"),
        );
    }
    let mut all = 0;
    let mut full = None;
    for virtual_server in virtual_servers {
        let spans = servers(virtual_server);
        if let Some(first) = spans.get(MOST_SERVERS_OF_ONE) {
            diagnostics.push(too_many_in_one(virtual_server, spans.len(), *first));
        }
        full = full.or_else(|| spans.get(MOST_SERVERS - MOST_SERVERS.min(all)).copied());
        all += spans.len();
    }
    if let Some(first) = full {
        diagnostics.push(
            Diagnostic::error(
                first,
                format!("more than {MOST_SERVERS} real and sorry servers in all virtual servers"),
            )
            .label(format!(
                "there are {all}, and this is the first without a place"
            ))
            .note("a server counts once for each virtual server that it is in")
            .help("share the virtual servers among several directors"),
        );
    }
}

/// Where the servers stand that need a place each. A sorry server among the real servers has theirs.
fn servers(virtual_server: &VirtualServer) -> Vec<Span> {
    let mut seen = HashSet::new();
    let real = virtual_server
        .real_servers
        .iter()
        .map(|server| (server.address, server.span));
    let sorry = virtual_server
        .sorry_server
        .iter()
        .map(|server| (server.address, server.span));
    real.chain(sorry)
        .filter(|(address, _)| seen.insert(*address))
        .map(|(_, span)| span)
        .collect()
}

fn too_many_in_one(virtual_server: &VirtualServer, count: usize, first: Span) -> Diagnostic {
    Diagnostic::error(
        first,
        format!("more than {MOST_SERVERS_OF_ONE} servers in one virtual server"),
    )
    .label(format!(
        "there are {count} with the sorry server, and this is the first without a place"
    ))
    .related(virtual_server.span, "the virtual server")
    .help("share them among several virtual servers")
}
