//! The program and the model, side by side: the same packets and edits, and every difference is a failure.
//!
//! A world is told by its seed. A failure names it, and [`WORLDS`] keeps those that once failed. `cargo xtask fuzz` looks at new
//! ones, with packets that hardly any host would send.

use std::collections::BTreeMap;

use director::dataplane::{Sizes, Wanted};
use director_common::{
    instance::{Lease, Role},
    limits::map,
};
use indicatif::{ProgressBar, ProgressStyle};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use super::{Model, Outcome, world};
use crate::{bench::Bench, number};

/// The worlds of every run. Those that once showed a difference are among them.
const WORLDS: [u64; 4] = [1, 2, 3, 4];
/// Packets of each world: a million in all, unless `DIRECTOR_MODEL_PACKETS` asks for fewer of each, as an emulated machine must.
const PACKETS: u64 = 250_000;
/// Of a hundred packets, those with bytes that were changed.
const MUTATED: u32 = 20;
/// Packets between two edits of the tables.
const EDIT_EVERY: u64 = 2500;
/// Packets between two looks at all that is remembered.
const LOOK_EVERY: u64 = 25_000;

#[test]
fn program_and_model_agree_in_the_first_world() {
    compare(WORLDS[0], packets_of_a_world(), MUTATED);
}

#[test]
fn program_and_model_agree_in_the_second_world() {
    compare(WORLDS[1], packets_of_a_world(), MUTATED);
}

#[test]
fn program_and_model_agree_in_the_third_world() {
    compare(WORLDS[2], packets_of_a_world(), MUTATED);
}

#[test]
fn program_and_model_agree_in_the_fourth_world() {
    compare(WORLDS[3], packets_of_a_world(), MUTATED);
}

/// What CI has time for of the longer run.
#[test]
fn program_and_model_agree_on_packets_that_are_nearly_all_mutated() {
    compare(5, packets_of_a_world() / 5, 95);
}

/// `cargo xtask fuzz`: world after world, until there were as many packets as were asked for.
#[test]
#[ignore = "as long as one likes: `cargo xtask fuzz` runs it"]
fn fuzz() {
    let packets = number("DIRECTOR_FUZZ_PACKETS", 1_000_000);
    let first = number("DIRECTOR_FUZZ_SEED", 1000);
    let mutated = u32::try_from(number("DIRECTOR_FUZZ_MUTATED", 90)).expect("percent");
    let style =
        ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} packets {elapsed} {msg}");
    let progress = ProgressBar::new(packets).with_style(style.expect("a template"));
    for (seed, begun) in (first..).zip((0..packets).step_by(PACKETS as usize)) {
        progress.set_message(format!("world {seed}"));
        let share = PACKETS.min(packets - begun);
        compare(seed, share, mutated);
        progress.inc(share);
    }
    progress.finish();
}

fn packets_of_a_world() -> u64 {
    number("DIRECTOR_MODEL_PACKETS", PACKETS)
}

fn compare(seed: u64, packets: u64, mutated: u32) {
    let mut random = StdRng::seed_from_u64(seed);
    // Nothing must be evicted: that is the kernel's choice, and no model's.
    let mut bench = Bench::with_sizes(&Sizes {
        flows: 262_144,
        half_open: 262_144,
        templates: 262_144,
        fragments: 262_144,
    });
    let mut model = Model::default();
    for packet in 0..packets {
        if packet % EDIT_EVERY == 0 {
            let wanted = world::wanted(&mut random);
            bench.apply(&wanted);
            let leases = hold(&mut bench, &wanted, &mut random);
            let now = bench.dataplane.moment().expect("the clock").jiffies;
            model.edit(bench.dataplane.tables(), leases, now);
        }
        let frame = world::frame(&mut random, mutated);
        let expected = model.process(&frame);
        let run = bench.run(&frame);
        let is = |outcome: &Outcome| (run.action, &run.packet) == (outcome.action, &outcome.frame);
        let came = [Some(&expected), expected.unless_limited.as_deref()]
            .into_iter()
            .flatten()
            .find(|outcome| is(outcome));
        let Some(came) = came else {
            panic!(
                "world {seed} ({mutated} % mutated), packet {packet}: {}\n  in  {}\n  out {} {}\n  not {} {} ({:?})",
                "the program did something else than the model",
                hex(&frame),
                run.action,
                hex(&run.packet),
                expected.action,
                hex(&expected.frame),
                expected.counter,
            );
        };
        let counter = came.counter;
        model.settle(counter);
        if packet % LOOK_EVERY == LOOK_EVERY - 1 || packet == packets - 1 {
            look(&bench, &model, seed, packet);
        }
    }
}

/// Gives every virtual router another lease. Whoever has none follows its role.
fn hold(bench: &mut Bench, wanted: &Wanted, random: &mut StdRng) -> BTreeMap<u32, Lease> {
    let handle = bench.dataplane.leases().expect("the leases");
    let mut leases = BTreeMap::new();
    for (key, role) in &wanted.instances {
        let index = bench.dataplane.instance_index(*key).expect("an index");
        let lease = match (key.virtual_router_id, *role) {
            (0, Role::MASTER) => Lease::FOREVER,
            (0, _) => Lease::NONE,
            _ => world::lease(random, bench, &handle, index),
        };
        leases.insert(index, lease);
    }
    leases
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that both remember.
fn look(bench: &Bench, model: &Model, seed: u64, packet: u64) {
    let at = format!("world {seed}, after packet {packet}");
    let counters: BTreeMap<_, _> = bench
        .counters()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    let expected: BTreeMap<_, _> = model
        .counters
        .iter()
        .map(|(name, count)| (*name, *count))
        .collect();
    assert_eq!(counters, expected, "{at}: counters");
    same(
        &flows(bench, [map::FLOWS_V4, map::FLOWS_V6]),
        &flows_of(&model.flows),
        &format!("{at}: flows"),
    );
    same(
        &flows(bench, [map::HALF_OPEN_V4, map::HALF_OPEN_V6]),
        &flows_of(&model.half_open),
        &format!("{at}: half-open flows"),
    );
    let templates: BTreeMap<String, Value> = bench
        .rows(map::TEMPLATES)
        .into_iter()
        .map(|(key, value)| {
            (
                key.to_string(),
                json!([value["server"], value["generation"]]),
            )
        })
        .collect();
    let expected = model
        .templates
        .iter()
        .map(|((client, service), (server, generation))| {
            let client = std::net::Ipv6Addr::from(*client).to_canonical();
            let key = json!({"client": client, "service": service});
            (key.to_string(), json!([server, generation]))
        });
    same(&templates, &expected.collect(), &format!("{at}: templates"));
    let loads: BTreeMap<String, Value> = bench
        .rows(map::LOADS)
        .into_iter()
        .map(|(index, load)| (index.to_string(), load))
        .collect();
    let expected = model
        .memory
        .loads
        .iter()
        .filter(|(_, load)| **load != Default::default())
        .map(|(index, load)| {
            let load = json!({
                "active": load.active,
                "inactive": load.inactive,
                "overloaded": load.overloaded != 0,
            });
            (index.to_string(), load)
        });
    same(&loads, &expected.collect(), &format!("{at}: loads"));
    for (index, server) in &model.tables.servers {
        if server.service != 0 {
            let traffic = bench.dataplane.server_traffic(*index).expect("the traffic");
            let expected = model.server_traffic.get(index).copied().unwrap_or_default();
            assert_eq!(traffic, expected, "{at}: traffic of server {index}");
        }
    }
}

/// Tells only what differs: the whole would be pages.
fn same(found: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>, what: &str) {
    let differences: Vec<_> = found
        .keys()
        .chain(expected.keys())
        .filter(|key| found.get(*key) != expected.get(*key))
        .take(5)
        .map(|key| format!("{key}: {:?}, not {:?}", found.get(key), expected.get(key)))
        .collect();
    assert!(differences.is_empty(), "{what}: {differences:#?}");
}

fn flows(bench: &Bench, names: [&str; 2]) -> BTreeMap<String, Value> {
    let rows = names.into_iter().flat_map(|name| bench.rows(name));
    rows.map(|(key, flow)| {
        let remembered = [
            "server",
            "generation",
            "state",
            "next_sequence",
            "last_acknowledgement",
        ]
        .map(|name| flow[name].clone());
        (key.to_string(), json!(remembered))
    })
    .collect()
}

fn flows_of(flows: &std::collections::HashMap<super::Key, super::Flow>) -> BTreeMap<String, Value> {
    flows
        .iter()
        .map(|((client, client_port, vip, port, protocol), flow)| {
            let key = json!({
                "client": std::net::SocketAddr::new(*client, *client_port).to_string(),
                "vip": std::net::SocketAddr::new(*vip, *port).to_string(),
                "protocol": if *protocol == 6 { "TCP" } else { "UDP" },
            });
            let flow = json!([
                flow.server,
                flow.generation,
                flow.state.name(),
                flow.next_sequence,
                flow.last_acknowledgement,
            ]);
            (key.to_string(), flow)
        })
        .collect()
}
