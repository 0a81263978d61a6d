//! The headers, against real packets.

use proptest::prelude::*;

use super::*;
use crate::vrrp::packet::vectors::vectors;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 6];

/// keepalived counts its IPv4 packets and lets them be fragmented; over IPv6 the kernel sets a flow label, and to a peer its own
/// hop limit. All else is the same.
#[test]
fn packets_are_those_of_keepalived() {
    for vector in vectors() {
        let ours = packet(vector.endpoints, TTL, vector.message());
        let mut theirs = vector.packet.to_vec();
        match vector.endpoints {
            Endpoints::V4 { .. } => {
                theirs[4..8].copy_from_slice(&[0, 0, 0x40, 0]);
                theirs[10..12].copy_from_slice(&ours[10..12]);
            }
            Endpoints::V6 { .. } => {
                theirs[1..4].fill(0);
                theirs[2..4].copy_from_slice(&ours[2..4]);
                theirs[7] = TTL;
            }
        }
        assert_eq!(ours, theirs);
    }
}

#[test]
fn the_message_of_a_real_packet_is_found() {
    for vector in vectors() {
        let (received, message) = parse(vector.packet).expect("VRRP");
        assert_eq!(received.endpoints, vector.endpoints);
        assert_eq!(message, vector.message());
        let is_ipv6_unicast =
            vector.header_bytes == 40 && !vector.endpoints.destination().is_multicast();
        assert_eq!(received.ttl, if is_ipv6_unicast { 64 } else { 255 });
    }
}

#[test]
fn what_is_built_is_found_again_also_in_a_padded_frame() {
    for vector in vectors() {
        let mut packet = packet(vector.endpoints, TTL, vector.message());
        packet.extend([0; 18]);
        let received = Received {
            endpoints: vector.endpoints,
            ttl: TTL,
        };
        assert_eq!(parse(&packet), Some((received, vector.message())));
    }
}

#[test]
fn groups_have_their_mac_addresses_and_hosts_have_none() {
    let mac = |address: &str| multicast_mac(address.parse().expect("an address"));
    assert_eq!(mac("224.0.0.18"), Some([0x01, 0x00, 0x5e, 0, 0, 0x12]));
    assert_eq!(mac("239.129.2.3"), Some([0x01, 0x00, 0x5e, 1, 2, 3]));
    assert_eq!(mac("ff02::12"), Some([0x33, 0x33, 0, 0, 0, 0x12]));
    assert_eq!(mac("ff05::1:2:3"), Some([0x33, 0x33, 0, 2, 0, 3]));
    assert_eq!(mac("192.168.66.6"), None);
    assert_eq!(mac("fe80::6"), None);
    assert_eq!(multicast_mac(GROUP_V4.into()), mac("224.0.0.18"));
    assert_eq!(multicast_mac(GROUP_V6.into()), mac("ff02::12"));
}

#[test]
fn a_frame_to_the_group_begins_with_these_bytes() {
    for vector in vectors() {
        let frame = multicast_frame(MAC, vector.endpoints, vector.message());
        if !vector.endpoints.destination().is_multicast() {
            assert_eq!(frame, None);
            continue;
        }
        let frame = frame.expect("a frame to the group");
        let (destination, ether_type): ([u8; 6], [u8; 2]) = match vector.endpoints {
            Endpoints::V4 { .. } => ([0x01, 0x00, 0x5e, 0, 0, 0x12], [0x08, 0x00]),
            Endpoints::V6 { .. } => ([0x33, 0x33, 0, 0, 0, 0x12], [0x86, 0xdd]),
        };
        assert_eq!(frame[..6], destination);
        assert_eq!(frame[6..12], MAC);
        assert_eq!(frame[12..14], ether_type);
        assert_eq!(frame[14..], packet(vector.endpoints, TTL, vector.message()));
    }
}

#[test]
fn other_protocols_fragments_and_broken_headers_are_not_vrrp() {
    let ipv4 = |change: fn(&mut [u8])| {
        let mut packet = vectors()[0].packet.to_vec();
        change(&mut packet);
        let sum = pnet_packet::util::checksum(&packet[..20], 5).to_be_bytes();
        packet[10..12].copy_from_slice(&sum);
        parse(&packet).is_some()
    };
    assert!(ipv4(|_| {}));
    assert!(!ipv4(|packet| packet[9] = 51)); // authentication header
    assert!(!ipv4(|packet| packet[6] = 0x20)); // more fragments
    assert!(!ipv4(|packet| packet[7] = 1)); // a later fragment
    assert!(!ipv4(|packet| packet[0] = 0x44)); // shorter than a header
    assert!(!ipv4(|packet| packet[0] = 0x55)); // no IP version
    assert!(!ipv4(|packet| packet[3] = 19)); // ends within the header
    assert!(!ipv4(|packet| packet[3] = 45)); // longer than what came

    let mut damaged = vectors()[0].packet.to_vec();
    damaged[1] = 0;
    assert_eq!(parse(&damaged), None);

    let mut ipv6 = vectors()[6].packet.to_vec();
    ipv6[5] += 1;
    assert_eq!(parse(&ipv6), None);
    ipv6[5] -= 1;
    ipv6[6] = 0; // hop-by-hop options
    assert_eq!(parse(&ipv6), None);
    assert_eq!(parse(&[]), None);
}

#[test]
fn ip_options_are_skipped() {
    let vector = &vectors()[0];
    let mut packet = vector.packet[..20].to_vec();
    packet.extend([1, 1, 1, 0]);
    packet.extend(vector.message());
    packet[0] = 0x46;
    packet[3] += 4;
    let sum = pnet_packet::util::checksum(&packet[..24], 5).to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
    let (_, message) = parse(&packet).expect("VRRP");
    assert_eq!(message, vector.message());
}

proptest! {
    #[test]
    fn no_bytes_make_parsing_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = parse(&bytes);
        for version in [0x45, 0x4f, 0x60] {
            if let Some(first) = bytes.first_mut() {
                *first = version;
            }
            let _ = parse(&bytes);
        }
    }
}
