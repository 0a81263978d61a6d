//! The sockets that resets leave by.

use std::{collections::HashMap, io, net::SocketAddr, os::fd::AsRawFd as _, os::fd::OwnedFd};

use director_common::server::RealServer;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, sendto,
    socket,
};
use pnet_datalink::DataLinkSender;

use super::reset::{self, Connection};
use crate::host::frames;

/// Open sockets.
pub(super) struct Sender {
    /// Raw sockets: the packets have their IP headers, and the kernel knows the way.
    v4: OwnedFd,
    v6: io::Result<OwnedFd>,
    /// By the interface to the real server.
    links: HashMap<u32, Box<dyn DataLinkSender>>,
}

impl Sender {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            v4: raw(AddressFamily::Inet)?,
            // A kernel without IPv6 has no IPv6 clients either.
            v6: raw(AddressFamily::Inet6),
            links: HashMap::new(),
        })
    }

    /// Tells the client.
    pub(super) fn tell_client(&self, connection: &Connection) -> io::Result<()> {
        self.send(&connection.reset_for_client(), connection.client)
    }

    /// Tells the real server, by the MAC address that its packets went to; one that is this director, by its kernel.
    pub(super) fn tell_server(
        &mut self,
        connection: &Connection,
        server: &RealServer,
    ) -> io::Result<()> {
        let packet = connection.reset_for_server();
        if server.flags & RealServer::LOCAL != 0 {
            return self.send(&packet, connection.vip);
        }
        let sent = self
            .link(server.ifindex)?
            .send_to(&reset::frame(server, &packet), None)
            .unwrap_or_else(|| Err(io::ErrorKind::Unsupported.into()));
        if sent.is_err() {
            // The interface may be another one by the next time.
            self.links.remove(&server.ifindex);
        }
        sent
    }

    fn link(&mut self, ifindex: u32) -> io::Result<&mut Box<dyn DataLinkSender>> {
        use std::collections::hash_map::Entry;
        Ok(match self.links.entry(ifindex) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(frames::sender(ifindex)?),
        })
    }

    fn send(&self, packet: &[u8], to: SocketAddr) -> io::Result<()> {
        let sent = match to {
            SocketAddr::V4(to) => {
                let to = SockaddrIn::from(to);
                sendto(self.v4.as_raw_fd(), packet, &to, MsgFlags::empty())
            }
            SocketAddr::V6(mut to) => {
                let Ok(v6) = &self.v6 else {
                    return Err(io::ErrorKind::Unsupported.into());
                };
                // A raw socket takes a port for a protocol number (ipv6(7)).
                to.set_port(0);
                sendto(
                    v6.as_raw_fd(),
                    packet,
                    &SockaddrIn6::from(to),
                    MsgFlags::empty(),
                )
            }
        };
        sent.map(drop).map_err(io::Error::from)
    }
}

/// A socket whose packets bring their own headers (raw(7)); it receives nothing.
fn raw(family: AddressFamily) -> io::Result<OwnedFd> {
    let made = socket(
        family,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Raw,
    );
    made.map_err(io::Error::from)
}
