//! The page of `director status`. Pure: the time is an argument.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write},
    time::{Duration, SystemTime},
};

use comfy_table::{Cell, CellAlignment, Color, Table};
use director_common::counters::Counter;

use crate::{
    api::response::{
        InstanceStatus, Presence, Role, ServerKind, ServerState, ServerStatus, ServiceStatus,
        Status,
    },
    cli::table,
};

/// Whether words have colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For files, pipes and tests.
    Plain,
    /// For a terminal.
    Colored,
}

/// The whole page.
#[must_use]
pub fn render(status: &Status, now: SystemTime, style: Style) -> String {
    let mut page = header(status, now);
    section(
        &mut page,
        "VRRP instances",
        &instances(&status.instances, now, style),
    );
    for service in &status.services {
        section(
            &mut page,
            &service_title(service),
            &servers(&service.servers, now, style),
        );
    }
    section(&mut page, "Counters", &counters(status));
    section(&mut page, "Changed by hand", &sentences(&status.by_hand));
    section(&mut page, "Warnings", &sentences(&status.warnings));
    page
}

fn header(status: &Status, now: SystemTime) -> String {
    let told = match status.told.connections {
        0 => String::new(),
        connections => format!(
            "{connections} connections of servers that went were ended at both ends; {} clients and {} servers could not be told\n{}",
            status.told.untold_clients,
            status.told.untold_servers,
            causes(&status.told.by_cause),
        ),
    };
    format!(
        "director {}, pid {}, running since {}\nconfiguration {}\n{} of {} flows, {} of them half-open; the tables take {} MiB\n{told}",
        status.version,
        status.pid,
        since(status.started, now),
        status.config_file.display(),
        status.flows.known,
        status.flows.capacity,
        status.flows.half_open,
        status.flows.memory_bytes.div_ceil(1 << 20),
    )
}

/// What ended connections, and how many.
fn causes(by_cause: &BTreeMap<String, u64>) -> String {
    let each = by_cause
        .iter()
        .map(|(cause, count)| format!("{cause} ({count})"));
    match each.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        causes => format!("why: {causes}\n"),
    }
}

/// A section without a body is left out.
fn section(page: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        push(page, format_args!("\n{title}\n{body}"));
    }
}

fn instances(instances: &[InstanceStatus], now: SystemTime, style: Style) -> String {
    let mut rows = styled(table::without_title(), style);
    for instance in instances {
        rows.add_row([
            Cell::new(&instance.name),
            colored(instance.role, role_color(instance.role), style),
            Cell::new(match instance.xdp_mode {
                Some(mode) => format!("{} ({mode})", instance.interface),
                None => instance.interface.clone(),
            }),
            Cell::new(format!(
                "VRID {}, priority {}",
                instance.virtual_router_id, instance.priority
            )),
            Cell::new(instance.addresses.join(", ")),
            Cell::new(match instance.since {
                Some(since) => format!("since {}: {}", self::since(since, now), instance.reason),
                None => String::new(),
            }),
        ]);
    }
    table::render(&rows, "  ")
}

fn service_title(service: &ServiceStatus) -> String {
    let protocol = match service.protocol {
        crate::config::Protocol::Tcp => "TCP",
        crate::config::Protocol::Udp => "UDP",
    };
    let mut title = format!(
        "{protocol} {}  {}",
        service.endpoint(),
        service.scheduler.name()
    );
    if let Some(instance) = &service.instance {
        push(&mut title, format_args!(", {instance}"));
    }
    if service.presence == Presence::Removed {
        title.push_str(", removed");
        return title;
    }
    let quorum = if service.quorum_up { "reached" } else { "lost" };
    push(
        &mut title,
        format_args!(", quorum {} {quorum}", service.quorum),
    );
    if service.sorry_active {
        title.push_str(", sorry server in use");
    }
    title
}

fn servers(servers: &[ServerStatus], now: SystemTime, style: Style) -> String {
    if servers.is_empty() {
        return "  no servers\n".to_owned();
    }
    let mut rows = styled(
        table::new(["Server", "Weight", "State", "Since", "Reason"]),
        style,
    );
    for server in servers {
        rows.add_row([
            Cell::new(server_name(server)),
            Cell::new(weight(server)).set_alignment(CellAlignment::Right),
            colored(server.state, state_color(server.state), style),
            Cell::new(since(server.since, now)),
            Cell::new(&server.reason),
        ]);
    }
    table::render(&rows, "  ")
}

fn server_name(server: &ServerStatus) -> String {
    match server.role {
        ServerKind::Real => server.endpoint().to_string(),
        ServerKind::Sorry => format!("{} (sorry)", server.endpoint()),
    }
}

fn weight(server: &ServerStatus) -> String {
    if server.weight == server.effective_weight {
        return server.weight.to_string();
    }
    format!("{} of {}", server.effective_weight, server.weight)
}

/// Counters that count something, in the order of the packet path, then those of another version of the daemon.
fn counters(status: &Status) -> String {
    let mut rows = table::without_title();
    let mut add = |name: &str, value: u64, description: &str| {
        let value = Cell::new(value).set_alignment(CellAlignment::Right);
        rows.add_row([Cell::new(name), value, Cell::new(description)]);
    };
    for counter in Counter::ALL {
        match status.counters.get(counter.name()) {
            None | Some(0) => {}
            Some(value) => add(counter.name(), *value, counter.description()),
        }
    }
    let known = |name: &str| Counter::ALL.iter().any(|counter| counter.name() == name);
    for (name, value) in status
        .counters
        .iter()
        .filter(|(name, value)| !known(name) && **value > 0)
    {
        add(name, *value, "");
    }
    table::render(&rows, "  ")
}

fn sentences(sentences: &[String]) -> String {
    sentences.iter().fold(String::new(), |mut text, sentence| {
        push(&mut text, format_args!("  {sentence}\n"));
        text
    })
}

/// `3 min ago (2026-11-20T22:46:56Z)`.
fn since(time: SystemTime, now: SystemTime) -> String {
    // A clock that was set back gives no age below zero.
    let age = now.duration_since(time).unwrap_or_default();
    format!(
        "{} ago ({})",
        rounded(age),
        humantime::format_rfc3339_seconds(time)
    )
}

fn rounded(age: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match age.as_secs() {
        seconds @ ..MINUTE => format!("{seconds} s"),
        seconds @ ..HOUR => format!("{} min", seconds / MINUTE),
        seconds @ ..DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} d", seconds / DAY),
    }
}

const fn role_color(role: Role) -> Option<Color> {
    match role {
        Role::Master => Some(Color::Green),
        Role::Backup => None,
        Role::Initialize => Some(Color::Yellow),
        Role::Fault => Some(Color::Red),
    }
}

const fn state_color(state: ServerState) -> Option<Color> {
    match state {
        ServerState::Up => Some(Color::Green),
        ServerState::Down | ServerState::NoNeighbor => Some(Color::Red),
        ServerState::Quiesced | ServerState::Draining | ServerState::Held => Some(Color::Yellow),
        ServerState::Standby => None,
    }
}

fn colored(word: impl Display, color: Option<Color>, style: Style) -> Cell {
    let cell = Cell::new(word);
    match (style, color) {
        (Style::Colored, Some(color)) => cell.fg(color),
        _ => cell,
    }
}

fn styled(mut table: Table, style: Style) -> Table {
    match style {
        Style::Plain => table.force_no_tty(),
        Style::Colored => table.enforce_styling(),
    };
    table
}

/// Writing to a `String` cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _infallible = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests;
