//! Hearing who on a link says that he has one of our VIPs, and asking for it.
//!
//! A task for each interface and family: a link can have thousands of ARP packets a second, and the daemon needs to see those few that
//! are about its addresses. Of IPv6 only neighbor advertisements are heard.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
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
    ndp,
    packet_socket::{EtherType, PacketSocket, bytes_are, everything},
};

/// Claims that may wait for the daemon. More of them say nothing that these do not.
const QUEUE_DEPTH: usize = 64;
/// An ARP packet with its padding, or an advertisement with all the options that there are for one, and more than any tag needs.
const LONGEST_FRAME_BYTES: usize = 256;
/// Next header of IPv6 and type of ICMPv6 in a frame without VLAN tags, which the kernel takes away: ICMPv6 (RFC 4443), neighbor
/// advertisement (RFC 4861 section 4.4).
const NEIGHBOR_ADVERTISEMENT: [(u32, u8); 2] = [(20, 58), (54, 136)];

/// By which protocol a link says who has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Language {
    /// Of IPv4.
    Arp,
    /// Of IPv6.
    NeighborDiscovery,
}

/// Somebody says that he has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The interface that it was heard on.
    pub ifindex: u32,
    /// The address.
    pub address: IpAddr,
    /// Who says so.
    pub mac: [u8; 6],
}

/// Listening on an interface failed.
#[derive(Debug, Error)]
#[error("listening on {interface} to who claims which address")]
pub struct ListenError {
    interface: String,
    /// Why it failed.
    source: KernelError,
}

/// The tasks. They end when this is dropped.
#[derive(Debug)]
pub struct ClaimWatch {
    links: BTreeMap<(u32, Language), Listener>,
    addresses: watch::Sender<BTreeSet<IpAddr>>,
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

impl Language {
    const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Arp,
            IpAddr::V6(_) => Self::NeighborDiscovery,
        }
    }

    fn open(self, ifindex: u32) -> io::Result<PacketSocket> {
        match self {
            Self::Arp => PacketSocket::open(ifindex, EtherType::ARP, &everything()),
            Self::NeighborDiscovery => {
                let filter = bytes_are(NEIGHBOR_ADVERTISEMENT);
                PacketSocket::open(ifindex, EtherType::IPV6, &filter)
            }
        }
    }

    /// Who says in a frame that he has which address.
    fn claim(self, frame: &[u8]) -> Option<([u8; 6], IpAddr)> {
        match self {
            Self::Arp => arp::sender(frame).map(|(mac, address)| (mac, address.into())),
            Self::NeighborDiscovery => {
                ndp::advertiser(frame).map(|(mac, address)| (mac, address.into()))
            }
        }
    }
}

impl ClaimWatch {
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

    /// Listens for claims of these addresses on their links, and nowhere else. Where it cannot is returned.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn settle(&mut self, wanted: &[(Link, IpAddr)]) -> Vec<ListenError> {
        let addresses = wanted.iter().map(|(_, address)| *address);
        self.addresses.send_replace(addresses.collect());
        let place = |(link, address): &(Link, IpAddr)| (link.index, Language::of(*address));
        self.links
            .retain(|known, _| wanted.iter().any(|one| place(one) == *known));
        let mut errors = Vec::new();
        for one in wanted {
            let (link, place) = (&one.0, place(one));
            if self.links.contains_key(&place) {
                continue;
            }
            match self.listen(place) {
                Ok(listener) => drop(self.links.insert(place, listener)),
                Err(error) => errors.push(ListenError {
                    interface: link.name.clone(),
                    source: KernelError::from_io(&error, Capability::CAP_NET_RAW),
                }),
            }
        }
        errors
    }

    fn listen(&self, (ifindex, language): (u32, Language)) -> io::Result<Listener> {
        let socket = language.open(ifindex)?;
        // SAFETY: the registration owns the socket, which closes its descriptor only when it is dropped.
        let socket = Arc::new(unsafe { AsyncFd::register(socket) }?);
        let hears = hear(
            (ifindex, language),
            Arc::clone(&socket),
            self.addresses.subscribe(),
            self.claims.clone(),
        );
        Ok(Listener {
            socket,
            task: tokio::spawn(hears).abort_handle(),
        })
    }

    /// Asks who else has an address of IPv4.
    ///
    /// # Errors
    ///
    /// The link is down, or is not listened on.
    pub fn ask(&self, link: &Link, address: Ipv4Addr) -> io::Result<()> {
        self.send(link, Language::Arp, &arp::probe(link.mac, address))
    }

    /// Asks who else has an address of IPv6; `from` is another address of ours on that link, which the answer comes to.
    ///
    /// # Errors
    ///
    /// The link is down, or is not listened on.
    pub fn ask_from(&self, from: Ipv6Addr, link: &Link, address: Ipv6Addr) -> io::Result<()> {
        let question = ndp::solicitation(link.mac, from, address);
        self.send(link, Language::NeighborDiscovery, &question)
    }

    fn send(&self, link: &Link, language: Language, frame: &[u8]) -> io::Result<()> {
        let listener = self.links.get(&(link.index, language));
        let listener = listener.ok_or(io::ErrorKind::NotConnected)?;
        listener.socket.get_ref().send(frame)
    }
}

async fn hear(
    (ifindex, language): (u32, Language),
    socket: Arc<AsyncFd<PacketSocket>>,
    addresses: watch::Receiver<BTreeSet<IpAddr>>,
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
                if let Some((mac, address)) = language.claim(frame)
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
