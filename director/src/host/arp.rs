//! ARP frames: the one that tells an IPv4 link which MAC address a VIP has now, the one that asks who else has it, and reading what
//! others say. Pure; [`super::announce`] and [`super::claim_watch`] send them.

use std::net::Ipv4Addr;

use pnet_packet::{
    arp::{ArpHardwareTypes, ArpOperations, ArpPacket, MutableArpPacket},
    ethernet::{EtherTypes, MutableEthernetPacket},
};

const ETHERNET_HEADER_BYTES: usize = MutableEthernetPacket::minimum_packet_size();
const FRAME_BYTES: usize = ETHERNET_HEADER_BYTES + MutableArpPacket::minimum_packet_size();
const BROADCAST: [u8; 6] = [0xff; 6];

/// An ARP announcement (RFC 5227 sections 1.1 and 3): a broadcast request whose sender and target are both `vip`.
/// The target's MAC address is unknown in a request and zero (RFC 5227 section 2.1.1).
#[must_use]
pub fn announcement(mac: [u8; 6], vip: Ipv4Addr) -> [u8; FRAME_BYTES] {
    request(mac, vip, vip)
}

/// An ARP probe (RFC 5227 section 2.1.1): a broadcast question for `vip` from nobody, which changes nobody's table. Whoever has the
/// address, too, answers.
#[must_use]
pub fn probe(mac: [u8; 6], vip: Ipv4Addr) -> [u8; FRAME_BYTES] {
    request(mac, Ipv4Addr::UNSPECIFIED, vip)
}

/// Who says that he has which address: sender of a request or of an answer. `None`: the frame is no ARP for IPv4, or of nobody.
#[must_use]
pub fn sender(frame: &[u8]) -> Option<([u8; 6], Ipv4Addr)> {
    let arp = ArpPacket::new(frame.get(ETHERNET_HEADER_BYTES..)?)?;
    let is_ipv4 = arp.get_protocol_type() == EtherTypes::Ipv4
        && arp.get_hw_addr_len() == 6
        && arp.get_proto_addr_len() == 4;
    let address = arp.get_sender_proto_addr();
    (is_ipv4 && !address.is_unspecified()).then(|| (arp.get_sender_hw_addr().octets(), address))
}

fn request(mac: [u8; 6], sender: Ipv4Addr, target: Ipv4Addr) -> [u8; FRAME_BYTES] {
    let mut frame = [0; FRAME_BYTES];
    let (header, payload) = frame.split_at_mut(ETHERNET_HEADER_BYTES);
    if let Some(mut ethernet) = MutableEthernetPacket::new(header) {
        ethernet.set_destination(BROADCAST.into());
        ethernet.set_source(mac.into());
        ethernet.set_ethertype(EtherTypes::Arp);
    }
    if let Some(mut arp) = MutableArpPacket::new(payload) {
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(6);
        arp.set_proto_addr_len(4);
        arp.set_operation(ArpOperations::Request);
        arp.set_sender_hw_addr(mac.into());
        arp.set_sender_proto_addr(sender);
        arp.set_target_proto_addr(target);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_these_bytes() {
        let frame = announcement([2, 0, 0, 0, 0, 6], Ipv4Addr::new(192, 168, 66, 251));
        #[rustfmt::skip]
        let bytes = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // to everybody
            0x02, 0x00, 0x00, 0x00, 0x00, 0x06, // from us
            0x08, 0x06,                         // ARP
            0x00, 0x01, 0x08, 0x00, 0x06, 0x04, // Ethernet, IPv4, lengths of their addresses
            0x00, 0x01,                         // request
            0x02, 0x00, 0x00, 0x00, 0x00, 0x06, // sender's MAC
            192, 168, 66, 251,                  // sender
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // target's MAC: not known
            192, 168, 66, 251,                  // target
        ];
        assert_eq!(frame, bytes);
    }

    #[test]
    fn a_probe_asks_for_the_address_and_claims_none() {
        let vip = Ipv4Addr::new(192, 168, 66, 251);
        let frame = probe([2, 0, 0, 0, 0, 6], vip);
        assert_eq!(frame[28..32], [0; 4], "sender");
        assert_eq!(frame[38..42], vip.octets(), "target");
        assert_eq!(sender(&frame), None);
    }

    #[test]
    fn the_sender_of_an_announcement_is_who_has_the_address() {
        let vip = Ipv4Addr::new(192, 168, 66, 251);
        let mac = [2, 0, 0, 0, 0, 6];
        assert_eq!(sender(&announcement(mac, vip)), Some((mac, vip)));
    }

    #[test]
    fn what_is_no_arp_has_no_sender() {
        let mac = [2, 0, 0, 0, 0, 6];
        let whole = announcement(mac, Ipv4Addr::new(192, 168, 66, 251));
        for length in 0..FRAME_BYTES {
            assert_eq!(sender(&whole[..length]), None, "{length} bytes");
        }
        let mut other_lengths = whole;
        other_lengths[18] = 8;
        assert_eq!(sender(&other_lengths), None);
    }
}
