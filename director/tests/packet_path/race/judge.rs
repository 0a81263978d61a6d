//! What was taken, and what is left, against what was sent.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use director::dataplane::ended::EndedServers;
use director_common::{flow::Flow, limits::map, tcp::FlowState};
use serde_json::Value;

use super::{
    clients::{self, Client, acknowledged_with},
    history::{History, Packet, Span},
    replay::{Connection, End, Knowledge, Replay},
};
use crate::bench::Bench;

type Clients<'a> = BTreeMap<Client, Replay<'a>>;

/// Judges everything.
pub(super) fn all(bench: &mut Bench, history: &History, clients: &Clients<'_>) {
    edits_end_what_went(history);
    taken_flows_are_of_servers_that_ended(history, clients);
    idle_flows_were_not_heard(history, clients);
    nothing_is_taken_twice(history);
    nobody_is_left_out(history, clients);
    take_the_rest(bench, history);
    what_is_left_lives(bench, history, clients);
    loads_are_right(bench);
    let mut takes = history.takes.iter();
    assert!(takes.any(|take| take.flow.is_some()), "nothing was taken");
}

/// The data plane says of each edit which servers it ended, and only those.
fn edits_end_what_went(history: &History) {
    for edit in &history.edits {
        let lives = history.lives.iter();
        let went: HashMap<u32, u32> = lives
            .filter(|life| life.ended == Some(edit.span))
            .map(|life| (life.index, life.generation))
            .collect();
        let ended = edit.ended.iter();
        let told: HashMap<u32, u32> = ended
            .map(|(index, ended)| (*index, ended.server.generation))
            .collect();
        assert_eq!(told, went);
    }
}

/// A flow that is told had its server when that ended, and its numbers are those of its client's last packet.
fn taken_flows_are_of_servers_that_ended(history: &History, clients: &Clients<'_>) {
    for take in &history.takes {
        let Some(flow) = &take.flow else { continue };
        let life = history.life_of(flow).expect("a server that was there");
        let ended = history.lives[life].ended;
        let ended = ended.unwrap_or_else(|| panic!("{take:?} of a server that lives"));
        assert!(ended.is_before(take.span), "{take:?} before the end");
        let replay = &clients[&take.client];
        let connections = find(replay, flow, life, history);
        assert!(
            !connections.is_empty(),
            "nobody sent what {take:?} of {ended:?} heard: {:?}",
            replay.connections
        );
        for packet in sent(replay, flow.next_sequence) {
            let is_late = ended.is_before(packet.span) && is_there(&connections, packet);
            assert!(!is_late, "{packet:?} came after the end at {ended:?}");
        }
        assert!(
            connections
                .iter()
                .any(|it| is_same(it, life, flow, take.span)),
            "{take:?} is not what {connections:?} left"
        );
        numbers_are_of_one_packet(replay, flow, take.span);
    }
}

/// The packets with this number: the client may have sent it more than once.
fn sent<'a>(replay: &Replay<'a>, next_sequence: u32) -> impl Iterator<Item = &'a Packet> {
    let packets = replay.packets.iter();
    packets.filter(move |packet| packet.next_sequence == next_sequence)
}

/// Whether a connection that is certain heard a packet.
fn is_there(connections: &[&Connection], packet: &Packet) -> bool {
    let mut certain = connections.iter().filter(|it| !it.is_mixed());
    certain.any(|it| it.heard.iter().any(|heard| heard.span == packet.span))
}

/// The client's connections that a flow may be of: it heard one of their packets, and that was sent to its server.
fn find<'a>(
    replay: &'a Replay<'_>,
    flow: &Flow,
    life: usize,
    history: &History,
) -> Vec<&'a Connection> {
    let server = history.lives[life].server;
    let connections = replay.connections.iter();
    connections
        .filter(|it| it.may_be_of(life))
        .filter(|it| it.has(flow.next_sequence, server))
        .collect()
}

/// Whether a flow is as a connection left it. The packet that came while it was taken may be in it or not.
fn is_same(connection: &Connection, life: usize, flow: &Flow, taken: Span) -> bool {
    // What it was before it was opened again is not known.
    let is_earlier = connection.is_mixed() && !connection.opened.is_before(taken);
    if connection.knowledge != Knowledge::All(life) || is_earlier {
        return true;
    }
    let is_as_left = FlowState(flow.state) == connection.state
        && flow.next_sequence == connection.next_sequence
        && flow.last_acknowledgement == connection.last_acknowledgement;
    is_as_left || connection.last_heard().meets(taken)
}

/// Both numbers are of the same packet, unless its own run was not over.
fn numbers_are_of_one_packet(replay: &Replay<'_>, flow: &Flow, taken: Span) {
    let expected = match FlowState(flow.state) {
        FlowState::SYN_RECV => 0,
        _ => acknowledged_with(flow.next_sequence),
    };
    assert!(
        flow.last_acknowledgement == expected
            || sent(replay, flow.next_sequence).any(|packet| packet.span.meets(taken)),
        "two numbers of two packets: {flow:?}"
    );
}

/// A connection that is told because it was idle was not heard since the sweep was told the time.
fn idle_flows_were_not_heard(history: &History, clients: &Clients<'_>) {
    for sweep in &history.sweeps {
        for idle in &sweep.idle {
            let client = clients::client_at(idle.client);
            assert!(clients::is_sleepy(client), "{idle:?} may be idle for long");
            let life = history.life_of(&idle.flow);
            let life = life.expect("a server that was there");
            let replay = &clients[&client];
            let connections = find(replay, &idle.flow, life, history);
            let is_good = |connection: &&Connection| {
                let was_heard = connection.heard.iter().any(|packet| {
                    packet.span.from > sweep.told && packet.span.is_before(sweep.span)
                });
                connection.is_mixed()
                    || !was_heard && is_same(connection, life, &idle.flow, sweep.span)
            };
            assert!(
                connections.iter().any(is_good),
                "{idle:?} was not idle: {connections:?}"
            );
            numbers_are_of_one_packet(replay, &idle.flow, sweep.span);
        }
    }
}

/// By the teller, by a sweep, or by both.
fn nothing_is_taken_twice(history: &History) {
    let mut taken = HashSet::new();
    let takes = history
        .takes
        .iter()
        .filter_map(|take| Some((take.client, take.flow?)));
    let idle = history.sweeps.iter().flat_map(|sweep| &sweep.idle);
    let idle = idle.map(|idle| (clients::client_at(idle.client), idle.flow));
    for (client, flow) in takes.chain(idle) {
        assert!(
            taken.insert((client, flow.next_sequence, flow.server, flow.generation)),
            "{flow:?} of client {client} was taken twice"
        );
    }
}

/// When a server's flows were told, so was each that had not been heard for as long as that took. Who spoke meanwhile knows it himself.
fn nobody_is_left_out(history: &History, clients: &Clients<'_>) {
    let edits = history.edits.iter().filter(|edit| !edit.ended.is_empty());
    let jobs: Vec<(Span, Span)> = edits
        .map(|edit| edit.span)
        .zip(history.jobs.iter().copied())
        .collect();
    for replay in clients.values() {
        for connection in &replay.connections {
            let Some(life) = connection.life() else {
                continue;
            };
            let ended = history.lives[life].ended;
            let Some((_, job)) = jobs.iter().find(|(edit, _)| ended == Some(*edit)) else {
                continue;
            };
            let is_whole = match connection.end {
                End::None => true,
                End::Replaced(by) => job.is_before(by),
                End::Swept => false,
            };
            // The sweep's own are in its list, or nobody has to know of them.
            if !connection.last_heard().is_before(*job)
                || !is_whole
                || connection.may_be_swept(replay.client)
            {
                continue;
            }
            let is_told = history.takes_of(replay.client).any(|take| {
                take.flow.is_some_and(|flow| {
                    history.life_of(&flow) == Some(life)
                        && connection.has(flow.next_sequence, history.lives[life].server)
                })
            });
            assert!(is_told, "client {} is left: {connection:?}", replay.client);
        }
    }
}

/// A packet may have been on its way for as long as its server's flows were looked for. It is never told a second time.
fn take_the_rest(bench: &Bench, history: &History) {
    let mut tables = bench.flow_tables();
    for edit in &history.edits {
        let ended: &EndedServers = &edit.ended;
        for place in tables.find_ended(ended, |_, _| true).expect("a walk") {
            tables.take_ended(&place, ended).expect("it is still there");
        }
    }
}

/// Every flow that is left is of a living server, and every connection to a living server is there.
fn what_is_left_lives(bench: &Bench, history: &History, clients: &Clients<'_>) {
    let mut left: BTreeMap<Client, Vec<(&str, Value)>> = BTreeMap::new();
    for table in [map::FLOWS_V4, map::HALF_OPEN_V4] {
        for (key, flow) in bench.rows(table) {
            let address = key["client"].as_str().expect("an address");
            let client = clients::client_at(address.parse().expect("an address"));
            left.entry(client).or_default().push((table, flow));
        }
    }
    for (client, flows) in &left {
        let replay = &clients[client];
        let may_be_more = replay.may_be_double || replay.at_last().is_some_and(is_little);
        for (_, flow) in flows {
            let is_living = history.lives.iter().any(|life| {
                life.ended.is_none()
                    && flow["server"] == life.index
                    && flow["generation"] == life.generation
            });
            assert!(
                is_living || may_be_more,
                "{flow} of client {client} is left"
            );
        }
        assert!(
            flows.len() == 1 || may_be_more,
            "client {client}: {flows:?}"
        );
    }
    for (client, replay) in clients {
        let Some(connection) = replay.at_last() else {
            continue;
        };
        let Knowledge::All(life) = connection.knowledge else {
            continue;
        };
        let life = history.lives[life];
        // A sweep says nothing of a connection that was reset.
        if life.ended.is_some() || connection.state == FlowState::CLOSE {
            continue;
        }
        let table = match connection.state {
            FlowState::SYN_RECV => map::HALF_OPEN_V4,
            _ => map::FLOWS_V4,
        };
        let is_there = left.get(client).is_some_and(|flows| {
            flows.iter().any(|(its, flow)| {
                *its == table
                    && flow["server"] == life.index
                    && flow["generation"] == life.generation
                    && flow["state"] == connection.state.name()
                    && flow["next_sequence"] == connection.next_sequence
                    && flow["last_acknowledgement"] == connection.last_acknowledgement
            })
        });
        let found = left.get(client);
        assert!(is_there, "client {client}: {connection:?}, but {found:?}");
    }
}

const fn is_little(connection: &Connection) -> bool {
    matches!(connection.knowledge, Knowledge::Little)
}

/// A sweep with nothing beside it puts the counts of flows right.
fn loads_are_right(bench: &mut Bench) {
    let ledger = bench.ledger(Duration::ZERO);
    let sweep = bench.flow_tables().sweep(&ledger).expect("a sweep");
    let counted: BTreeMap<String, (i64, i64)> = sweep
        .servers
        .iter()
        .map(|(index, count)| (index.to_string(), (count.active, count.inactive)))
        .collect();
    let rows = bench.rows(map::LOADS);
    let kept: BTreeMap<String, (i64, i64)> = rows
        .iter()
        .map(|(index, load)| {
            let count = |name: &str| load[name].as_i64().expect("a count");
            (index.to_string(), (count("active"), count("inactive")))
        })
        .filter(|(_, count)| *count != (0, 0))
        .collect();
    assert_eq!(kept, counted);
}
