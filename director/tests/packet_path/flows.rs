//! What a flow remembers, and when it is another flow.

use director::{config::Scheduler, dataplane::tables::Path};
use director_common::tcp::{ACK, FIN, RST, SYN};

use crate::{
    bench::{Bench, PASS, PORT, TX, VIP, server, wanted},
    packets::{self, segment},
};

/// Last byte of the client's MAC address, which an answer goes to.
const CLIENT: u8 = 10;

#[test]
fn s3_03_a_flow_stays_with_its_server_whoever_is_next() {
    let mut bench = Bench::new();
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
    assert_eq!(bench.server_of(&packets::syn(1001).frame()), Some(2));
    for _ in 0..10 {
        assert_eq!(bench.server_of(&packets::ack(1000).frame()), Some(1));
        assert_eq!(bench.server_of(&packets::ack(1001).frame()), Some(2));
    }
}

#[test]
fn a_flow_is_one_client_port_service_and_protocol() {
    let mut bench = Bench::new();
    let others = [
        packets::syn(1000),
        packets::syn(1001),
        packets::syn(1000).from([192, 168, 66, 11]),
        packets::udp(1000),
    ];
    for (index, packet) in others.iter().enumerate() {
        bench.run(&packet.frame());
        assert_eq!(bench.flows().len(), index + 1);
    }
}

#[test]
fn the_state_follows_the_client() {
    let mut bench = Bench::new();
    let steps = [
        (SYN, "SYN_RECV"),
        (SYN, "SYN_RECV"),
        (ACK, "ESTABLISHED"),
        (ACK, "ESTABLISHED"),
        (FIN | ACK, "FIN_WAIT"),
        (ACK, "FIN_WAIT"),
        (RST, "CLOSE"),
        (ACK, "CLOSE"),
    ];
    for (flags, state) in steps {
        bench.run(&segment(1000, flags, 1, 1).frame());
        assert_eq!(bench.flow()["state"], state, "after flags {flags:#04x}");
    }
}

#[test]
fn the_next_sequence_number_counts_text_syn_and_fin() {
    let mut bench = Bench::new();
    bench.run(&segment(1000, SYN, 100, 0).frame());
    assert_eq!(bench.flow()["next_sequence"], 101);
    bench.run(&segment(1000, ACK, 101, 7).payload(50).frame());
    assert_eq!(bench.flow()["next_sequence"], 151);
    assert_eq!(bench.flow()["last_acknowledgement"], 7);
    bench.run(&segment(1000, FIN | ACK, 151, 9).payload(10).frame());
    assert_eq!(bench.flow()["next_sequence"], 162);
    assert_eq!(bench.flow()["last_acknowledgement"], 9);
}

#[test]
fn padding_is_no_text() {
    let mut bench = Bench::new();
    bench.run(&segment(1000, SYN, 100, 0).frame());
    bench.run(&segment(1000, ACK, 101, 7).padding(6).frame());
    assert_eq!(bench.flow()["next_sequence"], 101);
}

#[test]
fn a_retransmission_does_not_turn_the_memory_back() {
    let mut bench = Bench::new();
    bench.run(&segment(1000, SYN, 100, 0).frame());
    bench.run(&segment(1000, ACK, 101, 70).payload(50).frame());
    bench.run(&segment(1000, ACK, 101, 60).payload(20).frame());
    assert_eq!(bench.flow()["next_sequence"], 151);
    assert_eq!(bench.flow()["last_acknowledgement"], 70);
}

#[test]
fn a_client_that_tries_again_counts_from_another_number() {
    let mut bench = Bench::new();
    bench.run(&segment(1000, SYN, 5000, 0).frame());
    bench.run(&segment(1000, SYN, 100, 0).frame());
    assert_eq!(bench.flow()["next_sequence"], 101);
}

#[test]
fn sequence_numbers_wrap() {
    let mut bench = Bench::new();
    bench.run(&segment(1000, SYN, u32::MAX - 1, 0).frame());
    assert_eq!(bench.flow()["next_sequence"], u32::MAX);
    bench.run(&segment(1000, ACK, u32::MAX, 1).payload(5).frame());
    assert_eq!(bench.flow()["next_sequence"], 4);
}

#[test]
fn the_first_acknowledgement_is_remembered_wherever_the_server_begins_to_count() {
    for first in [1, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, u32::MAX, 0] {
        let mut bench = Bench::new();
        bench.run(&segment(1000, SYN, 100, 0).frame());
        bench.run(&segment(1000, ACK, 101, first).frame());
        assert_eq!(bench.flow()["last_acknowledgement"], first);
        bench.run(&segment(1000, ACK, 101, first.wrapping_add(9)).frame());
        assert_eq!(bench.flow()["last_acknowledgement"], first.wrapping_add(9));
    }
}

#[test]
fn a_syn_in_the_middle_of_a_connection_does_not_touch_what_a_reset_would_need() {
    let mut bench = Bench::new();
    bench.run(&segment(1000, SYN, 100, 0).frame());
    bench.run(&segment(1000, ACK, 101, 0x9000_0000).frame());
    // A lost client begins anew, or a stranger guesses the port: the server answers with a challenge, and the connection goes on.
    for sequence in [50, 5000] {
        bench.run(&segment(1000, SYN, sequence, 0).frame());
        assert_eq!(bench.flow()["state"], "ESTABLISHED");
        assert_eq!(bench.flow()["next_sequence"], 101);
        assert_eq!(bench.flow()["last_acknowledgement"], 0x9000_0000_u32);
    }
}

#[test]
fn a_reset_s_acknowledgement_number_counts_only_with_the_flag() {
    let mut bench = Bench::new();
    bench.run(&segment(1000, SYN, 100, 0).frame());
    bench.run(&segment(1000, ACK, 101, 7).frame());
    bench.run(&segment(1000, RST, 101, 5000).frame());
    assert_eq!(bench.flow()["last_acknowledgement"], 7);
}

#[test]
fn a_syn_on_a_closing_flow_is_scheduled_afresh() {
    for end in [packets::fin(1000), segment(1000, RST, 1001, 0)] {
        let mut bench = Bench::new();
        assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
        bench.run(&packets::ack(1000).frame());
        bench.run(&end.frame());
        assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(2));
        assert_eq!(bench.flow()["state"], "SYN_RECV");
    }
}

#[test]
fn a_syn_again_on_a_living_flow_stays_with_its_server() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
    bench.run(&packets::ack(1000).frame());
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
}

#[test]
fn a_flow_of_a_failed_server_is_answered_and_a_new_one_goes_elsewhere() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    bench.run(&packets::ack(1000).frame());
    let mut failed = server(1, 1);
    failed.path = None;
    bench.apply(&wanted(Scheduler::RoundRobin, &[failed, server(2, 1)]));
    let before = bench.counters()["answer_no_flow"];
    assert_eq!(bench.server_of(&packets::ack(1000).frame()), Some(CLIENT));
    assert_eq!(bench.counters()["answer_no_flow"], before + 1);
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(2));
}

#[test]
fn a_server_that_returns_does_not_get_its_old_flows_back() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    bench.run(&packets::ack(1000).frame());
    let mut failed = server(1, 1);
    failed.path = None;
    bench.apply(&wanted(Scheduler::RoundRobin, &[failed, server(2, 1)]));
    bench.apply(&wanted(
        Scheduler::RoundRobin,
        &[server(1, 1), server(2, 1)],
    ));
    assert_eq!(bench.server_of(&packets::ack(1000).frame()), Some(CLIENT));
}

#[test]
fn a_datagram_of_a_failed_server_s_flow_goes_to_another_server_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.server_of(&packets::udp(1000).frame()), Some(1));
    let mut failed = server(1, 1);
    failed.path = None;
    bench.apply(&wanted(Scheduler::RoundRobin, &[failed, server(2, 1)]));
    assert_eq!(bench.server_of(&packets::udp(1000).frame()), Some(2));
}

#[test]
fn a_quiesced_server_keeps_its_flows() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    bench.apply(&wanted(
        Scheduler::RoundRobin,
        &[server(1, 0), server(2, 1)],
    ));
    assert_eq!(bench.server_of(&packets::ack(1000).frame()), Some(1));
    for port in 2000..2010 {
        assert_eq!(bench.server_of(&packets::syn(port).frame()), Some(2));
    }
}

#[test]
fn a_new_mac_address_of_a_server_moves_its_flows() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    let mut moved = server(1, 1);
    if let Some(Path::Link { mac, .. }) = &mut moved.path {
        *mac = [2, 9, 9, 9, 9, 9];
    }
    bench.apply(&wanted(Scheduler::RoundRobin, &[moved, server(2, 1)]));
    let run = bench.run(&packets::ack(1000).frame());
    assert_eq!(run.packet[..6], [2, 9, 9, 9, 9, 9]);
}

#[test]
fn a_table_that_is_full_never_stops_a_packet() {
    let mut bench = Bench::sized(64);
    bench.apply(&wanted(
        Scheduler::RoundRobin,
        &[server(1, 1), server(2, 1)],
    ));
    for port in 1..=5000 {
        assert_eq!(
            bench.run(&packets::syn(port).frame()).action,
            TX,
            "port {port}"
        );
    }
    assert!(bench.flows().len() < 5000);
    assert_eq!(bench.counters()["forward_new"], 5000);
}

#[test]
fn another_port_of_the_vip_is_the_kernel_s() {
    let mut bench = Bench::new();
    let elsewhere = packets::syn(1000).to(VIP, PORT + 1);
    assert_eq!(bench.run(&elsewhere.frame()).action, PASS);
    assert_eq!(bench.flows(), []);
}
