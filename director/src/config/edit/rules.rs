//! What an edit can set: as much as a file can. Pure.

use std::{net::IpAddr, time::Duration};

use super::super::{
    Protocol, RealServer, SchedulerFlags, VirtualServer,
    address::{self, Unusable, host_prefix},
    virtual_server::{MOST_PERSISTENCE_SECS, MOST_THRESHOLD, MOST_WEIGHT},
};

/// A rule that an edit breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// An address that no server can have.
    #[error("{0} is {1}, not the address of a server on a network")]
    Address(IpAddr, Unusable),
    /// IPv4 and IPv6.
    #[error("The real server is of another address family than its service")]
    Family,
    /// The VIP itself.
    #[error("The real server has the address of its service")]
    Vip,
    /// Port 0 without persistence.
    #[error("Zero port specified for non-persistent service")]
    AllPorts,
    /// `sh-port` and the like with another scheduler.
    #[error("scheduler `{0}` has no flags; `sh` and `mh` have")]
    NoFlags(&'static str),
    /// Each datagram by itself, over TCP.
    #[error("One-packet scheduling is for UDP only")]
    OnePacketOverTcp,
    /// Each datagram by itself, and each client at its server.
    #[error("One-packet scheduling cannot be with persistence")]
    OnePacketPersistent,
    /// Seconds out of range.
    #[error("A client keeps its server for 1 to {MOST_PERSISTENCE_SECS} seconds")]
    Persistence,
    /// Bits out of range.
    #[error("A client's address has 1 to {0} bits")]
    Prefix(u8),
    /// Out of range.
    #[error("A weight is a number from 0 to {MOST_WEIGHT}")]
    Weight,
    /// Out of range.
    #[error("A threshold is a number from 0 to {MOST_THRESHOLD}")]
    Threshold,
    /// It would get no connection again before it has fewer than none.
    #[error("The lower threshold is above the upper threshold")]
    LowerThreshold,
}

/// Whether a virtual server can be as it is set.
pub(super) fn of_service(service: &VirtualServer) -> Result<(), Rule> {
    let VirtualServer {
        address,
        scheduler,
        scheduler_flags,
        ..
    } = *service;
    address::of_server(address).map_err(|kind| Rule::Address(address, kind))?;
    let is_persistent = service.persistence_timeout.is_some();
    if service.port == 0 && !is_persistent {
        return Err(Rule::AllPorts);
    }
    if scheduler_flags != SchedulerFlags::default() && scheduler_flags.names(scheduler).is_empty() {
        return Err(Rule::NoFlags(scheduler.name()));
    }
    if service.one_packet && service.protocol == Protocol::Tcp {
        return Err(Rule::OnePacketOverTcp);
    }
    if service.one_packet && is_persistent {
        return Err(Rule::OnePacketPersistent);
    }
    let range = 1..=MOST_PERSISTENCE_SECS.into();
    let in_range = |timeout: Duration| range.contains(&timeout.as_secs());
    if !service.persistence_timeout.is_none_or(in_range) {
        return Err(Rule::Persistence);
    }
    let whole = host_prefix(address);
    match (1..=whole).contains(&service.persistence_prefix) {
        true => Ok(()),
        false => Err(Rule::Prefix(whole)),
    }
}

/// Whether a virtual server at `vip` can have a real server with this address.
pub(super) fn of_address(vip: IpAddr, server: IpAddr) -> Result<(), Rule> {
    address::of_server(server).map_err(|kind| Rule::Address(server, kind))?;
    if vip.is_ipv4() != server.is_ipv4() {
        return Err(Rule::Family);
    }
    match vip == server {
        true => Err(Rule::Vip),
        false => Ok(()),
    }
}

/// Whether a real server can be as it is set.
pub(super) const fn of_server(server: &RealServer) -> Result<(), Rule> {
    let (lower, upper) = (server.lower_threshold, server.upper_threshold);
    if server.weight > MOST_WEIGHT {
        return Err(Rule::Weight);
    }
    if lower > MOST_THRESHOLD || upper > MOST_THRESHOLD {
        return Err(Rule::Threshold);
    }
    match lower > upper {
        true => Err(Rule::LowerThreshold),
        false => Ok(()),
    }
}
