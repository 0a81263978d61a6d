//! The packet path, from top to bottom. Every `return` is an exit with a name.

use aya_ebpf::{EbpfContext as _, programs::XdpContext};
use director_common::{counters::Counter, protocol, server::RealServer, service::Service, tcp};

use crate::{
    clock,
    cursor::Cursor,
    family::{Family, Packet, Part, Table},
    flow::{self, Known},
    forward::{self, Way},
    fragment,
    frame::{self, ETHER_TYPE_IPV4_BE, ETHER_TYPE_IPV6_BE, Frame},
    icmp,
    ipv4::V4,
    ipv6::V6,
    maps::SERVERS,
    persistence,
    reply::IcmpError,
    schedule::{self, Asker},
    service,
    transport::{self, Segment},
    verdict::{Kind, Verdict},
};

/// Decides on one frame.
#[inline(always)]
pub fn process(context: &XdpContext) -> Verdict {
    let cursor = Cursor::new(context);
    let frame = match frame::parse(cursor) {
        Ok(frame) => frame,
        Err(verdict) => return verdict,
    };
    match frame.ether_type_be {
        ETHER_TYPE_IPV4_BE => process_packet::<V4>(context, cursor, frame),
        ETHER_TYPE_IPV6_BE => process_packet::<V6>(context, cursor, frame),
        _ => Verdict::Pass(Counter::PassNotIp),
    }
}

/// An IP packet; one for no VIP ends where it is parsed.
#[inline(always)]
fn process_packet<F: Family>(context: &XdpContext, cursor: Cursor, frame: Frame) -> Verdict {
    let packet = match F::parse(cursor, frame) {
        Ok(packet) => packet,
        Err(verdict) => return verdict,
    };
    let verdict = route_packet(context, cursor, &packet);
    match verdict.kind() {
        Kind::Tx | Kind::Redirect | Kind::Pass | Kind::Drop => verdict,
        refusal => refuse(context, &packet, refusal, verdict.value()),
    }
}

/// An IP packet for a VIP.
#[inline(always)]
fn route_packet<F: Family>(context: &XdpContext, cursor: Cursor, packet: &Packet<F>) -> Verdict {
    if let Part::Later(identification) = packet.part {
        return fragment::follow(context, packet, identification);
    }
    if matches!(packet.protocol, protocol::TCP | protocol::UDP) {
        return process_segment(context, cursor, packet);
    }
    if packet.protocol == F::ICMP {
        return icmp::follow(context, cursor, packet);
    }
    Verdict::Pass(Counter::PassProtocol)
}

/// TCP or UDP for a VIP.
#[inline(always)]
fn process_segment<F: Family>(context: &XdpContext, cursor: Cursor, packet: &Packet<F>) -> Verdict {
    let Some(segment) = transport::parse(cursor, packet) else {
        return Verdict::Pass(Counter::PassMalformed);
    };
    let key = F::key(
        packet.source,
        packet.destination,
        segment.ports,
        segment.protocol,
    );
    match flow::find(packet, &key, &segment) {
        Known::Flow(flow, table, server) => {
            continue_flow(context, packet, &segment, &key, (flow, table, server))
        }
        Known::Held(instance) => match service::is_master(instance, clock::jiffies()) {
            true => Verdict::Drop(Counter::DropHeld),
            false => Verdict::Pass(Counter::PassNotMaster),
        },
        known => begin_flow(context, packet, &segment, &key, &known),
    }
}

/// A packet of a flow whose server is there: the hot path.
#[inline(always)]
fn continue_flow<F: Family>(
    context: &XdpContext,
    packet: &Packet<F>,
    segment: &Segment,
    key: &F::Key,
    (flow, table, server): (*mut director_common::flow::Flow, Table, &RealServer),
) -> Verdict {
    // Read once: for the lease, and for the flow.
    let now = clock::jiffies();
    if !service::is_master(server.instance, now) {
        return Verdict::Pass(Counter::PassNotMaster);
    }
    let route = forward::find_way(context, packet, server);
    if route.way == Way::None {
        return route.verdict;
    }
    let id = flow::refresh::<F>(flow, table, key, segment, now as u32);
    fragment::remember(packet, id, server);
    forward::count(id, server, 0, packet);
    forward::send(packet, server, route.way, Counter::ForwardFlow)
}

/// A packet that belongs to no living flow: it opens one, or it goes to the kernel.
#[inline(always)]
fn begin_flow<F: Family>(
    context: &XdpContext,
    packet: &Packet<F>,
    segment: &Segment,
    key: &F::Key,
    known: &Known,
) -> Verdict {
    let Some(service) = service::find(packet, segment) else {
        return Verdict::Pass(Counter::PassNoService);
    };
    if !service::is_master(service.instance, clock::jiffies()) {
        return Verdict::Pass(Counter::PassNotMaster);
    }
    if !segment.may_begin_flow() && !is_scheduled_all_the_same(segment, service) {
        return answer_stranger(context, packet, segment, service, known);
    }
    let Some((id, server)) = choose(packet, segment, service) else {
        // The client learns it at once (RFC 9293 section 3.10.7.1, RFC 1122 section 4.1.3.1).
        if !forward::is_for_us(context, packet) {
            return Verdict::Pass(Counter::PassOtherHost);
        }
        let kind = match segment.is_tcp() {
            true => Kind::RefuseConnection,
            false => Kind::RefuseDatagram,
        };
        return Verdict::of(kind, segment.next_sequence);
    };
    let route = forward::find_way(context, packet, server);
    if route.way == Way::None {
        return route.verdict;
    }
    flow::forget::<F>(known, key);
    flow::insert::<F>(key, segment, service, id, server);
    if service.flags & Service::PERSISTENT != 0 {
        persistence::remember(service, F::mapped(&packet.source), id, server);
    }
    fragment::remember(packet, id, server);
    forward::count(id, server, 1, packet);
    forward::send(packet, server, route.way, Counter::ForwardNew)
}

/// Whether a segment of no flow gets one (`on_no_flow schedule`). A reset opens nothing.
#[inline(always)]
fn is_scheduled_all_the_same(segment: &Segment, service: &Service) -> bool {
    service.flags & Service::NO_FLOW_SCHEDULE != 0 && segment.flags & tcp::RST == 0
}

/// A TCP segment that belongs to no flow: its sender has to know (RFC 9293 section 3.10.7.1), unless it says so itself.
#[inline(always)]
fn answer_stranger<F: Family>(
    context: &XdpContext,
    packet: &Packet<F>,
    segment: &Segment,
    service: &Service,
    known: &Known,
) -> Verdict {
    if segment.flags & tcp::RST != 0 || service.flags & Service::NO_FLOW_PASS != 0 {
        return Verdict::Pass(match known {
            Known::ServerGone(_) => Counter::PassServerGone,
            _ => Counter::PassNoFlow,
        });
    }
    match forward::is_for_us(context, packet) {
        true => Verdict::of(Kind::RefuseSegment, segment.next_sequence),
        false => Verdict::Pass(Counter::PassOtherHost),
    }
}

/// The server for a new flow: the one that the client keeps, or the scheduler's choice.
#[inline(always)]
fn choose<F: Family>(
    packet: &Packet<F>,
    segment: &Segment,
    service: &Service,
) -> Option<(u32, &'static RealServer)> {
    let asker = Asker {
        client: F::mapped(&packet.source),
        vip: F::mapped(&packet.destination),
        port: segment.source_port().into(),
        service: service.id,
    };
    if service.flags & Service::PERSISTENT != 0
        && let Some(kept) = persistence::find(service, asker.client)
    {
        return Some(kept);
    }
    let id = schedule::choose_server(&asker);
    let server = SERVERS.get(id)?;
    // Entry 0 is never in use, so a choice of nobody ends here.
    (server.flags & RealServer::IN_USE != 0).then_some((id, server))
}

/// Tells the sender of a packet that goes no further, where that is allowed. Otherwise a new connection is left to the kernel, which
/// has limits of its own and refuses it, too.
#[inline(always)]
fn refuse<F: Family>(
    context: &XdpContext,
    packet: &Packet<F>,
    refusal: Kind,
    value: u32,
) -> Verdict {
    let frame = context.as_ptr().cast();
    if matches!(refusal, Kind::RefuseConnection | Kind::RefuseSegment) {
        let (answered, silent) = match refusal {
            Kind::RefuseConnection => (Counter::AnswerReset, Counter::PassNoServer),
            _ => (Counter::AnswerNoFlow, Counter::PassNoFlow),
        };
        return match F::answer_reset(frame, packet, value) {
            true => Verdict::Tx(answered),
            false => Verdict::Pass(silent),
        };
    }
    // RFC 1191, RFC 8201: only who wants to know is told.
    if refusal == Kind::RefuseSize && !F::is_whole_by_wish(packet) {
        return Verdict::Drop(Counter::DropTooBig);
    }
    let (error, answered, silent) = match refusal {
        Kind::RefuseSize => (
            IcmpError::TooBig,
            Counter::AnswerTooBig,
            Verdict::Drop(Counter::DropTooBig),
        ),
        // RFC 1812 section 5.3.1: a traceroute finds us by it.
        Kind::RefuseTtl => (
            IcmpError::TimeExceeded,
            Counter::AnswerTimeExceeded,
            Verdict::Drop(Counter::DropTtl),
        ),
        _ => (
            IcmpError::PortUnreachable,
            Counter::AnswerUnreachable,
            Verdict::Pass(Counter::PassNoServer),
        ),
    };
    let mtu = if error == IcmpError::TooBig {
        value as u16
    } else {
        0
    };
    match F::answer_error(frame, packet, error, mtu) {
        true => Verdict::Tx(answered),
        false => silent,
    }
}

/// A packet that goes where a flow goes, but is none of its own: a later fragment, or an ICMP error.
#[inline(always)]
pub fn deliver<F: Family>(
    context: &XdpContext,
    packet: &Packet<F>,
    id: u32,
    server: &RealServer,
    counter: Counter,
) -> Verdict {
    if !service::is_master(server.instance, clock::jiffies()) {
        return Verdict::Pass(Counter::PassNotMaster);
    }
    let route = forward::find_way(context, packet, server);
    if route.way == Way::None {
        return route.verdict;
    }
    forward::count(id, server, 0, packet);
    forward::send(packet, server, route.way, counter)
}
