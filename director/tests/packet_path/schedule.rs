//! Who gets a new flow.

use std::collections::BTreeMap;

use director::config::Scheduler;

use crate::{
    bench::{Bench, server, wanted},
    packets,
};

fn order(bench: &mut Bench, flows: u16) -> Vec<u8> {
    (1..=flows)
        .map(|port| {
            bench
                .server_of(&packets::syn(port).frame())
                .expect("a server")
        })
        .collect()
}

#[test]
fn s2_12_round_robin_gives_the_servers_their_turns() {
    let servers = [server(1, 1), server(2, 9), server(3, 1)];
    let mut bench = Bench::with(&wanted(Scheduler::RoundRobin, &servers));
    assert_eq!(order(&mut bench, 7), [1, 2, 3, 1, 2, 3, 1]);
}

#[test]
fn s2_12_weighted_round_robin_keeps_the_order_of_ipvs() {
    let servers = [server(1, 4), server(2, 3), server(3, 2)];
    let mut bench = Bench::with(&wanted(Scheduler::WeightedRoundRobin, &servers));
    assert_eq!(order(&mut bench, 9), [1, 1, 2, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn weights_are_shares_of_the_flows() {
    let servers = [server(1, 300), server(2, 100), server(3, 0)];
    let mut bench = Bench::with(&wanted(Scheduler::WeightedRoundRobin, &servers));
    let mut shares = BTreeMap::new();
    for server in order(&mut bench, 4000) {
        *shares.entry(server).or_insert(0) += 1;
    }
    assert_eq!(shares, [(1, 3000), (2, 1000)].into());
}

#[test]
fn services_have_turns_of_their_own() {
    let mut bench = Bench::new();
    assert_eq!(bench.server_of(&packets::syn(1).frame()), Some(1));
    assert_eq!(bench.server_of(&packets::udp(1).frame()), Some(1));
    assert_eq!(bench.server_of(&packets::syn(2).frame()), Some(2));
    assert_eq!(bench.server_of(&packets::udp(2).frame()), Some(2));
}

#[test]
fn a_server_without_a_mac_address_has_no_turn() {
    let mut unknown = server(1, 1);
    unknown.path = None;
    let mut bench = Bench::with(&wanted(Scheduler::RoundRobin, &[unknown, server(2, 1)]));
    assert_eq!(order(&mut bench, 4), [2, 2, 2, 2]);
}
