//! `director list`: what `ipvsadm -Ln` shows, in its layout.

mod naming;
mod standby;

use std::{
    io::{self, IsTerminal as _, Write},
    process::ExitCode,
};

use clap::Args;

use super::{
    CliError, SocketOptions,
    ipvsadm::{self, Naming, Numbers, View},
    output,
};
use crate::api::client::Client;

/// List services and real servers in ipvsadm's layout.
///
/// Columns, widths and order are those of `ipvsadm -Ln`, so that scripts that read it go on working. Addresses and
/// ports are numbers unless --names is given. Answers bypass a director in direct routing, so the Out columns are 0.
///
/// A director that is not MASTER has the same table and forwards nothing of it. On a terminal that is said on stderr; the JSON has the
/// instance and the role of each service.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  director list                 as `ipvsadm -Ln`
  director list --stats --exact as `ipvsadm -Ln --stats --exact`
  director list -c              as `ipvsadm -Lnc`: every connection")]
pub struct ListOptions {
    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Numeric addresses and ports (the default).
    #[arg(short, long, conflicts_with = "names")]
    pub numeric: bool,

    /// Names of hosts and services instead of numbers; each is looked up once, which may take time.
    #[arg(long, conflicts_with = "json")]
    pub names: bool,

    /// Connections, packets and bytes since the service was made.
    #[arg(long, group = "view")]
    pub stats: bool,

    /// Connections, packets and bytes a second.
    #[arg(long, group = "view")]
    pub rate: bool,

    /// Limits of the servers' connections (`uthreshold`, `lthreshold`).
    #[arg(long, group = "view")]
    pub thresholds: bool,

    /// Clients that keep their server (`persistence_timeout`).
    #[arg(long, group = "view")]
    pub persistent_conn: bool,

    /// How long connections are kept.
    #[arg(long, group = "view")]
    pub timeout: bool,

    /// Every connection, and every persistence template (client port 0).
    #[arg(short, long, group = "view")]
    pub connections: bool,

    /// Whole numbers instead of K, M, G and T.
    #[arg(long, conflicts_with = "connections")]
    pub exact: bool,

    /// JSON: one document, or with --connections one connection a line.
    #[arg(long)]
    pub json: bool,
}

impl ListOptions {
    const fn view(&self) -> View {
        match self {
            Self { stats: true, .. } => View::Statistics,
            Self { rate: true, .. } => View::Rates,
            Self {
                thresholds: true, ..
            } => View::Thresholds,
            Self {
                persistent_conn: true,
                ..
            } => View::Persistence,
            _ => View::Table,
        }
    }

    const fn numbers(&self) -> Numbers {
        if self.exact {
            Numbers::Exact
        } else {
            Numbers::Abbreviated
        }
    }

    fn naming(&self) -> Box<Naming> {
        if self.names {
            Box::new(naming::resolver())
        } else {
            Box::new(ipvsadm::numeric)
        }
    }
}

pub(super) fn run(options: &ListOptions) -> Result<ExitCode, CliError> {
    let client = options.socket.client();
    if options.connections {
        return output::print(|out| output::block_on(write_connections(&client, options, out)));
    }
    let listing = output::block_on(async { Ok(client.listing().await?) })?;
    let end = output::print(|out| {
        if options.json {
            return output::write_json(out, &listing);
        }
        if options.timeout {
            return Ok(out.write_all(ipvsadm::timeouts(&listing).as_bytes())?);
        }
        let text = ipvsadm::render(
            &listing,
            options.view(),
            options.numbers(),
            &*options.naming(),
        );
        Ok(out.write_all(text.as_bytes())?)
    })?;
    // Whoever reads it by a program must find nothing that ipvsadm would not say, on stderr neither.
    if !options.json && !options.timeout && io::stdout().is_terminal() {
        let vrrp = output::block_on(async { Ok(client.vrrp().await?) })?;
        for note in standby::notes(&listing, &vrrp) {
            writeln!(io::stderr(), "{note}")?;
        }
    }
    Ok(end)
}

/// Row by row: a full flow table is never held in memory.
async fn write_connections(
    client: &Client,
    options: &ListOptions,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let naming = options.naming();
    let mut connections = client.connections().await?;
    if !options.json {
        out.write_all(ipvsadm::connections_title().as_bytes())?;
    }
    while let Some(connection) = connections.next().await? {
        if options.json {
            output::write_json_line(out, &connection)?;
        } else {
            out.write_all(ipvsadm::connection_row(&connection, &*naming).as_bytes())?;
        }
    }
    Ok(())
}
