//! Hearing who on a link says that he has one of our VIPs, and asking for it.
//!
//! A task for each interface: a link can have thousands of ARP packets a second, and the daemon needs to see those few that are about
//! its addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::Ipv4Addr,
    sync::Arc,
};

use caps::Capability;
use thiserror::Error;
use tokio::{
    io::unix::AsyncFd,
    sync::{mpsc, watch},
    task::AbortHandle,
};

use super::{
    arp,
    error::KernelError,
    links::Link,
    packet_socket::{EtherType, PacketSocket, everything},
};

/// Claims that may wait for the daemon. More of them say nothing that these do not.
const QUEUE_DEPTH: usize = 64;
/// An ARP packet of Ethernet and IPv4 with its padding, and more than any tag needs.
const LONGEST_FRAME_BYTES: usize = 128;

/// Somebody says that he has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The interface that it was heard on.
    pub ifindex: u32,
    /// The address.
    pub address: Ipv4Addr,
    /// Who says so.
    pub mac: [u8; 6],
}

/// Listening on an interface failed.
#[derive(Debug, Error)]
#[error("listening to ARP on {interface}")]
pub struct ListenError {
    interface: String,
    /// Why it failed.
    source: KernelError,
}

/// The tasks. They end when this is dropped.
#[derive(Debug)]
pub struct ArpWatch {
    links: BTreeMap<u32, Listener>,
    addresses: watch::Sender<BTreeSet<Ipv4Addr>>,
    claims: mpsc::Sender<Claim>,
}

#[derive(Debug)]
struct Listener {
    socket: Arc<AsyncFd<PacketSocket>>,
    task: AbortHandle,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ArpWatch {
    /// Listens nowhere yet.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Claim>) {
        let (claims, heard) = mpsc::channel(QUEUE_DEPTH);
        let (addresses, _) = watch::channel(BTreeSet::new());
        let watch = Self {
            links: BTreeMap::new(),
            addresses,
            claims,
        };
        (watch, heard)
    }

    /// Listens for claims of these addresses on these links, and nowhere else. Where it cannot is returned.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn settle(&mut self, links: &[Link], addresses: BTreeSet<Ipv4Addr>) -> Vec<ListenError> {
        self.addresses.send_replace(addresses);
        self.links
            .retain(|ifindex, _| links.iter().any(|link| link.index == *ifindex));
        let mut errors = Vec::new();
        for link in links {
            if self.links.contains_key(&link.index) {
                continue;
            }
            match self.listen(link.index) {
                Ok(listener) => drop(self.links.insert(link.index, listener)),
                Err(error) => errors.push(ListenError {
                    interface: link.name.clone(),
                    source: KernelError::from_io(&error, Capability::CAP_NET_RAW),
                }),
            }
        }
        errors
    }

    fn listen(&self, ifindex: u32) -> io::Result<Listener> {
        let socket = PacketSocket::open(ifindex, EtherType::ARP, &everything())?;
        // SAFETY: the registration owns the socket, which closes its descriptor only when it is dropped.
        let socket = Arc::new(unsafe { AsyncFd::register(socket) }?);
        let hears = hear(
            ifindex,
            Arc::clone(&socket),
            self.addresses.subscribe(),
            self.claims.clone(),
        );
        Ok(Listener {
            socket,
            task: tokio::spawn(hears).abort_handle(),
        })
    }

    /// Asks who else has an address.
    ///
    /// # Errors
    ///
    /// The link is down, or is not listened on.
    pub fn probe(&self, link: &Link, address: Ipv4Addr) -> io::Result<()> {
        let listener = self.links.get(&link.index);
        let listener = listener.ok_or(io::ErrorKind::NotConnected)?;
        listener
            .socket
            .get_ref()
            .send(&arp::probe(link.mac, address))
    }
}

async fn hear(
    ifindex: u32,
    socket: Arc<AsyncFd<PacketSocket>>,
    addresses: watch::Receiver<BTreeSet<Ipv4Addr>>,
    claims: mpsc::Sender<Claim>,
) {
    let mut buffer = [0; LONGEST_FRAME_BYTES];
    loop {
        let Ok(mut ready) = socket.readable().await else {
            return;
        };
        match socket.get_ref().receive(&mut buffer) {
            Ok(Some(heard)) => {
                let frame = buffer.get(..heard.bytes).unwrap_or(&buffer);
                if let Some((mac, address)) = arp::sender(frame)
                    && addresses.borrow().contains(&address)
                {
                    let claim = Claim {
                        ifindex,
                        address,
                        mac,
                    };
                    // A claim that does not fit is repeated by who makes it.
                    let _repeated = claims.try_send(claim);
                }
            }
            Ok(None) => ready.clear_ready(),
            // A link that went down says so once.
            Err(_) => {}
        }
    }
}
