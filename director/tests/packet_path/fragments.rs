//! Fragments: later ones follow the first one's server.

use director::config::Scheduler;

use crate::{
    bench::{Bench, PASS, TX, server, wanted},
    packets,
};

#[test]
fn later_fragments_follow_the_first_one_s_server() {
    let mut bench = Bench::new();
    for (identification, to) in [(1, 1), (2, 2), (3, 1)] {
        let datagram = packets::udp(identification)
            .identification(identification)
            .payload(64);
        assert_eq!(
            bench.server_of(&datagram.clone().fragment().frame()),
            Some(to)
        );
        for _ in 0..3 {
            let later = datagram.clone().later_fragment().frame();
            assert_eq!(
                bench.server_of(&later),
                Some(to),
                "datagram {identification}"
            );
        }
    }
    assert_eq!(bench.counters()["forward_fragment"], 9);
}

#[test]
fn a_fragment_of_another_packet_sender_or_protocol_does_not_follow() {
    let mut bench = Bench::new();
    let first = packets::udp(1000).identification(7).payload(64);
    assert_eq!(bench.run(&first.clone().fragment().frame()).action, TX);
    let others = [
        first.clone().identification(8),
        first.clone().from([192, 168, 66, 11]),
        packets::ack(1000).identification(7).payload(64),
    ];
    for other in others {
        let later = other.later_fragment().frame();
        let run = bench.run(&later);
        assert_eq!((run.action, run.packet), (PASS, later));
    }
    assert_eq!(bench.counters()["pass_fragment"], 3);
}

#[test]
fn fragments_of_a_server_that_is_gone_pass() {
    let mut bench = Bench::new();
    let datagram = packets::udp(1000).identification(7).payload(64);
    assert_eq!(
        bench.server_of(&datagram.clone().fragment().frame()),
        Some(1)
    );
    let mut failed = server(1, 1);
    failed.path = None;
    bench.apply(&wanted(Scheduler::RoundRobin, &[failed, server(2, 1)]));
    assert_eq!(bench.run(&datagram.later_fragment().frame()).action, PASS);
}

#[test]
fn a_fragmented_segment_of_a_known_flow_stays_with_it() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    let segment = packets::ack(1000).identification(9).payload(64);
    assert_eq!(
        bench.server_of(&segment.clone().fragment().frame()),
        Some(1)
    );
    assert_eq!(bench.server_of(&segment.later_fragment().frame()), Some(1));
}
