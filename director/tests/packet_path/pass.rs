//! What goes to the kernel, untouched.

use director::{
    config::{NoFlow, Scheduler},
    dataplane::tables::InstanceKey,
};
use director_common::{
    instance::Role,
    tcp::{ACK, FIN, RST, SYN},
};

use etherparse::IpNumber;

use crate::{
    bench::{Bench, PASS, TX, server, service, wanted, wanted_service},
    packets::{self, segment},
};

fn passes(bench: &mut Bench, frame: &[u8], counter: &str) {
    let before = bench.counters()[counter];
    let run = bench.run(frame);
    assert_eq!(run.action, PASS, "{counter}");
    assert_eq!(run.packet, frame, "{counter}: the packet was changed");
    assert_eq!(bench.counters()[counter], before + 1, "{counter}");
}

#[test]
fn what_is_not_tcp_or_udp_passes() {
    let mut bench = Bench::new();
    passes(&mut bench, &packets::arp(), "pass_not_ip");
    passes(&mut bench, &packets::icmp_echo(), "pass_icmp");
    passes(
        &mut bench,
        &packets::syn(1000).protocol(IpNumber::SCTP).frame(),
        "pass_protocol",
    );
}

#[test]
fn a_later_fragment_whose_first_one_was_not_seen_passes() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    passes(
        &mut bench,
        &packets::ack(1000).payload(64).later_fragment().frame(),
        "pass_fragment",
    );
}

#[test]
fn a_segment_in_mid_stream_that_nobody_knows_passes_where_that_is_wanted() {
    let mut service = service(Scheduler::RoundRobin, &[server(1, 1), server(2, 1)]);
    service.on_no_flow = NoFlow::Pass;
    let mut bench = Bench::with(&wanted_service(service));
    for flags in [ACK, SYN | ACK, FIN | ACK, RST, SYN | FIN, SYN | RST, 0] {
        passes(
            &mut bench,
            &segment(1000, flags, 1, 1).frame(),
            "pass_no_flow",
        );
    }
}

#[test]
fn s2_27_nothing_is_forwarded_unless_the_instance_is_master() {
    let mut bench = Bench::new();
    assert_eq!(bench.run(&packets::syn(1000).frame()).action, TX);
    for role in [Role::BACKUP, Role::INITIALIZE] {
        let mut standby = wanted(Scheduler::RoundRobin, &[server(1, 1), server(2, 1)]);
        standby.instances.insert(InstanceKey::default(), role);
        bench.apply(&standby);
        passes(&mut bench, &packets::ack(1000).frame(), "pass_not_master");
        passes(&mut bench, &packets::syn(2000).frame(), "pass_not_master");
        passes(&mut bench, &packets::udp(2000).frame(), "pass_not_master");
    }
    bench.apply(&wanted(
        Scheduler::RoundRobin,
        &[server(1, 1), server(2, 1)],
    ));
    assert_eq!(
        bench.server_of(&packets::ack(1000).frame()),
        Some(1),
        "the flow was kept"
    );
}

#[test]
fn a_frame_for_another_host_is_left_alone() {
    let mut bench = Bench::new();
    let known = packets::syn(1000).frame();
    assert_eq!(bench.run(&known).action, TX);
    let others = [
        [2, 0, 0, 0, 0, 7],
        [0xff; 6],
        [1, 0, 0x5e, 0, 0, 1],
        // A virtual router of IPv6, and none.
        [0, 0, 0x5e, 0, 2, 65],
        [0, 0, 0x5e, 1, 1, 65],
    ];
    for mac in others {
        for packet in [packets::ack(1000), packets::syn(2000)] {
            let mut frame = packet.frame();
            frame[..6].copy_from_slice(&mac);
            passes(&mut bench, &frame, "pass_other_host");
        }
    }
    assert_eq!(bench.flows().len(), 1);
}

#[test]
fn a_service_that_is_removed_is_the_kernel_s() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    let mut nothing = wanted(Scheduler::RoundRobin, &[]);
    nothing.services.clear();
    bench.apply(&nothing);
    passes(&mut bench, &packets::ack(1000).frame(), "pass_no_service");
    passes(&mut bench, &packets::syn(1001).frame(), "pass_no_service");
}
