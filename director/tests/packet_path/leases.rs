//! Who may forward, and until when.

use std::time::Duration;

use director::{
    config::Scheduler,
    dataplane::{
        DataPlane, LeaseError, Leases, NoClock, Wanted,
        tables::{Family, InstanceKey, Path as ServerPath},
    },
};
use director_common::{
    instance::{Lease, Role},
    limits::map,
};
use serde_json::json;

use crate::{
    bench::{Bench, DROP, IFINDEX, PASS, PinRoot, TX, server, service, sizes, wanted_service},
    packets,
};

/// The virtual router that holds the VIP.
const ROUTER: InstanceKey = InstanceKey {
    virtual_router_id: 66,
    ifindex: IFINDEX,
    family: Family::V4,
};
/// Longer than any test.
const LONG: Duration = Duration::from_hours(1);

/// Two servers, behind a VIP that a virtual router holds. It is MASTER, and has no lease.
fn elected() -> Wanted {
    let mut service = service(Scheduler::RoundRobin, &[server(1, 1), server(2, 1)]);
    service.instance = ROUTER;
    wanted_service(service)
}

fn bench() -> (Bench, Leases, u32) {
    let mut bench = Bench::with(&elected());
    let leases = bench.dataplane.leases().expect("the leases");
    let index = bench.dataplane.instance_index(ROUTER).expect("an index");
    (bench, leases, index)
}

/// Waits until a lease has run out, by the clock that it ends by.
pub(crate) fn wait_for_end(bench: &Bench, lease: Lease) {
    while bench.dataplane.moment().expect("the clock").jiffies < lease.until {
        std::thread::yield_now();
    }
}

fn passes(bench: &mut Bench, frame: &[u8]) {
    let before = bench.counters()["pass_not_master"];
    let run = bench.run(frame);
    assert_eq!((run.action, run.packet.as_slice()), (PASS, frame));
    assert_eq!(bench.counters()["pass_not_master"], before + 1);
}

#[test]
fn s2_27_the_role_alone_forwards_nothing() {
    let (mut bench, leases, index) = bench();
    assert_eq!(leases.read(index), Lease::NONE);
    passes(&mut bench, &packets::syn(1000).frame());
    passes(&mut bench, &packets::udp(1000).frame());
}

#[test]
fn a_lease_forwards_until_it_is_ended_and_again_when_it_is_held_anew() {
    let (mut bench, leases, index) = bench();
    let lease = leases.hold(index, LONG).expect("held");
    assert_eq!(leases.read(index), lease);
    assert!(leases.is_held(index));
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
    leases.end(index);
    assert!(!leases.is_held(index));
    passes(&mut bench, &packets::ack(1000).frame());
    passes(&mut bench, &packets::syn(2000).frame());
    leases.hold_for_ever(index).expect("held");
    assert_eq!(leases.read(index), Lease::FOREVER);
    let again = bench.server_of(&packets::ack(1000).frame());
    assert_eq!(again, Some(1), "the flow was kept");
}

#[test]
fn a_lease_runs_out_by_itself_when_whoever_held_it_is_gone() {
    let (mut bench, leases, index) = bench();
    leases.hold(index, LONG).expect("held");
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
    let lease = leases
        .hold(index, Duration::from_millis(200))
        .expect("held");
    drop(leases);
    let ack = packets::ack(1000).frame();
    let jiffies = |bench: &Bench| bench.dataplane.moment().expect("the clock").jiffies;
    loop {
        let before = jiffies(&bench);
        let run = bench.run(&ack);
        if before >= lease.until {
            assert_eq!(run.action, PASS, "it had ended");
            break;
        }
        if jiffies(&bench) < lease.until {
            assert_eq!(run.action, TX, "it had not ended");
        }
    }
    passes(&mut bench, &ack);
    let other = Leases::open(bench.root.path()).expect("the pins");
    assert_eq!(other.read(index), lease, "nobody wrote to it");
}

#[test]
fn a_lease_that_lies_in_the_past_is_none() {
    let (mut bench, leases, index) = bench();
    let lease = leases.hold(index, Duration::ZERO).expect("held");
    assert!(lease.until > 0);
    wait_for_end(&bench, lease);
    passes(&mut bench, &packets::syn(1000).frame());
    leases.hold(index, LONG).expect("held");
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
}

#[test]
fn packets_for_a_server_that_is_waited_for_pass_when_the_lease_has_ended() {
    let (mut bench, leases, index) = bench();
    leases.hold(index, LONG).expect("held");
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
    let mut away = server(1, 1);
    away.path = Some(ServerPath::Held);
    let mut waiting = elected();
    for service in waiting.services.values_mut() {
        service.servers[0] = away.clone();
    }
    bench.apply(&waiting);
    let ack = packets::ack(1000).frame();
    assert_eq!(bench.run(&ack).action, DROP);
    let lease = leases.hold(index, Duration::ZERO).expect("held");
    wait_for_end(&bench, lease);
    passes(&mut bench, &ack);
    leases.hold_for_ever(index).expect("held");
    assert_eq!(bench.run(&ack).action, DROP);
    leases.end(index);
    passes(&mut bench, &ack);
}

#[test]
fn what_follows_a_flow_stops_with_the_lease() {
    let (mut bench, leases, index) = bench();
    leases.hold(index, LONG).expect("held");
    let datagram = packets::udp(1000).identification(7).payload(64);
    assert_eq!(bench.run(&datagram.clone().fragment().frame()).action, TX);
    let later = datagram.later_fragment().frame();
    assert_eq!(bench.run(&later).action, TX);
    let lease = leases.hold(index, Duration::ZERO).expect("held");
    wait_for_end(&bench, lease);
    passes(&mut bench, &later);
}

#[test]
fn virtual_routers_of_both_families_have_leases_of_their_own() {
    let six = InstanceKey {
        family: Family::V6,
        ..ROUTER
    };
    let mut wanted = elected();
    wanted.instances.insert(six, Role::BACKUP);
    let mut bench = Bench::with(&wanted);
    let leases = bench.dataplane.leases().expect("the leases");
    let index = |bench: &Bench, key| bench.dataplane.instance_index(key).expect("an index");
    leases.hold(index(&bench, six), LONG).expect("held");
    passes(&mut bench, &packets::syn(1000).frame());
    leases.hold(index(&bench, ROUTER), LONG).expect("held");
    assert_eq!(bench.server_of(&packets::syn(1000).frame()), Some(1));
}

#[test]
fn another_process_can_end_a_lease_and_read_it() {
    let (mut bench, leases, index) = bench();
    let lease = leases.hold(index, LONG).expect("held");
    let other: Leases<NoClock> = Leases::open(bench.root.path()).expect("the pins");
    assert_eq!(other.read(index), lease);
    other.end(index);
    assert_eq!(leases.read(index), Lease::NONE);
    passes(&mut bench, &packets::syn(1000).frame());
}

#[test]
fn where_nothing_is_pinned_there_are_no_leases_to_open() {
    let nothing = PinRoot::new();
    let refused = Leases::open(nothing.path()).err().expect("no pins");
    assert!(refused.to_string().contains(map::LEASES));
}

#[test]
fn a_handle_goes_to_another_thread_while_the_tables_are_edited() {
    let (mut bench, leases, index) = bench();
    let holder = std::thread::spawn(move || {
        for _ in 0..1000 {
            leases.hold(index, LONG).expect("held");
        }
        leases
    });
    let mut standby = elected();
    for role in [Role::BACKUP, Role::MASTER] {
        standby.instances.insert(ROUTER, role);
        bench.apply(&standby);
    }
    let leases = holder.join().expect("the thread");
    assert!(leases.is_held(index));
    assert_eq!(bench.run(&packets::syn(1000).frame()).action, TX);
}

#[test]
fn no_lease_has_an_index_that_is_not_set_or_beyond_the_table() {
    let (bench, leases, _) = bench();
    for index in [0, 256, u32::MAX] {
        let refused = leases.hold(index, LONG).expect_err("no such index");
        assert!(matches!(refused, LeaseError::NoSuchIndex(told) if told == index));
        assert!(leases.hold_for_ever(index).is_err());
        leases.end(index);
        assert_eq!(leases.read(index), Lease::NONE);
    }
    assert_eq!(bench.rows(map::LEASES), []);
}

#[test]
fn a_lease_ends_when_its_instance_is_removed_and_the_next_one_does_not_get_it() {
    let (mut bench, leases, index) = bench();
    leases.hold(index, LONG).expect("held");
    bench.apply(&Wanted::default());
    assert_eq!(leases.read(index), Lease::NONE);
    assert_eq!(bench.dataplane.instance_index(ROUTER), None);
    // Somebody who has not heard of it yet.
    leases.hold(index, LONG).expect("held");
    let other = InstanceKey {
        virtual_router_id: 67,
        ..ROUTER
    };
    let mut wanted = elected();
    wanted.instances = [(other, Role::MASTER)].into();
    for service in wanted.services.values_mut() {
        service.instance = other;
    }
    bench.apply(&wanted);
    assert_eq!(bench.dataplane.instance_index(other), Some(index));
    assert_eq!(leases.read(index), Lease::NONE);
    passes(&mut bench, &packets::syn(1000).frame());
}

/// What the next daemon finds, after the last one is gone.
fn next_daemon(mut bench: Bench) -> Bench {
    bench.dataplane.keep();
    let Bench { dataplane, root } = bench;
    drop(dataplane);
    let mut dataplane = DataPlane::load(root.path(), &sizes(4096)).expect("the pins");
    dataplane.adopt_tables().expect("the tables are read");
    Bench { dataplane, root }
}

#[test]
fn s2_17_a_lease_bridges_a_restart() {
    let (mut bench, leases, index) = bench();
    assert!(!bench.dataplane.is_forwarding());
    let lease = leases.hold(index, LONG).expect("held");
    bench.run(&packets::syn(1000).frame());
    let mut bench = next_daemon(bench);
    assert!(bench.dataplane.is_forwarding());
    assert_eq!(bench.apply(&elected()), []);
    assert_eq!(bench.dataplane.instance_index(ROUTER), Some(index));
    let next = bench.dataplane.leases().expect("the leases");
    assert_eq!(next.read(index), lease);
    assert_eq!(bench.server_of(&packets::ack(1000).frame()), Some(1));
    leases.end(index);
    assert!(!bench.dataplane.is_forwarding());
}

#[test]
fn services_without_a_virtual_router_are_forwarded_again_after_somebody_ended_their_lease() {
    let mut bench = Bench::new();
    let nobody = InstanceKey::default();
    let index = bench.dataplane.instance_index(nobody).expect("an index");
    let leases = Leases::open(bench.root.path()).expect("the pins");
    assert_eq!(leases.read(index), Lease::FOREVER);
    leases.end(index);
    passes(&mut bench, &packets::syn(1000).frame());
    let mut bench = next_daemon(bench);
    bench.apply(&crate::bench::wanted(
        Scheduler::RoundRobin,
        &[server(1, 1), server(2, 1)],
    ));
    assert_eq!(leases.read(index), Lease::FOREVER);
    assert_eq!(bench.run(&packets::syn(1000).frame()).action, TX);
}

#[test]
fn leases_are_shown_with_what_is_left_of_them() {
    let (bench, leases, index) = bench();
    let lease = leases.hold(index, LONG).expect("held");
    let shown = |bench: &Bench| {
        let rows = bench.rows(map::LEASES);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].0, json!(index));
        rows[0].1.clone()
    };
    let held = shown(&bench);
    assert_eq!(held["state"], "held");
    assert_eq!(held["until_jiffies"], json!(lease.until));
    assert!(held["left_ms"].as_u64().expect("a number") <= 3_600_000);
    leases.hold_for_ever(index).expect("held");
    assert_eq!(shown(&bench)["state"], "held for ever");
    assert_eq!(shown(&bench)["left_ms"], json!(null));
    let lease = leases.hold(index, Duration::ZERO).expect("held");
    wait_for_end(&bench, lease);
    while leases.is_held(index) {
        std::thread::yield_now();
    }
    assert_eq!(shown(&bench)["state"], "ended");
    assert_eq!(shown(&bench)["left_ms"], json!(0));
}
