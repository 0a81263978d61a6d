//! ICMP errors that the director sends itself: time exceeded, packet too big, port unreachable (RFC 792, RFC 4443).
//!
//! The frame grows at its head by an IP and an ICMP header; what it was before follows behind them, cut short.

use aya_ebpf::{
    bindings::xdp_md,
    helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail},
    programs::XdpContext,
};
use director_common::{
    limits::MAX_VLAN_TAGS,
    protocol,
    settings::{ReplyBudget, Settings},
};

use crate::{
    clock,
    cursor::{Cursor, Header, Sum},
    forward, frame,
    ipv4::{DONT_FRAGMENT_BE, Header4},
    ipv6::Header6,
    maps::REPLY_BUDGET,
    reset::TTL,
    service,
    verifier::limited,
};

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum IcmpError {
    TimeExceeded,
    TooBig,
    PortUnreachable,
}

impl IcmpError {
    /// The error with this number; what is none is the last.
    #[inline(always)]
    fn of(number: u32) -> Self {
        match number {
            0 => Self::TimeExceeded,
            1 => Self::TooBig,
            _ => Self::PortUnreachable,
        }
    }
}

/// Bytes of the packet that come back with an error. IPv4 asks for its header and 8 more (RFC 792), IPv6 for as much as fits
/// (RFC 4443 section 2.4 c), of which more than the headers helps nobody.
const QUOTED: usize = 128;
/// No less than [`frame::LONGEST`].
const NETWORK_MASK: usize = 31;
/// Longest link-layer header, in words of two bytes.
const LINK_WORDS: usize = 7 + 2 * MAX_VLAN_TAGS;
/// Precedence *internetwork control*, as routers send ICMP (RFC 1812 section 4.3.2.5).
const INTERNETWORK_CONTROL: u8 = 0xc0;

/// ICMP header (RFC 792, RFC 4443 section 2.1).
#[derive(Clone, Copy)]
#[repr(C)]
struct IcmpHeader {
    kind: u8,
    code: u8,
    checksum_be: u16,
    /// In *fragmentation needed* the second word is the MTU (RFC 1191 section 4); in *packet too big* both are.
    rest_be: [u16; 2],
}

// SAFETY: integers only, alignment 2.
unsafe impl Header for IcmpHeader {}

/// Makes the IPv4 frame an error about itself. 0: nothing was changed.
///
/// A function of its own for the verifier, too, as [`crate::schedule::choose_server`] is.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn answer_error_v4(
    context: *mut xdp_md,
    network: u32,
    length: u32,
    error: u32,
    mtu: u32,
) -> u32 {
    const GROWTH: usize = size_of::<Header4>() + size_of::<IcmpHeader>();
    let (network, length) = (network as usize, length as usize);
    if network > frame::LONGEST {
        return 0;
    }
    let network = limited::<NETWORK_MASK>(network);
    let Some(asked) = Cursor::anew(context).header::<Header4>(network) else {
        return 0;
    };
    // SAFETY: the cursor checked the bounds.
    let (client, vip) = unsafe { ((*asked).source, (*asked).destination) };
    let first = client[0].to_ne_bytes()[0];
    // No host has such an address: this host, multicast, broadcast (RFC 1122 section 3.2.2).
    if first == 0 || first >= 224 || !may_reply() {
        return 0;
    }
    let ours = own_interface(context).map_or([0; 4], |interface| interface.address_v4);
    let source = match IcmpError::of(error) {
        IcmpError::PortUnreachable => vip,
        _ if ours == [0; 4] => vip,
        // SAFETY: four bytes are four bytes.
        _ => unsafe { core::mem::transmute::<[u8; 4], [u16; 2]>(ours) },
    };
    if !grow(context, network, length, GROWTH) {
        return 0;
    }
    let cursor = Cursor::anew(context);
    let (Some(()), Some(ip), Some(icmp)) = (
        move_link_header(cursor, network, GROWTH),
        cursor.header::<Header4>(network),
        cursor.header::<IcmpHeader>(network + size_of::<Header4>()),
    ) else {
        return 1;
    };
    let header = Header4 {
        version_and_length: 0x45,
        type_of_service: INTERNETWORK_CONTROL,
        total_length_be: ((GROWTH + quoted(length)) as u16).to_be(),
        identification_be: 0,
        fragment_be: DONT_FRAGMENT_BE,
        ttl: TTL,
        protocol: protocol::ICMP,
        checksum_be: 0,
        source,
        destination: client,
    };
    // No reference is made to what is summed meanwhile: the sum reads the frame by itself.
    // SAFETY: the cursor checked the bounds.
    unsafe { *ip = header };
    let mut sum = Sum::default();
    sum.add_up_to(cursor, network, network + size_of::<Header4>());
    // SAFETY: as above.
    unsafe { (*ip).checksum_be = sum.finish() };
    let (kind, code) = match IcmpError::of(error) {
        IcmpError::TimeExceeded => (11, 0),
        IcmpError::TooBig => (3, 4),
        IcmpError::PortUnreachable => (3, 3),
    };
    let message = IcmpHeader {
        kind,
        code,
        checksum_be: 0,
        rest_be: [0, (mtu as u16).to_be()],
    };
    // SAFETY: the cursor checked the bounds.
    unsafe { *icmp = message };
    let mut sum = Sum::default();
    sum.add_rest(cursor, network + size_of::<Header4>());
    // SAFETY: as above.
    unsafe { (*icmp).checksum_be = sum.finish() };
    1
}

/// The same for IPv6.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn answer_error_v6(
    context: *mut xdp_md,
    network: u32,
    length: u32,
    error: u32,
    mtu: u32,
) -> u32 {
    const GROWTH: usize = size_of::<Header6>() + size_of::<IcmpHeader>();
    let (network, length) = (network as usize, length as usize);
    if network > frame::LONGEST {
        return 0;
    }
    let network = limited::<NETWORK_MASK>(network);
    let Some(asked) = Cursor::anew(context).header::<Header6>(network) else {
        return 0;
    };
    // SAFETY: the cursor checked the bounds.
    let (client, vip) = unsafe { ((*asked).source, (*asked).destination) };
    // No host has such an address: multicast, or none (RFC 4443 section 2.4 e).
    if client[0].to_ne_bytes()[0] == 0xff || client == [0; 8] || !may_reply() {
        return 0;
    }
    let ours = own_interface(context).map_or([0; 16], |interface| interface.address_v6);
    let source = match IcmpError::of(error) {
        IcmpError::PortUnreachable => vip,
        _ if ours == [0; 16] => vip,
        // SAFETY: sixteen bytes are sixteen bytes.
        _ => unsafe { core::mem::transmute::<[u8; 16], [u16; 8]>(ours) },
    };
    if !grow(context, network, length, GROWTH) {
        return 0;
    }
    let cursor = Cursor::anew(context);
    let (Some(()), Some(ip), Some(icmp)) = (
        move_link_header(cursor, network, GROWTH),
        cursor.header::<Header6>(network),
        cursor.header::<IcmpHeader>(network + size_of::<Header6>()),
    ) else {
        return 1;
    };
    let payload_length_be = ((size_of::<IcmpHeader>() + quoted(length)) as u16).to_be();
    let header = Header6 {
        version_class_and_flow: [0x6000_u16.to_be(), 0],
        payload_length_be,
        next_header: protocol::ICMPV6,
        hop_limit: TTL,
        source,
        destination: client,
    };
    // SAFETY: the cursor checked the bounds.
    unsafe { *ip = header };
    let (kind, code) = match IcmpError::of(error) {
        IcmpError::TimeExceeded => (3, 0),
        IcmpError::TooBig => (2, 0),
        IcmpError::PortUnreachable => (1, 4),
    };
    let message = IcmpHeader {
        kind,
        code,
        checksum_be: 0,
        rest_be: [0, (mtu as u16).to_be()],
    };
    // SAFETY: the cursor checked the bounds.
    unsafe { *icmp = message };
    let mut sum = Sum::default();
    sum.add_words(&source);
    sum.add_words(&client);
    sum.add(payload_length_be);
    sum.add(u16::from(protocol::ICMPV6).to_be());
    sum.add_rest(cursor, network + size_of::<Header6>());
    // SAFETY: as above.
    unsafe { (*icmp).checksum_be = sum.finish() };
    1
}

/// Bytes of the packet that come back: a multiple of four, for the checksum's sake.
#[inline(always)]
fn quoted(length: usize) -> usize {
    if length < QUOTED { length & !3 } else { QUOTED }
}

/// What is known of the interface that the frame came in by.
#[inline(always)]
fn own_interface(context: *mut xdp_md) -> Option<&'static director_common::interface::Interface> {
    forward::interface(XdpContext::new(context).ingress_ifindex() as u32)
}

/// Whether this CPU may send another error in its window. The limit keeps a flood from making the director one of its sources.
#[inline(always)]
fn may_reply() -> bool {
    let (
        Some(Settings {
            reply_window,
            replies,
            ..
        }),
        Some(budget),
    ) = (service::settings(), REPLY_BUDGET.get_ptr_mut(0))
    else {
        return false;
    };
    // SAFETY: the slot belongs to this CPU.
    let budget = unsafe { &mut *budget };
    let now = clock::now();
    if now.wrapping_sub(budget.began) >= *reply_window {
        *budget = ReplyBudget {
            began: now,
            sent: 0,
        };
    }
    if budget.sent >= *replies {
        return false;
    }
    budget.sent += 1;
    true
}

/// Makes room for `growth` bytes at the head of the frame, and cuts off what does not come back. `false`: nothing was changed.
#[inline(always)]
fn grow(context: *mut xdp_md, network: usize, length: usize, growth: usize) -> bool {
    let whole = Cursor::anew(context).whole_length();
    let cut = (network + quoted(length)) as i32 - whole as i32;
    // SAFETY: the context is the program's own; pointers into the frame are made anew after this.
    unsafe {
        if bpf_xdp_adjust_head(context, -(growth as i32)) != 0 {
            return false;
        }
        if cut < 0 && bpf_xdp_adjust_tail(context, cut) != 0 {
            bpf_xdp_adjust_head(context, growth as i32);
            return false;
        }
    }
    true
}

/// Moves the link-layer header to the new head of the frame and sends it back where it came from. Tags stay.
#[inline(always)]
fn move_link_header(cursor: Cursor, length: usize, growth: usize) -> Option<()> {
    for word in 0..LINK_WORDS {
        let offset = word * size_of::<u16>();
        if offset >= length {
            break;
        }
        let from = cursor.header::<u16>(growth + offset)?;
        let to = cursor.header::<u16>(offset)?;
        // SAFETY: the cursor checked the bounds.
        unsafe { *to = *from };
    }
    frame::turn_round(cursor);
    Some(())
}
