//! The frames that the harness writes: link-layer and IP headers without options, and the ports of the transport header.

use crate::cursor::{Cursor, Header};

/// Ethernet, without or with one VLAN tag.
#[derive(Clone, Copy)]
#[repr(C)]
struct Link {
    addresses: [u16; 6],
    ether_type_be: u16,
}

#[derive(Clone, Copy)]
#[repr(C, packed(2))]
pub struct Ipv4 {
    pub version_and_length: u8,
    pub type_of_service: u8,
    pub total_length_be: u16,
    pub identification_be: u16,
    pub fragment_be: u16,
    pub ttl: u8,
    pub protocol: u8,
    pub checksum_be: u16,
    pub source_be: u32,
    pub destination_be: u32,
    pub source_port_be: u16,
    pub destination_port_be: u16,
}

#[derive(Clone, Copy)]
#[repr(C, packed(2))]
struct Ipv6 {
    version_class_and_flow: u32,
    payload_length_be: u16,
    next_header: u8,
    hop_limit: u8,
    source_be: [u32; 4],
    destination_be: [u32; 4],
    source_port_be: u16,
    destination_port_be: u16,
}

// SAFETY: integers only, alignment 2.
unsafe impl Header for Link {}
// SAFETY: as above.
unsafe impl Header for Ipv4 {}
// SAFETY: as above.
unsafe impl Header for Ipv6 {}

const ETHERNET_LENGTH: usize = 14;
const TAG_LENGTH: usize = 4;
const ETHER_TYPE_IPV6_BE: u16 = 0x86dd_u16.to_be();
const ETHER_TYPE_VLAN_BE: u16 = 0x8100_u16.to_be();
const TTL: u8 = 64;
const FIRST_PORT: u16 = 1024;

/// Restores what a forwarder changes, and sets the client: 16 bits of the index are the port, the rest is the address.
///
/// The checksum is left as it is. No program under test verifies it, and updating it costs the same whatever it holds.
/// `None`: the frame is too short.
#[inline(always)]
pub fn write(cursor: Cursor, index: u32) -> Option<()> {
    let link = cursor.header::<Link>(0)?;
    // SAFETY: the cursor checked the bounds; one benchmark runs at a time.
    let link = unsafe { &mut *link };
    // From 02:00:00:00:00:0a to 02:00:00:00:00:06, which the benchmark calls the director.
    link.addresses = [0x0200, 0, 0x0006, 0x0200, 0, 0x000a].map(u16::to_be);
    match link.ether_type_be {
        ETHER_TYPE_IPV6_BE => write_ipv6(cursor, index),
        ETHER_TYPE_VLAN_BE => write_ipv4(cursor, ETHERNET_LENGTH + TAG_LENGTH, index),
        _ => write_ipv4(cursor, ETHERNET_LENGTH, index),
    }
}

/// The first flow has the first port that hosts speak from by themselves. (IPVS gives no server to port 20, FTP's data.)
#[inline(always)]
fn port_be(index: u32) -> u16 {
    (index as u16).wrapping_add(FIRST_PORT).to_be()
}

#[inline(always)]
fn write_ipv4(cursor: Cursor, offset: usize, index: u32) -> Option<()> {
    let ip = cursor.header::<Ipv4>(offset)?;
    // SAFETY: the cursor checked the bounds.
    let ip = unsafe { &mut *ip };
    ip.ttl = TTL;
    ip.source_be = (0x0a00_0000 | (index >> 16)).to_be();
    ip.source_port_be = port_be(index);
    Some(())
}

#[inline(always)]
fn write_ipv6(cursor: Cursor, index: u32) -> Option<()> {
    let ip = cursor.header::<Ipv6>(ETHERNET_LENGTH)?;
    // SAFETY: the cursor checked the bounds.
    let ip = unsafe { &mut *ip };
    ip.hop_limit = TTL;
    ip.source_be[3] = (index >> 16).to_be();
    ip.source_port_be = port_be(index);
    Some(())
}
