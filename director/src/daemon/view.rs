//! What the API shows: the model and the counters, put into the words of the answers. Nothing is decided here.

pub(super) mod listing;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Instant, SystemTime},
};

use director_common::counters::Counter;

use super::{Daemon, full_tables, placing, tracked};
use crate::{
    api::response::{
        AttachMode, FlowTable, InstanceStatus, Presence, Problem, Role, ServerKind, ServerState,
        ServerStatus, ServiceStatus, Status, Told, VrrpInstanceStatus, VrrpStatus,
    },
    config::VrrpInstance,
    dataplane::{Attached, dump, tables},
    host::links::display_mac,
    model::{Model, RealServer, Service, State, fate::Fate, pool::Met},
    tell,
    vrrp::{Placed, router::InstanceReport},
};

/// `GET /v1/status`.
pub(super) fn status(daemon: &Daemon) -> Result<Status, Problem> {
    let counters = daemon
        .dataplane
        .counters()
        .map_err(|error| Problem::from_error(&error))?;
    let removed = daemon.model.removed().iter();
    let removed = removed.map(|service| service_status(&daemon.model, service, Presence::Removed));
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started: daemon.started,
        config_file: daemon.options.config.clone(),
        by_hand: daemon.changes_by_hand(),
        instances: daemon
            .config
            .vrrp_instances
            .iter()
            .map(|instance| instance_status(daemon, instance))
            .collect(),
        services: daemon
            .model
            .services()
            .iter()
            .map(|service| service_status(&daemon.model, service, Presence::Configured))
            .chain(removed)
            .collect(),
        warnings: warnings(daemon, &counters),
        counters: counters
            .into_iter()
            .map(|(counter, count)| (counter.name().to_owned(), count))
            .collect(),
        flows: FlowTable {
            capacity: daemon.flow_table_size,
            known: daemon.sweep.flows.into(),
            half_open: daemon.sweep.half_open.into(),
            memory_bytes: dump::memory_bytes(&daemon.options.pins),
        },
        told: Told {
            by_cause: daemon.teller.records().by_cause(),
            ..told(daemon.teller.counts())
        },
    })
}

pub(super) fn told(counts: tell::Counts) -> Told {
    Told {
        connections: counts.connections,
        untold_clients: counts.untold_clients,
        untold_servers: counts.untold_servers,
        datagram_flows: counts.datagram_flows,
        by_cause: BTreeMap::new(),
    }
}

fn instance_status(daemon: &Daemon, instance: &VrrpInstance) -> InstanceStatus {
    let ifindex = daemon
        .survey
        .topology
        .instances
        .get(&instance.name)
        .copied()
        .unwrap_or_default();
    let standing = daemon.elections.standing(&instance.name);
    InstanceStatus {
        name: instance.name.clone(),
        virtual_router_id: instance.virtual_router_id,
        role: standing.map_or(Role::Initialize, |standing| standing.role),
        reason: standing.map_or_else(
            || {
                daemon
                    .first_results
                    .reason(&instance.name)
                    .unwrap_or_default()
            },
            |standing| standing.reason.to_string(),
        ),
        since: standing.map(|standing| standing.since),
        vip_conflicts: daemon.conflicts_of(instance),
        priority: standing.map_or(instance.priority, |standing| standing.priority),
        interface: instance.interface.clone(),
        xdp_mode: daemon.attached.get(&ifindex).map(|mode| attach_mode(*mode)),
        addresses: shown_addresses(instance),
    }
}

fn shown_addresses(instance: &VrrpInstance) -> Vec<String> {
    instance
        .addresses()
        .map(|address| format!("{}/{}", address.address, address.prefix_length))
        .collect()
}

/// `GET /v1/vrrp`: what the thread says, with what the daemon knows; of instances that have not started what the daemon knows alone.
pub(super) fn vrrp(daemon: &Daemon, mut reports: Vec<InstanceReport>) -> VrrpStatus {
    let now = Instant::now();
    let placed = placing::place(&daemon.config, &daemon.survey, |_| None);
    let status = |(instance, placed): (&VrrpInstance, Placed)| {
        let report = match reports.iter().position(|known| known.name == instance.name) {
            Some(known) => reports.swap_remove(known),
            None => {
                let reason = daemon.first_results.reason(&instance.name);
                InstanceReport::not_started(now, placed.profile, reason)
            }
        };
        VrrpInstanceStatus {
            interface: instance.interface.clone(),
            addresses: shown_addresses(instance),
            addresses_restored: daemon.addresses.restored(&report.name),
            vip_conflicts: daemon.conflicts_of(instance),
            tracked: tracked::view(daemon, instance),
            report,
        }
    };
    let instances = daemon.config.vrrp_instances.iter();
    VrrpStatus {
        instances: instances.zip(placed).map(status).collect(),
        pair: daemon.pairing.view(now),
    }
}

const fn attach_mode(mode: Attached) -> AttachMode {
    match mode {
        Attached::Native => AttachMode::Native,
        Attached::Generic => AttachMode::Generic,
    }
}

fn service_status(model: &Model, service: &Service, presence: Presence) -> ServiceStatus {
    let wanted: BTreeMap<IpAddr, u32> = service
        .wanted(model.timeouts())
        .servers
        .into_iter()
        .map(|server| (server.address, server.weight))
        .collect();
    let effective = |server: &RealServer| wanted.get(&server.address).copied().unwrap_or_default();
    let real = service
        .servers
        .iter()
        .map(|server| server_status(service, server, ServerKind::Real, effective(server)));
    let sorry = service
        .sorry
        .iter()
        .map(|server| server_status(service, server, ServerKind::Sorry, effective(server)));
    let leaving = service
        .leaving
        .iter()
        .map(|server| leaving_status(service, server));
    ServiceStatus {
        address: service.id.address,
        port: service.id.port,
        protocol: service.id.protocol,
        presence,
        scheduler: service.scheduler,
        instance: model
            .instances()
            .iter()
            .find(|instance| instance.key == service.instance)
            .and_then(|instance| instance.name.clone()),
        quorum: service.quorum.quorum,
        quorum_up: service.quorum_met == Met::Yes,
        sorry_active: service.is_sorry(),
        servers: real.chain(sorry).chain(leaving).collect(),
    }
}

/// What is to come for the connections of a server that gets no new ones.
fn outlook(fate: Fate) -> Option<String> {
    match fate {
        Fate::Drain(deadline) => {
            let left = deadline
                .duration_since(SystemTime::now())
                .unwrap_or_default();
            Some(format!("its connections are ended in {} s", left.as_secs()))
        }
        Fate::Held => {
            Some("the packets of its connections are dropped until it returns".to_owned())
        }
        Fate::GoOn | Fate::Over => None,
    }
}

fn server_status(
    service: &Service,
    server: &RealServer,
    role: ServerKind,
    effective_weight: u32,
) -> ServerStatus {
    let (state, reason) = match server.state() {
        State::Up if role == ServerKind::Sorry && !service.is_sorry() => {
            (ServerState::Standby, String::new())
        }
        State::Up if service.held_back.is_some() && role == ServerKind::Real => (
            ServerState::Up,
            "alive, and waits for the failback".to_owned(),
        ),
        State::Up if service.is_sorry() && role == ServerKind::Real => {
            (ServerState::Up, "alive, but the quorum is lost".to_owned())
        }
        State::Up => (ServerState::Up, String::new()),
        State::Down(reason) => (ServerState::Down, reason),
        State::NoNeighbor => (ServerState::NoNeighbor, silence(server.address).to_owned()),
        State::Quiesced => (ServerState::Quiesced, "weight 0".to_owned()),
    };
    let reason = match outlook(server.fate) {
        Some(outlook) if reason.is_empty() => outlook,
        Some(outlook) => format!("{reason}; {outlook}"),
        None => reason,
    };
    ServerStatus {
        address: server.address,
        port: service.id.port,
        weight: server.admin.weight,
        effective_weight,
        role,
        state,
        reason,
        since: server.since,
        mac: server.neighbor.mac().map(display_mac),
    }
}

/// A server that was taken out of the configuration.
fn leaving_status(service: &Service, server: &RealServer) -> ServerStatus {
    let state = match server.fate {
        Fate::Held => ServerState::Held,
        Fate::GoOn | Fate::Drain(_) | Fate::Over => ServerState::Draining,
    };
    ServerStatus {
        weight: 0,
        state,
        reason: outlook(server.fate).unwrap_or_default(),
        ..server_status(service, server, ServerKind::Real, 0)
    }
}

/// How a server that has no MAC address was asked for it.
const fn silence(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "it does not answer ARP",
        IpAddr::V6(_) => "it does not answer neighbor discovery",
    }
}

/// What an operator should know.
fn warnings(daemon: &Daemon, counters: &[(Counter, u64)]) -> Vec<String> {
    let mut warnings = daemon.warnings.clone();
    warnings.extend(daemon.mode_warnings.iter().cloned());
    if daemon.file.is_empty() {
        warnings.push(
            "nothing is configured by a file: all virtual servers are those that were added by hand, and end with the daemon".to_owned(),
        );
    }
    if !daemon.is_settled {
        warnings
            .push("the packet path could not be brought up to date; the log says why".to_owned());
    }
    for service in daemon.model.services() {
        if service.quorum_met == Met::No {
            let then = match &service.sorry {
                Some(sorry) => format!("new connections go to the sorry server {}", sorry.address),
                None => "there is no sorry server".to_owned(),
            };
            warnings.push(format!("the quorum of {} is lost: {then}", service.id));
        }
    }
    let held_back = |service: &&Service| service.held_back.is_some();
    for service in daemon.model.services().iter().filter(held_back) {
        warnings.push(format!(
            "the real servers of {} are back; the sorry server goes on (failback {}); `director service failback` relieves it",
            service.id, service.failback
        ));
    }
    warnings.extend(daemon.conflict_warnings());
    warnings.extend(daemon.pairing.warnings());
    warnings.extend(full_tables::warnings(
        counters,
        &daemon.sweep,
        daemon.flow_table_size,
    ));
    warnings
}

/// Address and port of a server's entry.
pub(super) fn endpoint(entry: &director_common::server::RealServer) -> std::net::SocketAddr {
    (
        tables::server_address(entry),
        u16::from_be_bytes(entry.port),
    )
        .into()
}
