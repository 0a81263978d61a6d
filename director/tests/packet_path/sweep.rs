//! The sweep: what is over goes, the rest is counted, and the packet path's own counts are put right.

use std::{collections::BTreeSet, time::Duration};

use director::{
    config::Scheduler,
    dataplane::{expiry::Jiffies, flows::Sweep, tables::Persistence},
};
use director_common::limits::map;
use serde_json::json;

use crate::{
    bench::{Bench, mac, server, service, wanted, wanted_service},
    packets,
};

/// Active and inactive flows of each server.
fn counts(sweep: &Sweep) -> Vec<(i64, i64)> {
    sweep
        .servers
        .values()
        .map(|count| (count.active, count.inactive))
        .collect()
}

/// The same, as the packet path has it.
fn loads(bench: &Bench) -> Vec<(i64, i64)> {
    let rows = bench.rows(map::LOADS);
    rows.iter()
        .map(|(_, load)| {
            let count = |name: &str| load[name].as_i64().expect("a count");
            (count("active"), count("inactive"))
        })
        .collect()
}

fn later(now: Jiffies, seconds: u32) -> Jiffies {
    Jiffies {
        now: now.now.wrapping_add(now.per_second * seconds),
        ..now
    }
}

#[test]
fn the_sweep_removes_what_is_over_and_counts_the_rest() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    bench.run(&packets::ack(1000).frame());
    bench.run(&packets::syn(1001).frame());
    bench.run(&packets::fin(1000).frame());
    let mut ledger = bench.ledger(Duration::ZERO);
    let mut tables = bench.flow_tables();
    let sweep = tables.sweep(&ledger).expect("a sweep");
    assert_eq!((sweep.flows, sweep.half_open, sweep.expired), (2, 1, 0));
    assert_eq!(counts(&sweep), [(0, 1), (1, 0)]);
    // A SYN without an answer is kept for a minute, a flow in FIN_WAIT for two.
    ledger.now = later(ledger.now, 61);
    let sweep = tables.sweep(&ledger).expect("a sweep");
    assert_eq!((sweep.flows, sweep.expired), (1, 1));
    ledger.now = later(ledger.now, 60);
    let sweep = tables.sweep(&ledger).expect("a sweep");
    assert_eq!((sweep.flows, sweep.expired), (0, 1));
    assert_eq!(loads(&bench), [], "nobody has a flow any more");
}

#[test]
fn the_packet_path_counts_what_the_sweep_counts() {
    let mut bench = Bench::new();
    for port in 1..=100 {
        bench.run(&packets::syn(port).frame());
        if port % 2 == 0 {
            bench.run(&packets::ack(port).frame());
        }
        if port % 3 == 0 {
            bench.run(&packets::ack(port).frame());
            bench.run(&packets::fin(port).frame());
        }
        if port % 5 == 0 {
            bench.run(&packets::udp(port).frame());
            // Again on the same tuple: closing flows are scheduled afresh.
            bench.run(&packets::syn(port).frame());
        }
    }
    let before = loads(&bench);
    let ledger = bench.ledger(Duration::ZERO);
    let sweep = bench.flow_tables().sweep(&ledger).expect("a sweep");
    let mut found = counts(&sweep);
    found.sort_unstable();
    let mut counted = before.clone();
    counted.sort_unstable();
    assert_eq!(counted, found);
    assert_eq!(loads(&bench), before, "there was nothing to put right");
}

#[test]
fn what_evictions_make_wrong_the_sweep_puts_right() {
    let mut bench = Bench::sized(128);
    bench.apply(&wanted(
        Scheduler::RoundRobin,
        &[server(1, 1), server(2, 1)],
    ));
    for port in 1..=5000 {
        bench.run(&packets::syn(port).frame());
    }
    assert_eq!(
        loads(&bench).iter().map(|(active, _)| active).sum::<i64>(),
        5000
    );
    let ledger = bench.ledger(Duration::ZERO);
    let sweep = bench.flow_tables().sweep(&ledger).expect("a sweep");
    assert!(sweep.flows < 5000);
    let mut found = counts(&sweep);
    found.sort_unstable();
    let mut right = loads(&bench);
    right.sort_unstable();
    assert_eq!(right, found);
}

#[test]
fn a_server_that_was_gone_begins_with_no_flows() {
    let mut bench = Bench::new();
    bench.run(&packets::syn(1000).frame());
    let mut failed = server(1, 1);
    failed.path = None;
    bench.apply(&wanted(Scheduler::RoundRobin, &[failed, server(2, 1)]));
    bench.apply(&wanted(
        Scheduler::RoundRobin,
        &[server(1, 1), server(2, 1)],
    ));
    assert_eq!(loads(&bench), []);
    let ledger = bench.ledger(Duration::ZERO);
    let sweep = bench.flow_tables().sweep(&ledger).expect("a sweep");
    assert_eq!((sweep.flows, counts(&sweep)), (1, vec![]));
}

#[test]
fn s2_13_a_template_lives_as_long_as_its_flows_and_its_timeout() {
    let timeout = Duration::from_secs(120);
    let mut persistent = service(Scheduler::RoundRobin, &[server(1, 1), server(2, 1)]);
    persistent.persistence = Some(Persistence {
        timeout,
        prefix_length: 32,
    });
    let mut bench = Bench::with(&wanted_service(persistent));
    bench.run(&packets::syn(1000).frame());
    bench.run(&packets::ack(1000).frame());
    let mut ledger = bench.ledger(timeout);
    let mut tables = bench.flow_tables();
    let sweep = tables.sweep(&ledger).expect("a sweep");
    assert_eq!(sweep.templates, [(1, 1)].into());
    // Its time is over, but a flow that was made from it is still there.
    ledger.now = later(ledger.now, 121);
    tables.sweep(&ledger).expect("a sweep");
    assert_eq!(bench.rows(map::TEMPLATES).len(), 1);
    ledger.now = later(ledger.now, 900);
    tables.sweep(&ledger).expect("a sweep");
    assert_eq!(bench.rows(map::TEMPLATES), [], "the flow is over, too");
}

#[test]
fn s2_13_a_template_goes_with_its_server() {
    let mut persistent = service(Scheduler::RoundRobin, &[server(1, 1), server(2, 1)]);
    persistent.persistence = Some(Persistence {
        timeout: Duration::from_secs(120),
        prefix_length: 32,
    });
    let mut bench = Bench::with(&wanted_service(persistent.clone()));
    bench.run(&packets::syn(1000).frame());
    persistent.servers[0].path = None;
    bench.apply(&wanted_service(persistent));
    let ledger = bench.ledger(Duration::from_secs(120));
    bench.flow_tables().sweep(&ledger).expect("a sweep");
    assert_eq!(bench.rows(map::TEMPLATES), []);
}

#[test]
fn a_listing_shows_flows_and_templates() {
    let mut persistent = service(Scheduler::RoundRobin, &[server(1, 1)]);
    persistent.persistence = Some(Persistence {
        timeout: Duration::from_secs(120),
        prefix_length: 24,
    });
    let mut bench = Bench::with(&wanted_service(persistent));
    bench.run(&packets::syn(1000).frame());
    bench.run(&packets::ack(1000).frame());
    bench.run(&packets::udp(1001).frame());
    let ledger = bench.ledger(Duration::from_secs(120));
    let mut rows = Vec::new();
    bench
        .flow_tables()
        .visit(&ledger, |row| {
            rows.push(json!([row.client.to_string(), row.state.name()]));
            std::ops::ControlFlow::Continue(())
        })
        .expect("a walk");
    rows.sort_by_key(ToString::to_string);
    assert_eq!(
        rows,
        [
            json!(["192.168.66.0:0", "NONE"]),
            json!(["192.168.66.0:0", "NONE"]),
            json!(["192.168.66.10:1000", "ESTABLISHED"]),
            json!(["192.168.66.10:1001", "UDP"]),
        ]
    );
}

#[test]
fn s0_06_an_established_flow_that_was_idle_for_too_long_is_told_unless_that_is_not_wanted() {
    for silent in [false, true] {
        let mut bench = Bench::new();
        bench.run(&packets::syn(1000).frame());
        bench.run(&packets::ack(1000).frame());
        bench.run(&packets::syn(1001).frame());
        bench.run(&packets::udp(1002).frame());
        let mut ledger = bench.ledger(Duration::ZERO);
        ledger.now = later(ledger.now, 901);
        let services: BTreeSet<u32> = match silent {
            true => (0..10).collect(),
            false => BTreeSet::new(),
        };
        let ledger = ledger.silent(services);
        let sweep = bench.flow_tables().sweep(&ledger).expect("a sweep");
        assert_eq!(sweep.expired, 3);
        let idle: Vec<_> = sweep
            .idle
            .iter()
            .map(|idle| (idle.client.port(), idle.server.mac))
            .collect();
        match silent {
            true => assert_eq!(idle, []),
            false => assert_eq!(idle, [(1000, mac(1))]),
        }
    }
}
