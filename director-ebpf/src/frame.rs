//! Ethernet, and the VLAN tags behind it: where the network header begins.

use director_common::{counters::Counter, limits::MAX_VLAN_TAGS, server::vlan_tags};

use crate::{
    cursor::{Cursor, Header},
    verdict::Verdict,
    verifier::forget_origin,
};

/// Ethernet II header.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Ethernet {
    /// Destination and source, as they follow each other on the wire, in 2-byte words.
    pub addresses: [u16; 6],
    pub ether_type_be: u16,
}

/// What follows the type of a tag (IEEE 802.1Q section 9.3): the tag's content and the type of what comes behind it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Tag {
    control_be: u16,
    ether_type_be: u16,
}

// SAFETY: integers only, alignment 2.
unsafe impl Header for Ethernet {}
// SAFETY: as above.
unsafe impl Header for Tag {}

pub const ETHER_TYPE_IPV4_BE: u16 = 0x0800_u16.to_be();
pub const ETHER_TYPE_IPV6_BE: u16 = 0x86dd_u16.to_be();
const ETHER_TYPE_8021Q_BE: u16 = 0x8100_u16.to_be();
const ETHER_TYPE_8021AD_BE: u16 = 0x88a8_u16.to_be();
/// The VLAN identifier in a tag's content; the rest is priority.
const VLAN_ID_MASK: u16 = 0x0fff;

/// No link-layer header is longer, bytes.
pub const LONGEST: usize = size_of::<Ethernet>() + size_of::<Tag>() * MAX_VLAN_TAGS;

/// A frame, up to its network header.
#[derive(Clone, Copy)]
pub struct Frame {
    pub ethernet: *mut Ethernet,
    /// Type of the network header.
    pub ether_type_be: u16,
    /// Where the network header begins, bytes from the start of the frame.
    pub network: usize,
    /// The VLANs of its tags, see [`vlan_tags`].
    pub vlan: u32,
}

impl Frame {
    /// Whether an IP packet of `length` bytes lies in the frame whole.
    #[inline(always)]
    pub fn holds(&self, cursor: Cursor, length: usize) -> bool {
        cursor.holds(self.network, length)
    }

    /// The MAC address that the frame is sent to, in the lower 48 bits, in memory order.
    #[inline(always)]
    pub fn destination(&self) -> u64 {
        // SAFETY: `parse` checked the bounds of the header.
        let addresses = unsafe { (*self.ethernet).addresses };
        u64::from(addresses[0]) | u64::from(addresses[1]) << 16 | u64::from(addresses[2]) << 32
    }
}

/// A MAC address as [`Frame::destination`] gives it.
#[inline(always)]
pub const fn mac_as_number(mac: [u8; 6]) -> u64 {
    let [a, b, c, d, e, f] = mac;
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

/// MAC address of the virtual routers of IPv4 (`1`) or IPv6 (`2`), without the VRID in its last byte (RFC 9568 section 7.3).
pub const fn virtual_router(family: u8) -> u64 {
    mac_as_number([0, 0, 0x5e, 0, family, 0])
}

/// What is left of a MAC address without its last byte.
pub const WITHOUT_LAST_BYTE: u64 = 0xff_ffff_ffff;

/// Reads the link-layer headers.
#[inline(always)]
pub fn parse(cursor: Cursor) -> Result<Frame, Verdict> {
    let ethernet = cursor
        .header::<Ethernet>(0)
        .ok_or(Verdict::Pass(Counter::PassMalformed))?;
    let mut frame = Frame {
        ethernet,
        // SAFETY: the cursor checked the bounds.
        ether_type_be: unsafe { (*ethernet).ether_type_be },
        network: size_of::<Ethernet>(),
        vlan: 0,
    };
    if frame.ether_type_be != ETHER_TYPE_IPV4_BE && is_tag(frame.ether_type_be) {
        skip_tags(cursor, &mut frame).ok_or(Verdict::Pass(Counter::PassMalformed))?;
    }
    Ok(frame)
}

#[inline(always)]
fn is_tag(ether_type_be: u16) -> bool {
    matches!(ether_type_be, ETHER_TYPE_8021Q_BE | ETHER_TYPE_8021AD_BE)
}

/// Looks behind the tags. A tag more than is looked behind is left as the type of the network header, which is then no IP.
#[inline(always)]
fn skip_tags(cursor: Cursor, frame: &mut Frame) -> Option<()> {
    let mut vlans = [0; MAX_VLAN_TAGS];
    for vlan in &mut vlans {
        if !is_tag(frame.ether_type_be) {
            break;
        }
        let tag = cursor.header::<Tag>(frame.network)?;
        // SAFETY: the cursor checked the bounds.
        let tag = unsafe { *tag };
        *vlan = u16::from_be(tag.control_be) & VLAN_ID_MASK;
        frame.ether_type_be = tag.ether_type_be;
        frame.network += size_of::<Tag>();
    }
    frame.vlan = vlan_tags(vlans[0], vlans[1]);
    frame.network =
        forget_origin::<{ LONGEST.next_power_of_two() - 1 }>(frame.network, cursor.context);
    Some(())
}

/// Sends the frame back where it came from.
#[inline(always)]
pub fn turn_round(cursor: Cursor) {
    if let Some(ethernet) = cursor.header::<Ethernet>(0) {
        // SAFETY: the cursor checked the bounds.
        unsafe {
            let [a, b, c, d, e, f] = (*ethernet).addresses;
            (*ethernet).addresses = [d, e, f, a, b, c];
        }
    }
}
