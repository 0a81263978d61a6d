//! Flows: find one, keep it fresh, make a new one.

use director_common::{
    counters::Counter,
    flow::Flow,
    server::RealServer,
    service::Service,
    settings::TIMEOUTS,
    tcp::{ACK, FlowState},
};

use crate::{
    clock,
    family::{Family, Packet, Table},
    load,
    maps::SERVERS,
    service,
    transport::Segment,
    verdict::count,
    verifier::element,
};

/// What is known of a packet's flow.
pub enum Known {
    /// The flow, where it is, and the server it belongs to.
    Flow(*mut Flow, Table, &'static RealServer),
    /// There was a flow, but its server was removed or has failed.
    ServerGone(Table),
    /// There is a flow, and its server is away and waited for. The index is that of the server's VRRP instance.
    Held(u32),
    /// There is a flow, but the client is done with it and opens another one.
    Over(Table, *mut Flow),
    Nothing,
}

/// Looks the packet's flow up, and its server.
///
/// Liveness is looked at before anything is refreshed, so that a dead flow cannot keep itself alive.
#[inline(always)]
pub fn find<F: Family>(packet: &Packet<F>, key: &F::Key, segment: &Segment) -> Known {
    if let Some(flow) = F::flow(Table::Flows, key) {
        return judge(flow, Table::Flows, packet, segment);
    }
    if let Some(flow) = F::flow(Table::HalfOpen, key) {
        return judge(flow, Table::HalfOpen, packet, segment);
    }
    Known::Nothing
}

#[inline(always)]
fn judge<F: Family>(flow: *mut Flow, table: Table, packet: &Packet<F>, segment: &Segment) -> Known {
    let Some(server) = server_of(flow) else {
        // A client that opens another connection, and a datagram, need not wait.
        return match instance_of_held(flow) {
            Some(instance) if segment.is_tcp() && !segment.opens_connection() => {
                Known::Held(instance)
            }
            _ => Known::ServerGone(table),
        };
    };
    // SAFETY: see `server_of`.
    let state = unsafe { FlowState((*flow).state) };
    if segment.opens_connection() {
        // SAFETY: see `server_of`.
        let last_seen = unsafe { (*flow).last_seen };
        if is_closing(state) || clock::is_over(last_seen, timeout(state, packet, segment)) {
            return Known::Over(table, flow);
        }
    }
    Known::Flow(flow, table, server)
}

/// The server of a flow, if it is still the one that the flow was made with.
#[inline(always)]
pub fn server_of(flow: *const Flow) -> Option<&'static RealServer> {
    // SAFETY: the map's memory outlives the program's run; other CPUs may write the same fields, each of which is
    // valid with any value.
    let (server, generation) = unsafe { ((*flow).server, (*flow).generation) };
    living(server, generation)
}

/// The VRRP instance of a flow's server, if that is away and waited for.
#[inline(always)]
fn instance_of_held(flow: *const Flow) -> Option<u32> {
    // SAFETY: see `server_of`.
    let (server, generation) = unsafe { ((*flow).server, (*flow).generation) };
    SERVERS
        .get(server)
        .filter(|entry| entry.generation == generation && entry.flags & RealServer::HELD != 0)
        .map(|entry| entry.instance)
}

/// A server's entry, if it is in use and of this generation.
#[inline(always)]
pub fn living(server: u32, generation: u32) -> Option<&'static RealServer> {
    SERVERS
        .get(server)
        .filter(|entry| entry.generation == generation && entry.flags & RealServer::IN_USE != 0)
}

/// The client is done with the connection, so a SYN on the same tuple opens another one.
#[inline(always)]
fn is_closing(state: FlowState) -> bool {
    matches!(
        state,
        FlowState::FIN_WAIT | FlowState::TIME_WAIT | FlowState::CLOSE
    )
}

/// Time in jiffies that a flow in this state is kept; 0: for ever. A flow whose time has run out may still be there, until the
/// sweep comes by.
#[inline(always)]
fn timeout<F: Family>(state: FlowState, packet: &Packet<F>, segment: &Segment) -> u32 {
    if state == FlowState::ESTABLISHED {
        return service::find(packet, segment).map_or(0, |service| service.idle_timeout);
    }
    let index = state.0 as usize;
    service::settings()
        .filter(|settings| index < settings.timeouts.len())
        // SAFETY: the index was just checked.
        .map_or(0, |settings| unsafe {
            *element::<{ TIMEOUTS - 1 }, _, _>(&settings.timeouts, index)
        })
}

/// Notes what the packet tells of the flow. A half-open flow that was heard again moves to the table of flows.
///
/// Only what changed is written, through the pointer: an update of the map would allocate, and might evict another flow. `now`: the low 32
/// bits of jiffies.
#[inline(always)]
pub fn refresh<F: Family>(
    pointer: *mut Flow,
    table: Table,
    key: &F::Key,
    segment: &Segment,
    now: u32,
) -> u32 {
    // SAFETY: see `server_of`.
    let flow = unsafe { &mut *pointer };
    if flow.last_seen != now {
        flow.last_seen = now;
    }
    if segment.is_tcp() {
        refresh_tcp(flow, segment);
    }
    let server = flow.server;
    if table == Table::HalfOpen && FlowState(flow.state) != FlowState::SYN_RECV {
        promote::<F>(flow, key);
    }
    server
}

/// Moves a flow out of the reach of a flood. Where there is no room it stays where it is.
#[inline(always)]
fn promote<F: Family>(flow: &Flow, key: &F::Key) {
    let copy = *flow;
    if F::insert(Table::Flows, key, &copy).is_err() {
        count(Counter::FlowTableFull);
        return;
    }
    F::remove(Table::HalfOpen, key);
    count(Counter::FlowPromoted);
}

/// Notes the state and the two numbers that a reset would need.
///
/// During the handshake there is nothing to turn back: a client that tries again may count from a lower number, and the
/// server's first number is anywhere in the circle, so it cannot be compared with the zero that stands for *none yet*.
/// Afterwards a SYN tells nothing: the server challenges it and the connection goes on (RFC 5961 section 4), so a
/// stranger who guesses the port cannot make us forget.
#[inline(always)]
fn refresh_tcp(flow: &mut Flow, tcp: &Segment) {
    let before = FlowState(flow.state);
    let in_handshake = before == FlowState::SYN_RECV;
    let state = before.next(tcp.flags);
    if state != before {
        flow.state = state.0;
        load::change(flow.server, before, state);
    }
    let is_news = if tcp.opens_connection() {
        in_handshake
    } else {
        is_after(tcp.next_sequence, flow.next_sequence)
    };
    if is_news {
        flow.next_sequence = tcp.next_sequence;
    }
    if tcp.flags & ACK != 0
        && (in_handshake || is_after(tcp.acknowledgement, flow.last_acknowledgement))
    {
        flow.last_acknowledgement = tcp.acknowledgement;
    }
}

/// Order of sequence numbers, RFC 9293 section 3.4: a retransmission must not turn the memory back.
#[inline(always)]
fn is_after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 > 0
}

/// Forgets the flow that a new one takes the place of.
#[inline(always)]
pub fn forget<F: Family>(known: &Known, key: &F::Key) {
    match known {
        // What a server had before it went out of use was forgotten with it.
        Known::ServerGone(table) => F::remove(*table, key),
        Known::Over(table, flow) => {
            // SAFETY: see `server_of`.
            let (server, state) = unsafe { ((**flow).server, FlowState((**flow).state)) };
            F::remove(*table, key);
            load::end(server, state);
        }
        Known::Flow(..) | Known::Held(_) | Known::Nothing => {}
    }
}

/// Remembers a new flow. A table that cannot take it never stops a packet: that is counted, and the packet goes on.
#[inline(always)]
pub fn insert<F: Family>(
    key: &F::Key,
    segment: &Segment,
    service: &Service,
    id: u32,
    server: &RealServer,
) {
    if service.flags & Service::ONE_PACKET != 0 {
        return;
    }
    let now = clock::now();
    let state = match segment.is_tcp() {
        true => FlowState::NONE.next(segment.flags),
        false => FlowState::UDP,
    };
    let flow = Flow {
        server: id,
        generation: server.generation,
        state: state.0,
        _reserved: 0,
        created: now,
        last_seen: now,
        next_sequence: segment.next_sequence,
        last_acknowledgement: segment.own_acknowledgement(),
    };
    match F::insert(Table::HalfOpen, key, &flow) {
        Ok(()) => load::begin(id, server, state),
        Err(_) => count(Counter::HalfOpenTableFull),
    }
}
