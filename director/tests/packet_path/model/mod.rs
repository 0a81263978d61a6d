//! The data plane once more: plain Rust, written for reading, without BPF and without haste.
//!
//! [`Model::process`] does with a frame what the XDP program must do with it. The property test in `check` gives both the same
//! packets and edits, and compares every verdict, output byte, flow, template and counter. The model gets the tables that
//! userspace prepared, as the program does: that they are right is the business of the tests beside them.

mod answer;
mod check;
mod forward;
mod parse;
mod schedule;
mod world;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use director::dataplane::tables::{self, ServiceKey, Tables};
use director_common::{
    counters::{Counter, Traffic},
    instance::Lease,
    protocol,
    server::RealServer,
    service::{Service, VipFilter},
    tcp::{ACK, FIN, FlowState, RST, SYN},
};

use self::{
    parse::{Packet, Part, Segment},
    schedule::{Asker, Memory},
};
use crate::bench::{DROP, PASS};

/// A flow's 5-tuple, from the client's side.
type Key = (IpAddr, u16, IpAddr, u16, u8);

/// What fragments of one packet share: source, destination, identification, protocol.
type FragmentKey = (IpAddr, IpAddr, [u8; 4], u8);

/// What is remembered of a flow. Times are left out: no test lasts as long as a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flow {
    server: u32,
    generation: u32,
    state: FlowState,
    next_sequence: u32,
    last_acknowledgement: u32,
}

/// What happens to a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    action: u32,
    frame: Vec<u8>,
    counter: Counter,
    /// An answer that the limit of answers may forbid: then this happens.
    unless_limited: Option<Box<Self>>,
}

/// The packet path and all that it remembers.
#[derive(Clone, Debug, Default)]
struct Model {
    tables: Tables,
    /// By index of the instance.
    leases: BTreeMap<u32, Lease>,
    /// Jiffies. Nothing ends between two edits, so it stands still.
    now: u64,
    flows: HashMap<Key, Flow>,
    half_open: HashMap<Key, Flow>,
    /// By masked client and service: server and generation.
    templates: HashMap<([u8; 16], u32), (u32, u32)>,
    /// Server and generation.
    fragments: HashMap<FragmentKey, (u32, u32)>,
    memory: Memory,
    counters: HashMap<&'static str, u64>,
    server_traffic: HashMap<u32, Traffic>,
}

/// Where a packet goes.
enum Route {
    Back,
    Across,
    Local,
    Ends(Outcome),
}

fn outcome(action: u32, frame: Vec<u8>, counter: Counter) -> Outcome {
    Outcome {
        action,
        frame,
        counter,
        unless_limited: None,
    }
}

fn pass(frame: &[u8], counter: Counter) -> Outcome {
    outcome(PASS, frame.to_vec(), counter)
}

impl Model {
    /// Userspace wrote other tables, and holds other leases at this time in jiffies. What a server had before it went out of use is
    /// forgotten.
    fn edit(&mut self, tables: &Tables, leases: BTreeMap<u32, Lease>, now: u64) {
        self.leases = leases;
        self.now = now;
        for (index, server) in &tables.servers {
            let before = self.tables.servers.get(index);
            if before.map_or(0, |known| known.generation) != server.generation {
                self.memory.loads.remove(index);
            }
            if before.map(|known| (known.service, known.address))
                != Some((server.service, server.address))
            {
                self.server_traffic.remove(index);
            }
        }
        for (key, service) in &tables.services {
            if !self.tables.services.contains_key(key) {
                self.memory.localities.remove(&service.id);
            }
        }
        self.tables = tables.clone();
    }

    /// What the program must do with a frame. The caller says by [`Model::settle`] which of two outcomes came.
    fn process(&mut self, frame: &[u8]) -> Outcome {
        let filter = tables::vip_filter(self.tables.services.keys());
        let packet = match parse::packet(frame, |address| holds(&filter, address)) {
            Ok(packet) => packet,
            Err(counter) => return pass(frame, counter),
        };
        if let Part::Later(identification) = packet.part {
            return self.follow_fragment(frame, &packet, identification);
        }
        match packet.protocol {
            protocol::TCP | protocol::UDP => self.process_segment(frame, &packet),
            number if number == icmp(&packet) => self.process_icmp(frame, &packet),
            _ => pass(frame, Counter::PassProtocol),
        }
    }

    /// Counts what happened.
    fn settle(&mut self, counter: Counter) {
        *self.counters.entry(counter.name()).or_default() += 1;
    }

    fn living(&self, server: u32, generation: u32) -> Option<RealServer> {
        let entry = self.tables.servers.get(&server)?;
        (entry.generation == generation && entry.flags & RealServer::IN_USE != 0).then_some(*entry)
    }

    /// A server that is away and waited for.
    fn held(&self, server: u32, generation: u32) -> Option<RealServer> {
        let entry = self.tables.servers.get(&server)?;
        (entry.generation == generation && entry.flags & RealServer::HELD != 0).then_some(*entry)
    }

    fn is_master(&self, instance: u32) -> bool {
        let lease = self.leases.get(&instance);
        lease.is_some_and(|lease| lease.until > self.now)
    }

    fn process_segment(&mut self, frame: &[u8], packet: &Packet) -> Outcome {
        let Some(segment) = parse::segment(frame, packet) else {
            return pass(frame, Counter::PassMalformed);
        };
        let key = (
            packet.source,
            segment.source_port,
            packet.destination,
            segment.destination_port,
            packet.protocol,
        );
        let flow = self
            .flows
            .get(&key)
            .or_else(|| self.half_open.get(&key))
            .copied();
        let server = flow.and_then(|flow| self.living(flow.server, flow.generation));
        if let (Some(flow), Some(server)) = (flow, server) {
            let is_closing = matches!(
                flow.state,
                FlowState::FIN_WAIT | FlowState::TIME_WAIT | FlowState::CLOSE
            );
            if !(opens(packet, &segment) && is_closing) {
                return self.continue_flow(frame, packet, &segment, key, server);
            }
        }
        if let Some(held) = flow.and_then(|flow| self.held(flow.server, flow.generation))
            && packet.protocol == protocol::TCP
            && !opens(packet, &segment)
        {
            return match self.is_master(held.instance) {
                true => outcome(DROP, frame.to_vec(), Counter::DropHeld),
                false => pass(frame, Counter::PassNotMaster),
            };
        }
        self.begin_flow(frame, packet, &segment, key, flow)
    }

    fn continue_flow(
        &mut self,
        frame: &[u8],
        packet: &Packet,
        segment: &Segment,
        key: Key,
        server: RealServer,
    ) -> Outcome {
        if !self.is_master(server.instance) {
            return pass(frame, Counter::PassNotMaster);
        }
        let route = self.route(frame, packet, &server);
        if let Route::Ends(outcome) = route {
            return outcome;
        }
        let is_half_open = !self.flows.contains_key(&key);
        let table = if is_half_open {
            &mut self.half_open
        } else {
            &mut self.flows
        };
        let flow = table.get_mut(&key).expect("the flow was just found");
        let before = flow.state;
        refresh(flow, packet, segment);
        let flow = *flow;
        self.change_load(flow.server, before, flow.state);
        if is_half_open && flow.state != FlowState::SYN_RECV {
            self.half_open.remove(&key);
            self.flows.insert(key, flow);
            self.settle(Counter::FlowPromoted);
        }
        self.remember_fragment(packet, flow.server, &server);
        self.count(flow.server, 0, packet);
        self.send(frame, packet, &server, &route, Counter::ForwardFlow)
    }

    fn begin_flow(
        &mut self,
        frame: &[u8],
        packet: &Packet,
        segment: &Segment,
        key: Key,
        before: Option<Flow>,
    ) -> Outcome {
        let service_key = |port| ServiceKey {
            address: packet.destination,
            port,
            protocol: packet.protocol,
        };
        let services = &self.tables.services;
        let service = services
            .get(&service_key(segment.destination_port))
            .or_else(|| services.get(&service_key(0)));
        let Some(service) = service.copied() else {
            return pass(frame, Counter::PassNoService);
        };
        if !self.is_master(service.instance) {
            return pass(frame, Counter::PassNotMaster);
        }
        let is_dead =
            before.is_some_and(|flow| self.living(flow.server, flow.generation).is_none());
        let is_reset = segment.flags & RST != 0;
        let is_scheduled = service.flags & Service::NO_FLOW_SCHEDULE != 0 && !is_reset;
        if packet.protocol == protocol::TCP && !opens(packet, segment) && !is_scheduled {
            if !is_reset && service.flags & Service::NO_FLOW_PASS == 0 {
                return self.refuse_segment(frame, packet, segment, Counter::AnswerNoFlow);
            }
            let counter = if is_dead {
                Counter::PassServerGone
            } else {
                Counter::PassNoFlow
            };
            return pass(frame, counter);
        }
        let Some(index) = self.choose(packet, segment, &service) else {
            return self.refuse_flow(frame, packet, segment);
        };
        let server = self.tables.servers[&index];
        let route = self.route(frame, packet, &server);
        if let Route::Ends(outcome) = route {
            return outcome;
        }
        if let Some(old) = before {
            self.flows.remove(&key);
            self.half_open.remove(&key);
            if !is_dead {
                self.add_load(old.server, old.state, -1);
            }
        }
        self.open(packet, segment, &service, key, index);
        if service.flags & Service::PERSISTENT != 0 {
            let client = masked(packet.source, &service);
            self.templates
                .insert((client, service.id), (index, server.generation));
        }
        self.remember_fragment(packet, index, &server);
        self.count(index, 1, packet);
        self.send(frame, packet, &server, &route, Counter::ForwardNew)
    }

    fn choose(&mut self, packet: &Packet, segment: &Segment, service: &Service) -> Option<u32> {
        if service.flags & Service::PERSISTENT != 0 {
            let kept = self
                .templates
                .get(&(masked(packet.source, service), service.id));
            if let Some((index, generation)) = kept
                && let Some(server) = self.living(*index, *generation)
                && server.flags & RealServer::ACCEPTS_NEW != 0
            {
                return Some(*index);
            }
        }
        let asker = Asker {
            client: packet.source,
            vip: packet.destination,
            port: segment.source_port,
            service: service.id,
        };
        self.memory.choose(&self.tables, &asker)
    }

    fn open(
        &mut self,
        packet: &Packet,
        segment: &Segment,
        service: &Service,
        key: Key,
        index: u32,
    ) {
        if service.flags & Service::ONE_PACKET != 0 {
            return;
        }
        let server = self.tables.servers[&index];
        let state = match packet.protocol {
            protocol::TCP => FlowState::NONE.next(segment.flags),
            _ => FlowState::UDP,
        };
        let is_acknowledging = segment.flags & ACK != 0;
        let flow = Flow {
            server: index,
            generation: server.generation,
            state,
            next_sequence: segment.next_sequence,
            last_acknowledgement: if is_acknowledging {
                segment.acknowledgement
            } else {
                0
            },
        };
        self.half_open.insert(key, flow);
        self.add_load(index, state, 1);
        let load = self.memory.loads.entry(index).or_default();
        load.overloaded = load
            .is_overloaded(server.upper_threshold, server.lower_threshold)
            .into();
    }

    fn add_load(&mut self, server: u32, state: FlowState, number: i32) {
        let load = self.memory.loads.entry(server).or_default();
        match state.is_active() {
            true => load.active += number,
            false => load.inactive += number,
        }
    }

    fn change_load(&mut self, server: u32, before: FlowState, after: FlowState) {
        if before.is_active() != after.is_active() {
            self.add_load(server, before, -1);
            self.add_load(server, after, 1);
        }
    }

    fn follow_fragment(
        &mut self,
        frame: &[u8],
        packet: &Packet,
        identification: [u8; 4],
    ) -> Outcome {
        let key = fragment_key(packet, identification);
        let found = self.fragments.get(&key).copied();
        match found.and_then(|(index, generation)| Some((index, self.living(index, generation)?))) {
            Some((index, server)) => {
                self.deliver(frame, packet, index, server, Counter::ForwardFragment)
            }
            None => pass(frame, Counter::PassFragment),
        }
    }

    fn remember_fragment(&mut self, packet: &Packet, index: u32, server: &RealServer) {
        if let Part::First(identification) = packet.part {
            let key = fragment_key(packet, identification);
            self.fragments.insert(key, (index, server.generation));
        }
    }

    fn process_icmp(&mut self, frame: &[u8], packet: &Packet) -> Outcome {
        let flow = parse::icmp_error(frame, packet)
            .filter(|inner| matches!(inner.protocol, protocol::TCP | protocol::UDP))
            .and_then(|inner| {
                // The packet inside went from the VIP to the client.
                let (vip_port, client_port) = inner.ports;
                let key = (
                    inner.destination,
                    client_port,
                    inner.source,
                    vip_port,
                    inner.protocol,
                );
                self.flows
                    .get(&key)
                    .or_else(|| self.half_open.get(&key))
                    .copied()
            });
        let found =
            flow.and_then(|flow| Some((flow.server, self.living(flow.server, flow.generation)?)));
        match found {
            Some((index, server)) => {
                self.deliver(frame, packet, index, server, Counter::ForwardIcmp)
            }
            None => pass(frame, Counter::PassIcmp),
        }
    }
}

fn holds(filter: &VipFilter, address: IpAddr) -> bool {
    let bit = match address {
        IpAddr::V4(address) => VipFilter::bit(&[u32::from_ne_bytes(address.octets())]),
        IpAddr::V6(address) => VipFilter::bit(&tables::words(address.octets())),
    };
    filter.words[(bit / 64) as usize] & (1 << (bit % 64)) != 0
}

fn icmp(packet: &Packet) -> u8 {
    match packet.source {
        IpAddr::V4(_) => protocol::ICMP,
        IpAddr::V6(_) => protocol::ICMPV6,
    }
}

fn opens(packet: &Packet, segment: &Segment) -> bool {
    packet.protocol == protocol::TCP && segment.flags & (SYN | ACK | FIN | RST) == SYN
}

fn fragment_key(packet: &Packet, identification: [u8; 4]) -> FragmentKey {
    let protocol = if packet.source.is_ipv4() {
        packet.protocol
    } else {
        44
    };
    (packet.source, packet.destination, identification, protocol)
}

fn masked(client: IpAddr, service: &Service) -> [u8; 16] {
    let mut bytes = match client {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    for (byte, mask) in bytes.iter_mut().zip(service.client_mask) {
        *byte &= mask;
    }
    bytes
}

/// Takes what a packet tells into a flow's memory. Sequence numbers never go back, but during the handshake.
fn refresh(flow: &mut Flow, packet: &Packet, segment: &Segment) {
    if packet.protocol != protocol::TCP {
        return;
    }
    let is_after = |a: u32, b: u32| (a.wrapping_sub(b) as i32) > 0;
    let in_handshake = flow.state == FlowState::SYN_RECV;
    flow.state = flow.state.next(segment.flags);
    let is_news = match opens(packet, segment) {
        true => in_handshake,
        false => is_after(segment.next_sequence, flow.next_sequence),
    };
    if is_news {
        flow.next_sequence = segment.next_sequence;
    }
    let acknowledges = segment.flags & ACK != 0;
    if acknowledges
        && (in_handshake || is_after(segment.acknowledgement, flow.last_acknowledgement))
    {
        flow.last_acknowledgement = segment.acknowledgement;
    }
}
