//! A configuration for people to read.

use std::{
    fmt::{self, Display, Formatter},
    net::SocketAddr,
    time::Duration,
};

use crate::{
    config::{
        Config, Global, Idle, NoFlow, Protocol, RealServer, Switchover, TcpCheck, VirtualServer,
        address::host_prefix,
    },
    pair, tell,
};

mod tracking;
mod vrrp;

/// Prints every setting after defaults, one object after the other.
pub(super) struct Shown<'a>(pub(super) &'a Config);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(config) = self;
        global(f, &config.global)?;
        tracking::definitions(f, config)?;
        config
            .sync_groups
            .iter()
            .try_for_each(|group| vrrp::sync_group(f, group))?;
        config
            .vrrp_instances
            .iter()
            .try_for_each(|instance| vrrp::instance(f, instance))?;
        config
            .virtual_servers
            .iter()
            .try_for_each(|server| virtual_server(f, server))
    }
}

fn global(f: &mut Formatter<'_>, global: &Global) -> fmt::Result {
    let name = global.router_id.as_deref().unwrap_or("the host name");
    writeln!(f, "router id: {name}")?;
    let timeouts = &global.lvs_timeouts;
    let timeout = |timeout: Option<Duration>| timeout.map_or_else(default, seconds);
    writeln!(
        f,
        "timeouts: established TCP {}, TCP after a FIN {}, UDP {}",
        timeout(timeouts.tcp),
        timeout(timeouts.tcpfin),
        timeout(timeouts.udp)
    )?;
    let sizes = &global.table_sizes;
    let entries = |size: Option<u32>| size.map_or_else(default, |size| size.to_string());
    writeln!(
        f,
        "entries of the tables: flows {}, half-open flows {}, persistence {}, fragments {}",
        entries(sizes.flows),
        entries(sizes.half_open),
        entries(sizes.persistence),
        entries(sizes.fragments)
    )?;
    if let Some(path) = &global.event_log {
        writeln!(f, "ended connections are recorded in {}", path.display())?;
    }
    match global.pair_port.unwrap_or(pair::DEFAULT_PORT) {
        0 => writeln!(f, "is not compared with the other director's configuration")?,
        port => writeln!(
            f,
            "is compared with the other director's configuration by UDP port {port}"
        )?,
    }
    match global.reset_rate {
        Some(0) => writeln!(f, "connections told in a second: as many as it goes")?,
        rate => writeln!(
            f,
            "connections told in a second: {}",
            rate.unwrap_or(tell::DEFAULT_RATE)
        )?,
    }
    vrrp::global(f, global)?;
    tracking::global(f, global)
}

fn default() -> String {
    "by default".to_owned()
}

fn virtual_server(f: &mut Formatter<'_>, server: &VirtualServer) -> fmt::Result {
    let protocol = match server.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    };
    let ports = if server.port == 0 { ", all ports" } else { "" };
    writeln!(
        f,
        "\nvirtual server {} {protocol}{ports}",
        SocketAddr::new(server.address, server.port)
    )?;
    scheduling(f, server)?;
    let (up, down) = (
        server.quorum.saturating_add(server.hysteresis),
        server.quorum - server.hysteresis.min(server.quorum),
    );
    writeln!(
        f,
        "  serves from a live weight of {up} up, until it falls below {down}"
    )?;
    if let Some(timeout) = server.persistence_timeout {
        persistence(f, timeout, server)?;
    }
    let farewells = &server.farewells;
    writeln!(
        f,
        "  flows of a server that fails: {}, that is removed: {}, of a relieved sorry server: {}",
        farewells.on_failure, farewells.on_removal, farewells.on_relief
    )?;
    if server.sorry_server.is_some() {
        writeln!(f, "  takes over from the sorry server: {}", server.failback)?;
    }
    if let Some(timeout) = server.idle_timeout {
        writeln!(f, "  keeps an idle flow for {}", seconds(timeout))?;
    }
    if server.protocol == Protocol::Tcp {
        connections(f, server)?;
    }
    server
        .real_servers
        .iter()
        .try_for_each(|real_server_shown| real_server(f, real_server_shown))?;
    match &server.sorry_server {
        Some(sorry) => writeln!(
            f,
            "  sorry server {}",
            SocketAddr::new(sorry.address, sorry.port)
        ),
        None => Ok(()),
    }
}

/// What there is of TCP only.
fn connections(f: &mut Formatter<'_>, server: &VirtualServer) -> fmt::Result {
    let idle = match server.on_idle {
        Idle::Reset => "both ends are told",
        Idle::Silent => "nobody is told",
    };
    writeln!(f, "  when a connection was idle for too long: {idle}")?;
    let stray = match server.on_no_flow {
        NoFlow::Reset => "its sender gets a reset",
        NoFlow::Pass => "this host's kernel has it",
        NoFlow::Schedule => "it gets a real server as if it opened one",
    };
    writeln!(f, "  when a segment belongs to no connection: {stray}")?;
    let succeeded = match server.on_switchover {
        Switchover::Reset => "both ends of every connection are told",
        Switchover::Keep => "connections are left alone",
    };
    writeln!(f, "  when another director takes over: {succeeded}")
}

fn scheduling(f: &mut Formatter<'_>, server: &VirtualServer) -> fmt::Result {
    write!(f, "  scheduler {}", server.scheduler.name())?;
    let flags = server.scheduler_flags.names(server.scheduler);
    if !flags.is_empty() {
        write!(f, " ({})", flags.join(", "))?;
    }
    if server.one_packet {
        write!(f, " for each datagram")?;
    }
    writeln!(f, ", direct routing")
}

fn persistence(f: &mut Formatter<'_>, timeout: Duration, server: &VirtualServer) -> fmt::Result {
    write!(
        f,
        "  keeps a client at its real server for {}",
        seconds(timeout)
    )?;
    if server.persistence_prefix < host_prefix(server.address) {
        write!(
            f,
            ", together with all clients of its /{} network",
            server.persistence_prefix
        )?;
    }
    writeln!(f)
}

fn real_server(f: &mut Formatter<'_>, server: &RealServer) -> fmt::Result {
    write!(
        f,
        "  real server {}, weight {}",
        SocketAddr::new(server.address, server.port),
        server.weight
    )?;
    write!(f, ", starts {}", if server.alpha { "down" } else { "up" })?;
    writeln!(
        f,
        "{}",
        if server.inhibit_on_failure {
            ", keeps its place with weight 0 on failure"
        } else {
            ""
        }
    )?;
    if server.upper_threshold > 0 {
        thresholds(f, server.upper_threshold, server.lower_threshold)?;
    }
    if server.checks.is_empty() {
        writeln!(f, "    not checked: always counts as up")?;
    }
    server
        .checks
        .iter()
        .try_for_each(|check| tcp_check(f, check))
}

fn thresholds(f: &mut Formatter<'_>, upper: u32, lower: u32) -> fmt::Result {
    write!(
        f,
        "    full from {upper} flows on, until it has fewer than "
    )?;
    match lower {
        0 => writeln!(f, "three quarters of them"),
        lower => writeln!(f, "{lower}"),
    }
}

fn tcp_check(f: &mut Formatter<'_>, check: &TcpCheck) -> fmt::Result {
    let pace = &check.pace;
    write!(f, "    TCP check of {}", check.connect)?;
    if let Some((address, port)) = check.bind {
        write!(f, " from {}", SocketAddr::new(address, port))?;
    }
    writeln!(
        f,
        " every {}, the first within {}",
        seconds(pace.interval),
        seconds(pace.warmup)
    )?;
    writeln!(
        f,
        "    gives up after {}; {} further attempts, {} apart",
        seconds(check.connect_timeout),
        pace.retries,
        seconds(pace.retry_delay)
    )?;
    writeln!(
        f,
        "    a dead server is noticed within {}",
        seconds(check.worst_case_detection())
    )
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
