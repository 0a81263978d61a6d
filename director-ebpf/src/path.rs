//! The packet path, from top to bottom. Every `return` is an exit with a name.

use aya_ebpf::programs::XdpContext;
use director_common::{counters::Counter, server::RealServer};

use crate::{
    cursor::Cursor,
    flow::{self, Known},
    forward,
    packet::{self, Packet},
    schedule, service,
    verdict::Verdict,
};

/// Decides on one packet.
#[inline(always)]
pub fn process(context: &XdpContext) -> Verdict {
    let packet = match packet::parse(Cursor::new(context)) {
        Ok(packet) => packet,
        Err(verdict) => return verdict,
    };
    match flow::find(&packet) {
        Known::Flow(flow, server) => continue_flow(context, &packet, flow, server),
        Known::ServerGone => begin_flow(context, &packet, Counter::PassServerGone),
        Known::Nothing => begin_flow(context, &packet, Counter::PassNoFlow),
    }
}

/// A packet of a flow whose server is there: the hot path.
#[inline(always)]
fn continue_flow(
    context: &XdpContext,
    packet: &Packet,
    flow: *mut director_common::flow::Flow,
    server: &RealServer,
) -> Verdict {
    if !service::is_master(server.instance) {
        return Verdict::Pass(Counter::PassNotMaster);
    }
    if !forward::is_on_its_way(context, packet, server) {
        return Verdict::Pass(Counter::PassOtherHost);
    }
    if let Err(verdict) = forward::decrement_ttl(packet) {
        return verdict;
    }
    let (id, service) = flow::refresh(flow, packet);
    forward::count_packet(id, service, packet);
    forward::rewrite(packet, server);
    Verdict::Tx(Counter::ForwardFlow)
}

/// A packet that belongs to no living flow: it opens one, or it goes to the kernel for the reason `stray`.
#[inline(always)]
fn begin_flow(context: &XdpContext, packet: &Packet, stray: Counter) -> Verdict {
    let Some(service) = service::find(&packet.key) else {
        return Verdict::Pass(Counter::PassNoService);
    };
    if !service::is_master(service.instance) {
        return Verdict::Pass(Counter::PassNotMaster);
    }
    if !packet.segment.may_begin_flow() {
        return Verdict::Pass(stray);
    }
    let Some((id, server)) = schedule::choose(service.id) else {
        return Verdict::Pass(Counter::PassNoServer);
    };
    if !forward::is_on_its_way(context, packet, server) {
        return Verdict::Pass(Counter::PassOtherHost);
    }
    if let Err(verdict) = forward::decrement_ttl(packet) {
        return verdict;
    }
    flow::insert(packet, service.id, id, server);
    forward::count_connection(id, service.id, packet);
    forward::rewrite(packet, server);
    Verdict::Tx(Counter::ForwardNew)
}
