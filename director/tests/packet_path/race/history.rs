//! What happened in a race, as its threads wrote it down.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use director::dataplane::{ended::EndedServers, flows::IdleFlow};
use director_common::flow::Flow;

use super::clients::{self, Client};

/// Ticks between two flows that are told, and how long to wait for them if nobody sends any more.
const PAUSE: u64 = 20;
const MOST_YIELDS: u32 = 1000;

/// The clock that all threads share. Whoever reads it is before everybody who reads it later, and sees what those before did.
#[derive(Default)]
pub(super) struct Ticks(AtomicU64);

impl Ticks {
    pub(super) fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    /// Lets some packets come in between, if any come at all: flows are told at a pace.
    pub(super) fn pause(&self) {
        let until = self.0.load(Ordering::SeqCst) + PAUSE;
        for _ in 0..MOST_YIELDS {
            if self.0.load(Ordering::SeqCst) >= until {
                return;
            }
            thread::yield_now();
        }
    }

    /// Does something, and says between which ticks.
    pub(super) fn span<T>(&self, work: impl FnOnce() -> T) -> (Span, T) {
        let from = self.now();
        let done = work();
        let to = self.now();
        (Span { from, to }, done)
    }
}

/// Something happened after one tick and before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Span {
    /// After everything.
    pub(super) const AFTERWARDS: Self = Self {
        from: u64::MAX,
        to: u64::MAX,
    };

    pub(super) const fn is_before(self, other: Self) -> bool {
        self.to < other.from
    }

    /// Either may have come first.
    pub(super) const fn meets(self, other: Self) -> bool {
        !self.is_before(other) && !other.is_before(self)
    }
}

/// A packet of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) client: Client,
    pub(super) span: Span,
    pub(super) flags: u8,
    pub(super) next_sequence: u32,
    pub(super) to: Outcome,
}

/// Where a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// To the server whose address ends so.
    Server(u8),
    /// Back to the client, or to the kernel.
    Refused,
    /// To a MAC address that is nobody's: the server's entry was being written.
    Astray,
}

/// A real server from its coming into use to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// Port of its service.
    pub(super) port: u16,
    /// Last byte of its address.
    pub(super) server: u8,
    pub(super) index: u32,
    pub(super) generation: u32,
    pub(super) begun: Span,
    pub(super) ended: Option<Span>,
}

/// What a server was during a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vital {
    /// Not in use yet, or no more.
    Away,
    /// In use all the time.
    Living,
    /// Coming or going.
    Changing,
}

impl Life {
    pub(super) fn ends_in(&self, span: Span) -> bool {
        self.ended.is_some_and(|ended| ended.meets(span))
    }

    pub(super) fn during(&self, span: Span) -> Vital {
        let is_over = self.ended.is_some_and(|ended| ended.is_before(span));
        match self.begun {
            begun if span.is_before(begun) || is_over => Vital::Away,
            begun if begun.meets(span) || self.ends_in(span) => Vital::Changing,
            _ => Vital::Living,
        }
    }
}

/// One edit, and the servers whose flows it ended as the data plane says.
pub(super) struct Edit {
    pub(super) span: Span,
    pub(super) ended: EndedServers,
}

/// One flow that the teller found, and what it got when it wanted to take it out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take {
    pub(super) client: Client,
    pub(super) span: Span,
    pub(super) flow: Option<Flow>,
}

/// One sweep.
#[derive(Debug)]
pub(super) struct Sweep {
    /// When it was told the time. Who speaks later is not idle.
    pub(super) told: u64,
    pub(super) span: Span,
    pub(super) idle: Vec<IdleFlow>,
}

/// Everything, in order.
pub(super) struct History {
    /// Of each client.
    pub(super) packets: BTreeMap<Client, Vec<Packet>>,
    pub(super) lives: Vec<Life>,
    pub(super) edits: Vec<Edit>,
    pub(super) takes: Vec<Take>,
    /// From the beginning of the search to the last flow, one for each edit that ended servers.
    pub(super) jobs: Vec<Span>,
    pub(super) sweeps: Vec<Sweep>,
    takes_of: HashMap<Client, Vec<usize>>,
    idle_of: HashMap<Client, Vec<(usize, IdleFlow)>>,
}

impl History {
    pub(super) fn new(
        packets: Vec<Vec<Packet>>,
        (lives, edits): (Vec<Life>, Vec<Edit>),
        (takes, jobs): (Vec<Take>, Vec<Span>),
        sweeps: Vec<Sweep>,
    ) -> Self {
        let mut of_clients: BTreeMap<Client, Vec<Packet>> = BTreeMap::new();
        for packet in packets.into_iter().flatten() {
            of_clients.entry(packet.client).or_default().push(packet);
        }
        let mut takes_of: HashMap<Client, Vec<usize>> = HashMap::new();
        for (index, take) in takes.iter().enumerate() {
            takes_of.entry(take.client).or_default().push(index);
        }
        let mut idle_of: HashMap<Client, Vec<(usize, IdleFlow)>> = HashMap::new();
        for (index, sweep) in sweeps.iter().enumerate() {
            for idle in &sweep.idle {
                let client = clients::client_at(idle.client);
                idle_of.entry(client).or_default().push((index, *idle));
            }
        }
        Self {
            packets: of_clients,
            lives,
            edits,
            takes,
            jobs,
            sweeps,
            takes_of,
            idle_of,
        }
    }

    /// The takes of a client's flows.
    pub(super) fn takes_of(&self, client: Client) -> impl Iterator<Item = &Take> {
        let indexes = self.takes_of.get(&client).into_iter().flatten();
        indexes.map(|index| &self.takes[*index])
    }

    /// The life that a flow belongs to.
    pub(super) fn life_of(&self, flow: &Flow) -> Option<usize> {
        self.lives
            .iter()
            .position(|life| (life.index, life.generation) == (flow.server, flow.generation))
    }

    /// The lives of one server of a client's service that were not away all the time.
    pub(super) fn lives_during(&self, client: Client, server: u8, span: Span) -> Vec<usize> {
        let port = clients::service_port(client);
        (0..)
            .zip(&self.lives)
            .filter(|(_, life)| (life.port, life.server) == (port, server))
            .filter(|(_, life)| life.during(span) != Vital::Away)
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether some server of a client's service was there all the time.
    pub(super) fn has_server(&self, client: Client, span: Span) -> bool {
        let port = clients::service_port(client);
        let mut lives = self.lives.iter();
        lives.any(|life| life.port == port && life.during(span) == Vital::Living)
    }

    pub(super) fn is_edited(&self, span: Span) -> bool {
        self.edits.iter().any(|edit| edit.span.meets(span))
    }

    /// The sweeps that went on at some time of a span.
    pub(super) fn sweeps_during(&self, span: Span) -> &[Sweep] {
        let first = self
            .sweeps
            .partition_point(|sweep| sweep.span.is_before(span));
        let end = self
            .sweeps
            .partition_point(|sweep| !span.is_before(sweep.span));
        &self.sweeps[first..end]
    }

    /// The idle connections of a client that were told, each with its sweep.
    pub(super) fn idle_of(&self, client: Client) -> impl Iterator<Item = (&Sweep, &IdleFlow)> {
        let idle = self.idle_of.get(&client).into_iter().flatten();
        idle.map(|(sweep, idle)| (&self.sweeps[*sweep], idle))
    }
}
