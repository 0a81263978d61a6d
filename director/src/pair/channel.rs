//! The sockets by which digests leave and come in: a task for each way, which ends when its socket is closed.
//!
//! To a group they go, and come, on one link alone: a socket that is bound to the group hears nothing else. By unicast only those are
//! heard that are configured. Who is on the link, or is a peer, can pretend to be anybody, as in VRRP; a digest decides nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6},
    sync::Arc,
};

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use thiserror::Error;
use tokio::{net::UdpSocket, sync::mpsc, task::AbortHandle};
use tracing::debug;

use super::message::{LONGEST_BYTES, Message};
use crate::vrrp::sockets::join;

/// Messages that may wait for the daemon; what does not find room comes again.
const QUEUE_DEPTH: usize = 64;
/// As VRRP has it (RFC 9568 section 5.1.1.3).
const MULTICAST_TTL: u32 = 255;

/// Where the other directors are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// On a link.
    Multicast {
        /// Index of its interface.
        ifindex: u32,
        /// Its name.
        interface: String,
        /// The address of this director there.
        source: IpAddr,
        /// The group of VRRP.
        group: IpAddr,
    },
    /// Anywhere.
    Unicast {
        /// The address of this director.
        source: IpAddr,
        /// Index of the interface that it is one of, if it is link-local; else 0.
        scope: u32,
        /// TTL or hop limit.
        ttl: u8,
        /// Theirs.
        peers: BTreeSet<IpAddr>,
    },
}

/// A way cannot be used.
#[derive(Debug, Error)]
#[error("no socket on UDP port {port} to compare configurations with the other director {}", way.place())]
pub(crate) struct ChannelError {
    way: Way,
    port: u16,
    source: io::Error,
}

/// A message, and who sent it.
pub(crate) type Heard = (IpAddr, Message);

/// All ways.
#[derive(Debug)]
pub(crate) struct Channel {
    open: BTreeMap<(Way, u16), Open>,
    /// Ways whose failure was told.
    failed: BTreeSet<(Way, u16)>,
    heard: mpsc::Sender<Heard>,
}

#[derive(Debug)]
struct Open {
    socket: Arc<UdpSocket>,
    destinations: Vec<SocketAddr>,
    task: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Way {
    fn place(&self) -> String {
        match self {
            Self::Multicast { interface, .. } => format!("on {interface}"),
            Self::Unicast { source, .. } => format!("from {source}"),
        }
    }
}

impl Channel {
    /// No way is open yet. What is heard comes from the receiver.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Heard>) {
        let (heard, receiver) = mpsc::channel(QUEUE_DEPTH);
        let channel = Self {
            open: BTreeMap::new(),
            failed: BTreeSet::new(),
            heard,
        };
        (channel, receiver)
    }

    /// Opens the ways that are missing, and closes the others. What could not be opened is tried again each time, and told once.
    pub(crate) fn settle(&mut self, ways: &BTreeSet<Way>, port: u16) -> Vec<ChannelError> {
        let is_wanted = |(way, at): &(Way, u16)| *at == port && ways.contains(way);
        self.open.retain(|key, _| is_wanted(key));
        self.failed.retain(|key| is_wanted(key));
        let mut errors = Vec::new();
        for way in ways {
            let key = (way.clone(), port);
            if self.open.contains_key(&key) {
                continue;
            }
            match Open::new(way, port, self.heard.clone()) {
                Ok(open) => {
                    self.failed.remove(&key);
                    self.open.insert(key, open);
                }
                Err(source) if self.failed.insert(key) => errors.push(ChannelError {
                    way: way.clone(),
                    port,
                    source,
                }),
                Err(_told) => {}
            }
        }
        errors
    }

    /// Sends messages everywhere. None of them waits: what finds no room is sent again soon enough.
    pub(crate) fn send(&self, messages: &[Vec<u8>]) {
        for open in self.open.values() {
            let socket = SockRef::from(&*open.socket);
            for to in &open.destinations {
                for message in messages {
                    // A link that is down is told elsewhere; a peer that does not listen may be a keepalived.
                    if let Err(error) = socket.send_to(message, &SockAddr::from(*to)) {
                        debug!(%to, %error, "the digest of the configuration did not leave");
                    }
                }
            }
        }
    }
}

impl Open {
    fn new(way: &Way, port: u16, heard: mpsc::Sender<Heard>) -> io::Result<Self> {
        let (socket, destinations, peers) = match way {
            Way::Multicast {
                ifindex,
                interface,
                source,
                group,
            } => {
                let to = at(*group, port, *ifindex);
                let socket = multicast(interface, *ifindex, *source, to)?;
                (socket, vec![to], None)
            }
            Way::Unicast {
                source,
                scope,
                ttl,
                peers,
            } => {
                let socket = unicast(at(*source, port, *scope), *ttl)?;
                let to = peers.iter().map(|peer| at(*peer, port, *scope));
                (socket, to.collect(), Some(peers.clone()))
            }
        };
        let socket = Arc::new(UdpSocket::from_std(socket.into())?);
        let task = tokio::spawn(listen(Arc::clone(&socket), peers, heard)).abort_handle();
        Ok(Self {
            socket,
            destinations,
            task,
        })
    }
}

/// Until the channel is dropped. `peers`: who is heard; `None`: everybody.
async fn listen(
    socket: Arc<UdpSocket>,
    peers: Option<BTreeSet<IpAddr>>,
    heard: mpsc::Sender<Heard>,
) {
    // One byte more, so that a longer one is not taken for whole.
    let mut buffer = [0; LONGEST_BYTES + 1];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => (length, from.ip()),
            // Such as a peer's word that nobody listens there: the socket goes on.
            Err(error) => {
                debug!(%error, "no digest was received");
                continue;
            }
        };
        if peers.as_ref().is_some_and(|peers| !peers.contains(&from)) {
            continue;
        }
        match Message::parse(buffer.get(..length).unwrap_or_default()) {
            // Without room it comes again.
            Ok(message) => drop(heard.try_send((from, message))),
            Err(reason) => debug!(%from, %reason, "no digest"),
        }
        if heard.is_closed() {
            return;
        }
    }
}

fn at(address: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match address {
        IpAddr::V4(_) => SocketAddr::new(address, port),
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, scope).into(),
    }
}

fn multicast(
    interface: &str,
    ifindex: u32,
    source: IpAddr,
    group: SocketAddr,
) -> io::Result<Socket> {
    let socket = socket(group)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    join(&socket, group.ip(), ifindex)?;
    match (group.ip(), source) {
        (IpAddr::V4(_), IpAddr::V4(source)) => {
            socket.set_multicast_if_v4(&source)?;
            socket.set_multicast_ttl_v4(MULTICAST_TTL)?;
            socket.set_multicast_loop_v4(false)?;
        }
        (IpAddr::V6(_), _) => {
            socket.set_multicast_if_v6(ifindex)?;
            socket.set_multicast_hops_v6(MULTICAST_TTL)?;
            socket.set_multicast_loop_v6(false)?;
        }
        (IpAddr::V4(_), IpAddr::V6(_)) => return Err(io::ErrorKind::InvalidInput.into()),
    }
    socket.bind(&SockAddr::from(group))?;
    Ok(socket)
}

fn unicast(source: SocketAddr, ttl: u8) -> io::Result<Socket> {
    let socket = socket(source)?;
    match source {
        SocketAddr::V4(_) => socket.set_ttl_v4(ttl.into())?,
        SocketAddr::V6(_) => socket.set_unicast_hops_v6(ttl.into())?,
    }
    socket.bind(&SockAddr::from(source))?;
    Ok(socket)
}

fn socket(of: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(of), Type::DGRAM, Some(Protocol::UDP))?;
    if of.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
