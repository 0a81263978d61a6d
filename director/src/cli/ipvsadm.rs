//! The text layout of ipvsadm's listings, byte for byte: columns, widths, trailing spaces, order. Pure.
//!
//! Scripts read these columns, so nothing here may be improved. ipvsadm's own limits are kept: an IPv4 endpoint is cut
//! to 28 characters where a column follows it, and every endpoint to 59.

pub mod command;
mod save;

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use crate::{
    api::response::{
        Connection, ListedServer, ListedService, ListedTimeouts, Listing, Rate, Traffic,
    },
    config::Protocol,
};

/// The release of IPVS whose listing this is. Scripts match the line.
const IPVS_VERSION: &str = "1.2.1";

/// Longest IPv4 endpoint in a table.
const TABLE_ENDPOINT_LENGTH: usize = 28;
/// Longest endpoint anywhere.
const ENDPOINT_LENGTH: usize = 59;

/// How an endpoint is written.
pub type Naming = dyn Fn(SocketAddr, Protocol) -> String;

/// Which columns a listing has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// `-L`: forwarding method, weight and flows.
    #[default]
    Table,
    /// `--stats`: totals.
    Statistics,
    /// `--rate`: a second.
    Rates,
    /// `--thresholds`: limits of the servers' flows.
    Thresholds,
    /// `--persistent-conn`: clients that keep their server.
    Persistence,
}

/// How large numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// From 10^8 on with K, M, G or T (powers of 1000).
    #[default]
    Abbreviated,
    /// `--exact`.
    Exact,
}

/// The whole listing: `ipvsadm -L`, `-L --stats`, `-L --rate`, `-L --thresholds`, `-L --persistent-conn`.
#[must_use]
pub fn render(listing: &Listing, view: View, numbers: Numbers, naming: &Naming) -> String {
    let mut text = format!(
        "IP Virtual Server version {IPVS_VERSION} (size={})\n{}",
        listing.flow_table_size,
        title(view)
    );
    let mut services: Vec<_> = listing.services.iter().collect();
    services.sort_by_key(|service| {
        (
            service.address.is_ipv6(),
            service.protocol,
            service.address,
            service.port,
        )
    });
    for service in services {
        text.push_str(&service_row(service, view, numbers, naming));
        let mut servers: Vec<_> = service.servers.iter().collect();
        servers.sort_by_key(|server| (server.address, server.port));
        for server in servers {
            text.push_str(&server_row(server, service.protocol, view, numbers, naming));
        }
    }
    text
}

/// `ipvsadm -L --timeout`.
#[must_use]
pub fn timeouts(listing: &Listing) -> String {
    let ListedTimeouts {
        tcp_secs,
        tcp_fin_secs,
        udp_secs,
    } = listing.timeouts;
    format!("Timeout (tcp tcpfin udp): {tcp_secs} {tcp_fin_secs} {udp_secs}\n")
}

/// The two lines above `ipvsadm -L --connection`'s rows.
#[must_use]
pub fn connections_title() -> String {
    format!(
        "IPVS connection entries\npro expire {:<11} {:<18} {:<18} destination\n",
        "state", "source", "virtual"
    )
}

/// One row of `ipvsadm -L --connection`.
#[must_use]
pub fn connection_row(connection: &Connection, naming: &Naming) -> String {
    let endpoint = |address| cut(naming(address, connection.protocol), ENDPOINT_LENGTH);
    let expires = format!(
        "{:02}:{:02}",
        connection.expires_secs / 60,
        connection.expires_secs % 60
    );
    format!(
        "{:<3} {expires:<6} {:<11} {:<18} {:<18} {}\n",
        protocol_name(connection.protocol),
        connection.state.name(),
        endpoint(connection.client),
        endpoint(connection.vip),
        endpoint(connection.server),
    )
}

/// Addresses and ports as numbers, `-n`.
#[must_use]
pub fn numeric(address: SocketAddr, _: Protocol) -> String {
    address.to_string()
}

fn title(view: View) -> String {
    let columns = match view {
        View::Table => {
            return "Prot LocalAddress:Port Scheduler Flags\n  \
                    -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
                .to_owned();
        }
        View::Thresholds => {
            return format!(
                "{:<33} {:<10} {:<10} {:<10} {:<10}\n  -> RemoteAddress:Port\n",
                "Prot LocalAddress:Port", "Uthreshold", "Lthreshold", "ActiveConn", "InActConn"
            );
        }
        View::Persistence => {
            return format!(
                "{:<33} {:<9} {:<11} {:<10} {:<10}\n  -> RemoteAddress:Port\n",
                "Prot LocalAddress:Port", "Weight", "PersistConn", "ActiveConn", "InActConn"
            );
        }
        View::Statistics => ["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"],
        View::Rates => ["CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"],
    };
    let mut line = format!("{:<33}", "Prot LocalAddress:Port");
    for column in columns {
        push(&mut line, format_args!(" {column:>8}"));
    }
    line + "\n  -> RemoteAddress:Port\n"
}

fn service_row(service: &ListedService, view: View, numbers: Numbers, naming: &Naming) -> String {
    let name = format!(
        "{:<4} {}",
        protocol_name(service.protocol),
        table_endpoint(service.endpoint(), service.protocol, naming)
    );
    let mut row = match view {
        View::Table | View::Thresholds | View::Persistence => {
            format!("{name} {}", service.scheduler.name())
        }
        View::Statistics | View::Rates => format!("{name:<33}"),
    };
    match view {
        View::Table | View::Thresholds | View::Persistence => push_flags(&mut row, service),
        View::Statistics => push_large(&mut row, totals(&service.traffic), numbers),
        View::Rates => push_large(&mut row, rates(&service.rate), numbers),
    }
    row + "\n"
}

fn push_flags(row: &mut String, service: &ListedService) {
    if !service.scheduler_flags.is_empty() {
        push(
            row,
            format_args!(" ({})", service.scheduler_flags.join(",")),
        );
    }
    if let Some(timeout) = service.persistence_timeout_secs {
        push(row, format_args!(" persistent {timeout}"));
        push_mask(row, service);
    }
    if service.one_packet {
        row.push_str(" ops");
    }
}

/// Where several clients count as one: IPv4 as a netmask, IPv6 as a prefix length.
fn push_mask(row: &mut String, service: &ListedService) {
    match service.address {
        IpAddr::V4(_) if service.persistence_prefix < 32 => {
            let bits = u32::MAX
                .checked_shl(32 - u32::from(service.persistence_prefix))
                .unwrap_or(0);
            push(row, format_args!(" mask {}", Ipv4Addr::from(bits)));
        }
        IpAddr::V6(_) if service.persistence_prefix < 128 => {
            push(row, format_args!(" mask {}", service.persistence_prefix));
        }
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
}

fn server_row(
    server: &ListedServer,
    protocol: Protocol,
    view: View,
    numbers: Numbers,
    naming: &Naming,
) -> String {
    let mut row = format!(
        "  -> {:<28}",
        table_endpoint(server.endpoint(), protocol, naming)
    );
    match view {
        View::Table => push(
            &mut row,
            format_args!(
                " {:<7} {:<6} {:<10} {:<10}",
                server.forwarding.name(),
                server.weight,
                server.active,
                server.inactive
            ),
        ),
        View::Thresholds => push(
            &mut row,
            format_args!(
                " {:<10} {:<10} {:<10} {:<10}",
                server.upper_threshold, server.lower_threshold, server.active, server.inactive
            ),
        ),
        View::Persistence => push(
            &mut row,
            format_args!(
                " {:<9} {:<11} {:<10} {:<10}",
                server.weight, server.persistent, server.active, server.inactive
            ),
        ),
        View::Statistics => push_large(&mut row, totals(&server.traffic), numbers),
        View::Rates => {
            // ipvsadm abbreviates only the two columns of bytes here, unlike in the service's row.
            let [connections, packets, answers, bytes, answer_bytes] = rates(&server.rate);
            push(
                &mut row,
                format_args!(" {connections:>8} {packets:>8} {answers:>8}"),
            );
            push_large(&mut row, [bytes, answer_bytes], numbers);
        }
    }
    row + "\n"
}

/// Connections, packets in and out, bytes in and out. Answers bypass a director in direct routing: nothing goes out.
const fn totals(traffic: &Traffic) -> [u64; 5] {
    [traffic.connections, traffic.packets, 0, traffic.bytes, 0]
}

/// The same, a second.
const fn rates(rate: &Rate) -> [u64; 5] {
    [
        rate.connections_per_second,
        rate.packets_per_second,
        0,
        rate.bytes_per_second,
        0,
    ]
}

fn push_large<const N: usize>(row: &mut String, values: [u64; N], numbers: Numbers) {
    for value in values {
        match numbers {
            Numbers::Exact => push(row, format_args!(" {value:>8}")),
            Numbers::Abbreviated => push(row, format_args!("{:>9}", abbreviated(value))),
        }
    }
}

fn abbreviated(value: u64) -> String {
    let (divisor, unit) = match value {
        ..100_000_000 => (1, ""),
        100_000_000..1_000_000_000 => (1_000, "K"),
        1_000_000_000..100_000_000_000 => (1_000_000, "M"),
        100_000_000_000..100_000_000_000_000 => (1_000_000_000, "G"),
        _ => (1_000_000_000_000, "T"),
    };
    format!("{}{unit}", value / divisor)
}

fn table_endpoint(address: SocketAddr, protocol: Protocol, naming: &Naming) -> String {
    let length = if address.is_ipv4() {
        TABLE_ENDPOINT_LENGTH
    } else {
        ENDPOINT_LENGTH
    };
    cut(naming(address, protocol), length)
}

fn cut(mut name: String, length: usize) -> String {
    if let Some((end, _)) = name.char_indices().nth(length) {
        name.truncate(end);
    }
    name
}

const fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

/// Writing to a `String` cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _infallible = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests;
