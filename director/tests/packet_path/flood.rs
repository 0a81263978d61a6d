//! A flood of SYNs from everywhere. The benchmark's harness makes millions of packets in seconds.

use director::{config::Scheduler, dataplane::Sizes};

use crate::{
    bench::{Bench, TX, server, wanted},
    cpu,
    harness::{Clients, Flows, Harness},
    number, packets,
};

const ESTABLISHED: u32 = 100_000;
/// Flows are opened in portions that the table of half-open ones has room for on one CPU.
const PORTION: u32 = 10_000;
/// What the flood comes in: after each portion somebody with an honest wish has a turn.
const WAVES: u32 = 10;
/// Nobody of the flood, whose addresses begin with 10.
const HONEST: [u8; 4] = [172, 16, 0, 1];

fn from(first: u32, clients: Clients) -> Flows {
    Flows {
        first,
        mask: u32::MAX,
        clients,
    }
}

#[test]
fn a_flood_of_syns_leaves_established_flows_alone_and_new_connections_succeed() {
    let flood = u32::try_from(number("DIRECTOR_FLOOD_PACKETS", 10_000_000)).expect("packets");
    let mut bench = Bench::with_sizes(&Sizes {
        flows: 262_144,
        half_open: 65_536,
        templates: 1024,
        fragments: 1024,
    });
    let servers = [server(1, 1), server(2, 1)];
    bench.apply(&wanted(Scheduler::RoundRobin, &servers));
    // Whichever CPU this test is on: a table shares its room between them.
    cpu::stay_on(cpu::usable().expect("CPUs")[0]).expect("one CPU");
    let mut harness = Harness::load().expect("the harness");
    let program = bench.dataplane.program_fd().expect("the program");
    harness.put(Some(program)).expect("a slot");
    let mut run = |frame: &[u8], flows, packets| {
        harness
            .run(frame, flows, packets, TX)
            .expect("every packet is forwarded");
    };

    let (syn, ack) = (packets::syn(1).frame(), packets::ack(1).frame());
    for first in (0..ESTABLISHED).step_by(PORTION as usize) {
        run(&syn, from(first, Clients::InTurn), PORTION);
        run(&ack, from(first, Clients::InTurn), PORTION);
    }
    let before = bench.counters();
    assert_eq!(before["flow_promoted"], u64::from(ESTABLISHED));

    for wave in 0..WAVES {
        let first = (1 << 24) + wave * (flood / WAVES);
        run(&syn, from(first, Clients::Scattered), flood / WAVES);
        let port = 2000 + u16::try_from(wave).expect("a port");
        let server = bench.server_of(&packets::syn(port).from(HONEST).frame());
        assert!(server.is_some(), "wave {wave}: nobody for a new client");
        let next = bench.server_of(&packets::ack(port).from(HONEST).frame());
        assert_eq!(next, server, "wave {wave}: a new connection broke");
    }

    let flooded = bench.counters();
    run(&ack, from(0, Clients::InTurn), ESTABLISHED);
    let after = bench.counters();
    assert_eq!(
        after["forward_flow"] - flooded["forward_flow"],
        u64::from(ESTABLISHED),
        "established flows were lost"
    );
    assert_eq!(after["pass_no_flow"], 0);
    assert_eq!(after["flow_table_full"] + after["half_open_table_full"], 0);
    let ledger = bench.ledger(std::time::Duration::ZERO);
    let sweep = bench.flow_tables().sweep(&ledger).expect("a sweep");
    // A flood of random clients hits a known one now and then: that SYN belongs to the flow.
    let heard_twice = after["flow_promoted"] - u64::from(ESTABLISHED);
    assert_eq!(
        u64::from(sweep.flows - sweep.half_open),
        u64::from(ESTABLISHED) + heard_twice
    );
}
