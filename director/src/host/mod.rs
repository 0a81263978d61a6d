//! The kernel outside BPF: links, addresses, routes and neighbors by netlink, gratuitous ARP and
//! unsolicited neighbor advertisements by packet sockets.
//!
//! [`Host`] is the daemon's only door to it. It holds no state but a netlink socket: every answer is the kernel's own
//! of this moment, and [`Monitor`] tells what changes afterwards. It must not decide anything; it needs
//! `CAP_NET_ADMIN` to change addresses and to ask about neighbors, and `CAP_NET_RAW` to announce.
//!
//! Interfaces are named by index here, because a name can move to another interface at any time; errors say the name.

pub mod addresses;
pub mod announce;
pub mod arp;
pub mod claim_watch;
pub mod error;
pub mod frames;
pub mod links;
pub mod monitor;
pub mod ndp;
pub mod neighbors;
pub mod packet_socket;
pub mod routes;
pub mod virtual_mac;

use std::io;

use thiserror::Error;
use tokio::task::AbortHandle;

pub use addresses::{Added, InterfaceAddress, Removed};
pub use announce::Announcer;
pub use error::KernelError;
pub use links::{Link, LinkKind};
pub use monitor::{HostEvent, Monitor};
pub use neighbors::{Neighbor, Resolution, Solicited};
pub use routes::Route;

/// The kernel of this network namespace.
#[derive(Debug)]
pub struct Host {
    netlink: rtnetlink::Handle,
    connection: AbortHandle,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Opening the netlink socket failed.
#[derive(Debug, Error)]
#[error(
    "opening a netlink socket; the kernel may forbid AF_NETLINK to this service (RestrictAddressFamilies)"
)]
pub struct ConnectError(#[source] io::Error);

impl Host {
    /// Opens a netlink socket and starts the task that owns it.
    ///
    /// # Errors
    ///
    /// The kernel gives no netlink socket.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn connect() -> Result<Self, ConnectError> {
        let (connection, netlink, _no_messages) =
            rtnetlink::new_connection().map_err(ConnectError)?;
        let connection = tokio::spawn(connection).abort_handle();
        Ok(Self {
            netlink,
            connection,
        })
    }
}

#[cfg(test)]
mod netns;
#[cfg(test)]
mod tests;
