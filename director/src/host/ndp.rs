//! Neighbor discovery of IPv6 (RFC 4861): the advertisement that tells a link which MAC address a VIP has now (sections 4.4 and 7.2.6),
//! the solicitation that asks who else has it (4.3), and reading what others advertise. Pure; [`super::announce`] and
//! [`super::claim_watch`] send them.

use std::net::Ipv6Addr;

use pnet_packet::{
    Packet as _,
    ethernet::{EtherTypes, MutableEthernetPacket},
    icmpv6::{
        Icmpv6Packet, Icmpv6Types, checksum,
        ndp::{
            MutableNeighborAdvertPacket, MutableNeighborSolicitPacket, NdpOption, NdpOptionTypes,
            NeighborAdvertFlags, NeighborAdvertPacket,
        },
    },
    ip::IpNextHeaderProtocols,
    ipv6::{Ipv6Packet, MutableIpv6Packet},
};

const ETHERNET_HEADER_BYTES: usize = MutableEthernetPacket::minimum_packet_size();
const IPV6_HEADER_BYTES: usize = MutableIpv6Packet::minimum_packet_size();
/// The option with a MAC address: type, length, address.
const OPTION_BYTES: usize = 8;
/// Solicitations and advertisements have the same length.
const FIXED_BYTES: usize = MutableNeighborAdvertPacket::minimum_packet_size();
const MESSAGE_BYTES: usize = FIXED_BYTES + OPTION_BYTES;
const FRAME_BYTES: usize = ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + MESSAGE_BYTES;
/// All hosts of the link, `ff02::1`, and the MAC address that stands for it (RFC 2464 section 7).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// What nobody asked for overrides what others remember, and answers no question.
const OVERRIDE: u8 = NeighborAdvertFlags::Override;
/// No router may have passed it on (RFC 4861 section 7.1.2).
const HOP_LIMIT: u8 = 255;
/// Of the option that has a MAC address: its length in units of eight bytes.
const OPTION_LENGTH: u8 = 1;

/// An advertisement that `vip` has the MAC address `mac`, to everybody.
#[must_use]
pub fn advertisement(mac: [u8; 6], vip: Ipv6Addr) -> [u8; FRAME_BYTES] {
    let write = |message: &mut [u8]| {
        if let Some(mut advert) = MutableNeighborAdvertPacket::new(message) {
            advert.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
            advert.set_flags(OVERRIDE);
            advert.set_target_addr(vip);
            advert.set_options(&[option(NdpOptionTypes::TargetLLAddr, mac)]);
        }
    };
    frame((mac, vip), (ALL_NODES_MAC, ALL_NODES), write)
}

/// A question for `vip` from another address of ours. Whoever has it, too, answers us alone: to ask from nobody, as for duplicates
/// (RFC 4862 section 5.4.2), would make him tell everybody.
#[must_use]
pub fn solicitation(mac: [u8; 6], from: Ipv6Addr, vip: Ipv6Addr) -> [u8; FRAME_BYTES] {
    let [.., a, b, c] = vip.octets();
    // RFC 4291 section 2.7.1, and RFC 2464 section 7.
    let asked = Ipv6Addr::from_bits(SOLICITED_NODE | (vip.to_bits() & 0x00ff_ffff));
    let write = |message: &mut [u8]| {
        if let Some(mut question) = MutableNeighborSolicitPacket::new(message) {
            question.set_icmpv6_type(Icmpv6Types::NeighborSolicit);
            question.set_target_addr(vip);
            question.set_options(&[option(NdpOptionTypes::SourceLLAddr, mac)]);
        }
    };
    frame((mac, from), ([0x33, 0x33, 0xff, a, b, c], asked), write)
}

/// Who advertises which address. `None`: the frame is no neighbor advertisement, or none that counts (RFC 4861 section 7.1.2).
#[must_use]
pub fn advertiser(frame: &[u8]) -> Option<([u8; 6], Ipv6Addr)> {
    let ip = Ipv6Packet::new(frame.get(ETHERNET_HEADER_BYTES..)?)?;
    let is_icmp = ip.get_next_header() == IpNextHeaderProtocols::Icmpv6;
    if !is_icmp || ip.get_hop_limit() != HOP_LIMIT {
        return None;
    }
    let message = ip.packet().get(IPV6_HEADER_BYTES..)?;
    let message = message.get(..usize::from(ip.get_payload_length()))?;
    let advert = NeighborAdvertPacket::new(message)?;
    let sum = checksum(
        &Icmpv6Packet::new(message)?,
        &ip.get_source(),
        &ip.get_destination(),
    );
    let is_advert = advert.get_icmpv6_type() == Icmpv6Types::NeighborAdvert
        && advert.get_icmpv6_code().0 == 0
        && advert.get_checksum() == sum;
    let mac = target_mac(message.get(FIXED_BYTES..)?)?;
    is_advert.then(|| (mac, advert.get_target_addr()))
}

/// `ff02::1:ff00:0`.
const SOLICITED_NODE: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;

/// The MAC address among the options of an advertisement. `None`: there is none, or they are malformed.
fn target_mac(mut options: &[u8]) -> Option<[u8; 6]> {
    loop {
        let [kind, length, ..] = *options else {
            return None;
        };
        let bytes = usize::from(length) * OPTION_BYTES;
        let option = options.get(..bytes).filter(|option| !option.is_empty())?;
        if kind == NdpOptionTypes::TargetLLAddr.0 && length == OPTION_LENGTH {
            return option.get(2..)?.try_into().ok();
        }
        options = options.get(bytes..)?;
    }
}

fn option(kind: pnet_packet::icmpv6::ndp::NdpOptionType, mac: [u8; 6]) -> NdpOption {
    NdpOption {
        option_type: kind,
        length: OPTION_LENGTH,
        data: mac.to_vec(),
    }
}

/// The headers around a message that `write` makes, and its checksum.
fn frame(
    (mac, source): ([u8; 6], Ipv6Addr),
    (to_mac, destination): ([u8; 6], Ipv6Addr),
    write: impl FnOnce(&mut [u8]),
) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    let (header, rest) = frame.split_at_mut(ETHERNET_HEADER_BYTES);
    if let Some(mut ethernet) = MutableEthernetPacket::new(header) {
        ethernet.set_destination(to_mac.into());
        ethernet.set_source(mac.into());
        ethernet.set_ethertype(EtherTypes::Ipv6);
    }
    let (header, message) = rest.split_at_mut(IPV6_HEADER_BYTES);
    if let Some(mut ip) = MutableIpv6Packet::new(header) {
        ip.set_version(6);
        ip.set_payload_length(MESSAGE_BYTES as u16);
        ip.set_next_header(IpNextHeaderProtocols::Icmpv6);
        ip.set_hop_limit(HOP_LIMIT);
        ip.set_source(source);
        ip.set_destination(destination);
    }
    write(message);
    let sum = Icmpv6Packet::new(message).map(|message| checksum(&message, &source, &destination));
    if let (Some(sum), Some(mut advert)) = (sum, MutableNeighborAdvertPacket::new(message)) {
        advert.set_checksum(sum);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertisement_is_these_bytes() {
        let vip = "fd00:66::251".parse().expect("an address");
        let frame = advertisement([2, 0, 0, 0, 0, 6], vip);
        let vip = [0xfd, 0, 0, 0x66, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x51];
        let everybody = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        #[rustfmt::skip]
        let bytes = [
            &[0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 6, 0x86, 0xdd][..], // Ethernet
            &[0x60, 0, 0, 0, 0, 32, 58, 255], &vip, &everybody,          // IPv6
            &[136, 0, 0x55, 0x2a, 0x20, 0, 0, 0], &vip,                  // advertisement, override
            &[2, 1, 2, 0, 0, 0, 0, 6],                                   // our MAC address
        ]
        .concat();
        assert_eq!(frame.as_slice(), bytes);
    }

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 6];
    const VIP: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0x12, 0x3456);

    #[test]
    fn a_question_is_for_the_group_of_the_address_and_claims_nothing() {
        let from = "fe80::6".parse().expect("an address");
        let frame = solicitation(MAC, from, VIP);
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        let asked: Ipv6Addr = "ff02::1:ff12:3456".parse().expect("an address");
        assert_eq!(frame[38..54], asked.octets());
        assert_eq!((frame[54], frame[55]), (135, 0), "type and code");
        assert_eq!(frame[62..78], VIP.octets(), "target");
        assert_eq!(frame[78..], [1, 1, 2, 0, 0, 0, 0, 6], "our MAC address");
        // The sum over everything, the checksum among it, is right when nothing is left.
        let message = Icmpv6Packet::new(&frame[54..]).expect("a message");
        let sum = u16::from_be_bytes([frame[56], frame[57]]);
        assert_eq!(checksum(&message, &from, &asked), sum);
        assert_eq!(advertiser(&frame), None);
    }

    #[test]
    fn the_advertiser_is_who_has_the_address() {
        assert_eq!(advertiser(&advertisement(MAC, VIP)), Some((MAC, VIP)));
    }

    #[test]
    fn what_is_no_advertisement_has_no_advertiser() {
        let whole = advertisement(MAC, VIP);
        for length in 0..FRAME_BYTES {
            assert_eq!(advertiser(&whole[..length]), None, "{length} bytes");
        }
        // Protocol, hop limit, type, code, checksum, option, its length.
        for (at, value) in [
            (20, 17),
            (21, 64),
            (54, 135),
            (55, 1),
            (57, 0),
            (78, 1),
            (79, 0),
            (79, 9),
        ] {
            let mut other = whole;
            other[at] = value;
            assert_eq!(advertiser(&other), None, "byte {at} is {value}");
        }
        for payload in [0, 23, 24, 31, 200] {
            let mut other = whole;
            other[19] = payload;
            assert_eq!(advertiser(&other), None, "payload length {payload}");
        }
    }
}
