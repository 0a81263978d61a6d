//! ICMP for a VIP. An error is about a packet that some server sent as the VIP: it goes to that server, so that path MTU discovery
//! works (RFC 1191, RFC 8201). The rest is the kernel's, which answers an echo.

use aya_ebpf::programs::XdpContext;
use director_common::{counters::Counter, protocol};

use crate::{
    cursor::{Cursor, Header},
    family::{Family, Packet, Table},
    flow, path,
    verdict::Verdict,
};

/// What opens every ICMP message (RFC 792, RFC 4443 section 2.1).
#[derive(Clone, Copy)]
#[repr(C)]
struct IcmpHeader {
    kind: u8,
    code: u8,
    checksum_be: u16,
    rest: [u16; 2],
}

// SAFETY: integers only, alignment 2.
unsafe impl Header for IcmpHeader {}

const V4_UNREACHABLE: u8 = 3;
const V4_SOURCE_QUENCH: u8 = 4;
const V4_TIME_EXCEEDED: u8 = 11;
const V4_PARAMETER_PROBLEM: u8 = 12;
/// ICMPv6 types below are errors (RFC 4443 section 2.1).
const V6_FIRST_INFORMATIONAL: u8 = 128;

#[inline(always)]
fn is_error<F: Family>(kind: u8) -> bool {
    if F::ICMP == protocol::ICMP {
        matches!(
            kind,
            V4_UNREACHABLE | V4_SOURCE_QUENCH | V4_TIME_EXCEEDED | V4_PARAMETER_PROBLEM
        )
    } else {
        kind < V6_FIRST_INFORMATIONAL
    }
}

/// Sends an error to the server of the flow that it is about.
#[inline(always)]
pub fn follow<F: Family>(context: &XdpContext, cursor: Cursor, packet: &Packet<F>) -> Verdict {
    let about = Verdict::Pass(Counter::PassIcmp);
    let Some(key) = flow_key::<F>(cursor, packet) else {
        return about;
    };
    let Some(pointer) = F::flow(Table::Flows, &key).or_else(|| F::flow(Table::HalfOpen, &key))
    else {
        return about;
    };
    let Some(server) = flow::server_of(pointer) else {
        return about;
    };
    // SAFETY: the map's memory outlives the program's run.
    let id = unsafe { (*pointer).server };
    path::deliver(context, packet, id, server, Counter::ForwardIcmp)
}

/// Key of the flow that an error is about. The packet inside went from the VIP to the client; flows are kept the other way round.
#[inline(always)]
fn flow_key<F: Family>(cursor: Cursor, packet: &Packet<F>) -> Option<F::Key> {
    let header = cursor.header::<IcmpHeader>(packet.transport)?;
    // SAFETY: the cursor checked the bounds.
    if !is_error::<F>(unsafe { (*header).kind }) {
        return None;
    }
    let inner = F::parse_inner(cursor, packet.transport + size_of::<IcmpHeader>())?;
    if !matches!(inner.protocol, protocol::TCP | protocol::UDP) {
        return None;
    }
    Some(F::key(
        inner.destination,
        inner.source,
        inner.ports.rotate_left(16),
        inner.protocol,
    ))
}
