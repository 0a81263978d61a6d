//! The owner of the tables: it edits them, and says what is to be told and when to sweep. Nothing else writes to them, as in the daemon.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::mpsc::{Receiver, SyncSender, TrySendError},
    time::Duration,
};

use director::{
    config::Scheduler,
    dataplane::{
        DataPlane, Wanted,
        ended::EndedServers,
        expiry::{Jiffies, Timeouts},
        ledger::Ledger,
        tables::{self, ServiceKey, Tables, WantedServer, WantedService},
    },
};
use director_common::server::RealServer;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    CALM, EDITS, SERVERS,
    clients::SLEEPY_PORT,
    history::{Edit, Life, Ticks},
    walkers::Due,
};
use crate::bench::{TCP_SERVICE, server, service, wanted_service};

/// How long a connection of those who sleep may be idle. Longer than any other state but the handshake is kept, and in the packet path
/// longer than this test takes.
const IDLE_SECONDS: u32 = 30;

/// That of those who are lively and that of those who sleep.
const SERVICES: usize = 2;

/// What is wanted of a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Up,
    /// It has failed.
    Down,
    /// It is not in the configuration. Its entry may be another server's after the next edit.
    Absent,
}

pub(super) struct Owner<'a> {
    dataplane: &'a mut DataPlane,
    ticks: &'a Ticks,
    random: StdRng,
    /// Of each service's servers.
    conditions: [[Condition; SERVERS as usize]; SERVICES],
    lives: Vec<Life>,
    edits: Vec<Edit>,
}

impl<'a> Owner<'a> {
    /// All servers are there.
    pub(super) fn new(dataplane: &'a mut DataPlane, ticks: &'a Ticks, seed: u64) -> Self {
        let mut owner = Self {
            dataplane,
            ticks,
            random: StdRng::seed_from_u64(!seed),
            conditions: [[Condition::Up; SERVERS as usize]; SERVICES],
            lives: Vec::new(),
            edits: Vec::new(),
        };
        owner.apply();
        owner
    }

    /// Edits, and lets packets go on for a while after each time.
    pub(super) fn work(
        &mut self,
        steps: Receiver<()>,
        jobs: SyncSender<EndedServers>,
        ledgers: SyncSender<Due>,
    ) {
        for _ in 0..EDITS {
            self.turn_some();
            let ended = self.apply();
            if !ended.is_empty() && jobs.send(ended).is_err() {
                return;
            }
            match ledgers.try_send(self.ledger()) {
                // A sweep that is still going on is enough.
                Ok(()) | Err(TrySendError::Full(_)) => {}
                Err(TrySendError::Disconnected(_)) => return,
            }
            // What came during the edit does not count.
            steps.try_iter().for_each(drop);
            if steps.iter().take(CALM).count() < CALM {
                // Everything was sent.
                return;
            }
        }
    }

    /// The servers' lives, and the edits.
    pub(super) fn into_log(self) -> (Vec<Life>, Vec<Edit>) {
        (self.lives, self.edits)
    }

    fn turn_some(&mut self) {
        // One service at a time: each swap of a scheduling table waits for the packets that are on their way by the old one.
        let servers = &mut self.conditions[self.random.random_range(0..SERVICES)];
        for _ in 0..self.random.random_range(1..=2) {
            let condition = &mut servers[self.random.random_range(0..SERVERS as usize)];
            let others: &[Condition] = match condition {
                Condition::Up => &[Condition::Down, Condition::Absent],
                Condition::Down => &[Condition::Up, Condition::Up, Condition::Absent],
                Condition::Absent => &[Condition::Up, Condition::Up, Condition::Down],
            };
            *condition = others[self.random.random_range(0..others.len())];
        }
    }

    /// One edit, and the servers that it ended.
    fn apply(&mut self) -> EndedServers {
        let wanted = wanted(&self.conditions);
        let (span, applied) = self.ticks.span(|| self.dataplane.apply(&wanted));
        applied.expect("the tables are written");
        let mut in_use = in_use(self.dataplane.tables());
        for life in self.lives.iter_mut().filter(|life| life.ended.is_none()) {
            if in_use.remove(&(life.index, life.generation)).is_none() {
                life.ended = Some(span);
            }
        }
        self.lives.extend(
            in_use
                .into_iter()
                .map(|((index, generation), (port, server))| Life {
                    port,
                    server,
                    index,
                    generation,
                    begun: span,
                    ended: None,
                }),
        );
        let ended = self.dataplane.take_ended();
        self.edits.push(Edit {
            span,
            ended: ended.clone(),
        });
        ended
    }

    /// A sweep half a minute from now: whoever sleeps and was not heard by a moment ago has been idle for too long then.
    fn ledger(&mut self) -> Due {
        let now = self.dataplane.read_clock().expect("a clock");
        let told = self.ticks.now();
        // At least one, so that nobody is idle who speaks from here on.
        let ago = self.random.random_range(1..=2);
        let later = Jiffies {
            now: now.now.wrapping_add(now.per_second * IDLE_SECONDS - ago),
            ..now
        };
        let tables = self.dataplane.tables();
        let ledger = Ledger::new(later, Timeouts::default(), tables, &BTreeMap::new());
        Due { ledger, told }
    }
}

/// The two services.
fn wanted([lively, sleepy]: &[[Condition; SERVERS as usize]; SERVICES]) -> Wanted {
    let lively = service(Scheduler::RoundRobin, &servers(lively));
    let sleepy = WantedService {
        idle_timeout: Duration::from_secs(IDLE_SECONDS.into()),
        ..service(Scheduler::RoundRobin, &servers(sleepy))
    };
    let sleepy_key = ServiceKey {
        port: SLEEPY_PORT,
        ..TCP_SERVICE
    };
    Wanted {
        services: [(TCP_SERVICE, lively.clone()), (sleepy_key, sleepy)].into(),
        ..wanted_service(lively)
    }
}

fn servers(conditions: &[Condition]) -> Vec<WantedServer> {
    (1..=SERVERS)
        .zip(conditions)
        .filter(|(_, condition)| **condition != Condition::Absent)
        .map(|(last, condition)| {
            let mut server = server(last, 1);
            server.path = server.path.filter(|_| *condition == Condition::Up);
            server
        })
        .collect()
}

/// Index and generation of each server in use, and its service's port and the last byte of its address.
fn in_use(tables: &Tables) -> BTreeMap<(u32, u32), (u16, u8)> {
    let servers = tables.servers.iter();
    servers
        .filter(|(_, server)| server.flags & RealServer::IN_USE != 0)
        .map(|(index, server)| {
            let IpAddr::V4(address) = tables::server_address(server) else {
                panic!("a server with an IPv6 address");
            };
            let [.., last] = address.octets();
            let port = u16::from_be_bytes(server.port);
            ((*index, server.generation), (port, last))
        })
        .collect()
}
