//! The IP packet around a VRRP message, as bytes: RFC 3768 section 5.2, RFC 9568 section 5.1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet_packet::{
    ethernet::{EtherTypes, MutableEthernetPacket},
    ip::IpNextHeaderProtocols,
    ipv4::{self, Ipv4Flags, Ipv4Packet, MutableIpv4Packet},
    ipv6::{Ipv6Packet, MutableIpv6Packet},
};

use super::{packet::Endpoints, reception::Received};

/// All VRRP routers on a link (RFC 9568 section 5.1.1.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// All VRRP routers on a link (RFC 9568 section 5.1.2.2).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// No router may have passed it on (RFC 9568 sections 5.1.1.3 and 5.1.2.3).
pub const TTL: u8 = 255;

const ETHERNET_HEADER_BYTES: usize = MutableEthernetPacket::minimum_packet_size();
const IPV4_HEADER_BYTES: usize = MutableIpv4Packet::minimum_packet_size();
const IPV6_HEADER_BYTES: usize = MutableIpv6Packet::minimum_packet_size();
/// Class selector 6, *network control* (RFC 4594 section 3.1): switches serve it before the flood that might starve an election.
/// It is the TOS 0xc0 of keepalived.
const NETWORK_CONTROL: u8 = 48;

/// A message in an IP packet. `message` is at most as long as 255 addresses make it.
#[must_use]
pub fn packet(endpoints: Endpoints, ttl: u8, message: &[u8]) -> Vec<u8> {
    match endpoints {
        Endpoints::V4 {
            source,
            destination,
        } => in_ipv4(source, destination, ttl, message),
        Endpoints::V6 {
            source,
            destination,
        } => in_ipv6(source, destination, ttl, message),
    }
}

/// An IP packet to a group, in an Ethernet frame. `None` if its destination is no group: only the kernel knows the MAC address
/// of a peer.
#[must_use]
pub fn multicast_frame(
    source_mac: [u8; 6],
    endpoints: Endpoints,
    message: &[u8],
) -> Option<Vec<u8>> {
    let mut frame = vec![0; ETHERNET_HEADER_BYTES];
    let mut ethernet = MutableEthernetPacket::new(&mut frame)?;
    ethernet.set_destination(multicast_mac(endpoints.destination())?.into());
    ethernet.set_source(source_mac.into());
    ethernet.set_ethertype(match endpoints {
        Endpoints::V4 { .. } => EtherTypes::Ipv4,
        Endpoints::V6 { .. } => EtherTypes::Ipv6,
    });
    frame.extend(packet(endpoints, TTL, message));
    Some(frame)
}

/// The MAC address that stands for a group; `None` if it is none.
#[must_use]
pub fn multicast_mac(group: IpAddr) -> Option<[u8; 6]> {
    if !group.is_multicast() {
        return None;
    }
    Some(match group {
        // The lower 23 bits (RFC 1112 section 6.4).
        IpAddr::V4(group) => {
            let [_, b, c, d] = group.octets();
            [0x01, 0x00, 0x5e, b & 0x7f, c, d]
        }
        // The lower 32 bits (RFC 2464 section 7).
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            [0x33, 0x33, a, b, c, d]
        }
    })
}

/// The VRRP message in an IP packet and what is known of its way; `None` if there is none, or not a whole one.
///
/// What follows the packet is padding of a short Ethernet frame. A fragment carries no whole message, and no advertisement is
/// longer than any link's MTU.
#[must_use]
pub fn parse(packet: &[u8]) -> Option<(Received, &[u8])> {
    match packet.first()? >> 4 {
        4 => parse_ipv4(packet),
        6 => parse_ipv6(packet),
        _ => None,
    }
}

fn parse_ipv4(packet: &[u8]) -> Option<(Received, &[u8])> {
    let header = Ipv4Packet::new(packet)?;
    let header_bytes = usize::from(header.get_header_length()) * 4;
    let whole = packet.get(..header.get_total_length().into())?;
    let message = whole.get(header_bytes..)?;
    let is_fragment =
        header.get_fragment_offset() != 0 || header.get_flags() & Ipv4Flags::MoreFragments != 0;
    if header_bytes < IPV4_HEADER_BYTES
        || is_fragment
        || header.get_next_level_protocol() != IpNextHeaderProtocols::Vrrp
        // A packet socket hands over what the kernel's IP layer would have dropped (RFC 1122 section 3.2.1.2).
        || ipv4::checksum(&header) != header.get_checksum()
    {
        return None;
    }
    let received = Received {
        endpoints: Endpoints::V4 {
            source: header.get_source(),
            destination: header.get_destination(),
        },
        ttl: header.get_ttl(),
    };
    Some((received, message))
}

fn parse_ipv6(packet: &[u8]) -> Option<(Received, &[u8])> {
    let header = Ipv6Packet::new(packet)?;
    if header.get_next_header() != IpNextHeaderProtocols::Vrrp {
        return None;
    }
    let end = IPV6_HEADER_BYTES + usize::from(header.get_payload_length());
    let message = packet.get(IPV6_HEADER_BYTES..end)?;
    let received = Received {
        endpoints: Endpoints::V6 {
            source: header.get_source(),
            destination: header.get_destination(),
        },
        ttl: header.get_hop_limit(),
    };
    Some((received, message))
}

fn in_ipv4(source: Ipv4Addr, destination: Ipv4Addr, ttl: u8, message: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; IPV4_HEADER_BYTES];
    packet.extend(message);
    let length = packet.len() as u16;
    if let Some(mut header) = MutableIpv4Packet::new(&mut packet) {
        header.set_version(4);
        header.set_header_length((IPV4_HEADER_BYTES / 4) as u8);
        header.set_dscp(NETWORK_CONTROL);
        header.set_total_length(length);
        // What is never fragmented needs no number of its own (RFC 6864 section 4.1).
        header.set_flags(Ipv4Flags::DontFragment);
        header.set_ttl(ttl);
        header.set_next_level_protocol(IpNextHeaderProtocols::Vrrp);
        header.set_source(source);
        header.set_destination(destination);
        let checksum = ipv4::checksum(&header.to_immutable());
        header.set_checksum(checksum);
    }
    packet
}

fn in_ipv6(source: Ipv6Addr, destination: Ipv6Addr, ttl: u8, message: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; IPV6_HEADER_BYTES];
    packet.extend(message);
    if let Some(mut header) = MutableIpv6Packet::new(&mut packet) {
        header.set_version(6);
        header.set_traffic_class(NETWORK_CONTROL << 2);
        header.set_payload_length(message.len() as u16);
        header.set_next_header(IpNextHeaderProtocols::Vrrp);
        header.set_hop_limit(ttl);
        header.set_source(source);
        header.set_destination(destination);
    }
    packet
}

#[cfg(test)]
mod tests;
