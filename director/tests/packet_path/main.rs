//! The XDP program on bytes: packets go in by `BPF_PROG_TEST_RUN`, and verdict, bytes, flows and counters come out.

mod answers;
mod bench;
mod clock;
mod dump;
mod ended;
mod flood;
mod flows;
mod forward;
mod fragments;
mod leases;
mod malformed;
mod model;
mod pass;
mod pins;
mod race;
mod schedule;
mod sweep;

mod packets;

// What makes packets by the million is the benchmark's.
#[allow(dead_code, reason = "the benchmark needs more of it")]
#[path = "../../benches/packet_path/cpu.rs"]
mod cpu;
#[allow(dead_code, reason = "the benchmark needs more of it")]
#[path = "../../benches/packet_path/harness.rs"]
mod harness;

use director_common::counters::Counter;

use crate::bench::{Bench, PASS, TX};

/// What the environment asks for; an emulated machine needs fewer packets than this one.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn every_exit_is_counted_once() {
    let mut bench = Bench::new();
    let exits = [
        (packets::syn(1000).frame(), TX, Counter::ForwardNew),
        (packets::ack(1000).frame(), TX, Counter::ForwardFlow),
        (packets::ack(1001).frame(), TX, Counter::AnswerNoFlow),
        (
            packets::syn(1000).to([192, 168, 66, 6], 3306).frame(),
            PASS,
            Counter::PassNoService,
        ),
        (
            packets::syn(1002).ttl(1).frame(),
            TX,
            Counter::AnswerTimeExceeded,
        ),
        (packets::arp(), PASS, Counter::PassNotIp),
        (packets::icmp_echo(), PASS, Counter::PassIcmp),
        (
            packets::syn(1003).later_fragment().frame(),
            PASS,
            Counter::PassFragment,
        ),
        (vec![0; 20], PASS, Counter::PassNotIp),
    ];
    for (frame, action, counter) in exits {
        let before = bench.counters();
        assert_eq!(bench.run(&frame).action, action, "{counter:?}");
        let after = bench.counters();
        let exits = after
            .iter()
            .filter(|(name, _)| **name != Counter::FlowPromoted.name());
        for (known, count) in exits {
            let expected = before[known] + u64::from(*known == counter.name());
            assert_eq!(*count, expected, "{known} after {counter:?}");
        }
    }
}
