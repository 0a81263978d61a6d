//! What a forwarded frame looks like, byte for byte.

use director::config::Scheduler;
use director_common::limits::map;
use etherparse::Ipv4Header;
use serde_json::json;

use crate::{
    bench::{Bench, DIRECTOR_MAC, TX, mac, server, wanted},
    packets::{self, ETHERNET, Packet},
};

/// The frame that a director must make of a packet: both MAC addresses, the TTL and the checksum, and nothing else.
fn forwarded(packet: &Packet, to: u8) -> Vec<u8> {
    let mut frame = packet.frame();
    frame[..6].copy_from_slice(&mac(to));
    frame[6..12].copy_from_slice(&DIRECTOR_MAC);
    let header = &mut frame[ETHERNET..];
    header[8] -= 1;
    let (ip, _) = Ipv4Header::from_slice(header).expect("a header");
    header[10..12].copy_from_slice(&ip.calc_header_checksum().to_be_bytes());
    frame
}

#[test]
fn a_new_and_a_known_flow_leave_with_the_server_s_mac_address_and_one_ttl_less() {
    let mut bench = Bench::new();
    for packet in [
        packets::syn(1000),
        packets::ack(1000),
        packets::ack(1000).payload(1400),
    ] {
        let run = bench.run(&packet.frame());
        assert_eq!(run.action, TX);
        assert_eq!(run.packet, forwarded(&packet, 1));
    }
}

/// `use_vmac`, which clients know the VIP by.
#[test]
fn s2_09_a_frame_to_the_virtual_router_s_mac_address_is_forwarded_and_answered() {
    let mut bench = Bench::new();
    for packet in [packets::syn(1000), packets::ack(1000)] {
        let mut frame = packet.frame();
        frame[..6].copy_from_slice(&[0, 0, 0x5e, 0, 1, 65]);
        let run = bench.run(&frame);
        assert_eq!(run.action, TX);
        assert_eq!(run.packet, forwarded(&packet, 1));
    }
    // A segment of no flow gets its reset from there, too.
    let mut frame = packets::ack(2000).frame();
    frame[..6].copy_from_slice(&[0, 0, 0x5e, 0, 1, 65]);
    let run = bench.run(&frame);
    assert_eq!(run.action, TX);
    assert_eq!(run.packet[6..12], [0, 0, 0x5e, 0, 1, 65]);
}

#[test]
fn a_datagram_is_forwarded_like_a_segment() {
    let mut bench = Bench::new();
    let packet = packets::udp(53).payload(100);
    assert_eq!(bench.run(&packet.frame()).packet, forwarded(&packet, 1));
    assert_eq!(bench.flow()["state"], "UDP");
}

#[test]
fn the_checksum_is_right_for_every_value_that_it_can_have() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    // The identification takes the checksum through all its values, the wrap at 0xffff among them.
    for identification in (0..=u16::MAX).step_by(7).chain([0xffff]) {
        let packet = packets::ack(1000).identification(identification);
        let run = bench.run(&packet.frame());
        assert_eq!(
            run.packet,
            forwarded(&packet, 1),
            "identification {identification:#06x}"
        );
    }
}

#[test]
fn the_checksum_is_right_where_it_wraps() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    let mut seen = 0;
    for identification in 0..=u16::MAX {
        let packet = packets::ack(1000).identification(identification);
        let frame = packet.frame();
        let checksum = u16::from_be_bytes([frame[24], frame[25]]);
        if matches!(checksum, 0x0000..=0x0002 | 0xfefd..=0xffff) {
            assert_eq!(
                bench.run(&frame).packet,
                forwarded(&packet, 1),
                "checksum {checksum:#06x}"
            );
            seen += 1;
        }
    }
    assert!(seen > 200, "only {seen} checksums were near the wrap");
}

#[test]
fn every_ttl_that_lasts_falls_by_one() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    for ttl in 2..=u8::MAX {
        let packet = packets::ack(1000).ttl(ttl);
        let run = bench.run(&packet.frame());
        assert_eq!(
            (run.action, run.packet),
            (TX, forwarded(&packet, 1)),
            "TTL {ttl}"
        );
    }
}

#[test]
fn frames_longer_than_1500_bytes_are_forwarded_whole() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    // What is longer than a page has room for comes in several pieces.
    for length in [1461, 2000, 3000, 3300, 9000 - 40, 65_000] {
        let packet = packets::ack(1000).payload(length);
        let run = bench.run(&packet.frame());
        assert_eq!(
            (run.action, run.packet),
            (TX, forwarded(&packet, 1)),
            "{length} bytes"
        );
    }
}

#[test]
fn options_padding_and_dont_fragment_pass_through() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    for packet in [
        packets::ack(1000).options(),
        packets::ack(1000).padding(6),
        packets::ack(1000).dont_fragment(),
    ] {
        let run = bench.run(&packet.frame());
        assert_eq!(run.action, TX);
        assert_eq!(run.packet, forwarded(&packet, 1));
    }
}

#[test]
fn a_packet_whose_ttl_runs_out_is_forwarded_to_nobody_and_not_remembered() {
    let mut bench = Bench::new();
    for ttl in [0, 1] {
        bench.run(&packets::syn(1000).ttl(ttl).frame());
    }
    assert_eq!(bench.flows(), []);
    bench.run(&packets::syn(1000).ttl(2).frame());
    let before = bench.flow();
    bench.run(&packets::ack(1000).ttl(1).frame());
    assert_eq!(bench.flow(), before);
}

#[test]
fn traffic_counts_connections_packets_and_bytes_without_the_link_layer() {
    let mut bench = Bench::new();
    let sent = [
        packets::syn(1000),
        packets::ack(1000).padding(6),
        packets::ack(1000).payload(500),
    ];
    let bytes: usize = sent.iter().map(Packet::ip_length).sum();
    for packet in &sent {
        bench.run(&packet.frame());
    }
    let sum = json!({"connections": 1, "packets": 3, "bytes": bytes});
    let servers = bench.rows(map::SERVER_TRAFFIC);
    assert_eq!(servers.len(), 1);
    assert_eq!(servers[0].1["sum"], sum);
    assert_eq!(bench.rows(map::SERVICE_TRAFFIC)[0].1["sum"], sum);
}

#[test]
fn who_takes_over_a_freed_index_does_not_inherit_its_traffic() {
    let mut bench = Bench::with(&wanted(Scheduler::RoundRobin, &[server(1, 1)]));
    bench.run(&packets::syn(1000).frame());
    bench.run(&packets::udp(1000).frame());
    assert_eq!(bench.rows(map::SERVER_TRAFFIC).len(), 2);
    // In one step the old server goes, in another the new one comes: only then the index is given away again.
    bench.apply(&wanted(Scheduler::RoundRobin, &[]));
    bench.apply(&wanted(Scheduler::RoundRobin, &[server(2, 1)]));
    assert_eq!(bench.rows(map::SERVER_TRAFFIC), []);
    let services = bench.rows(map::SERVICE_TRAFFIC);
    assert_eq!(
        services.len(),
        2,
        "the services stayed, and so did their traffic"
    );
    assert_eq!(bench.run(&packets::syn(1001).frame()).action, TX);
    assert_eq!(
        bench.rows(map::SERVER_TRAFFIC)[0].1["sum"]["connections"],
        1
    );
}
