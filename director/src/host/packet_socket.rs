//! Packet sockets that hear and send whole frames of one interface and one protocol, before any packet filter sees them (packet(7)).

use std::{
    io::{self, IoSliceMut},
    mem::size_of,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use nix::sys::socket::{LinkAddr, MsgFlags, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockFilter, Socket, Type};

/// Room for frames that wait to be read: a flood of some milliseconds.
const RECEIVE_BUFFER_BYTES: usize = 2 << 20;

/// `ETH_P_IP` and the like (include/uapi/linux/if_ether.h), in the host's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(libc::ETH_P_IP as u16);
    /// IPv6.
    pub const IPV6: Self = Self(libc::ETH_P_IPV6 as u16);
    /// ARP.
    pub const ARP: Self = Self(libc::ETH_P_ARP as u16);
}

/// A socket of one interface. It never blocks.
#[derive(Debug)]
pub struct PacketSocket(Socket);

/// A frame that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its length, bytes. What was longer than the buffer is cut.
    pub bytes: usize,
    /// To whom it was.
    pub addressee: Addressee,
}

/// To whom a frame was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// To this host: by its MAC address, by a group that it is in, or to all.
    Us,
    /// To another one, and the interface hears everything; or it is one of ours that leaves.
    Other,
}

impl PacketSocket {
    /// Hears frames of an interface that `filter` lets pass: classic BPF over the whole frame.
    ///
    /// # Errors
    ///
    /// CAP_NET_RAW is missing, or the interface is gone.
    pub fn open(ifindex: u32, protocol: EtherType, filter: &[SockFilter]) -> io::Result<Self> {
        // Without a protocol it hears nothing until it is bound: not other interfaces' frames, and none before there is a filter.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(filter)?;
        // Without CAP_NET_ADMIN the usual size has to do.
        let _as_it_was = setsockopt(&socket.as_fd(), sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES);
        socket.bind(&address(ifindex, protocol))?;
        Ok(Self(socket))
    }

    /// The next frame that waits; `None`: there is none.
    ///
    /// # Errors
    ///
    /// The interface went down (once), or away.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Heard>> {
        let mut slices = [IoSliceMut::new(buffer)];
        let received = recvmsg::<LinkAddr>(
            self.0.as_raw_fd(),
            &mut slices,
            None,
            MsgFlags::MSG_DONTWAIT,
        );
        match received {
            Ok(message) => {
                let kind = message.address.map(|address| address.pkttype());
                let addressee = match kind {
                    Some(libc::PACKET_OTHERHOST | libc::PACKET_OUTGOING) => Addressee::Other,
                    _ => Addressee::Us,
                };
                Ok(Some(Heard {
                    bytes: message.bytes,
                    addressee,
                }))
            }
            Err(nix::errno::Errno::EAGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    ///
    /// The link is down or gone, or there is no room in its queue.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.0.send(frame).map(drop)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn address(ifindex: u32, protocol: EtherType) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: the storage is zeroed, large enough and aligned for any address (socket2's promise), and every value of
    // these fields is valid; the length is that of what was written.
    unsafe {
        let link: &mut libc::sockaddr_ll = storage.view_as();
        link.sll_family = libc::AF_PACKET as u16;
        link.sll_protocol = protocol.0.to_be();
        link.sll_ifindex = ifindex.cast_signed();
        SockAddr::new(storage, size_of::<libc::sockaddr_ll>() as libc::socklen_t)
    }
}

/// One instruction of classic BPF, as `bpf(4)` writes it.
#[must_use]
pub const fn instruction(code: u32, jump_true: u8, jump_false: u8, value: u32) -> SockFilter {
    SockFilter::new(code as u16, jump_true, jump_false, value)
}

/// Lets frames pass whose byte at `offset` is `value`.
#[must_use]
pub const fn byte_is(offset: u32, value: u8) -> [SockFilter; 4] {
    [
        instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, offset),
        instruction(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            value as u32,
        ),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ]
}

/// Lets frames pass that have both bytes, each given as offset and value.
#[must_use]
pub const fn bytes_are(bytes: [(u32, u8); 2]) -> [SockFilter; 6] {
    let [first, second] = bytes;
    let load = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    let compare = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    [
        instruction(load, 0, 0, first.0),
        instruction(compare, 0, 3, first.1 as u32),
        instruction(load, 0, 0, second.0),
        instruction(compare, 0, 1, second.1 as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ]
}

/// Lets nothing pass.
#[must_use]
pub const fn nothing() -> [SockFilter; 1] {
    [instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0)]
}

/// Lets everything pass.
#[must_use]
pub const fn everything() -> [SockFilter; 1] {
    [instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX)]
}
