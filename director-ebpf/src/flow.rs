//! Flows: find one, keep it fresh, make a new one.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use director_common::{
    counters::Counter,
    flow::Flow,
    server::RealServer,
    tcp::{ACK, FlowState},
};

use crate::{
    maps::{FLOWS_V4, SERVERS},
    packet::{Packet, Segment},
    verdict::count,
};

/// What is known of a packet's flow.
pub enum Known {
    /// The flow, and the server it belongs to.
    Flow(*mut Flow, &'static RealServer),
    /// There was a flow, but its server was removed or has failed.
    ServerGone,
    Nothing,
}

/// Looks the packet's flow up, and its server.
///
/// Liveness is looked at before anything is refreshed, so that a dead flow cannot keep itself alive.
#[inline(always)]
pub fn find(packet: &Packet) -> Known {
    let Some(flow) = FLOWS_V4.get_ptr_mut(&packet.key) else {
        return Known::Nothing;
    };
    // SAFETY: the map's memory outlives the program's run; other CPUs may write the same fields, each of which is
    // valid with any value.
    let (server, generation, state) =
        unsafe { ((*flow).server, (*flow).generation, FlowState((*flow).state)) };
    if packet.segment.opens_connection() && is_closing(state) {
        return Known::Nothing;
    }
    match SERVERS.get(server) {
        Some(server)
            if server.generation == generation && server.flags & RealServer::IN_USE != 0 =>
        {
            Known::Flow(flow, server)
        }
        _ => Known::ServerGone,
    }
}

/// The client is done with the connection, so a SYN on the same tuple opens another one.
#[inline(always)]
fn is_closing(state: FlowState) -> bool {
    matches!(
        state,
        FlowState::FIN_WAIT | FlowState::TIME_WAIT | FlowState::CLOSE
    )
}

/// Notes what the packet tells of the flow, and gives the indexes of its server and its service.
///
/// Only what changed is written, through the pointer: an update of the map would allocate, and might evict another flow.
#[inline(always)]
pub fn refresh(flow: *mut Flow, packet: &Packet) -> (u32, u32) {
    // SAFETY: see `find`.
    let flow = unsafe { &mut *flow };
    let now = now();
    if flow.last_seen != now {
        flow.last_seen = now;
    }
    if packet.segment.is_tcp() {
        refresh_tcp(flow, &packet.segment);
    }
    (flow.server, flow.service)
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

/// Remembers a new flow. A table that cannot take it never stops a packet: that is counted, and the packet goes on.
#[inline(always)]
pub fn insert(packet: &Packet, service: u32, id: u32, server: &RealServer) {
    let now = now();
    let segment = &packet.segment;
    let state = match segment.is_tcp() {
        true => FlowState::NONE.next(segment.flags),
        false => FlowState::UDP,
    };
    let flow = Flow {
        server: id,
        generation: server.generation,
        service,
        state: state.0,
        created: now,
        last_seen: now,
        next_sequence: segment.next_sequence,
        last_acknowledgement: 0,
    };
    if FLOWS_V4.insert(&packet.key, &flow, 0).is_err() {
        count(Counter::FlowTableFull);
    }
}

/// Low 32 bits of jiffies: differences are right for 49 days at 1000 Hz, longer than any flow is kept unseen.
#[inline(always)]
pub fn now() -> u32 {
    // SAFETY: the helper has no preconditions. The kernel inlines it as one load.
    unsafe { bpf_jiffies64() as u32 }
}
