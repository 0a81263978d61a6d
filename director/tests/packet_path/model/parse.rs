//! From bytes to a packet, as the standards have it and as far as the director looks.

use std::net::IpAddr;

use director_common::{
    counters::Counter,
    limits::{MAX_EXTENSION_HEADERS, MAX_VLAN_TAGS},
    protocol,
};

/// A packet, up to its transport header.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) destination_mac: [u8; 6],
    /// The VLANs of its tags: 0 where there is none.
    pub(super) vlans: [u16; 2],
    /// Where the network header begins.
    pub(super) network: usize,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    pub(super) part: Part,
    /// Where the transport header begins.
    pub(super) transport: usize,
    /// Bytes of the IP packet from there on.
    pub(super) payload: usize,
    /// Bytes of the IP packet.
    pub(super) length: usize,
}

/// Whether a packet is a fragment, and its identification as bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    First([u8; 4]),
    Later([u8; 4]),
}

/// TCP or UDP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) flags: u8,
    pub(super) next_sequence: u32,
    pub(super) acknowledgement: u32,
}

/// A packet inside an ICMP error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    pub(super) ports: (u16, u16),
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// Bytes of a frame, or nothing where it ends before they do.
pub(super) fn bytes<const N: usize>(frame: &[u8], offset: usize) -> Option<[u8; N]> {
    frame.get(offset..offset + N)?.try_into().ok()
}

fn number(frame: &[u8], offset: usize) -> Option<u16> {
    bytes(frame, offset).map(u16::from_be_bytes)
}

/// Reads the headers. `is_vip` says whether an address may be one; a packet that is done here leaves with the reason.
pub(super) fn packet(frame: &[u8], is_vip: impl Fn(IpAddr) -> bool) -> Result<Packet, Counter> {
    let destination_mac = bytes(frame, 0).ok_or(Counter::PassMalformed)?;
    let mut ether_type = number(frame, 12).ok_or(Counter::PassMalformed)?;
    let mut network = 14;
    let mut vlans = [0; MAX_VLAN_TAGS];
    for vlan in &mut vlans {
        if !matches!(ether_type, 0x8100 | 0x88a8) {
            break;
        }
        let control = number(frame, network).ok_or(Counter::PassMalformed)?;
        ether_type = number(frame, network + 2).ok_or(Counter::PassMalformed)?;
        *vlan = control & 0x0fff;
        network += 4;
    }
    let packet = match ether_type {
        0x0800 => ipv4(frame, network, is_vip)?,
        0x86dd => ipv6(frame, network, is_vip)?,
        _ => return Err(Counter::PassNotIp),
    };
    Ok(Packet {
        destination_mac,
        vlans,
        ..packet
    })
}

fn ipv4(frame: &[u8], network: usize, is_vip: impl Fn(IpAddr) -> bool) -> Result<Packet, Counter> {
    let header: [u8; 20] = bytes(frame, network).ok_or(Counter::PassMalformed)?;
    let header_length = usize::from(header[0] & 0xf) * 4;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_well_formed = header[0] >> 4 == 4
        && header_length >= 20
        && length >= header_length
        && network + length <= frame.len();
    if !is_well_formed {
        return Err(Counter::PassMalformed);
    }
    let address = |place| IpAddr::from(bytes::<4>(&header, place).expect("inside the header"));
    let destination = address(16);
    if !is_vip(destination) {
        return Err(Counter::PassNoService);
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]);
    let identification = [header[4], header[5], 0, 0];
    Ok(Packet {
        destination_mac: [0; 6],
        vlans: [0; 2],
        network,
        source: address(12),
        destination,
        protocol: header[9],
        part: match (fragment & 0x1fff, fragment & 0x2000) {
            (0, 0) => Part::Whole,
            (0, _) => Part::First(identification),
            _ => Part::Later(identification),
        },
        transport: network + header_length,
        payload: length - header_length,
        length,
    })
}

fn ipv6(frame: &[u8], network: usize, is_vip: impl Fn(IpAddr) -> bool) -> Result<Packet, Counter> {
    let header: [u8; 40] = bytes(frame, network).ok_or(Counter::PassMalformed)?;
    let length = 40 + usize::from(u16::from_be_bytes([header[4], header[5]]));
    if header[0] >> 4 != 6 || network + length > frame.len() {
        return Err(Counter::PassMalformed);
    }
    let address = |place| IpAddr::from(bytes::<16>(&header, place).expect("inside the header"));
    let destination = address(24);
    if !is_vip(destination) {
        return Err(Counter::PassNoService);
    }
    let (protocol, part, transport) =
        behind_extensions(frame, header[6], network + 40).ok_or(Counter::PassMalformed)?;
    let payload = (network + length)
        .checked_sub(transport)
        .ok_or(Counter::PassMalformed)?;
    Ok(Packet {
        destination_mac: [0; 6],
        vlans: [0; 2],
        network,
        source: address(8),
        destination,
        protocol,
        part,
        transport,
        payload,
        length,
    })
}

/// The first header that is no extension (RFC 8200 section 4): its number, whether the packet is a fragment, where it begins.
fn behind_extensions(frame: &[u8], first: u8, offset: usize) -> Option<(u8, Part, usize)> {
    let (mut header, mut part, mut offset) = (first, Part::Whole, offset);
    for _ in 0..MAX_EXTENSION_HEADERS {
        match header {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                let [next, length] = bytes(frame, offset)?;
                header = next;
                offset += 8 + usize::from(length) * 8;
            }
            FRAGMENT => {
                let [next, _, high, low, a, b, c, d] = bytes(frame, offset)?;
                header = next;
                offset += 8;
                let word = u16::from_be_bytes([high, low]);
                if word & 0xfff8 != 0 {
                    return Some((header, Part::Later([a, b, c, d]), offset));
                }
                if word & 1 != 0 {
                    part = Part::First([a, b, c, d]);
                }
            }
            _ => return Some((header, part, offset)),
        }
    }
    let is_extension = matches!(
        header,
        HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS
    );
    (!is_extension).then_some((header, part, offset))
}

/// The transport header of a packet that is TCP or UDP.
pub(super) fn segment(frame: &[u8], packet: &Packet) -> Option<Segment> {
    if packet.protocol == protocol::UDP {
        let header: [u8; 8] = bytes(frame, packet.transport)?;
        return (packet.payload >= 8).then_some(Segment {
            source_port: u16::from_be_bytes([header[0], header[1]]),
            destination_port: u16::from_be_bytes([header[2], header[3]]),
            flags: 0,
            next_sequence: 0,
            acknowledgement: 0,
        });
    }
    let header: [u8; 20] = bytes(frame, packet.transport)?;
    let header_length = usize::from(header[12] >> 4) * 4;
    if header_length < 20 || header_length > packet.payload {
        return None;
    }
    let word = |place| u32::from_be_bytes(bytes(&header, place).expect("inside the header"));
    let flags = header[13];
    // SYN and FIN count as one byte each.
    let more = u32::from(flags & 2 != 0) + u32::from(flags & 1 != 0);
    let text = (packet.payload - header_length) as u32;
    Some(Segment {
        source_port: u16::from_be_bytes([header[0], header[1]]),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
        flags,
        next_sequence: word(4).wrapping_add(text).wrapping_add(more),
        acknowledgement: word(8),
    })
}

/// The packet inside an ICMP error; nothing where the message is no error, or has too little of the packet.
pub(super) fn icmp_error(frame: &[u8], packet: &Packet) -> Option<Inner> {
    let message: [u8; 8] = bytes(frame, packet.transport)?;
    let inside = packet.transport + 8;
    if packet.source.is_ipv4() {
        if !matches!(message[0], 3 | 4 | 11 | 12) {
            return None;
        }
        let header: [u8; 20] = bytes(frame, inside)?;
        let header_length = usize::from(header[0] & 0xf) * 4;
        let offset = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
        if header[0] >> 4 != 4 || header_length < 20 || offset != 0 {
            return None;
        }
        let address = |place| IpAddr::from(bytes::<4>(&header, place).expect("inside the header"));
        let ports = inside + header_length;
        return Some(Inner {
            source: address(12),
            destination: address(16),
            protocol: header[9],
            ports: (number(frame, ports)?, number(frame, ports + 2)?),
        });
    }
    if message[0] >= 128 {
        return None;
    }
    let header: [u8; 40] = bytes(frame, inside)?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let (protocol, part, ports) = behind_extensions(frame, header[6], inside + 40)?;
    if matches!(part, Part::Later(_)) {
        return None;
    }
    let address = |place| IpAddr::from(bytes::<16>(&header, place).expect("inside the header"));
    Some(Inner {
        source: address(8),
        destination: address(24),
        protocol,
        ports: (number(frame, ports)?, number(frame, ports + 2)?),
    })
}
