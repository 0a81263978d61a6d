//! Unsolicited neighbor advertisement: the frame that tells an IPv6 link which MAC address a VIP has now (RFC 4861 section 4.4,
//! 7.2.6). Pure; [`super::announce`] sends it.

use std::net::Ipv6Addr;

use pnet_packet::{
    ethernet::{EtherTypes, MutableEthernetPacket},
    icmpv6::{
        Icmpv6Packet, Icmpv6Types, checksum,
        ndp::{MutableNeighborAdvertPacket, NdpOption, NdpOptionTypes, NeighborAdvertFlags},
    },
    ip::IpNextHeaderProtocols,
    ipv6::MutableIpv6Packet,
};

const ETHERNET_HEADER_BYTES: usize = MutableEthernetPacket::minimum_packet_size();
const IPV6_HEADER_BYTES: usize = MutableIpv6Packet::minimum_packet_size();
/// The option with our MAC address: type, length, address.
const OPTION_BYTES: usize = 8;
const MESSAGE_BYTES: usize = MutableNeighborAdvertPacket::minimum_packet_size() + OPTION_BYTES;
const FRAME_BYTES: usize = ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + MESSAGE_BYTES;
/// All hosts of the link, `ff02::1`, and the MAC address that stands for it (RFC 2464 section 7).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// What nobody asked for overrides what others remember, and answers no question.
const OVERRIDE: u8 = NeighborAdvertFlags::Override;
/// No router may have passed it on (RFC 4861 section 7.1.2).
const HOP_LIMIT: u8 = 255;

/// An advertisement that `vip` has the MAC address `mac`, to everybody.
#[must_use]
pub fn advertisement(mac: [u8; 6], vip: Ipv6Addr) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    let (header, rest) = frame.split_at_mut(ETHERNET_HEADER_BYTES);
    if let Some(mut ethernet) = MutableEthernetPacket::new(header) {
        ethernet.set_destination(ALL_NODES_MAC.into());
        ethernet.set_source(mac.into());
        ethernet.set_ethertype(EtherTypes::Ipv6);
    }
    let (header, message) = rest.split_at_mut(IPV6_HEADER_BYTES);
    if let Some(mut ip) = MutableIpv6Packet::new(header) {
        ip.set_version(6);
        ip.set_payload_length(MESSAGE_BYTES as u16);
        ip.set_next_header(IpNextHeaderProtocols::Icmpv6);
        ip.set_hop_limit(HOP_LIMIT);
        ip.set_source(vip);
        ip.set_destination(ALL_NODES);
    }
    if let Some(mut advert) = MutableNeighborAdvertPacket::new(message) {
        advert.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
        advert.set_flags(OVERRIDE);
        advert.set_target_addr(vip);
        advert.set_options(&[NdpOption {
            option_type: NdpOptionTypes::TargetLLAddr,
            length: 1,
            data: mac.to_vec(),
        }]);
    }
    let sum = Icmpv6Packet::new(message).map(|message| checksum(&message, &vip, &ALL_NODES));
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
}
