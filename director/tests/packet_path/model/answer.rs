//! What the director says itself, byte for byte.

use std::net::IpAddr;

use director_common::{
    interface::Interface,
    protocol,
    tcp::{ACK, RST},
};

use super::parse::{Packet, Segment};

/// An ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IcmpError {
    TimeExceeded,
    TooBig(u16),
    PortUnreachable,
}

/// Bytes of a packet that come back with an error at the most.
const QUOTED: usize = 128;

/// The Internet checksum (RFC 1071).
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(u16::from_be_bytes([
                pair[0],
                pair.get(1).copied().unwrap_or(0),
            ]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The link-layer header of a frame that goes back where it came from.
fn turned_round(frame: &[u8], packet: &Packet) -> Vec<u8> {
    let mut link = frame[..packet.network].to_vec();
    link[..6].copy_from_slice(&frame[6..12]);
    link[6..12].copy_from_slice(&frame[..6]);
    link
}

/// A reset that refuses a segment (RFC 9293 section 3.10.7.1).
pub(super) fn reset(frame: &[u8], packet: &Packet, segment: &Segment) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend(&frame[packet.transport + 2..packet.transport + 4]);
    tcp.extend(&frame[packet.transport..packet.transport + 2]);
    let (sequence, acknowledgement, flags) = if segment.flags & ACK != 0 {
        (segment.acknowledgement, 0, RST)
    } else {
        (0, segment.next_sequence, RST | ACK)
    };
    tcp.extend(sequence.to_be_bytes());
    tcp.extend(acknowledgement.to_be_bytes());
    tcp.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    let (source, destination) = (octets(packet.destination), octets(packet.source));
    let sum = checksum(&[&source, &destination, &[0, protocol::TCP, 0, 20], &tcp]);
    tcp[16..18].copy_from_slice(&sum);
    let mut ip = frame[packet.network..packet.transport].to_vec();
    if packet.source.is_ipv4() {
        let length = (ip.len() + tcp.len()) as u16;
        ip[1] = 0;
        ip[2..4].copy_from_slice(&length.to_be_bytes());
        ip[4..9].copy_from_slice(&[0, 0, 0x40, 0, 64]);
        ip[12..16].copy_from_slice(&source);
        ip[16..20].copy_from_slice(&destination);
        ip[10..12].fill(0);
        let sum = checksum(&[&ip]);
        ip[10..12].copy_from_slice(&sum);
    } else {
        let length = (ip.len() - 40 + tcp.len()) as u16;
        ip[4..6].copy_from_slice(&length.to_be_bytes());
        ip[7] = 64;
        ip[8..24].copy_from_slice(&source);
        ip[24..40].copy_from_slice(&destination);
    }
    [turned_round(frame, packet), ip, tcp].concat()
}

/// An ICMP error about a packet; nothing where its sender cannot be told.
pub(super) fn icmp_error(
    frame: &[u8],
    packet: &Packet,
    error: IcmpError,
    interface: Option<&Interface>,
) -> Option<Vec<u8>> {
    let is_sender = match packet.source {
        IpAddr::V4(address) => !matches!(address.octets()[0], 0 | 224..),
        IpAddr::V6(address) => address.octets()[0] != 0xff && !address.is_unspecified(),
    };
    if !is_sender {
        return None;
    }
    let is_v4 = packet.source.is_ipv4();
    let own: Option<Vec<u8>> = interface
        .map(|known| match is_v4 {
            true => known.address_v4.to_vec(),
            false => known.address_v6.to_vec(),
        })
        .filter(|own| own.iter().any(|byte| *byte != 0));
    let source = match (error, own) {
        (IcmpError::PortUnreachable, _) | (_, None) => octets(packet.destination),
        (_, Some(own)) => own,
    };
    let destination = octets(packet.source);
    let length = if packet.length < QUOTED {
        packet.length & !3
    } else {
        QUOTED
    };
    let quoted = &frame[packet.network..packet.network + length];
    let (kind, code, mtu) = match (error, is_v4) {
        (IcmpError::TimeExceeded, true) => (11, 0, 0),
        (IcmpError::TooBig(mtu), true) => (3, 4, mtu),
        (IcmpError::PortUnreachable, true) => (3, 3, 0),
        (IcmpError::TimeExceeded, false) => (3, 0, 0),
        (IcmpError::TooBig(mtu), false) => (2, 0, mtu),
        (IcmpError::PortUnreachable, false) => (1, 4, 0),
    };
    let [high, low] = mtu.to_be_bytes();
    let mut icmp = [&[kind, code, 0, 0, 0, 0, high, low], quoted].concat();
    let mut ip = Vec::new();
    if is_v4 {
        let length = (20 + icmp.len()) as u16;
        ip.extend([0x45, 0xc0]);
        ip.extend(length.to_be_bytes());
        ip.extend([0, 0, 0x40, 0, 64, protocol::ICMP, 0, 0]);
        ip.extend(&source);
        ip.extend(&destination);
        let sum = checksum(&[&ip]);
        ip[10..12].copy_from_slice(&sum);
        let sum = checksum(&[&icmp]);
        icmp[2..4].copy_from_slice(&sum);
    } else {
        let length = (icmp.len() as u16).to_be_bytes();
        ip.extend([0x60, 0, 0, 0]);
        ip.extend(length);
        ip.extend([protocol::ICMPV6, 64]);
        ip.extend(&source);
        ip.extend(&destination);
        let sum = checksum(&[
            &source,
            &destination,
            &length,
            &[0, protocol::ICMPV6],
            &icmp,
        ]);
        icmp[2..4].copy_from_slice(&sum);
    }
    Some([turned_round(frame, packet), ip, icmp].concat())
}
