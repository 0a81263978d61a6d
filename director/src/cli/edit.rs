//! `director service` and `director real`: changes of the configuration that runs.

mod drain;

use std::{
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde::{
    Deserialize as _,
    de::{IntoDeserializer as _, value},
};

use super::{CliError, SocketOptions, output};
use crate::{
    api::response::Reloaded,
    config::{
        Protocol, Scheduler, SchedulerFlags,
        edit::{Edit, ServerSettings, ServiceName, ServiceSettings},
    },
};

/// Add, change or remove a virtual server, until the daemon ends.
///
/// A reload of the configuration keeps the change, unless the file then says something else of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[command(after_help = "\
Examples:
  director service add 192.168.66.251:3306 --scheduler wrr --persistent 120
  director service remove 192.168.66.251:3306")]
pub enum ServiceCommand {
    /// Add a virtual server. It has no real servers yet.
    Add(ServiceOptions),
    /// Give a virtual server other settings; what is not given has its default.
    Edit(ServiceOptions),
    /// Let the real servers take over from the sorry server, where `failback` keeps them from it.
    Failback(Service),
    /// Remove a virtual server. New connections are refused, and those that are there go on as `on_removal` says.
    Remove(Service),
}

/// Add, change, drain or remove a real server, until the daemon ends.
///
/// A reload of the configuration keeps the change, unless the file then says something else of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[command(after_help = "\
Examples:
  director real add 192.168.66.251:3306 192.168.66.253 --weight 2
  director real drain 192.168.66.251:3306 192.168.66.253 --timeout 300 --wait
  director real remove 192.168.66.251:3306 192.168.66.253")]
pub enum RealCommand {
    /// Add a real server. Unless the configuration has it with its checks, it has none and counts as up.
    Add(ServerOptions),
    /// Give a real server another weight or other limits; what is not given stays.
    Edit(ServerOptions),
    /// Give a real server no new connections, and end those that are left when the time is over.
    Drain(drain::DrainOptions),
    /// Remove a real server. Its connections go on as `on_removal` says.
    Remove(Server),
}

/// A virtual server, and which daemon to ask.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Service {
    /// Its address and port, such as 192.168.66.251:3306 or [fd00::1]:80.
    #[arg(value_name = "VIP:PORT")]
    pub service: SocketAddr,

    /// It is a service over UDP.
    #[arg(long)]
    pub udp: bool,

    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Print the answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A virtual server and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ServiceOptions {
    /// Which one.
    #[command(flatten)]
    pub service: Service,

    /// How the server of a new connection is chosen: rr, wrr, lc, wlc, sh, mh, dh, sed, nq, fo, ovf, lblc, lblcr, twos.
    #[arg(long, short, default_value = "wlc", value_parser = scheduler)]
    pub scheduler: Scheduler,

    /// With sh and mh: the client's port counts, too.
    #[arg(long)]
    pub hash_port: bool,

    /// With sh and mh: a server that is not available is passed over.
    #[arg(long)]
    pub fallback: bool,

    /// Each datagram is scheduled by itself.
    #[arg(long, requires = "udp")]
    pub ops: bool,

    /// A client keeps its server for so many seconds after its last connection.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=2_678_400))]
    pub persistent: Option<u32>,

    /// Clients whose first bits are equal keep the same server.
    #[arg(long, value_name = "BITS", requires = "persistent", value_parser = clap::value_parser!(u8).range(1..=128))]
    pub prefix: Option<u8>,
}

/// A real server of a virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Server {
    /// Which virtual server.
    #[command(flatten)]
    pub service: Service,

    /// The real server's address.
    #[arg(value_name = "REAL_SERVER")]
    pub server: IpAddr,
}

/// A real server and its settings.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ServerOptions {
    /// Which one.
    #[command(flatten)]
    pub server: Server,

    /// Its share of new connections, 0 to 2147483647.
    #[arg(long, short, value_parser = clap::value_parser!(u32).range(0..=i64::from(i32::MAX)))]
    pub weight: Option<u32>,

    /// With so many connections it gets no new ones; 0: no limit.
    #[arg(long, value_name = "CONNECTIONS")]
    pub uthreshold: Option<u32>,

    /// Below so many it gets new ones again.
    #[arg(long, value_name = "CONNECTIONS")]
    pub lthreshold: Option<u32>,
}

pub(super) fn scheduler(word: &str) -> Result<Scheduler, String> {
    let word: value::StrDeserializer<'_, value::Error> = word.into_deserializer();
    Scheduler::deserialize(word).map_err(|_| {
        "one of rr, wrr, lc, wlc, sh, mh, dh, sed, nq, fo, ovf, lblc, lblcr, twos".to_owned()
    })
}

impl Service {
    fn name(&self) -> ServiceName {
        ServiceName {
            protocol: match self.udp {
                true => Protocol::Udp,
                false => Protocol::Tcp,
            },
            address: self.service.ip(),
            port: self.service.port(),
        }
    }
}

impl ServiceOptions {
    fn settings(&self) -> ServiceSettings {
        ServiceSettings {
            scheduler: self.scheduler,
            flags: SchedulerFlags {
                port: self.hash_port,
                fallback: self.fallback,
            },
            one_packet: self.ops,
            persistence_secs: self.persistent,
            persistence_prefix: self.prefix,
        }
    }
}

impl ServerOptions {
    fn settings(&self) -> ServerSettings {
        ServerSettings {
            weight: self.weight,
            upper_threshold: self.uthreshold,
            lower_threshold: self.lthreshold,
        }
    }
}

pub(super) fn service(command: &ServiceCommand) -> Result<ExitCode, CliError> {
    let (service, edit) = match command {
        ServiceCommand::Add(options) => (
            &options.service,
            Edit::AddService {
                service: options.service.name(),
                settings: options.settings(),
            },
        ),
        ServiceCommand::Edit(options) => (
            &options.service,
            Edit::EditService {
                service: options.service.name(),
                settings: options.settings(),
            },
        ),
        ServiceCommand::Failback(service) => (
            service,
            Edit::FailBack {
                service: service.name(),
            },
        ),
        ServiceCommand::Remove(service) => (
            service,
            Edit::RemoveService {
                service: service.name(),
            },
        ),
    };
    ask(service, &edit)
}

pub(super) fn real(command: &RealCommand) -> Result<ExitCode, CliError> {
    let (server, edit) = match command {
        RealCommand::Add(options) => (
            &options.server,
            Edit::AddServer {
                service: options.server.service.name(),
                server: options.server.server,
                settings: options.settings(),
            },
        ),
        RealCommand::Edit(options) => (
            &options.server,
            Edit::EditServer {
                service: options.server.service.name(),
                server: options.server.server,
                settings: options.settings(),
            },
        ),
        RealCommand::Drain(options) => return drain::run(options),
        RealCommand::Remove(server) => (
            server,
            Edit::RemoveServer {
                service: server.service.name(),
                server: server.server,
            },
        ),
    };
    ask(&server.service, &edit)
}

fn ask(service: &Service, edit: &Edit) -> Result<ExitCode, CliError> {
    let client = service.socket.client();
    let done = output::block_on(async { Ok(client.edit(edit).await?) })?;
    output::print(|out| match service.json {
        true => output::write_json(out, &done),
        false => Ok(out.write_all(render(&done).as_bytes())?),
    })
}

/// What changed, one line each.
fn render(done: &Reloaded) -> String {
    match done.changes.as_slice() {
        [] => "nothing changed\n".to_owned(),
        changes => changes.iter().map(|change| format!("{change}\n")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedulers_are_ipvsadms_words() {
        assert_eq!(scheduler("wrr"), Ok(Scheduler::WeightedRoundRobin));
        assert_eq!(scheduler("mh"), Ok(Scheduler::Maglev));
        assert!(scheduler("round-robin").is_err_and(|said| said.contains("rr, wrr")));
    }

    #[test]
    fn an_answer_tells_every_change() {
        let done = Reloaded {
            changes: vec!["one".to_owned(), "two".to_owned()],
            ..Reloaded::default()
        };
        assert_eq!(render(&done), "one\ntwo\n");
        assert_eq!(render(&Reloaded::default()), "nothing changed\n");
    }
}
