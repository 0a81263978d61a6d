//! The kernel's neighbor table: which MAC address an address on the link has.

use std::net::IpAddr;

use futures_util::{StreamExt, TryStreamExt};
use nix::errno::Errno;
use rtnetlink::{
    packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload},
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        neighbour::{
            NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
        },
    },
};
use thiserror::Error;

use super::{
    Host,
    error::KernelError,
    links::{display_name, mac},
};

/// One host on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// The interface that it is behind.
    pub ifindex: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its MAC address, if it has one.
    pub resolution: Resolution,
}

/// How far the kernel has come with a neighbor's MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// This is it.
    Resolved([u8; 6]),
    /// Nobody has asked, or no answer has come yet.
    Unknown,
    /// The kernel asked and nobody answered.
    Failed,
}

/// What [`Host::solicit`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solicited {
    /// The kernel resolves or confirms the address now; the end of it comes as an event.
    Asked,
    /// An administrator's entry says what the MAC address is, or that none is needed: it was left alone.
    Fixed,
}

/// Reading the neighbors of an interface failed.
#[derive(Debug, Error)]
#[error("listing the neighbors on {interface}")]
pub struct ListNeighborsError {
    interface: String,
    /// Why it failed.
    source: KernelError,
}

/// Asking the kernel to resolve an address failed.
#[derive(Debug, Error)]
#[error("resolving {address} on {interface}")]
pub struct SolicitError {
    address: IpAddr,
    interface: String,
    /// Why it failed.
    source: KernelError,
}

impl Host {
    /// What the kernel knows of the hosts on a link, the unresolved ones included.
    ///
    /// # Errors
    ///
    /// The kernel does not tell.
    pub async fn neighbors(&self, ifindex: u32) -> Result<Vec<Neighbor>, ListNeighborsError> {
        let answers = self.netlink.neighbours().get().execute();
        let messages: Vec<_> = answers
            .try_collect()
            .await
            .map_err(|error| ListNeighborsError {
                interface: display_name(ifindex),
                source: error.into(),
            })?;
        let neighbors = messages.iter().filter_map(Neighbor::from_message);
        Ok(neighbors
            .filter(|neighbor| neighbor.ifindex == ifindex)
            .collect())
    }

    /// Asks the kernel to resolve an address, as if it had a packet for it. Returns before there is an answer, which
    /// comes as [`HostEvent::NeighborChanged`](super::HostEvent::NeighborChanged) if it changes what is known.
    ///
    /// # Errors
    ///
    /// CAP_NET_ADMIN is missing, or the interface is gone.
    pub async fn solicit(&self, ifindex: u32, address: IpAddr) -> Result<Solicited, SolicitError> {
        self.ask_neighbor(ifindex, address)
            .await
            .map_err(|source| SolicitError {
                address,
                interface: display_name(ifindex),
                source,
            })
    }

    async fn ask_neighbor(&self, ifindex: u32, address: IpAddr) -> Result<Solicited, KernelError> {
        // NTF_USE leaves a learned entry as it is, but takes the "permanent" from an administrator's
        // (__neigh_update in net/core/neighbour.c, since Linux 5.16), so such an entry must not be asked about.
        match self.neighbor_state(ifindex, address).await? {
            Some(NeighbourState::Permanent | NeighbourState::Noarp) => Ok(Solicited::Fixed),
            Some(_) | None => {
                // Without "replace" the request would be refused for an entry that exists.
                let request = self.netlink.neighbours().add(ifindex, address);
                let request = request
                    .state(NeighbourState::None)
                    .flags(NeighbourFlags::Use);
                request.replace().execute().await?;
                Ok(Solicited::Asked)
            }
        }
    }

    /// One entry of the table (RTM_GETNEIGH without a dump, since Linux 5.0); `None`: there is none.
    async fn neighbor_state(
        &self,
        ifindex: u32,
        address: IpAddr,
    ) -> Result<Option<NeighbourState>, KernelError> {
        let mut question = NeighbourMessage::default();
        question.header.family = family(address);
        question.header.ifindex = ifindex;
        question
            .attributes
            .push(NeighbourAttribute::Destination(address.into()));
        let mut request = NetlinkMessage::from(RouteNetlinkMessage::GetNeighbour(question));
        request.header.flags = NLM_F_REQUEST;
        let mut answers = self.netlink.clone().request(request)?;
        let answer = answers.next().await.ok_or(KernelError::Closed)?;
        match answer.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(message)) => {
                Ok(Some(message.header.state))
            }
            NetlinkPayload::Error(error) => match rtnetlink::Error::NetlinkError(error).into() {
                KernelError::Refused(Errno::ENOENT) => Ok(None),
                error => Err(error),
            },
            _ => Err(KernelError::Unexpected),
        }
    }
}

impl Neighbor {
    /// `None` for what is not about an IP address, such as a bridge's forwarding table.
    pub(super) fn from_message(message: &NeighbourMessage) -> Option<Self> {
        let mut address = None;
        let mut link_address = None;
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::Destination(destination) => address = ip(destination),
                NeighbourAttribute::LinkLayerAddress(bytes) => link_address = mac(bytes),
                _ => {}
            }
        }
        let resolution = match (message.header.state, link_address) {
            (NeighbourState::Failed, _) => Resolution::Failed,
            (state, Some(mac)) if is_valid(state) => Resolution::Resolved(mac),
            _ => Resolution::Unknown,
        };
        Some(Self {
            ifindex: message.header.ifindex,
            address: address?,
            resolution,
        })
    }

    /// The same neighbor after the kernel has forgotten it.
    pub(super) const fn forgotten(self) -> Self {
        Self {
            resolution: Resolution::Unknown,
            ..self
        }
    }
}

/// The kernel's `NUD_VALID` (include/net/neighbour.h): a packet could be sent to the MAC address of the entry. That
/// includes one that has not been confirmed for a while.
const fn is_valid(state: NeighbourState) -> bool {
    matches!(
        state,
        NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Noarp
            | NeighbourState::Permanent
    )
}

fn ip(address: &NeighbourAddress) -> Option<IpAddr> {
    match address {
        NeighbourAddress::Inet(address) => Some((*address).into()),
        NeighbourAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

const fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [2, 0, 0, 0, 2, 53];

    fn message(state: NeighbourState) -> NeighbourMessage {
        let mut message = NeighbourMessage::default();
        message.header.ifindex = 3;
        message.header.state = state;
        message.attributes = vec![
            NeighbourAttribute::Destination(NeighbourAddress::Inet([192, 0, 2, 53].into())),
            NeighbourAttribute::LinkLayerAddress(MAC.to_vec()),
        ];
        message
    }

    #[test]
    fn a_mac_address_counts_while_the_kernel_would_use_it() {
        let known = Resolution::Resolved(MAC);
        let resolutions = [
            (NeighbourState::Reachable, known),
            (NeighbourState::Stale, known),
            (NeighbourState::Delay, known),
            (NeighbourState::Probe, known),
            (NeighbourState::Permanent, known),
            (NeighbourState::Incomplete, Resolution::Unknown),
            (NeighbourState::None, Resolution::Unknown),
            (NeighbourState::Failed, Resolution::Failed),
        ];
        for (state, resolution) in resolutions {
            let neighbor = Neighbor::from_message(&message(state)).expect("a neighbor");
            assert_eq!(neighbor.resolution, resolution, "{state:?}");
        }
    }

    #[test]
    fn a_bridge_s_forwarding_entry_is_not_a_neighbor() {
        let mut message = message(NeighbourState::Reachable);
        message.attributes.remove(0);
        assert_eq!(Neighbor::from_message(&message), None);
    }
}
