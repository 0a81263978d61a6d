//! What IPv4 and IPv6 have in common, so that the packet path is written once.

use aya_ebpf::bindings::xdp_md;
use director_common::{flow::Flow, service::Service};

use crate::{cursor::Cursor, frame::Frame, reply::IcmpError, verdict::Verdict};

/// An address family: its header, its keys, its tables.
pub trait Family: Sized {
    /// Its network header.
    type Header: Copy;
    /// Key of its flows.
    type Key: Copy;
    /// An address as it stands on the wire.
    type Address: Copy;
    /// IP protocol number of its ICMP.
    const ICMP: u8;
    /// Its virtual routers, see [`crate::frame::virtual_router`].
    const VIRTUAL_ROUTER: u64;

    /// Reads the network header; a packet that nothing more can be said of leaves with the reason.
    fn parse(cursor: Cursor, frame: Frame) -> Result<Packet<Self>, Verdict>;

    /// Key of the flow between two addresses. `ports` are the source's and the destination's, as they open the transport header.
    fn key(
        source: Self::Address,
        destination: Self::Address,
        ports: u32,
        protocol: u8,
    ) -> Self::Key;

    /// Whether a destination may be a VIP, see [`director_common::service::VipFilter`].
    fn may_be_vip(destination: &Self::Address) -> bool;

    /// The service of a destination.
    fn service(
        destination: &Self::Address,
        port: [u8; 2],
        protocol: u8,
    ) -> Option<&'static Service>;

    /// An address as an IPv6 address, in words of memory order; IPv4 is mapped (RFC 4291 section 2.5.5.2).
    fn mapped(address: &Self::Address) -> [u32; 4];

    /// Takes one from the TTL or the hop limit; `None`, and nothing changed, where it is 1 or less.
    fn decrement_ttl(packet: &Packet<Self>) -> Option<()>;

    /// The protocol that the fragments of one packet share, see [`director_common::fragment::FragmentKey`].
    fn fragments_protocol(protocol: u8) -> u8;

    /// Whether a router may not cut the packet into fragments.
    fn is_whole_by_wish(packet: &Packet<Self>) -> bool;

    /// The packet inside an ICMP error at `offset`.
    fn parse_inner(cursor: Cursor, offset: usize) -> Option<Inner<Self>>;

    /// The flow in one of the two tables.
    fn flow(table: Table, key: &Self::Key) -> Option<*mut Flow>;

    fn insert(table: Table, key: &Self::Key, flow: &Flow) -> Result<(), i32>;

    fn remove(table: Table, key: &Self::Key);

    /// Sends the frame back with a reset, see [`crate::reset`]. `false`: nothing was changed.
    fn answer_reset(context: *mut xdp_md, packet: &Packet<Self>, acknowledgement: u32) -> bool;

    /// Sends an ICMP error back, see [`crate::reply`]. `false`: nothing was changed.
    fn answer_error(
        context: *mut xdp_md,
        packet: &Packet<Self>,
        error: IcmpError,
        mtu: u16,
    ) -> bool;
}

/// The two tables of flows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Flows that were heard more than once.
    Flows,
    /// Flows that were heard once.
    HalfOpen,
}

/// Whether a packet is a fragment.
#[derive(Clone, Copy)]
pub enum Part {
    Whole,
    /// The first fragment, with the identification that it shares with the others.
    First(u32),
    /// A later one, likewise.
    Later(u32),
}

/// A packet, up to its transport header.
pub struct Packet<F: Family> {
    pub frame: Frame,
    /// The network header.
    pub header: *mut F::Header,
    pub source: F::Address,
    pub destination: F::Address,
    /// IP protocol number of the transport header.
    pub protocol: u8,
    pub part: Part,
    /// Where the transport header begins, bytes from the start of the frame.
    pub transport: usize,
    /// Bytes of the IP packet from the transport header on.
    pub payload: usize,
    /// Bytes of the IP packet.
    pub length: usize,
}

/// The packet inside an ICMP error, which some server sent to a client.
pub struct Inner<F: Family> {
    pub source: F::Address,
    pub destination: F::Address,
    pub protocol: u8,
    /// The source's and the destination's, as they open the transport header.
    pub ports: u32,
}
