//! The sockets that advertisements leave and come in by.
//!
//! They come in by packet sockets, before netfilter: a firewall that drops VRRP makes no second Master (scenario 1.13). To a group
//! they leave by the same sockets; to a peer by a raw one, as only the kernel knows the way there.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd as _, BorrowedFd},
};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, Socket, Type};

use super::{Endpoints, Family, frame};
use crate::host::packet_socket::{Addressee, EtherType, PacketSocket, byte_is, nothing};

/// IP protocol of VRRP (RFC 9568 section 5.1.1.4).
const VRRP: u8 = 112;
const ETHERNET_HEADER_BYTES: usize = 14;
/// Where the protocol stands in a frame without VLAN tags, which the kernel takes away.
const PROTOCOL_OFFSET_V4: u32 = ETHERNET_HEADER_BYTES as u32 + 9;
const PROTOCOL_OFFSET_V6: u32 = ETHERNET_HEADER_BYTES as u32 + 6;
/// No advertisement is longer: 255 addresses of IPv6, with all headers.
const LONGEST_FRAME_BYTES: usize = 4608;

/// One interface and one family.
pub(crate) type Place = (u32, Family);

/// All sockets.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    links: BTreeMap<Place, LinkSockets>,
    peers: BTreeMap<Family, Socket>,
}

#[derive(Debug)]
struct LinkSockets {
    packets: PacketSocket,
    /// Makes the interface, and switches on the way, let the group's frames through (RFC 9568 section 5.1.1.2, IGMP and MLD).
    _membership: Option<Socket>,
}

impl Sockets {
    /// Opens what is missing for these places, and closes the rest.
    pub(crate) fn settle(
        &mut self,
        places: &[Place],
        unicast: &[Family],
    ) -> Vec<(Place, io::Error)> {
        self.links.retain(|place, _| places.contains(place));
        self.peers.retain(|family, _| unicast.contains(family));
        let mut errors = Vec::new();
        for place in places {
            if self.links.contains_key(place) {
                continue;
            }
            match LinkSockets::open(*place) {
                Ok(sockets) => drop(self.links.insert(*place, sockets)),
                Err(error) => errors.push((*place, error)),
            }
        }
        for family in unicast {
            if self.peers.contains_key(family) {
                continue;
            }
            match peer_socket(*family) {
                Ok(socket) => drop(self.peers.insert(*family, socket)),
                Err(error) => errors.push(((0, *family), error)),
            }
        }
        errors
    }

    /// What to wait for.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.links.values().map(|link| link.packets.as_fd())
    }

    /// Hands every IP packet that waits to `take`, at most `most` of each socket. Whether all were taken is returned.
    pub(crate) fn drain(&self, most: usize, mut take: impl FnMut(u32, &[u8])) -> Drained {
        let mut buffer = [0; LONGEST_FRAME_BYTES];
        let mut drained = Drained::All;
        for ((ifindex, _), link) in &self.links {
            let mut taken = 0;
            loop {
                if taken == most {
                    drained = Drained::Some;
                    break;
                }
                taken += 1;
                match link.packets.receive(&mut buffer) {
                    Ok(Some(heard)) if heard.addressee == Addressee::Us => {
                        if let Some(packet) = buffer.get(ETHERNET_HEADER_BYTES..heard.bytes) {
                            take(*ifindex, packet);
                        }
                    }
                    Ok(Some(_)) => {}
                    // A link that goes down says so once; it is told by netlink.
                    Ok(None) | Err(_) => break,
                }
            }
        }
        drained
    }

    /// Sends a frame as it is.
    pub(crate) fn send_frame(&self, place: Place, frame: &[u8]) -> io::Result<()> {
        let link = self.links.get(&place);
        link.ok_or_else(closed)?.packets.send(frame)
    }

    /// Sends a message: to a group by an interface, with this MAC address; to a peer with this TTL.
    pub(crate) fn send(
        &self,
        ifindex: u32,
        mac: [u8; 6],
        endpoints: Endpoints,
        ttl: u8,
        message: &[u8],
    ) -> io::Result<()> {
        let family = Family::of(endpoints.source());
        if let Some(frame) = frame::multicast_frame(mac, endpoints, message) {
            return self.send_frame((ifindex, family), &frame);
        }
        let packet = frame::packet(endpoints, ttl, message);
        // A raw socket of IPv6 takes a port for a protocol number (ipv6(7)).
        let to = SockAddr::from(SocketAddr::new(endpoints.destination(), 0));
        let socket = self.peers.get(&family).ok_or_else(closed)?;
        socket.send_to(&packet, &to).map(drop)
    }
}

/// Whether a socket still has packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// None has.
    All,
    /// Some may have.
    Some,
}

impl LinkSockets {
    fn open((ifindex, family): Place) -> io::Result<Self> {
        let packets = match family {
            Family::V4 => {
                PacketSocket::open(ifindex, EtherType::IPV4, &byte_is(PROTOCOL_OFFSET_V4, VRRP))
            }
            Family::V6 => {
                PacketSocket::open(ifindex, EtherType::IPV6, &byte_is(PROTOCOL_OFFSET_V6, VRRP))
            }
        }?;
        Ok(Self {
            packets,
            // A link that needs none, such as one that is a port, is heard all the same.
            _membership: membership(ifindex, family).ok(),
        })
    }
}

fn membership(ifindex: u32, family: Family) -> io::Result<Socket> {
    let socket = Socket::new(domain(family), Type::DGRAM, None)?;
    join(&socket, group(family), ifindex)?;
    Ok(socket)
}

/// Makes a socket of the group's family hear the group on an interface.
///
/// # Errors
///
/// There is no such interface, or the socket is in too many groups (`igmp_max_memberships`).
pub(crate) fn join(socket: &Socket, group: IpAddr, ifindex: u32) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => {
            socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(ifindex))
        }
        IpAddr::V6(group) => socket.join_multicast_v6(&group, ifindex),
    }
}

const fn domain(family: Family) -> Domain {
    match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    }
}

/// A raw socket of the protocol: packets bring their own headers, and the kernel does not answer those of peers with *protocol
/// unreachable*. It hears nothing itself.
fn peer_socket(family: Family) -> io::Result<Socket> {
    let socket = Socket::new(
        domain(family),
        Type::RAW,
        Some(Protocol::from(i32::from(VRRP))),
    )?;
    socket.set_nonblocking(true)?;
    socket.attach_filter(&nothing())?;
    match family {
        Family::V4 => socket.set_header_included_v4(true)?,
        Family::V6 => socket.set_header_included_v6(true)?,
    }
    Ok(socket)
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the socket of this interface could not be opened",
    )
}

/// The group that the routers of a family are multicast to.
pub const fn group(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(frame::GROUP_V4),
        Family::V6 => IpAddr::V6(frame::GROUP_V6),
    }
}
