//! Somebody on a host who sends VRRP messages of his own making, right or wrong.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

use crate::host::Host;

const VRRP: i32 = 112;
/// All VRRP routers on a link (RFC 9568 section 5.1.1.2).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// No router has passed it on (RFC 9568 section 5.1.1.3).
const TTL: u32 = 255;

/// A raw socket: the kernel writes the IP header, in the host's own name.
#[derive(Debug)]
pub struct Forger {
    socket: Socket,
    /// Where its packets come from.
    pub address: Ipv4Addr,
}

impl Forger {
    /// Somebody on this host.
    pub fn on(host: &Host) -> Result<Self> {
        let socket = host.namespace.enter(|| {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(VRRP)))?;
            socket.set_multicast_if_v4(&host.address)?;
            // What comes in by it is nobody's: it must not fill up.
            socket.set_recv_buffer_size(0)?;
            io::Result::Ok(socket)
        })?;
        let socket = socket.with_context(|| format!("no raw socket on {}", host.name))?;
        Ok(Self {
            socket,
            address: host.address,
        })
    }

    /// Sends a message to the group.
    pub fn send(&self, message: &[u8]) -> Result<()> {
        self.send_with_ttl(TTL, message)
    }

    /// Sends a message to the group with another TTL than the only good one.
    pub fn send_with_ttl(&self, ttl: u32, message: &[u8]) -> Result<()> {
        self.socket.set_multicast_ttl_v4(ttl)?;
        let sent = self.send_to(GROUP, message);
        sent.context("cannot send to the group")
    }

    /// Sends a message to one host.
    pub fn send_alone(&self, host: &Host, message: &[u8]) -> Result<()> {
        self.socket.set_ttl_v4(TTL)?;
        let sent = self.send_to(host.address, message);
        sent.with_context(|| format!("cannot send to {}", host.name))
    }

    /// Sends a message to the group again and again, as fast as one thread can, and tells how often.
    pub fn storm(&self, length: Duration, message: &[u8]) -> Result<u64> {
        self.socket.set_multicast_ttl_v4(TTL)?;
        let ends = Instant::now() + length;
        let mut sent = 0;
        while Instant::now() < ends {
            match self.send_to(GROUP, message) {
                Ok(()) => sent += 1,
                // The queue is full: that is as fast as it goes.
                Err(error) if error.raw_os_error() == Some(nix::libc::ENOBUFS) => {}
                Err(error) => return Err(error).context("the storm broke off"),
            }
        }
        Ok(sent)
    }

    fn send_to(&self, destination: Ipv4Addr, message: &[u8]) -> io::Result<()> {
        let destination = SocketAddr::from((destination, 0));
        self.socket.send_to(message, &destination.into()).map(drop)
    }
}
