//! Where a client speaks from.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::{Domain, Socket, Type};

/// Address and port that a client speaks from; what is not given is the kernel's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    pub address: Option<IpAddr>,
    pub port: Option<u16>,
}

impl Source {
    /// Whatever the kernel chooses.
    pub const ANY: Self = Self {
        address: None,
        port: None,
    };

    /// A port that is the same each time.
    pub const fn port(port: u16) -> Self {
        Self {
            address: None,
            port: Some(port),
        }
    }

    /// One of the client's addresses.
    pub fn address(address: impl Into<IpAddr>) -> Self {
        Self {
            address: Some(address.into()),
            port: None,
        }
    }

    /// A socket that speaks from here to `server`, not yet connected.
    pub(crate) fn socket(self, kind: Type, server: SocketAddr) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(server), kind, None)?;
        if self != Self::ANY {
            let any = match server {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            let own = SocketAddr::new(self.address.unwrap_or(any), self.port.unwrap_or(0));
            // A connection from this port that has just ended does not stand in the way.
            socket.set_reuse_address(true)?;
            socket.bind(&own.into())?;
        }
        Ok(socket)
    }
}
