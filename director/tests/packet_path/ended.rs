//! Only the right ones: flows of servers that ended are found and taken while packets and edits go on.

use std::{
    collections::{HashMap, HashSet},
    thread,
};

use director::{
    config::Scheduler,
    dataplane::{
        ended::{EndedServers, server_of},
        flows::Place,
    },
};
use proptest::prelude::*;

use crate::{
    bench::{Bench, server, wanted},
    number, packets,
};

const CLIENTS: u16 = 12;
const SERVERS: u8 = 3;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A client opens a connection, or opens another one on the same port.
    Open(u16),
    /// A client goes on.
    Speak(u16),
    /// A client ends its connection.
    Close(u16),
    /// A server fails, or comes back.
    Turn(u8),
    /// The flows of all servers that ended so far are looked for.
    Find,
    /// One of those that were found is taken out.
    Take,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        4 => client.clone().prop_map(Step::Open),
        4 => client.clone().prop_map(Step::Speak),
        1 => client.prop_map(Step::Close),
        2 => (1..=SERVERS).prop_map(Step::Turn),
        2 => Just(Step::Find),
        6 => Just(Step::Take),
    ]
}

struct World {
    bench: Bench,
    alive: [bool; SERVERS as usize],
    /// Where each client's living connection goes.
    living: HashMap<u16, u8>,
    /// Clients that have ended their connection; what they say then may still be forwarded.
    closing: HashSet<u16>,
    /// Everything that ended and may have flows left.
    ended: EndedServers,
    found: Vec<Place>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            bench: Bench::sized(4096),
            alive: [true; SERVERS as usize],
            living: HashMap::new(),
            closing: HashSet::new(),
            ended: EndedServers::new(),
            found: Vec::new(),
        };
        world.apply();
        world
    }

    fn apply(&mut self) {
        let servers: Vec<_> = (1..=SERVERS)
            .zip(self.alive)
            .map(|(last, alive)| {
                let mut server = server(last, 1);
                server.path = server.path.filter(|_| alive);
                server
            })
            .collect();
        self.bench.apply(&wanted(Scheduler::RoundRobin, &servers));
        // An index that ended a second time has no flows of the first time that are still to be told: those come first.
        for (index, ended) in self.bench.dataplane.take_ended() {
            self.take_all_of(index);
            self.ended.insert(index, ended);
        }
    }

    fn take_all_of(&mut self, index: u32) {
        let Some(ended) = self.ended.remove(&index) else {
            return;
        };
        let one = EndedServers::from([(index, ended)]);
        let mut tables = self.bench.flow_tables();
        for place in tables.find_ended(&one, |_, _| true).expect("the tables") {
            tables.take_ended(&place, &one);
        }
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        let port = |client: u16| 1000 + client;
        match step {
            Step::Open(client) => {
                let to = self.bench.server_of(&packets::syn(port(client)).frame());
                let to = to.filter(|to| *to <= SERVERS);
                match (self.living.get(&client), to) {
                    // A SYN on a living connection stays with it.
                    (Some(before), Some(to)) => prop_assert_eq!(*before, to),
                    (None, Some(to)) => {
                        self.living.insert(client, to);
                        self.closing.remove(&client);
                    }
                    (_, None) => {}
                }
            }
            Step::Speak(client) if self.closing.contains(&client) => {}
            Step::Speak(client) => {
                let to = self.bench.server_of(&packets::ack(port(client)).frame());
                let expected = self.living.get(&client).copied();
                prop_assert_eq!(
                    to.filter(|to| *to <= SERVERS),
                    expected,
                    "client {}",
                    client
                );
            }
            Step::Close(client) => {
                self.bench.run(&packets::fin(port(client)).frame());
                if self.living.remove(&client).is_some() {
                    self.closing.insert(client);
                }
                // What is closing may be opened anew, at another server.
                self.bench
                    .run(&packets::segment(port(client), 4, 2, 2).frame());
            }
            Step::Turn(last) => {
                let alive = &mut self.alive[usize::from(last) - 1];
                *alive = !*alive;
                if !*alive {
                    self.living.retain(|_, server| *server != last);
                }
                self.apply();
            }
            Step::Find => {
                let tables = self.bench.flow_tables();
                self.found = tables
                    .find_ended(&self.ended, |_, _| true)
                    .expect("the tables");
            }
            Step::Take => {
                let Some(place) = self.found.pop() else {
                    return Ok(());
                };
                let taken = self.bench.flow_tables().take_ended(&place, &self.ended);
                if let Some((flow, _)) = taken {
                    prop_assert!(server_of(&self.ended, &flow).is_some());
                    let client = place.client().port() - 1000;
                    prop_assert!(
                        !self.living.contains_key(&client),
                        "a living connection of client {} was taken",
                        client
                    );
                }
            }
        }
        Ok(())
    }
}

#[test]
fn only_flows_of_servers_that_ended_are_taken_whatever_happens_meanwhile() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: u32::try_from(number("DIRECTOR_ENDED_CASES", 6)).expect("cases"),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let steps = prop::collection::vec(step(), 100..400);
    runner
        .run(&steps, |steps| {
            let mut world = World::new();
            for step in steps {
                world.run(step)?;
            }
            // Every living connection is where it was.
            for (client, server) in world.living.clone() {
                let frame = packets::ack(1000 + client).frame();
                prop_assert_eq!(world.bench.server_of(&frame), Some(server));
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_living_flow_in_the_place_of_one_that_was_found_never_misses_a_packet() {
    const TIMES: u32 = 20_000;
    let mut bench = Bench::new();
    let (syn, ack) = (packets::syn(1000).frame(), packets::ack(1000).frame());
    assert_eq!(bench.server_of(&syn), Some(1));
    assert_eq!(bench.server_of(&ack), Some(1));
    let mut failed = server(1, 1);
    failed.path = None;
    bench.apply(&wanted(Scheduler::RoundRobin, &[failed, server(2, 1)]));
    let ended = bench.dataplane.take_ended();
    let mut tables = bench.flow_tables();
    let found = tables.find_ended(&ended, |_, _| true).expect("a walk");
    assert_eq!(found.len(), 1);
    // The client begins anew before it is told.
    assert_eq!(bench.server_of(&syn), Some(2));
    assert_eq!(bench.server_of(&ack), Some(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..TIMES {
                assert_eq!(tables.take_ended(&found[0], &ended), None);
            }
        });
        for packet in 0..TIMES {
            assert_eq!(bench.server_of(&ack), Some(2), "packet {packet}");
        }
    });
}
