//! The flows of real servers that have ended: found, and taken out one by one.

use std::{net::SocketAddr, ops::ControlFlow};

use director_common::{
    flow::{Flow, FlowKeyV4, FlowKeyV6},
    limits::map,
};

use super::{FlowKey, FlowTableError, FlowTables, ports, take_if, walk};
use crate::dataplane::ended::{Ended, EndedServers, server_of};

/// Where a flow was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(Key);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    V4(FlowKeyV4),
    V6(FlowKeyV6),
    HalfOpenV4(FlowKeyV4),
    HalfOpenV6(FlowKeyV6),
}

impl Place {
    /// A place in the tables of IPv4.
    pub(super) const fn v4(key: FlowKeyV4) -> Self {
        Self(Key::V4(key))
    }

    /// A place in the tables of IPv6.
    pub(super) const fn v6(key: FlowKeyV6) -> Self {
        Self(Key::V6(key))
    }

    /// The client and its port.
    #[must_use]
    pub fn client(&self) -> SocketAddr {
        match &self.0 {
            Key::V4(key) | Key::HalfOpenV4(key) => client(key),
            Key::V6(key) | Key::HalfOpenV6(key) => client(key),
        }
    }

    /// The VIP and its port.
    #[must_use]
    pub fn vip(&self) -> SocketAddr {
        match &self.0 {
            Key::V4(key) | Key::HalfOpenV4(key) => vip(key),
            Key::V6(key) | Key::HalfOpenV6(key) => vip(key),
        }
    }

    /// IP protocol number.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        let protocol = match &self.0 {
            Key::V4(key) | Key::HalfOpenV4(key) => key.protocol,
            Key::V6(key) | Key::HalfOpenV6(key) => key.protocol,
        };
        u8::try_from(protocol).unwrap_or_default()
    }
}

fn client<K: FlowKey>(key: &K) -> SocketAddr {
    (key.client(), ports(key.ports()).0).into()
}

fn vip<K: FlowKey>(key: &K) -> SocketAddr {
    (key.vip(), ports(key.ports()).1).into()
}

impl FlowTables {
    /// Finds the flows of these servers that are meant: those that were heard more than once first.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Read`].
    pub fn find_ended(
        &self,
        ended: &EndedServers,
        is_meant: impl Fn(&Place, &Flow) -> bool,
    ) -> Result<Vec<Place>, FlowTableError> {
        let look = |found: &mut Vec<Place>, key: Key, flow: &Flow| {
            let place = Place(key);
            if server_of(ended, flow).is_some() && is_meant(&place, flow) {
                found.push(place);
            }
            ControlFlow::Continue(())
        };
        // The table that flows come from is read before the one that they go to: one that moves meanwhile is in the second before it leaves
        // the first, so it is found in one of them at least. Where it is found twice, it is taken once.
        let mut half_open = Vec::new();
        walk(&self.half_open_v4, map::HALF_OPEN_V4, |key, flow| {
            look(&mut half_open, Key::HalfOpenV4(*key), flow)
        })?;
        walk(&self.half_open_v6, map::HALF_OPEN_V6, |key, flow| {
            look(&mut half_open, Key::HalfOpenV6(*key), flow)
        })?;
        let mut found = Vec::new();
        walk(&self.flows_v4, map::FLOWS_V4, |key, flow| {
            look(&mut found, Key::V4(*key), flow)
        })?;
        walk(&self.flows_v6, map::FLOWS_V6, |key, flow| {
            look(&mut found, Key::V6(*key), flow)
        })?;
        found.append(&mut half_open);
        Ok(found)
    }

    /// Takes a flow out, with what it holds now, and tells its server. `None`: it has gone, or it is another one by now, which stays.
    pub fn take_ended<'a>(
        &mut self,
        place: &Place,
        ended: &'a EndedServers,
    ) -> Option<(Flow, &'a Ended)> {
        let is_meant = |flow: &Flow| server_of(ended, flow).is_some();
        let flow = match &place.0 {
            Key::V4(key) => take_if(&mut self.flows_v4, key, is_meant),
            Key::V6(key) => take_if(&mut self.flows_v6, key, is_meant),
            Key::HalfOpenV4(key) => take_if(&mut self.half_open_v4, key, is_meant),
            Key::HalfOpenV6(key) => take_if(&mut self.half_open_v6, key, is_meant),
        }?;
        Some((flow, server_of(ended, &flow)?))
    }
}
