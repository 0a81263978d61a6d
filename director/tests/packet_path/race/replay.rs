//! Follows each client from packet to packet, with what the tables must have held of it, and says where a packet went that it must not.
//!
//! A flow that is not meant may be out of its table for a moment, while whoever looked at it puts it back: the table has no step that
//! takes an entry only if it is still the one. That may happen to a flow that took the place of one that was meant, in the very moment
//! between the look and the taking, and to nothing else. A packet that comes in such a moment may find no flow, and what it tells may be
//! lost; then the replay knows less of the connection until its client opens it again.

use std::{collections::BTreeMap, fmt};

use director_common::tcp::{ACK, FlowState, SYN};

use super::{
    clients::{self, Client},
    history::{History, Life, Outcome, Packet, Span, Sweep, Take, Vital},
};

/// Everything that one client had.
pub(super) struct Replay<'a> {
    pub(super) client: Client,
    pub(super) packets: &'a [Packet],
    /// In order.
    pub(super) connections: Vec<Connection>,
    /// A flow that was put back in the moment in which it moved to the other table may be in both.
    pub(super) may_be_double: bool,
    /// The connection that the tables hold, if any; its server may have ended.
    now: Option<usize>,
    history: &'a History,
}

/// What the tables held from one new flow to the next.
pub(super) struct Connection {
    pub(super) knowledge: Knowledge,
    /// The SYN that made the flow, or that says again where it is.
    pub(super) opened: Span,
    /// Its packets that were forwarded.
    pub(super) heard: Vec<Packet>,
    pub(super) state: FlowState,
    pub(super) next_sequence: u32,
    pub(super) last_acknowledgement: u32,
    pub(super) end: End,
    /// Whether it may have been another one for a while.
    is_mixed: bool,
    /// Whether somebody may have wanted to take out what was there before it.
    follows_what_is_over: bool,
}

/// What is known of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// Its server's life, its state and its numbers.
    All(usize),
    /// The last packet may have been noted or not.
    AllButLast(usize),
    /// Only that it was there.
    Little,
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing yet; its server may have ended.
    None,
    /// Another one took its place.
    Replaced(Span),
    /// A sweep took it.
    Swept,
}

/// All clients.
pub(super) fn all(history: &History) -> BTreeMap<Client, Replay<'_>> {
    let clients = history.packets.iter();
    clients
        .map(|(client, packets)| (*client, Replay::of(*client, packets, history)))
        .collect()
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.heard.len().saturating_sub(4);
        formatter
            .debug_struct("Connection")
            .field("knowledge", &self.knowledge)
            .field("opened", &self.opened)
            .field("state", &self.state.name())
            .field("next_sequence", &self.next_sequence)
            .field("end", &self.end)
            .field("last heard", &&self.heard[first..])
            .finish()
    }
}

impl Connection {
    /// Its server's life.
    pub(super) const fn life(&self) -> Option<usize> {
        match self.knowledge {
            Knowledge::All(life) | Knowledge::AllButLast(life) => Some(life),
            Knowledge::Little => None,
        }
    }

    pub(super) const fn is_mixed(&self) -> bool {
        self.is_mixed || self.life().is_none()
    }

    /// Whether a flow of this life of a server may be what it was at some time.
    pub(super) fn may_be_of(&self, life: usize) -> bool {
        self.is_mixed() || self.life() == Some(life)
    }

    pub(super) fn last_heard(&self) -> Span {
        self.heard.last().map_or(self.opened, |packet| packet.span)
    }

    const fn is_closing(&self) -> bool {
        matches!(
            self.state,
            FlowState::FIN_WAIT | FlowState::TIME_WAIT | FlowState::CLOSE
        )
    }

    /// Whether a sweep may take it, at the latest if it is not heard for a while.
    pub(super) fn may_be_swept(&self, client: Client) -> bool {
        let is_over = self.state == FlowState::CLOSE;
        match self.knowledge {
            Knowledge::All(_) => is_over || self.may_be_idle(client),
            Knowledge::AllButLast(_) => is_over || clients::is_sleepy(client),
            Knowledge::Little => true,
        }
    }

    fn may_be_idle(&self, client: Client) -> bool {
        clients::is_sleepy(client) && self.state == FlowState::ESTABLISHED
    }

    /// Whether it may have been over when a sweep began; what was heard since then is what the sweep may not have known.
    fn may_have_been_over(&self, client: Client, sweep: &Sweep) -> bool {
        let mut before = self.heard.iter().rev();
        let heard = before.find(|packet| packet.span.is_before(sweep.span));
        let may_be_swept = self.may_be_swept(client) || clients::is_sleepy(client);
        may_be_swept && heard.is_some_and(|packet| packet.span.from < sweep.told)
    }

    /// Whether one of its packets had this number, and was sent there.
    pub(super) fn has(&self, next_sequence: u32, server: u8) -> bool {
        let mut heard = self.heard.iter();
        heard.any(|packet| {
            packet.next_sequence == next_sequence && packet.to == Outcome::Server(server)
        })
    }

    /// As the packet path does it (`flow::refresh`).
    fn refresh(&mut self, packet: &Packet) {
        let before = self.state;
        let is_after = |a: u32, b: u32| a.wrapping_sub(b).cast_signed() > 0;
        let in_handshake = before == FlowState::SYN_RECV;
        self.state = before.next(packet.flags);
        let is_news = match packet.flags {
            SYN => in_handshake,
            _ => is_after(packet.next_sequence, self.next_sequence),
        };
        if is_news {
            self.next_sequence = packet.next_sequence;
        }
        let acknowledged = clients::acknowledged_with(packet.next_sequence);
        if packet.flags & ACK != 0
            && (in_handshake || is_after(acknowledged, self.last_acknowledgement))
        {
            self.last_acknowledgement = acknowledged;
        }
        self.heard.push(*packet);
    }
}

impl<'a> Replay<'a> {
    fn of(client: Client, packets: &'a [Packet], history: &'a History) -> Self {
        let mut replay = Self {
            client,
            packets,
            connections: Vec::new(),
            may_be_double: false,
            now: None,
            history,
        };
        for packet in packets {
            replay.note_idle(packet.span);
            replay.follow(packet);
        }
        replay.note_idle(Span::AFTERWARDS);
        replay
    }

    /// The connection that the tables hold after all, unless its server has ended.
    pub(super) fn at_last(&self) -> Option<&Connection> {
        self.now.map(|now| &self.connections[now])
    }

    fn follow(&mut self, packet: &Packet) {
        let Some(now) = self.now else {
            return self.follow_nothing(packet);
        };
        match self.connections[now].life() {
            None => self.follow_unknown(now, packet),
            Some(life) => match self.history.lives[life].during(packet.span) {
                Vital::Away => self.follow_nothing(packet),
                vital => self.follow_flow(now, vital, packet),
            },
        }
    }

    /// There is no flow, or one whose server has ended: only a SYN gets any further.
    fn follow_nothing(&mut self, packet: &Packet) {
        match (packet.flags, packet.to) {
            (SYN, Outcome::Server(server)) => self.open(packet, server),
            (SYN, Outcome::Refused) => {
                let history = self.history;
                let is_just = history.is_edited(packet.span)
                    || !history.has_server(packet.client, packet.span);
                assert!(is_just, "refused for no reason: {packet:?}");
            }
            (_, Outcome::Refused) => {
                // Neither table has a living flow, unless it is out for a moment.
                self.may_be_double &= self.looks_during(packet.span).next().is_some()
                    || !self.history.sweeps_during(packet.span).is_empty();
            }
            (_, Outcome::Server(_)) if self.may_be_double => self.open_unknown(packet),
            (_, Outcome::Server(_)) => panic!(
                "forwarded without a living flow: {packet:?} after {:?}",
                self.connections.last()
            ),
            (_, Outcome::Astray) => self.follow_astray(packet),
        }
    }

    /// A packet of a connection that is there, or whose server is just ending.
    fn follow_flow(&mut self, now: usize, vital: Vital, packet: &Packet) {
        let is_out = self.may_be_out(&self.connections[now], packet.span);
        let life = self.life_of(now);
        let connection = &mut self.connections[now];
        let is_mine = packet.to == Outcome::Server(life.server);
        let is_syn = packet.flags == SYN;
        if packet.to == Outcome::Astray {
            self.follow_astray(packet);
        } else if is_out {
            self.follow_one_that_may_be_out(now, packet);
        } else if is_syn && connection.is_closing() {
            self.follow_nothing(packet);
        } else if is_mine && is_syn && vital == Vital::Changing {
            // It may be a new flow or the old one, of this life of the server or the next.
            connection.knowledge = Knowledge::Little;
            connection.heard.push(*packet);
        } else if is_mine {
            connection.refresh(packet);
            if let Knowledge::AllButLast(life) = connection.knowledge
                && packet.flags == ACK
            {
                connection.knowledge = Knowledge::All(life);
            }
        } else if vital == Vital::Changing {
            match packet.to {
                Outcome::Server(server) if is_syn => self.open(packet, server),
                to => assert_eq!(to, Outcome::Refused, "{packet:?} of {connection:?}"),
            }
        } else {
            let is_swept = !is_syn && self.is_swept(now, packet);
            let connection = &self.connections[now];
            assert!(
                is_swept,
                "{packet:?} did not go where {connection:?} is; beside it {:?} and {:?}",
                self.looks_during(packet.span).collect::<Vec<_>>(),
                self.history.sweeps_during(packet.span)
            );
            self.connections[now].end = End::Swept;
            self.now = None;
        }
    }

    fn follow_one_that_may_be_out(&mut self, now: usize, packet: &Packet) {
        let life = self.life_of(now);
        let is_told = self.idle(now).any(|sweep| sweep.span.meets(packet.span));
        let connection = &mut self.connections[now];
        match (packet.flags, packet.to, connection.state) {
            (ACK, Outcome::Server(server), FlowState::ESTABLISHED) if server == life.server => {
                connection.refresh(packet);
                if let Some(life) = connection.life() {
                    connection.knowledge = Knowledge::AllButLast(life);
                }
            }
            (ACK, Outcome::Refused, FlowState::ESTABLISHED) if is_told => {
                connection.end = End::Swept;
                self.now = None;
            }
            (flags, to, state) => {
                self.may_be_double |= flags != SYN && state == FlowState::SYN_RECV;
                connection.knowledge = Knowledge::Little;
                if let Outcome::Server(server) = to {
                    connection.heard.push(*packet);
                    self.expect_somebody(packet, server);
                }
            }
        }
    }

    /// Something may be there. A SYN that is forwarded says of which server it is from then on.
    fn follow_unknown(&mut self, now: usize, packet: &Packet) {
        let Outcome::Server(server) = packet.to else {
            return;
        };
        let lives = self.expect_somebody(packet, server);
        let is_out = self.may_be_out(&self.connections[now], packet.span);
        self.may_be_double |= is_out && packet.flags != SYN;
        let connection = &mut self.connections[now];
        connection.heard.push(*packet);
        if let (SYN, false, Some(life)) = (packet.flags, is_out, lives) {
            connection.knowledge = Knowledge::AllButLast(life);
            connection.opened = packet.span;
            connection.is_mixed = true;
            connection.follows_what_is_over = true;
            connection.state = FlowState::SYN_RECV;
            connection.next_sequence = packet.next_sequence;
            connection.last_acknowledgement = 0;
        }
    }

    /// Only while a server's entry is being written.
    fn follow_astray(&mut self, packet: &Packet) {
        assert!(self.history.is_edited(packet.span), "astray: {packet:?}");
        self.open_unknown(packet);
    }

    fn open(&mut self, packet: &Packet, server: u8) {
        let knowledge = self
            .expect_somebody(packet, server)
            .map_or(Knowledge::Little, Knowledge::All);
        self.begin(packet, knowledge);
    }

    fn open_unknown(&mut self, packet: &Packet) {
        self.begin(packet, Knowledge::Little);
    }

    fn begin(&mut self, packet: &Packet, knowledge: Knowledge) {
        if let Some(now) = self.now {
            self.connections[now].end = End::Replaced(packet.span);
        }
        let before = self.connections.last();
        let follows_what_is_over = before.is_some_and(|last| last.may_be_swept(self.client));
        self.now = Some(self.connections.len());
        self.connections.push(Connection {
            knowledge,
            opened: packet.span,
            heard: vec![*packet],
            state: FlowState::SYN_RECV,
            next_sequence: packet.next_sequence,
            last_acknowledgement: 0,
            end: End::None,
            is_mixed: false,
            follows_what_is_over,
        });
    }

    /// A packet went to a server that was there, or just coming or going; in which life of its, where that is certain.
    fn expect_somebody(&self, packet: &Packet, server: u8) -> Option<usize> {
        let lives = self.history.lives_during(self.client, server, packet.span);
        assert!(!lives.is_empty(), "nobody is there: {packet:?}");
        match lives[..] {
            // The flow of a SYN in the moment of its server's end may have the generation before or after.
            [life] if !self.history.lives[life].ends_in(packet.span) => Some(life),
            _ => None,
        }
    }

    fn life_of(&self, now: usize) -> Life {
        let life = self.connections[now].life().expect("a known life");
        self.history.lives[life]
    }

    /// Whether the flow may be out of its table for a moment, see above.
    fn may_be_out(&self, connection: &Connection, span: Span) -> bool {
        let is_unknown = connection.life().is_none();
        let is_new = |since: Span| is_unknown || connection.opened.to > since.from;
        self.looks_during(span).any(|take| is_new(take.span))
            || self.history.sweeps_during(span).iter().any(|sweep| {
                let follows = is_unknown || connection.follows_what_is_over;
                follows && is_new(sweep.span) || connection.may_have_been_over(self.client, sweep)
            })
    }

    /// Flows of the client that the teller did not take in the end: each may have been out for a moment.
    fn looks_during(&self, span: Span) -> impl Iterator<Item = &'a Take> {
        let takes = self.history.takes_of(self.client);
        takes.filter(move |take| take.flow.is_none() && take.span.meets(span))
    }

    /// Whether a sweep took the flow before the packet came, or while it did.
    fn is_swept(&self, now: usize, packet: &Packet) -> bool {
        let connection = &self.connections[now];
        if connection.state == FlowState::CLOSE {
            let silence = Span {
                from: connection.last_heard().from,
                to: packet.span.to,
            };
            return !self.history.sweeps_during(silence).is_empty();
        }
        self.idle(now).any(|sweep| sweep.span.meets(packet.span))
    }

    /// The sweeps that told the connection because it was idle.
    fn idle(&self, now: usize) -> impl Iterator<Item = &'a Sweep> {
        let connection = &self.connections[now];
        let history = self.history;
        history
            .idle_of(self.client)
            .filter_map(move |(sweep, idle)| {
                let life = history.life_of(&idle.flow)?;
                // Its opening is too young for a sweep that was told the time before: that one meant what was there until then.
                let is_this = connection.life() == Some(life)
                    && sweep.told > connection.opened.from
                    && connection.has(idle.flow.next_sequence, history.lives[life].server);
                is_this.then_some(sweep)
            })
    }

    /// A connection that was idle for too long is gone when the sweep is done.
    fn note_idle(&mut self, until: Span) {
        let Some(now) = self.now else { return };
        if self.idle(now).any(|sweep| sweep.span.is_before(until)) {
            self.connections[now].end = End::Swept;
            self.now = None;
        }
    }
}
