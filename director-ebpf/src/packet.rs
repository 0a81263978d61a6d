//! From bytes to a [`Packet`]: Ethernet, IPv4, TCP or UDP.
//!
//! Fields are in network byte order and named so (`_be`), until they become a number.

use director_common::{counters::Counter, flow::FlowKeyV4, protocol, tcp};

use crate::{
    cursor::{Cursor, Header},
    verdict::Verdict,
};

/// Ethernet II header.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Ethernet {
    /// Destination and source, as they follow each other on the wire, in 2-byte words.
    pub addresses: [u16; 6],
    pub ether_type_be: u16,
}

/// IPv4 header without options (RFC 791 section 3.1).
#[derive(Clone, Copy)]
#[repr(C, packed(2))]
pub struct Ipv4 {
    pub version_and_length: u8,
    pub type_of_service: u8,
    pub total_length_be: u16,
    pub identification_be: u16,
    pub fragment_be: u16,
    pub ttl: u8,
    pub protocol: u8,
    pub checksum_be: u16,
    pub source_be: u32,
    pub destination_be: u32,
}

/// TCP header without options (RFC 9293 section 3.1).
#[derive(Clone, Copy)]
#[repr(C, packed(2))]
struct TcpHeader {
    /// Source and destination, as they follow each other on the wire.
    ports: [u8; 4],
    sequence_be: u32,
    acknowledgement_be: u32,
    data_offset: u8,
    flags: u8,
    window_be: u16,
    checksum_be: u16,
    urgent_be: u16,
}

/// UDP header (RFC 768).
#[derive(Clone, Copy)]
#[repr(C)]
struct UdpHeader {
    /// As in TCP.
    ports: [u8; 4],
    length_be: u16,
    checksum_be: u16,
}

// SAFETY: integers only, alignment 2 or less.
unsafe impl Header for Ethernet {}
// SAFETY: as above.
unsafe impl Header for Ipv4 {}
// SAFETY: as above.
unsafe impl Header for TcpHeader {}
// SAFETY: as above.
unsafe impl Header for UdpHeader {}

const ETHER_TYPE_IPV4_BE: u16 = 0x0800_u16.to_be();
/// Everything of the fragment word but *don't fragment*: more fragments, and the offset.
const FRAGMENT_MASK_BE: u16 = 0x3fff_u16.to_be();
const IPV4_MIN_LENGTH: usize = 20;

/// What the rest of the path needs of a packet.
pub struct Packet {
    pub ethernet: *mut Ethernet,
    pub ipv4: *mut Ipv4,
    pub key: FlowKeyV4,
    pub segment: Segment,
    /// IP total length, bytes.
    pub length: u16,
}

/// The transport part. UDP has no flags and no numbers: they are zero, so that every field always holds something.
#[derive(Clone, Copy)]
pub struct Segment {
    /// IP protocol number.
    pub protocol: u8,
    /// Byte 13 of the TCP header.
    pub flags: u8,
    /// Sequence number that follows this segment.
    pub next_sequence: u32,
    pub acknowledgement: u32,
}

impl Segment {
    #[inline(always)]
    pub fn is_tcp(&self) -> bool {
        self.protocol == protocol::TCP
    }

    /// A segment that opens a TCP connection: SYN and none of RST, FIN, ACK.
    #[inline(always)]
    pub fn opens_connection(&self) -> bool {
        self.flags & (tcp::SYN | tcp::RST | tcp::FIN | tcp::ACK) == tcp::SYN
    }

    /// Whether a flow may begin with it: a datagram, or a SYN.
    #[inline(always)]
    pub fn may_begin_flow(&self) -> bool {
        !self.is_tcp() || self.opens_connection()
    }
}

/// Reads the headers; a packet that is not for us leaves with the reason.
#[inline(always)]
pub fn parse(cursor: Cursor) -> Result<Packet, Verdict> {
    let ethernet = cursor
        .header::<Ethernet>(0)
        .ok_or(Verdict::Pass(Counter::PassMalformed))?;
    // SAFETY: the cursor checked the bounds; this holds for every header below.
    if unsafe { (*ethernet).ether_type_be } != ETHER_TYPE_IPV4_BE {
        return Err(Verdict::Pass(Counter::PassNotIpv4));
    }
    let ipv4 = cursor
        .header::<Ipv4>(size_of::<Ethernet>())
        .ok_or(Verdict::Pass(Counter::PassMalformed))?;
    // SAFETY: see above.
    let ip = unsafe { *ipv4 };
    let header_length = usize::from(ip.version_and_length & 0xf) * 4;
    let length = u16::from_be(ip.total_length_be);
    if ip.version_and_length >> 4 != 4
        || header_length < IPV4_MIN_LENGTH
        || usize::from(length) > cursor.length() - size_of::<Ethernet>()
    {
        return Err(Verdict::Pass(Counter::PassMalformed));
    }
    if ip.fragment_be & FRAGMENT_MASK_BE != 0 {
        return Err(Verdict::Pass(Counter::PassFragment));
    }
    let transport = size_of::<Ethernet>() + header_length;
    let payload = usize::from(length).wrapping_sub(header_length);
    let (ports, segment) = match ip.protocol {
        protocol::TCP => parse_tcp(cursor, transport, payload),
        protocol::UDP => parse_udp(cursor, transport, payload),
        _ => return Err(Verdict::Pass(Counter::PassProtocol)),
    }
    .ok_or(Verdict::Pass(Counter::PassMalformed))?;
    Ok(Packet {
        ethernet,
        ipv4,
        key: FlowKeyV4 {
            source: ip.source_be.to_ne_bytes(),
            destination: ip.destination_be.to_ne_bytes(),
            ports,
            protocol: ip.protocol.into(),
        },
        segment,
        length,
    })
}

/// `payload` is what the IP header says follows it, in bytes; it may have wrapped below zero.
#[inline(always)]
fn parse_tcp(cursor: Cursor, offset: usize, payload: usize) -> Option<([u8; 4], Segment)> {
    let header = cursor.header::<TcpHeader>(offset)?;
    // SAFETY: the cursor checked the bounds.
    let header = unsafe { *header };
    let data_offset = usize::from(header.data_offset >> 4) * 4;
    if data_offset < size_of::<TcpHeader>() || data_offset > payload || payload > 0xffff {
        return None;
    }
    // SYN and FIN take one sequence number each (RFC 9293 section 3.4).
    let syn = u32::from(header.flags & tcp::SYN != 0);
    let fin = u32::from(header.flags & tcp::FIN != 0);
    let text = (payload - data_offset) as u32;
    let next_sequence = u32::from_be(header.sequence_be)
        .wrapping_add(text)
        .wrapping_add(syn + fin);
    let segment = Segment {
        protocol: protocol::TCP,
        flags: header.flags,
        next_sequence,
        acknowledgement: u32::from_be(header.acknowledgement_be),
    };
    Some((header.ports, segment))
}

#[inline(always)]
fn parse_udp(cursor: Cursor, offset: usize, payload: usize) -> Option<([u8; 4], Segment)> {
    let header = cursor.header::<UdpHeader>(offset)?;
    if payload < size_of::<UdpHeader>() || payload > 0xffff {
        return None;
    }
    let segment = Segment {
        protocol: protocol::UDP,
        flags: 0,
        next_sequence: 0,
        acknowledgement: 0,
    };
    // SAFETY: the cursor checked the bounds.
    Some((unsafe { (*header).ports }, segment))
}
