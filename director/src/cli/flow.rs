//! `director flow`: the flows that are there, chosen by what they are.

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

use clap::{Args, Subcommand};

use super::{CliError, SocketOptions, ipvsadm, output};
use crate::{
    api::{
        client::Client,
        filter::{FlowFilter, Network},
        response::{Connection, ConnectionState, Problem},
    },
    config::{Protocol, edit::ServiceName},
};

/// Exit code where no flow is meant.
const NONE_MEANT: u8 = 1;

/// List, count or reset connections, chosen by client, service, server, state and idle time.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[command(after_help = "\
Examples:
  director flow count --server 192.168.66.253
  director flow list --client 10.0.0.0/8 --idle 600
  director flow reset --client 10.1.2.3

Exit codes: 0 done, 1 no connection is meant, 2 not done.")]
pub enum FlowCommand {
    /// List them, as `ipvsadm -Lnc` does.
    List(FlowOptions),
    /// Count them.
    Count(FlowOptions),
    /// End them: both ends are told by a reset.
    Reset(ResetOptions),
}

/// Which flows, and which daemon to ask.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct FlowOptions {
    /// Of this client, or of the clients of this network.
    #[arg(long, value_name = "ADDRESS[/BITS]")]
    pub client: Option<Network>,

    /// To this virtual server.
    #[arg(long, value_name = "VIP:PORT")]
    pub service: Option<SocketAddr>,

    /// The virtual server is one over UDP.
    #[arg(long, requires = "service")]
    pub udp: bool,

    /// Of this real server.
    #[arg(long, value_name = "ADDRESS")]
    pub server: Option<IpAddr>,

    /// In this state: ESTABLISHED, SYN_RECV, FIN_WAIT, TIME_WAIT, CLOSE, UDP.
    #[arg(long, value_parser = state)]
    pub state: Option<ConnectionState>,

    /// Whose client has said nothing for so many seconds, or longer.
    #[arg(long, value_name = "SECONDS")]
    pub idle: Option<u32>,

    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which flows to end.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ResetOptions {
    /// Which ones.
    #[command(flatten)]
    pub flows: FlowOptions,

    /// All of them, where nothing else is said.
    #[arg(long)]
    pub all: bool,
}

fn state(word: &str) -> Result<ConnectionState, String> {
    let word = word.to_ascii_uppercase();
    let states = [
        ConnectionState::Established,
        ConnectionState::SynRecv,
        ConnectionState::FinWait,
        ConnectionState::TimeWait,
        ConnectionState::Close,
        ConnectionState::Udp,
    ];
    states
        .into_iter()
        .find(|state| state.name() == word)
        .ok_or_else(|| "one of ESTABLISHED, SYN_RECV, FIN_WAIT, TIME_WAIT, CLOSE, UDP".to_owned())
}

impl FlowOptions {
    fn filter(&self) -> FlowFilter {
        FlowFilter {
            client: self.client,
            service: self.service.map(|service| ServiceName {
                protocol: match self.udp {
                    true => Protocol::Udp,
                    false => Protocol::Tcp,
                },
                address: service.ip(),
                port: service.port(),
            }),
            server: self.server,
            state: self.state,
            idle_secs: self.idle,
        }
    }
}

pub(super) fn run(command: &FlowCommand) -> Result<ExitCode, CliError> {
    match command {
        FlowCommand::List(options) => list(options),
        FlowCommand::Count(options) => count(options),
        FlowCommand::Reset(options) => reset(options),
    }
}

/// Calls `visit` for every flow that is meant, and says how many there are.
async fn visit(
    client: &Client,
    filter: &FlowFilter,
    mut visit: impl FnMut(&Connection) -> Result<(), CliError>,
) -> Result<u64, CliError> {
    let mut connections = client.connections().await?;
    let mut meant = 0;
    while let Some(connection) = connections.next().await? {
        if filter.matches(&connection) {
            visit(&connection)?;
            meant += 1;
        }
    }
    Ok(meant)
}

fn list(options: &FlowOptions) -> Result<ExitCode, CliError> {
    let (client, filter) = (options.socket.client(), options.filter());
    let mut meant = 0;
    output::print(|out| {
        if !options.json {
            out.write_all(ipvsadm::connections_title().as_bytes())?;
        }
        let row = |connection: &Connection| -> Result<(), CliError> {
            match options.json {
                true => output::write_json_line(out, connection),
                false => {
                    let row = ipvsadm::connection_row(connection, &ipvsadm::numeric);
                    Ok(out.write_all(row.as_bytes())?)
                }
            }
        };
        meant = output::block_on(visit(&client, &filter, row))?;
        Ok(())
    })?;
    Ok(verdict(meant))
}

fn count(options: &FlowOptions) -> Result<ExitCode, CliError> {
    let (client, filter) = (options.socket.client(), options.filter());
    let meant = output::block_on(visit(&client, &filter, |_| Ok(())))?;
    output::print(|out| match options.json {
        true => output::write_json(out, &serde_json::json!({ "flows": meant })),
        false => Ok(writeln!(out, "{meant}")?),
    })?;
    Ok(verdict(meant))
}

fn reset(options: &ResetOptions) -> Result<ExitCode, CliError> {
    let filter = options.flows.filter();
    if filter == FlowFilter::default() && !options.all {
        return Err(Problem::new("this would end every connection")
            .help("say which ones, or --all")
            .into());
    }
    let client = options.flows.socket.client();
    let told = output::block_on(async { Ok(client.reset_flows(&filter).await?) })?;
    let meant = told.connections + told.datagram_flows;
    output::print(|out| match options.flows.json {
        true => output::write_json(out, &told),
        false => Ok(writeln!(
            out,
            "{} connections ended, {} flows of datagrams forgotten; {} clients and {} servers could not be told",
            told.connections, told.datagram_flows, told.untold_clients, told.untold_servers
        )?),
    })?;
    Ok(verdict(meant))
}

fn verdict(meant: u64) -> ExitCode {
    match meant {
        0 => {
            // With stderr closed there is nobody left to tell; the exit code still does.
            drop(writeln!(
                std::io::stderr(),
                "no connection is meant by this"
            ));
            ExitCode::from(NONE_MEANT)
        }
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_ipvsadms_words_in_any_case() {
        assert_eq!(state("established"), Ok(ConnectionState::Established));
        assert_eq!(state("FIN_WAIT"), Ok(ConnectionState::FinWait));
        assert!(state("open").is_err_and(|said| said.contains("ESTABLISHED")));
    }
}
