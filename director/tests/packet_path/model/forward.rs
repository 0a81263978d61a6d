//! What becomes of a packet whose server is known, or that has none.

use std::net::IpAddr;

use director_common::{
    counters::{Counter, Traffic},
    protocol,
    server::{RealServer, vlan_tags},
};

use super::{
    Model, Outcome, Route,
    answer::{self, IcmpError},
    outcome,
    parse::{Packet, Segment},
    pass,
};
use crate::bench::{DROP, IFINDEX, REDIRECT, TX};

impl Model {
    pub(super) fn deliver(
        &mut self,
        frame: &[u8],
        packet: &Packet,
        index: u32,
        server: RealServer,
        counter: Counter,
    ) -> Outcome {
        if !self.is_master(server.instance) {
            return pass(frame, Counter::PassNotMaster);
        }
        let route = self.route(frame, packet, &server);
        if let Route::Ends(outcome) = route {
            return outcome;
        }
        self.count(index, 0, packet);
        self.send(frame, packet, &server, &route, counter)
    }

    pub(super) fn route(&self, frame: &[u8], packet: &Packet, server: &RealServer) -> Route {
        if server.flags & RealServer::LOCAL != 0 {
            return Route::Local;
        }
        let interface = self.tables.interfaces.get(&IFINDEX);
        let is_own_link = packet.destination_mac == server.source_mac && server.ifindex == IFINDEX;
        let is_ours = self.is_for_us(packet);
        if vlan_tags(packet.vlans[0], packet.vlans[1]) != server.vlan || !(is_own_link || is_ours) {
            return Route::Ends(pass(frame, Counter::PassOtherHost));
        }
        let is_back = server.ifindex == IFINDEX
            || interface.is_some_and(|known| known.master == server.ifindex);
        let too_big = server.mtu != 0
            && packet.length > server.mtu.into()
            && interface.is_some_and(|known| packet.length <= known.mtu.into());
        if too_big {
            let dropped = outcome(DROP, frame.to_vec(), Counter::DropTooBig);
            let wants_to_know = match packet.source {
                IpAddr::V4(_) => frame[packet.network + 6] & 0x40 != 0,
                IpAddr::V6(_) => true,
            };
            return Route::Ends(match wants_to_know {
                true => self.answer(
                    frame,
                    packet,
                    IcmpError::TooBig(server.mtu),
                    Counter::AnswerTooBig,
                    dropped,
                ),
                false => dropped,
            });
        }
        if ttl(frame, packet) <= 1 {
            let dropped = outcome(DROP, frame.to_vec(), Counter::DropTtl);
            let answer = self.answer(
                frame,
                packet,
                IcmpError::TimeExceeded,
                Counter::AnswerTimeExceeded,
                dropped,
            );
            return Route::Ends(answer);
        }
        if is_back { Route::Back } else { Route::Across }
    }

    /// An ICMP error, or what happens where there is none.
    fn answer(
        &self,
        frame: &[u8],
        packet: &Packet,
        error: IcmpError,
        counter: Counter,
        silent: Outcome,
    ) -> Outcome {
        let interface = self.tables.interfaces.get(&IFINDEX);
        match answer::icmp_error(frame, packet, error, interface) {
            Some(answer) => Outcome {
                unless_limited: Some(Box::new(silent)),
                ..outcome(TX, answer, counter)
            },
            None => silent,
        }
    }

    pub(super) fn refuse_flow(&self, frame: &[u8], packet: &Packet, segment: &Segment) -> Outcome {
        if packet.protocol == protocol::TCP {
            return self.refuse_segment(frame, packet, segment, Counter::AnswerReset);
        }
        if !self.is_for_us(packet) {
            return pass(frame, Counter::PassOtherHost);
        }
        self.answer(
            frame,
            packet,
            IcmpError::PortUnreachable,
            Counter::AnswerUnreachable,
            pass(frame, Counter::PassNoServer),
        )
    }

    pub(super) fn refuse_segment(
        &self,
        frame: &[u8],
        packet: &Packet,
        segment: &Segment,
        counter: Counter,
    ) -> Outcome {
        if !self.is_for_us(packet) {
            return pass(frame, Counter::PassOtherHost);
        }
        outcome(TX, answer::reset(frame, packet, segment), counter)
    }

    fn is_for_us(&self, packet: &Packet) -> bool {
        let interface = self.tables.interfaces.get(&IFINDEX);
        let family = match packet.destination {
            IpAddr::V4(_) => 1,
            IpAddr::V6(_) => 2,
        };
        // RFC 9568 section 7.3.
        let [prefix @ .., _virtual_router_id] = packet.destination_mac;
        let is_virtual_router = prefix == [0, 0, 0x5e, 0, family];
        interface.is_some_and(|known| known.mac == packet.destination_mac || is_virtual_router)
    }

    pub(super) fn count(&mut self, index: u32, connections: u64, packet: &Packet) {
        *self.server_traffic.entry(index).or_default() += Traffic {
            connections,
            packets: 1,
            bytes: packet.length as u64,
        };
    }

    pub(super) fn send(
        &self,
        frame: &[u8],
        packet: &Packet,
        server: &RealServer,
        route: &Route,
        counter: Counter,
    ) -> Outcome {
        let action = match route {
            Route::Local => return pass(frame, Counter::PassLocal),
            Route::Back => TX,
            Route::Across => REDIRECT,
            Route::Ends(_) => unreachable!("it ended before"),
        };
        let mut forwarded = frame.to_vec();
        forwarded[..6].copy_from_slice(&server.mac);
        forwarded[6..12].copy_from_slice(&server.source_mac);
        decrement_ttl(&mut forwarded, packet);
        if action == REDIRECT && !self.tables.interfaces.contains_key(&server.ifindex) {
            return outcome(DROP, forwarded, Counter::DropNoEgress);
        }
        outcome(action, forwarded, counter)
    }
}

fn ttl_place(packet: &Packet) -> usize {
    packet.network + if packet.source.is_ipv4() { 8 } else { 7 }
}

fn ttl(frame: &[u8], packet: &Packet) -> u8 {
    frame[ttl_place(packet)]
}

fn decrement_ttl(frame: &mut [u8], packet: &Packet) {
    frame[ttl_place(packet)] -= 1;
    if packet.source.is_ipv4() {
        // RFC 1624, equation 3: HC' = ~(~HC + ~m + m').
        let place = packet.network + 10;
        let old = u16::from_be_bytes([frame[place], frame[place + 1]]);
        let word = u16::from_be_bytes([frame[place - 2], frame[place - 1]]);
        let before = word.wrapping_add(0x0100);
        let mut sum = u32::from(!old) + u32::from(!before) + u32::from(word);
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        frame[place..place + 2].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
}
