//! Gratuitous ARP: the frame that tells an IPv4 link which MAC address a VIP has now. Pure; [`super::announce`] sends it.

use std::net::Ipv4Addr;

use pnet_packet::{
    arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket},
    ethernet::{EtherTypes, MutableEthernetPacket},
};

const ETHERNET_HEADER_BYTES: usize = MutableEthernetPacket::minimum_packet_size();
const FRAME_BYTES: usize = ETHERNET_HEADER_BYTES + MutableArpPacket::minimum_packet_size();
const BROADCAST: [u8; 6] = [0xff; 6];

/// An ARP announcement (RFC 5227 sections 1.1 and 3): a broadcast request whose sender and target are both `vip`.
/// The target's MAC address is unknown in a request and zero (RFC 5227 section 2.1.1).
#[must_use]
pub fn announcement(mac: [u8; 6], vip: Ipv4Addr) -> [u8; FRAME_BYTES] {
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
        arp.set_sender_proto_addr(vip);
        arp.set_target_proto_addr(vip);
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
}
