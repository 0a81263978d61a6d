//! Edits of a configuration that runs, one thing at a time: what `director service`, `director real` and `director ipvsadm` ask for. Pure.
//!
//! They go on when the file is read again ([`by_hand`]), and end with the daemon.

pub mod by_hand;
mod rules;

use std::{fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

pub use rules::Rule;

use super::{
    Config, Failback, Farewell, Farewells, ForwardingMethod, Idle, NoFlow, Places, Protocol,
    RealServer, Scheduler, SchedulerFlags, Span, Switchover, VirtualServer, address::host_prefix,
};

/// Name of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceName {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The VIP.
    pub address: IpAddr,
    /// Its port; 0: all ports.
    pub port: u16,
}

/// What an operator sets of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSettings {
    /// Order of new flows.
    pub scheduler: Scheduler,
    /// Options of the scheduler.
    pub flags: SchedulerFlags,
    /// Each datagram by itself.
    pub one_packet: bool,
    /// How long a client keeps its server, seconds; `None`: it does not.
    pub persistence_secs: Option<u32>,
    /// Bits of a client's address that count; `None`: all.
    pub persistence_prefix: Option<u8>,
}

/// What an operator sets of a real server; `None`: as it is, or the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSettings {
    /// Share of new flows.
    pub weight: Option<u32>,
    /// With this many flows it gets no new ones; 0: no limit.
    pub upper_threshold: Option<u32>,
    /// Below this many it gets new ones again.
    pub lower_threshold: Option<u32>,
}

/// One edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Edit {
    /// A virtual server that is not there.
    AddService {
        /// Its name.
        service: ServiceName,
        /// What it is set to.
        settings: ServiceSettings,
    },
    /// Other settings for one that is there.
    EditService {
        /// Its name.
        service: ServiceName,
        /// What it is set to.
        settings: ServiceSettings,
    },
    /// Takes a virtual server away.
    RemoveService {
        /// Its name.
        service: ServiceName,
    },
    /// The real servers take over from the sorry server, which `failback` has kept them from.
    FailBack {
        /// The virtual server.
        service: ServiceName,
    },
    /// Counts the traffic of a virtual server and its real servers from zero, or of all of them.
    ZeroCounters {
        /// The virtual server; `None`: all.
        service: Option<ServiceName>,
    },
    /// Takes all virtual servers away.
    Clear,
    /// How long flows are kept, seconds; 0: as it is.
    SetTimeouts {
        /// Established TCP flows.
        tcp: u32,
        /// TCP flows after a FIN.
        tcpfin: u32,
        /// UDP flows.
        udp: u32,
    },
    /// A real server that is not there.
    AddServer {
        /// The virtual server.
        service: ServiceName,
        /// Its address.
        server: IpAddr,
        /// What it is set to.
        settings: ServerSettings,
    },
    /// Other settings for one that is there.
    EditServer {
        /// The virtual server.
        service: ServiceName,
        /// Its address.
        server: IpAddr,
        /// What it is set to.
        settings: ServerSettings,
    },
    /// No new flows, and an end for those that are there.
    DrainServer {
        /// The virtual server.
        service: ServiceName,
        /// Its address.
        server: IpAddr,
        /// After so many seconds both ends of what is left are told.
        timeout_secs: u32,
    },
    /// Takes a real server away. Its flows go on as `on_removal` says.
    RemoveServer {
        /// The virtual server.
        service: ServiceName,
        /// Its address.
        server: IpAddr,
    },
}

/// An edit that cannot be. Where ipvsadm has words for it they are these, which scripts know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is such a virtual server.
    #[error("Service already exists")]
    ServiceExists,
    /// There is no such virtual server.
    #[error("No such service")]
    NoService,
    /// A real server's virtual server is not there.
    #[error("Service not defined")]
    ServiceNotDefined,
    /// There is such a real server.
    #[error("Destination already exists")]
    ServerExists,
    /// There is no such real server.
    #[error("No such destination")]
    NoServer,
    /// What is set cannot be.
    #[error(transparent)]
    Rule(#[from] Rule),
}

impl EditError {
    /// What to do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::ServiceExists => "give it other settings with `director service edit`",
            Self::ServerExists => "give it other settings with `director real edit`",
            Self::NoService | Self::ServiceNotDefined | Self::NoServer => {
                "`director status` lists what is there"
            }
            Self::Rule(_) => "nothing was changed; set something that can be",
        }
    }
}

/// What the edit is about.
impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddService { service, .. }
            | Self::EditService { service, .. }
            | Self::RemoveService { service }
            | Self::FailBack { service }
            | Self::ZeroCounters {
                service: Some(service),
            } => write!(f, "virtual server {service}"),
            Self::AddServer {
                service, server, ..
            }
            | Self::EditServer {
                service, server, ..
            }
            | Self::DrainServer {
                service, server, ..
            }
            | Self::RemoveServer { service, server } => {
                write!(f, "real server {server} of virtual server {service}")
            }
            Self::ZeroCounters { service: None } | Self::Clear => {
                f.write_str("all virtual servers")
            }
            Self::SetTimeouts { .. } => f.write_str("the timeouts"),
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        };
        let socket = std::net::SocketAddr::new(self.address, self.port);
        write!(f, "{protocol} {socket}")
    }
}

impl Config {
    /// The configuration after an edit. What comes back by hand comes back as `file` has it, with its checks.
    ///
    /// # Errors
    ///
    /// [`EditError`]: what the edit speaks of is not there, or is there already, or cannot be.
    pub fn edited(&self, edit: &Edit, file: &Self) -> Result<Self, EditError> {
        let mut next = self.clone();
        let services = &mut next.virtual_servers;
        match edit {
            Edit::AddService { service, settings } => {
                if find(services, *service).is_some() {
                    return Err(EditError::ServiceExists);
                }
                let mut new = match of_name(file, *service) {
                    Some(written) => VirtualServer {
                        real_servers: Vec::new(),
                        ..written.clone()
                    },
                    None => new_service(*service),
                };
                settings.set(&mut new)?;
                services.push(new);
            }
            Edit::EditService { service, settings } => {
                settings.set(find(services, *service).ok_or(EditError::NoService)?)?;
            }
            Edit::RemoveService { service } => {
                find(services, *service).ok_or(EditError::NoService)?;
                services.retain(|known| name(known) != *service);
            }
            // No matters of the configuration: the service only has to be there.
            Edit::FailBack { service }
            | Edit::ZeroCounters {
                service: Some(service),
            } => {
                find(services, *service).ok_or(EditError::NoService)?;
            }
            Edit::ZeroCounters { service: None } => {}
            Edit::Clear => services.clear(),
            Edit::SetTimeouts { tcp, tcpfin, udp } => {
                let timeouts = &mut next.global.lvs_timeouts;
                let set = |timeout: &mut Option<Duration>, seconds: u32| {
                    if seconds != 0 {
                        *timeout = Some(Duration::from_secs(seconds.into()));
                    }
                };
                set(&mut timeouts.tcp, *tcp);
                set(&mut timeouts.tcpfin, *tcpfin);
                set(&mut timeouts.udp, *udp);
            }
            Edit::AddServer {
                service,
                server,
                settings,
            } => {
                let known = find(services, *service).ok_or(EditError::ServiceNotDefined)?;
                if known.real_server(*server).is_some() {
                    return Err(EditError::ServerExists);
                }
                let written = of_name(file, *service);
                let mut new = written
                    .and_then(|written| written.real_server(*server))
                    .cloned()
                    .unwrap_or_else(|| new_server(*server, service.port));
                rules::of_address(known.address, *server)?;
                settings.set(&mut new)?;
                known.real_servers.push(new);
            }
            Edit::EditServer {
                service,
                server,
                settings,
            } => settings.set(known_server(services, *service, *server)?)?,
            Edit::DrainServer {
                service,
                server,
                timeout_secs,
            } => {
                let known = known_server(services, *service, *server)?;
                known.weight = 0;
                let time = Duration::from_secs((*timeout_secs).into());
                known.on_removal = Some(Farewell::Drain(time));
            }
            Edit::RemoveServer { service, server } => {
                known_server(services, *service, *server)?;
                let service = find(services, *service).ok_or(EditError::ServiceNotDefined)?;
                service
                    .real_servers
                    .retain(|known| known.address != *server);
            }
        }
        Ok(next)
    }
}

impl ServiceSettings {
    fn set(self, service: &mut VirtualServer) -> Result<(), Rule> {
        let whole = host_prefix(service.address);
        *service = VirtualServer {
            scheduler: self.scheduler,
            scheduler_flags: self.flags,
            one_packet: self.one_packet,
            persistence_timeout: self
                .persistence_secs
                .map(|seconds| Duration::from_secs(seconds.into())),
            persistence_prefix: self.persistence_prefix.unwrap_or(whole),
            ..service.clone()
        };
        rules::of_service(service)
    }
}

impl ServerSettings {
    fn set(self, server: &mut RealServer) -> Result<(), Rule> {
        if let Some(weight) = self.weight {
            server.weight = weight;
            // Whoever gives it a weight again has done with draining it.
            server.on_removal = server.on_removal.filter(|_| weight == 0);
        }
        server.upper_threshold = self.upper_threshold.unwrap_or(server.upper_threshold);
        server.lower_threshold = self.lower_threshold.unwrap_or(server.lower_threshold);
        rules::of_server(server)
    }
}

fn name(service: &VirtualServer) -> ServiceName {
    ServiceName {
        protocol: service.protocol,
        address: service.address,
        port: service.port,
    }
}

fn find(services: &mut [VirtualServer], wanted: ServiceName) -> Option<&mut VirtualServer> {
    services.iter_mut().find(|known| name(known) == wanted)
}

fn find_server(service: &mut VirtualServer, address: IpAddr) -> Option<&mut RealServer> {
    let mut servers = service.real_servers.iter_mut();
    servers.find(|known| known.address == address)
}

fn known_server(
    services: &mut [VirtualServer],
    service: ServiceName,
    address: IpAddr,
) -> Result<&mut RealServer, EditError> {
    let service = find(services, service).ok_or(EditError::ServiceNotDefined)?;
    find_server(service, address).ok_or(EditError::NoServer)
}

/// The virtual server of that name in a configuration.
fn of_name(config: &Config, service: ServiceName) -> Option<&VirtualServer> {
    let mut services = config.virtual_servers.iter();
    services.find(|known| name(known) == service)
}

/// As a file would have it that says no more.
fn new_service(service: ServiceName) -> VirtualServer {
    let ServiceName {
        protocol,
        address,
        port,
    } = service;
    VirtualServer {
        address,
        port,
        protocol,
        scheduler: Scheduler::WeightedLeastConnection,
        scheduler_flags: SchedulerFlags::default(),
        one_packet: false,
        forwarding: ForwardingMethod::DirectRouting,
        quorum: 1,
        hysteresis: 0,
        alpha: false,
        persistence_timeout: None,
        persistence_prefix: host_prefix(address),
        idle_timeout: None,
        on_no_flow: NoFlow::default(),
        on_idle: Idle::default(),
        on_switchover: Switchover::default(),
        farewells: Farewells::default(),
        failback: Failback::default(),
        sorry_server: None,
        real_servers: Vec::new(),
        span: Span::default(),
        places: Places::default(),
    }
}

/// A server without checks: it counts as up, as with ipvsadm.
fn new_server(address: IpAddr, port: u16) -> RealServer {
    RealServer {
        address,
        port,
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
        inhibit_on_failure: false,
        on_removal: None,
        alpha: false,
        checks: Vec::new(),
        span: Span::default(),
        places: Places::default(),
    }
}

#[cfg(test)]
mod tests;
