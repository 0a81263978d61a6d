//! The floor program: every step of direct routing that needs no table.

use aya_ebpf::bindings::xdp_action;

use crate::{
    cursor::{Cursor, Header},
    packet::Ipv4,
};

const ETHER_TYPE_IPV4_BE: u16 = 0x0800_u16.to_be();

/// Ethernet and IPv4.
#[derive(Clone, Copy)]
#[repr(C, packed(2))]
struct Frame {
    addresses: [u16; 6],
    ether_type_be: u16,
    ip: Ipv4,
}

// SAFETY: integers only, alignment 2.
unsafe impl Header for Frame {}

#[inline(always)]
pub fn process(cursor: Cursor) -> u32 {
    let Some(frame) = cursor.header::<Frame>(0) else {
        return xdp_action::XDP_PASS;
    };
    // SAFETY: the cursor checked the bounds.
    let frame = unsafe { &mut *frame };
    if frame.ether_type_be != ETHER_TYPE_IPV4_BE
        || frame.ip.version_and_length != 0x45
        || !matches!(frame.ip.protocol, 6 | 17)
    {
        return xdp_action::XDP_PASS;
    }
    let source = frame.addresses;
    frame.addresses = [
        source[3], source[4], source[5], source[0], source[1], source[2],
    ];
    xdp_action::XDP_TX
}
