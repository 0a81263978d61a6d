//! What the director says itself: resets, and ICMP errors.

use director::config::{NoFlow, Scheduler};
use director_common::tcp::{ACK, FIN, RST, SYN};
use etherparse::{Icmpv4Type, NetSlice, SlicedPacket, TcpHeader, TransportSlice, icmpv4};
use serde_json::json;

use crate::{
    bench::{
        Bench, DIRECTOR, DIRECTOR_MAC, DROP, PASS, PORT, TX, VIP, server, service, wanted,
        wanted_service,
    },
    packets::{self, CLIENT, CLIENT_MAC},
};

fn nobody() -> Bench {
    Bench::with(&wanted(Scheduler::RoundRobin, &[server(1, 0)]))
}

/// The ICMP error in a frame that goes back to the client, and the packet that it quotes. Every checksum is right.
fn icmp_error(frame: &[u8], from: [u8; 4]) -> (Icmpv4Type, Vec<u8>) {
    assert_eq!(
        (&frame[..6], &frame[6..12]),
        (&CLIENT_MAC[..], &DIRECTOR_MAC[..])
    );
    let sliced = SlicedPacket::from_ethernet(frame).expect("a packet");
    let Some(NetSlice::Ipv4(ip)) = sliced.net else {
        panic!("not IPv4");
    };
    let header = ip.header().to_header();
    assert_eq!((header.source, header.destination), (from, CLIENT));
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    let Some(TransportSlice::Icmpv4(icmp)) = sliced.transport else {
        panic!("not ICMP");
    };
    let whole = etherparse::Icmpv4Header::new(icmp.icmp_type());
    assert_eq!(
        icmp.checksum(),
        whole.icmp_type.calc_checksum(icmp.payload()),
        "the checksum of the message"
    );
    (icmp.icmp_type(), icmp.payload().to_vec())
}

#[test]
fn s3_07_a_syn_without_an_available_server_is_answered_with_a_reset() {
    let mut bench = nobody();
    for packet in [
        packets::syn(1000),
        packets::syn(1000).padding(6),
        packets::syn(1000).payload(9),
        packets::syn(1000).options(),
    ] {
        let run = bench.run(&packet.frame());
        assert_eq!(run.action, TX);
        assert_eq!(
            (&run.packet[..6], &run.packet[6..12]),
            (&CLIENT_MAC[..], &DIRECTOR_MAC[..])
        );
        let sliced = SlicedPacket::from_ethernet(&run.packet).expect("a packet");
        let Some(NetSlice::Ipv4(ip)) = sliced.net else {
            panic!("not IPv4");
        };
        let header = ip.header().to_header();
        assert_eq!((header.source, header.destination), (VIP, CLIENT));
        assert_eq!(header.header_checksum, header.calc_header_checksum());
        let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
            panic!("not TCP");
        };
        let tcp = tcp.to_header();
        assert_eq!((tcp.source_port, tcp.destination_port), (PORT, 1000));
        assert!(tcp.rst && tcp.ack && !tcp.syn);
        let text = packet.ip_length() - 40 - usize::from(header.header_len() > 20) * 4;
        assert_eq!(
            (tcp.sequence_number, tcp.acknowledgment_number),
            (0, 1001 + text as u32)
        );
        assert_eq!(
            tcp.checksum,
            tcp.calc_checksum_ipv4(&header, &[]).expect("a checksum")
        );
        assert_eq!(
            run.packet.len(),
            14 + header.header_len() + 20,
            "nothing behind it"
        );
    }
    assert_eq!(bench.counters()["answer_reset"], 4);
    assert_eq!(bench.flows(), []);
}

/// The header of the reset that a frame is answered with.
fn answer_to(bench: &mut Bench, frame: &[u8]) -> TcpHeader {
    let run = bench.run(frame);
    assert_eq!(run.action, TX);
    let sliced = SlicedPacket::from_ethernet(&run.packet).expect("a frame");
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
        panic!("not TCP");
    };
    let tcp = tcp.to_header();
    assert!(tcp.rst && !tcp.syn && !tcp.fin);
    tcp
}

#[test]
fn s0_05_a_segment_of_no_flow_is_answered_with_the_number_that_its_sender_expects() {
    let mut bench = Bench::new();
    for flags in [ACK, FIN | ACK, SYN | ACK] {
        let tcp = answer_to(&mut bench, &packets::segment(1000, flags, 7, 9).frame());
        assert_eq!((tcp.sequence_number, tcp.ack), (9, false));
    }
    // One that acknowledges nothing is acknowledged itself.
    for (flags, length) in [(FIN, 1), (0, 0), (SYN | FIN, 2)] {
        let tcp = answer_to(&mut bench, &packets::segment(1000, flags, 7, 9).frame());
        assert_eq!(
            (tcp.sequence_number, tcp.ack, tcp.acknowledgment_number),
            (0, true, 7 + length)
        );
    }
    assert_eq!(bench.counters()["answer_no_flow"], 6);
    // A reset is never answered with one.
    let reset = packets::segment(1000, RST | ACK, 7, 9).frame();
    assert_eq!(bench.run(&reset).action, PASS);
    assert_eq!(bench.flows(), []);
}

#[test]
fn s0_05_a_segment_of_no_flow_may_be_scheduled() {
    let mut service = service(Scheduler::RoundRobin, &[server(1, 1), server(2, 1)]);
    service.on_no_flow = NoFlow::Schedule;
    let mut bench = Bench::with(&wanted_service(service));
    let segment = packets::segment(1000, ACK, 7, 9).frame();
    assert_eq!(bench.server_of(&segment), Some(1));
    let flow = bench.flow();
    assert_eq!(
        (
            &flow["state"],
            &flow["next_sequence"],
            &flow["last_acknowledgement"]
        ),
        (&json!("ESTABLISHED"), &json!(7), &json!(9))
    );
    assert_eq!(bench.server_of(&segment), Some(1), "it is a flow now");
    let reset = packets::segment(1001, RST, 7, 9).frame();
    assert_eq!(bench.run(&reset).action, PASS);
}

#[test]
fn s3_07_a_datagram_without_an_available_server_is_answered_with_port_unreachable() {
    let mut bench = nobody();
    for payload in [0, 1, 20, 1000] {
        let packet = packets::udp(1000).payload(payload);
        let run = bench.run(&packet.frame());
        assert_eq!(run.action, TX);
        let (kind, quoted) = icmp_error(&run.packet, VIP);
        assert_eq!(
            kind,
            Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Port)
        );
        assert_eq!(quoted, packet.frame()[14..14 + quoted.len()]);
        assert!(quoted.len() >= 28, "{} bytes", quoted.len());
    }
}

#[test]
fn a_packet_whose_ttl_runs_out_is_answered_from_the_director_s_own_address() {
    let mut bench = Bench::new();
    let packet = packets::syn(1000).ttl(1);
    let run = bench.run(&packet.frame());
    assert_eq!(run.action, TX);
    let (kind, quoted) = icmp_error(&run.packet, DIRECTOR);
    assert_eq!(
        kind,
        Icmpv4Type::TimeExceeded(icmpv4::TimeExceededCode::TtlExceededInTransit)
    );
    assert_eq!(quoted, packet.frame()[14..14 + quoted.len()]);
}

#[test]
fn answers_are_limited_and_what_has_none_is_dropped_or_left_to_the_kernel() {
    let mut bench = Bench::new();
    let mut wanted = wanted(Scheduler::RoundRobin, &[server(1, 0)]);
    let mut actions = Vec::new();
    for port in 1..=1000 {
        actions.push(bench.run(&packets::syn(port).ttl(1).frame()).action);
    }
    assert!(actions.contains(&TX) && actions.contains(&DROP));
    let counters = bench.counters();
    assert_eq!(
        counters["answer_time_exceeded"] + counters["drop_ttl"],
        1000
    );
    // A window is 50 ms: a thousand packets take no more than a few of them.
    assert!(counters["answer_time_exceeded"] < 500, "{counters:?}");
    wanted.timeouts = Default::default();
    bench.apply(&wanted);
    let mut actions = Vec::new();
    for port in 1..=1000 {
        actions.push(bench.run(&packets::udp(port).frame()).action);
    }
    assert!(actions.contains(&PASS));
    let counters = bench.counters();
    assert_eq!(
        counters["answer_unreachable"] + counters["pass_no_server"],
        1000
    );
}

#[test]
fn nobody_is_told_who_cannot_be_told() {
    let mut bench = nobody();
    for source in [[0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255]] {
        let frame = packets::udp(1000).from(source).frame();
        let run = bench.run(&frame);
        assert_eq!((run.action, run.packet), (PASS, frame), "{source:?}");
    }
}

#[test]
fn a_frame_for_another_host_is_not_answered() {
    let mut bench = nobody();
    for packet in [packets::syn(1000), packets::udp(1000)] {
        let mut frame = packet.frame();
        frame[5] = 77;
        let run = bench.run(&frame);
        assert_eq!((run.action, run.packet), (PASS, frame));
    }
    assert_eq!(bench.counters()["pass_other_host"], 2);
}
