//! Packets that no sane host sends.

use proptest::prelude::*;

use crate::{
    bench::{Bench, DROP, PASS, TX, mac},
    packets::{self, ETHERNET},
};

/// The kernel runs a program on nothing shorter.
const SHORTEST: usize = ETHERNET;

#[test]
fn a_packet_cut_short_anywhere_passes_untouched_and_makes_no_flow() {
    let mut bench = Bench::new();
    for packet in [
        packets::syn(1000).payload(20),
        packets::udp(1000).payload(20),
        packets::syn(1000).options(),
    ] {
        let whole = packet.frame();
        for length in SHORTEST..whole.len() {
            let cut = &whole[..length];
            let run = bench.run(cut);
            assert_eq!(
                (run.action, run.packet.as_slice()),
                (PASS, cut),
                "cut to {length}"
            );
        }
    }
    assert_eq!(bench.flows(), []);
}

#[test]
fn headers_that_lie_of_their_length_pass_untouched() {
    let mut bench = Bench::new();
    let good = packets::syn(1000).payload(20).frame();
    let ip = ETHERNET;
    let tcp = ETHERNET + 20;
    let lies = [
        ("IP version 5", ip, 0x55),
        ("IP version 0", ip, 0x05),
        ("an IP header of 16 bytes", ip, 0x44),
        ("an IP header longer than the packet", ip, 0x4f),
        ("an IP length beyond the frame", ip + 2, 0x7f),
        ("an IP length of less than the headers", ip + 3, 30),
        ("a TCP header of 16 bytes", tcp + 12, 0x40),
        ("a TCP header longer than the packet", tcp + 12, 0xf0),
    ];
    for (lie, place, byte) in lies {
        let mut frame = good.clone();
        frame[place] = byte;
        let before = bench.counters()["pass_malformed"];
        let run = bench.run(&frame);
        assert_eq!((run.action, &run.packet), (PASS, &frame), "{lie}");
        assert_eq!(bench.counters()["pass_malformed"], before + 1, "{lie}");
    }
}

#[test]
fn mutated_packets_are_never_aborted_never_changed_when_passed_and_never_sent_to_a_stranger() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    let seeds = [
        packets::syn(1000).frame(),
        packets::ack(1000).payload(100).frame(),
        packets::udp(1000).payload(30).frame(),
        packets::syn(1001).options().frame(),
        packets::icmp_echo(),
    ];
    let mutation = (
        0..seeds.len(),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
    );
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let bench = std::cell::RefCell::new(bench);
    runner
        .run(&mutation, |(seed, changes, cut)| {
            let mut frame = seeds[seed].clone();
            for (place, byte) in changes {
                let place = place.index(frame.len());
                frame[place] = byte;
            }
            // One packet in four is cut as well.
            if cut.index(4) == 0 {
                frame.truncate(SHORTEST + cut.index(frame.len() - SHORTEST + 1));
            }
            let run = bench.borrow_mut().run(&frame);
            match run.action {
                PASS => prop_assert_eq!(run.packet, frame),
                TX => {
                    let to: [u8; 6] = run.packet[..6].try_into().unwrap();
                    // What goes back to its sender is an error, or a reset.
                    const RST: u8 = 4;
                    let answer = &run.packet[ETHERNET..];
                    let transport = usize::from(answer[0] & 0xf) * 4;
                    let flags = answer.get(transport + 13).copied().unwrap_or_default();
                    let is_error = answer[9] == 1;
                    let is_reset = answer[9] == 6 && flags & RST != 0;
                    let is_answer = to == frame[6..12] && (is_error || is_reset);
                    prop_assert!(is_answer || [mac(1), mac(2)].contains(&to));
                }
                DROP => prop_assert!(
                    frame[ETHERNET + 8] <= 1,
                    "dropped with TTL {}",
                    frame[ETHERNET + 8]
                ),
                other => prop_assert!(false, "XDP action {}", other),
            }
            Ok(())
        })
        .unwrap();
}
