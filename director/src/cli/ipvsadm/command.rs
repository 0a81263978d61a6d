//! `director ipvsadm`, and the same binary under the name `ipvsadm`: ipvsadm's own options, so that scripts go on working.

use std::{
    io::{self, BufRead as _, Write as _},
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

use clap::{ArgGroup, Args, CommandFactory as _, Parser};

use super::{
    super::{
        CliError, SocketOptions, edit,
        list::{self, ListOptions},
        output,
    },
    save,
};
use crate::{
    api::{
        client::{Client, ClientError},
        response::Problem,
    },
    config::{
        Protocol, Scheduler, SchedulerFlags,
        edit::{Edit, ServerSettings, ServiceName, ServiceSettings},
    },
};

/// What ipvsadm ends with where the kernel refused.
const REFUSED: u8 = 255;
/// What ipvsadm takes for `-p` without a number, seconds.
const PERSISTENCE: &str = "300";

/// Do what ipvsadm does, by its own options.
///
/// Direct routing only: -i and -m are refused, and so are services by firewall mark. Changes last until the daemon ends.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    disable_help_flag = true,
    group = ArgGroup::new("command").required(true),
    after_help = "\
Examples:
  director ipvsadm -A -t 192.168.66.251:3306 -s wrr -p 120
  director ipvsadm -a -t 192.168.66.251:3306 -r 192.168.66.253:3306 -g -w 1
  director ipvsadm -Ln"
)]
pub struct IpvsadmOptions {
    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Print help.
    #[arg(short = 'h', long, action = clap::ArgAction::Help)]
    pub help: Option<bool>,

    /// Add a virtual service.
    #[arg(short = 'A', long, group = "command")]
    pub add_service: bool,
    /// Edit a virtual service.
    #[arg(short = 'E', long, group = "command")]
    pub edit_service: bool,
    /// Delete a virtual service.
    #[arg(short = 'D', long, group = "command")]
    pub delete_service: bool,
    /// Delete all virtual services.
    #[arg(short = 'C', long, group = "command")]
    pub clear: bool,
    /// Read rules from the standard input.
    #[arg(short = 'R', long, group = "command")]
    pub restore: bool,
    /// Print rules, as -R reads them.
    #[arg(short = 'S', long, group = "command")]
    pub save: bool,
    /// Add a real server.
    #[arg(short = 'a', long, group = "command")]
    pub add_server: bool,
    /// Edit a real server.
    #[arg(short = 'e', long, group = "command")]
    pub edit_server: bool,
    /// Delete a real server.
    #[arg(short = 'd', long, group = "command")]
    pub delete_server: bool,
    /// List.
    #[arg(short = 'L', short_alias = 'l', long, group = "command")]
    pub list: bool,
    /// Set the timeouts of established TCP, TCP after a FIN, and UDP, seconds; 0 leaves one as it is.
    #[arg(long, group = "command", num_args = 3, value_names = ["TCP", "TCPFIN", "UDP"])]
    pub set: Vec<u32>,
    /// Count traffic from zero: of one service, or of all.
    #[arg(short = 'Z', long, group = "command")]
    pub zero: bool,
    /// Copy connections between directors: refused.
    #[arg(long, group = "command", value_name = "STATE")]
    pub start_daemon: Option<String>,
    /// Stop copying connections: refused.
    #[arg(long, group = "command", value_name = "STATE")]
    pub stop_daemon: Option<String>,

    /// A TCP service.
    #[arg(short, long, value_name = "HOST[:PORT]")]
    pub tcp_service: Option<String>,
    /// A UDP service.
    #[arg(
        short,
        long,
        value_name = "HOST[:PORT]",
        conflicts_with = "tcp_service"
    )]
    pub udp_service: Option<String>,
    /// A service by firewall mark: refused.
    #[arg(short, long, value_name = "MARK")]
    pub fwmark_service: Option<u32>,
    /// How the server of a new connection is chosen.
    #[arg(short, long, default_value = "wlc", value_parser = edit::scheduler)]
    pub scheduler: Scheduler,
    /// Options of the scheduler, with commas between them.
    #[arg(short = 'b', long, value_delimiter = ',', value_name = "FLAGS")]
    pub sched_flags: Vec<String>,
    /// A client keeps its server.
    #[arg(short, long, num_args = 0..=1, default_missing_value = PERSISTENCE, value_name = "SECONDS")]
    pub persistent: Option<u32>,
    /// Clients of one network keep the same server.
    #[arg(short = 'M', long, value_name = "MASK")]
    pub netmask: Option<String>,
    /// Each datagram is scheduled by itself.
    #[arg(short = 'o', long)]
    pub ops: bool,
    /// A real server.
    #[arg(short, long, value_name = "HOST[:PORT]")]
    pub real_server: Option<String>,
    /// Direct routing, which is the default.
    #[arg(short, long)]
    pub gatewaying: bool,
    /// Tunneling: refused.
    #[arg(short, long)]
    pub ipip: bool,
    /// Masquerading: refused.
    #[arg(short, long)]
    pub masquerading: bool,
    /// Share of new connections.
    #[arg(short, long)]
    pub weight: Option<u32>,
    /// With so many connections a server gets no new ones.
    #[arg(short = 'x', long)]
    pub u_threshold: Option<u32>,
    /// Below so many it gets new ones again.
    #[arg(short = 'y', long)]
    pub l_threshold: Option<u32>,

    /// Every connection.
    #[arg(short, long)]
    pub connection: bool,
    /// The timeouts.
    #[arg(long)]
    pub timeout: bool,
    /// The synchronization daemons, of which there are none.
    #[arg(long)]
    pub daemon: bool,
    /// Connections, packets and bytes.
    #[arg(long)]
    pub stats: bool,
    /// The same in a second.
    #[arg(long)]
    pub rate: bool,
    /// Limits of connections.
    #[arg(long)]
    pub thresholds: bool,
    /// Clients that keep their server.
    #[arg(long)]
    pub persistent_conn: bool,
    /// Whole numbers.
    #[arg(long)]
    pub exact: bool,
    /// Sorted, as it always is.
    #[arg(long)]
    pub sort: bool,
    /// Not sorted, which changes nothing.
    #[arg(long)]
    pub nosort: bool,
    /// Numbers instead of names.
    #[arg(short, long)]
    pub numeric: bool,
}

/// A line of `-R`, which may begin with the word `ipvsadm`.
#[derive(Parser)]
#[command(name = "ipvsadm", no_binary_name = true)]
struct Line {
    #[command(flatten)]
    options: IpvsadmOptions,
}

pub(in super::super) fn run(options: &IpvsadmOptions) -> Result<ExitCode, CliError> {
    let client = options.socket.client();
    if options.list && options.daemon {
        // What ipvsadm prints where no synchronization daemon runs.
        return Ok(ExitCode::SUCCESS);
    }
    if options.list {
        return list::run(&options.listing());
    }
    if options.save {
        let listing = output::block_on(async { Ok(client.listing().await?) })?;
        return output::print(|out| Ok(out.write_all(save::rules(&listing).as_bytes())?));
    }
    if options.restore {
        return restore(&client);
    }
    ask(&client, &options.edit()?)
}

/// Rule after rule; the first one that is refused ends it.
fn restore(client: &Client) -> Result<ExitCode, CliError> {
    for (number, line) in (1..).zip(io::stdin().lock().lines()) {
        let line = line?;
        let words: Vec<_> = line.split_whitespace().collect();
        let words = words.strip_prefix(&["ipvsadm"]).unwrap_or(&words);
        if words.is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let at = |problem: Problem| problem.because(format!("line {number}: {line}"));
        let parsed = Line::try_parse_from(words).map_err(|error| {
            let error = error.format(&mut Line::command());
            at(Problem::new(error.render().to_string().trim().to_owned()))
        })?;
        let edit = parsed.options.edit().map_err(at)?;
        let code = ask(client, &edit)?;
        if code != ExitCode::SUCCESS {
            drop(writeln!(io::stderr(), "in line {number}: {line}"));
            return Ok(code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Like ipvsadm: nothing is printed if it was done, and one line if it was not.
fn ask(client: &Client, edit: &Edit) -> Result<ExitCode, CliError> {
    match output::block_on(async { Ok(client.edit(edit).await) })? {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(ClientError::Refused(problem)) => {
            // With stderr closed there is nobody left to tell.
            drop(writeln!(io::stderr(), "{}", problem.what));
            Ok(ExitCode::from(REFUSED))
        }
        Err(error) => Err(error.into()),
    }
}

impl IpvsadmOptions {
    fn listing(&self) -> ListOptions {
        ListOptions {
            socket: self.socket.clone(),
            numeric: self.numeric,
            names: false,
            stats: self.stats,
            rate: self.rate,
            thresholds: self.thresholds,
            persistent_conn: self.persistent_conn,
            timeout: self.timeout,
            connections: self.connection,
            exact: self.exact,
            json: false,
        }
    }

    fn edit(&self) -> Result<Edit, Problem> {
        if self.clear {
            return Ok(Edit::Clear);
        }
        if let [tcp, tcpfin, udp] = self.set[..] {
            return Ok(Edit::SetTimeouts { tcp, tcpfin, udp });
        }
        if self.start_daemon.is_some() || self.stop_daemon.is_some() {
            return Err(
                Problem::new("connections are not copied between directors yet")
                    .help("there is no synchronization daemon to start or to stop"),
            );
        }
        if self.zero {
            let is_named = self.tcp_service.is_some() || self.udp_service.is_some();
            let is_named = is_named || self.fwmark_service.is_some();
            let service = is_named.then(|| self.service()).transpose()?;
            return Ok(Edit::ZeroCounters { service });
        }
        if self.list || self.save || self.restore {
            return Err(Problem::new("not a rule"));
        }
        let service = self.service()?;
        if self.add_service || self.edit_service || self.delete_service {
            return Ok(match (self.add_service, self.edit_service) {
                (true, _) => Edit::AddService {
                    service,
                    settings: self.service_settings(service.address)?,
                },
                (_, true) => Edit::EditService {
                    service,
                    settings: self.service_settings(service.address)?,
                },
                _ => Edit::RemoveService { service },
            });
        }
        let server = self.server(service)?;
        Ok(match (self.add_server, self.edit_server) {
            (true, _) => Edit::AddServer {
                service,
                server,
                settings: self.server_settings()?,
            },
            (_, true) => Edit::EditServer {
                service,
                server,
                settings: self.server_settings()?,
            },
            _ => Edit::RemoveServer { service, server },
        })
    }

    fn service(&self) -> Result<ServiceName, Problem> {
        if self.fwmark_service.is_some() {
            return Err(Problem::new("services by firewall mark are not supported")
                .help("add one service for each address and port, by -t or -u"));
        }
        let (text, protocol) = match (&self.tcp_service, &self.udp_service) {
            (Some(text), _) => (text, Protocol::Tcp),
            (None, Some(text)) => (text, Protocol::Udp),
            (None, None) => {
                return Err(Problem::new(
                    "You need to supply the 'service-address' option",
                ));
            }
        };
        let endpoint = endpoint(text)?;
        Ok(ServiceName {
            protocol,
            address: endpoint.ip(),
            port: endpoint.port(),
        })
    }

    fn service_settings(&self, vip: IpAddr) -> Result<ServiceSettings, Problem> {
        let mut flags = SchedulerFlags::default();
        for flag in &self.sched_flags {
            match flag.as_str() {
                "sh-port" | "mh-port" => flags.port = true,
                "sh-fallback" | "mh-fallback" => flags.fallback = true,
                _ => return Err(Problem::new(format!("illegal scheduler flag `{flag}`"))),
            }
        }
        let names = flags.names(self.scheduler);
        let is_foreign = |flag: &&String| !names.contains(&flag.as_str());
        if let Some(flag) = self.sched_flags.iter().find(is_foreign) {
            let scheduler = self.scheduler.name();
            return Err(Problem::new(format!(
                "scheduler `{scheduler}` has no flag `{flag}`"
            )));
        }
        Ok(ServiceSettings {
            scheduler: self.scheduler,
            flags,
            one_packet: self.ops,
            persistence_secs: self.persistent,
            persistence_prefix: self
                .netmask
                .as_deref()
                .map(|mask| prefix(mask, vip))
                .transpose()?,
        })
    }

    /// The port of a real server in direct routing is its service's.
    fn server(&self, service: ServiceName) -> Result<IpAddr, Problem> {
        let Some(text) = &self.real_server else {
            return Err(Problem::new("You need to supply the 'real-server' option"));
        };
        let endpoint = endpoint(text)?;
        if !matches!(endpoint.port(), 0) && endpoint.port() != service.port {
            return Err(Problem::new(format!(
                "the real server's port {} is not its service's ({})",
                endpoint.port(),
                service.port
            ))
            .help("direct routing cannot translate ports"));
        }
        Ok(endpoint.ip())
    }

    fn server_settings(&self) -> Result<ServerSettings, Problem> {
        if self.ipip || self.masquerading {
            return Err(Problem::new("the director works in direct routing only")
                .help("write -g, and give the real server the VIP on its loopback interface"));
        }
        Ok(ServerSettings {
            weight: self.weight,
            upper_threshold: self.u_threshold,
            lower_threshold: self.l_threshold,
        })
    }
}

/// `192.168.66.251:3306`, `[fd00::1]:80`, or an address alone (port 0).
fn endpoint(text: &str) -> Result<SocketAddr, Problem> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    text.parse()
        .or_else(|_| bare.parse().map(|address: IpAddr| (address, 0).into()))
        .map_err(|_| {
            Problem::new(format!(
                "illegal virtual server address[:port] specified: `{text}`"
            ))
            .help("addresses and ports are numbers here; IPv6 with a port is written [fd00::1]:80")
        })
}

/// Bits of a mask: `255.255.255.0`, or a number with IPv6.
fn prefix(mask: &str, vip: IpAddr) -> Result<u8, Problem> {
    let bits = match vip {
        IpAddr::V4(_) => mask.parse().ok().and_then(|mask: std::net::Ipv4Addr| {
            let bits = u32::from(mask);
            (bits.leading_ones() + bits.trailing_zeros() == 32).then_some(bits.leading_ones())
        }),
        IpAddr::V6(_) => mask.parse().ok().filter(|bits| (1..=128).contains(bits)),
    };
    bits.and_then(|bits| u8::try_from(bits).ok())
        .filter(|bits| *bits > 0)
        .ok_or_else(|| Problem::new(format!("invalid netmask `{mask}`")))
}

#[cfg(test)]
mod tests;
