//! Edits of a configuration that runs, one thing at a time: what `director service`, `director real` and `director ipvsadm` ask for. Pure.
//!
//! They last until the configuration file is read again, which then counts alone.

use std::{fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Config, Failback, Farewell, Farewells, ForwardingMethod, Idle, NoFlow, Protocol, RealServer,
    Scheduler, SchedulerFlags, Span, VirtualServer,
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

/// An edit that cannot be. The words are ipvsadm's, which scripts know.
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
    /// Its address is of another family than the virtual server's.
    #[error("The real server is of another address family than its service")]
    Family,
    /// Port 0 without persistence.
    #[error("Zero port specified for non-persistent service")]
    AllPorts,
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
    /// The configuration after an edit.
    ///
    /// # Errors
    ///
    /// [`EditError`]: what the edit speaks of is not there, or is there already.
    pub fn edited(&self, edit: &Edit) -> Result<Self, EditError> {
        let mut next = self.clone();
        let services = &mut next.virtual_servers;
        match edit {
            Edit::AddService { service, settings } => {
                if find(services, *service).is_some() {
                    return Err(EditError::ServiceExists);
                }
                services.push(new_service(*service, settings)?);
            }
            Edit::EditService { service, settings } => {
                let known = find(services, *service).ok_or(EditError::NoService)?;
                let new = new_service(*service, settings)?;
                *known = VirtualServer {
                    scheduler: new.scheduler,
                    scheduler_flags: new.scheduler_flags,
                    one_packet: new.one_packet,
                    persistence_timeout: new.persistence_timeout,
                    persistence_prefix: new.persistence_prefix,
                    ..known.clone()
                };
            }
            Edit::RemoveService { service } => {
                find(services, *service).ok_or(EditError::NoService)?;
                services.retain(|known| name(known) != *service);
            }
            // No matter of the configuration: the service only has to be there.
            Edit::FailBack { service } => {
                find(services, *service).ok_or(EditError::NoService)?;
            }
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
                let service = find(services, *service).ok_or(EditError::ServiceNotDefined)?;
                if service.address.is_ipv4() != server.is_ipv4() {
                    return Err(EditError::Family);
                }
                if find_server(service, *server).is_some() {
                    return Err(EditError::ServerExists);
                }
                let mut new = new_server(*server, service.port);
                settings.set(&mut new);
                service.real_servers.push(new);
            }
            Edit::EditServer {
                service,
                server,
                settings,
            } => settings.set(known_server(services, *service, *server)?),
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

impl ServerSettings {
    fn set(self, server: &mut RealServer) {
        if let Some(weight) = self.weight {
            server.weight = weight;
            // Whoever gives it a weight again has done with draining it.
            server.on_removal = server.on_removal.filter(|_| weight == 0);
        }
        server.upper_threshold = self.upper_threshold.unwrap_or(server.upper_threshold);
        server.lower_threshold = self.lower_threshold.unwrap_or(server.lower_threshold);
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

/// As a file would have it that says no more.
fn new_service(
    service: ServiceName,
    settings: &ServiceSettings,
) -> Result<VirtualServer, EditError> {
    if service.port == 0 && settings.persistence_secs.is_none() {
        return Err(EditError::AllPorts);
    }
    let whole = if service.address.is_ipv4() { 32 } else { 128 };
    Ok(VirtualServer {
        address: service.address,
        port: service.port,
        protocol: service.protocol,
        scheduler: settings.scheduler,
        scheduler_flags: settings.flags,
        one_packet: settings.one_packet,
        forwarding: ForwardingMethod::DirectRouting,
        quorum: 1,
        hysteresis: 0,
        alpha: false,
        persistence_timeout: settings
            .persistence_secs
            .map(|seconds| Duration::from_secs(seconds.into())),
        persistence_prefix: settings.persistence_prefix.unwrap_or(whole).min(whole),
        idle_timeout: None,
        on_no_flow: NoFlow::default(),
        on_idle: Idle::default(),
        farewells: Farewells::default(),
        failback: Failback::default(),
        sorry_server: None,
        real_servers: Vec::new(),
        span: Span::default(),
    })
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: ServiceName = ServiceName {
        protocol: Protocol::Tcp,
        address: IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 66, 251)),
        port: 3306,
    };
    const SETTINGS: ServiceSettings = ServiceSettings {
        scheduler: Scheduler::WeightedRoundRobin,
        flags: SchedulerFlags {
            port: false,
            fallback: false,
        },
        one_packet: false,
        persistence_secs: Some(120),
        persistence_prefix: None,
    };

    fn server(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 66, last])
    }

    fn add(last: u8, weight: u32) -> Edit {
        Edit::AddServer {
            service: SERVICE,
            server: server(last),
            settings: ServerSettings {
                weight: Some(weight),
                ..ServerSettings::default()
            },
        }
    }

    /// One after the other, from nothing.
    fn after(edits: &[Edit]) -> Result<Config, EditError> {
        edits
            .iter()
            .try_fold(Config::default(), |config, edit| config.edited(edit))
    }

    const ADD: Edit = Edit::AddService {
        service: SERVICE,
        settings: SETTINGS,
    };

    #[test]
    fn the_four_commands_of_an_operator_make_a_service_with_its_server() {
        let config = after(&[ADD, add(253, 1), add(254, 2)]).expect("it is made");
        let service = &config.virtual_servers[0];
        assert_eq!(name(service), SERVICE);
        assert_eq!(service.persistence_timeout, Some(Duration::from_secs(120)));
        let weights = service.real_servers.iter().map(|known| known.weight);
        assert_eq!(weights.collect::<Vec<_>>(), [1, 2]);
        let removed = Edit::RemoveServer {
            service: SERVICE,
            server: server(253),
        };
        let config = config.edited(&removed).expect("it is there");
        assert_eq!(config.virtual_servers[0].real_servers.len(), 1);
        let config = config.edited(&Edit::Clear).expect("always");
        assert!(config.virtual_servers.is_empty());
    }

    #[test]
    fn what_is_there_or_not_there_is_told_in_ipvsadms_words() {
        let drain = |last| Edit::DrainServer {
            service: SERVICE,
            server: server(last),
            timeout_secs: 5,
        };
        let edit = Edit::EditService {
            service: SERVICE,
            settings: SETTINGS,
        };
        let remove = Edit::RemoveService { service: SERVICE };
        let other_family = Edit::AddServer {
            service: SERVICE,
            server: IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            settings: ServerSettings::default(),
        };
        for (edits, words) in [
            (vec![ADD, ADD], "Service already exists"),
            (vec![edit], "No such service"),
            (vec![remove], "No such service"),
            (vec![add(253, 1)], "Service not defined"),
            (
                vec![ADD, add(253, 1), add(253, 1)],
                "Destination already exists",
            ),
            (vec![ADD, drain(253)], "No such destination"),
            (vec![drain(253)], "Service not defined"),
            (
                vec![ADD, other_family],
                "The real server is of another address family than its service",
            ),
        ] {
            let error = after(&edits).expect_err(words);
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn a_drain_has_its_time_until_the_server_gets_a_weight_again() {
        let drain = Edit::DrainServer {
            service: SERVICE,
            server: server(253),
            timeout_secs: 5,
        };
        let config = after(&[ADD, add(253, 1), drain]).expect("it is there");
        let drained = &config.virtual_servers[0].real_servers[0];
        let five = Farewell::Drain(Duration::from_secs(5));
        assert_eq!((drained.weight, drained.on_removal), (0, Some(five)));
        let back = Edit::EditServer {
            service: SERVICE,
            server: server(253),
            settings: ServerSettings {
                weight: Some(3),
                ..ServerSettings::default()
            },
        };
        let config = config.edited(&back).expect("it is there");
        let known = &config.virtual_servers[0].real_servers[0];
        assert_eq!((known.weight, known.on_removal), (3, None));
    }

    #[test]
    fn an_edit_survives_its_way_by_json() {
        for edit in [ADD, add(253, 1), Edit::Clear] {
            let json = serde_json::to_string(&edit).expect("JSON");
            assert_eq!(serde_json::from_str::<Edit>(&json).expect("JSON"), edit);
        }
    }
}
