//! What people want to read: each change, in the words that keepalived's users know (scenario 2.22).

use std::{fmt, net::IpAddr};

use director_common::instance::Role;

use super::{pool::Quorum, service::ServiceId};

/// One change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A check failed, after its retries.
    CheckFailed {
        /// The virtual service.
        service: ServiceId,
        /// The real server.
        server: IpAddr,
        /// What the check met.
        reason: String,
    },
    /// A check passed again.
    CheckPassed {
        /// The virtual service.
        service: ServiceId,
        /// The real server.
        server: IpAddr,
    },
    /// A server's MAC address is not known.
    NoNeighbor {
        /// The virtual service.
        service: ServiceId,
        /// The real server.
        server: IpAddr,
    },
    /// A server's MAC address is known again.
    NeighborResolved {
        /// The virtual service.
        service: ServiceId,
        /// The real server.
        server: IpAddr,
    },
    /// A server gets no new flows from now on.
    ServerRemoved {
        /// The virtual service.
        service: ServiceId,
        /// The real server.
        server: IpAddr,
    },
    /// A server gets new flows from now on.
    ServerAdded {
        /// The virtual service.
        service: ServiceId,
        /// The real server.
        server: IpAddr,
    },
    /// Live weight fell below the quorum.
    QuorumLost {
        /// The virtual service.
        service: ServiceId,
        /// The numbers.
        quorum: Quorum,
        /// Weight of the live servers.
        live: u64,
    },
    /// Live weight reached the quorum.
    QuorumGained {
        /// The virtual service.
        service: ServiceId,
        /// The numbers.
        quorum: Quorum,
        /// Weight of the live servers.
        live: u64,
    },
    /// New flows go to the sorry server.
    SorryServerAdded {
        /// The virtual service.
        service: ServiceId,
        /// The sorry server.
        server: IpAddr,
    },
    /// New flows go to the real servers again.
    SorryServerRemoved {
        /// The virtual service.
        service: ServiceId,
        /// The sorry server.
        server: IpAddr,
    },
    /// With the quorum lost, servers that are alive get no new flows either.
    AliveServersRemoved(ServiceId),
    /// They get new flows again.
    AliveServersAdded(ServiceId),
    /// A virtual service is new in the configuration.
    ServiceAdded(ServiceId),
    /// A virtual service is gone from the configuration.
    ServiceRemoved(ServiceId),
    /// An instance changed its role.
    Role {
        /// Its name; `None` for services without an instance.
        instance: Option<String>,
        /// The role from now on.
        role: Role,
    },
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something got worse.
    Warning,
    /// Something changed or got better.
    Info,
}

impl Notice {
    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::CheckFailed { .. }
            | Self::NoNeighbor { .. }
            | Self::ServerRemoved { .. }
            | Self::QuorumLost { .. }
            | Self::SorryServerAdded { .. }
            | Self::AliveServersRemoved(_) => Severity::Warning,
            Self::CheckPassed { .. }
            | Self::NeighborResolved { .. }
            | Self::ServerAdded { .. }
            | Self::QuorumGained { .. }
            | Self::SorryServerRemoved { .. }
            | Self::AliveServersAdded(_)
            | Self::ServiceAdded(_)
            | Self::ServiceRemoved(_)
            | Self::Role { .. } => Severity::Info,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CheckFailed {
                service,
                server,
                reason,
            } => {
                write!(
                    f,
                    "TCP connection to {} failed: {reason}",
                    service.server(*server)
                )
            }
            Self::CheckPassed { service, server } => {
                write!(f, "TCP connection to {} success", service.server(*server))
            }
            Self::NoNeighbor { service, server } => write!(
                f,
                "{} of VS {service} has no neighbour entry: it does not answer ARP",
                service.server(*server)
            ),
            Self::NeighborResolved { service, server } => {
                write!(f, "{} of VS {service} answers ARP", service.server(*server))
            }
            Self::ServerRemoved { service, server } => {
                write!(
                    f,
                    "Removing service {} from VS {service}",
                    service.server(*server)
                )
            }
            Self::ServerAdded { service, server } => {
                write!(
                    f,
                    "Adding service {} to VS {service}",
                    service.server(*server)
                )
            }
            Self::QuorumLost {
                service,
                quorum,
                live,
            } => write!(
                f,
                "Lost quorum {}-{}={} > {live} for VS {service}",
                quorum.quorum,
                quorum.hysteresis,
                quorum.down_below()
            ),
            Self::QuorumGained {
                service,
                quorum,
                live,
            } => write!(
                f,
                "Gained quorum {}+{}={} <= {live} for VS {service}",
                quorum.quorum,
                quorum.hysteresis,
                quorum.up_from()
            ),
            Self::SorryServerAdded { service, server } => {
                write!(
                    f,
                    "Adding sorry server {} to VS {service}",
                    service.server(*server)
                )
            }
            Self::SorryServerRemoved { service, server } => {
                write!(
                    f,
                    "Removing sorry server {} from VS {service}",
                    service.server(*server)
                )
            }
            Self::AliveServersRemoved(service) => {
                write!(f, "Removing alive servers from the pool for VS {service}")
            }
            Self::AliveServersAdded(service) => {
                write!(f, "Adding alive servers to the pool for VS {service}")
            }
            Self::ServiceAdded(service) => write!(f, "Adding VS {service}"),
            Self::ServiceRemoved(service) => write!(f, "Removing VS {service}"),
            Self::Role {
                instance: Some(name),
                role,
            } => write!(f, "({name}) Entering {} STATE", role.name()),
            Self::Role {
                instance: None,
                role,
            } => {
                write!(
                    f,
                    "virtual servers without a VRRP instance: {}",
                    role.name()
                )
            }
        }
    }
}
