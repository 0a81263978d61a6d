//! TCP and UDP: ports, flags, and the two numbers that a reset would need.

use director_common::{protocol, tcp};

use crate::{
    cursor::{Cursor, Header},
    family::{Family, Packet},
    verifier::load_u32,
};

/// TCP header without options (RFC 9293 section 3.1).
#[derive(Clone, Copy)]
#[repr(C, packed(2))]
pub struct TcpHeader {
    /// Source and destination, as they follow each other on the wire.
    pub ports: [u16; 2],
    pub sequence_be: [u16; 2],
    pub acknowledgement_be: [u16; 2],
    pub data_offset: u8,
    pub flags: u8,
    pub window_be: u16,
    pub checksum_be: u16,
    pub urgent_be: u16,
}

/// UDP header (RFC 768).
#[derive(Clone, Copy)]
#[repr(C)]
struct UdpHeader {
    /// As in TCP.
    ports: [u16; 2],
    length_be: u16,
    checksum_be: u16,
}

// SAFETY: integers only, alignment 2 or less.
unsafe impl Header for TcpHeader {}
// SAFETY: as above.
unsafe impl Header for UdpHeader {}

/// The transport part. UDP has no flags and no numbers: they are zero, so that every field always holds something.
#[derive(Clone, Copy)]
pub struct Segment {
    /// Source and destination, as they follow each other on the wire.
    pub ports: u32,
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

    /// The number that it acknowledges; 0 where it acknowledges none.
    #[inline(always)]
    pub fn own_acknowledgement(&self) -> u32 {
        if self.flags & tcp::ACK != 0 {
            self.acknowledgement
        } else {
            0
        }
    }

    /// The port that it is sent to, as it stands on the wire.
    #[inline(always)]
    pub fn destination_port(&self) -> [u8; 2] {
        let [_, _, high, low] = self.ports.to_ne_bytes();
        [high, low]
    }

    /// The port that it was sent from.
    #[inline(always)]
    pub fn source_port(&self) -> u16 {
        let [high, low, _, _] = self.ports.to_ne_bytes();
        u16::from_be_bytes([high, low])
    }
}

/// The two ports that open a transport header.
#[inline(always)]
pub fn ports(cursor: Cursor, offset: usize) -> Option<u32> {
    let ports = cursor.header::<[u16; 2]>(offset)?;
    // SAFETY: the cursor checked the bounds.
    Some(unsafe { load_u32(ports) })
}

/// Reads the header of a packet that is TCP or UDP. `None`: it is cut short, or lies about its length.
#[inline(always)]
pub fn parse<F: Family>(cursor: Cursor, packet: &Packet<F>) -> Option<Segment> {
    if packet.protocol == protocol::TCP {
        parse_tcp(cursor, packet.transport, packet.payload)
    } else {
        parse_udp(cursor, packet.transport, packet.payload)
    }
}

#[inline(always)]
fn parse_tcp(cursor: Cursor, offset: usize, payload: usize) -> Option<Segment> {
    let header = cursor.header::<TcpHeader>(offset)?;
    // SAFETY: the cursor checked the bounds.
    let (ports, sequence_be, acknowledgement_be, data_offset, flags) = unsafe {
        (
            load_u32(&raw const (*header).ports),
            load_u32(&raw const (*header).sequence_be),
            load_u32(&raw const (*header).acknowledgement_be),
            (*header).data_offset,
            (*header).flags,
        )
    };
    let data_offset = usize::from(data_offset >> 4) * 4;
    if data_offset < size_of::<TcpHeader>() || data_offset > payload {
        return None;
    }
    // SYN and FIN take one sequence number each (RFC 9293 section 3.4).
    let syn = u32::from(flags & tcp::SYN != 0);
    let fin = u32::from(flags & tcp::FIN != 0);
    let text = (payload - data_offset) as u32;
    Some(Segment {
        ports,
        protocol: protocol::TCP,
        flags,
        next_sequence: u32::from_be(sequence_be)
            .wrapping_add(text)
            .wrapping_add(syn + fin),
        acknowledgement: u32::from_be(acknowledgement_be),
    })
}

#[inline(always)]
fn parse_udp(cursor: Cursor, offset: usize, payload: usize) -> Option<Segment> {
    let header = cursor.header::<UdpHeader>(offset)?;
    if payload < size_of::<UdpHeader>() {
        return None;
    }
    Some(Segment {
        // SAFETY: the cursor checked the bounds.
        ports: unsafe { load_u32(&raw const (*header).ports) },
        protocol: protocol::UDP,
        flags: 0,
        next_sequence: 0,
        acknowledgement: 0,
    })
}
