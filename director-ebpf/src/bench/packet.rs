//! The frame that the harness writes: Ethernet and IPv4 without options, and the first four bytes of the transport header.

use crate::cursor::Header;

#[derive(Clone, Copy)]
#[repr(C, packed(2))]
pub struct Frame {
    pub addresses: [u16; 6],
    pub ether_type_be: u16,
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

// SAFETY: integers only, alignment 2.
unsafe impl Header for Frame {}

/// Restores what a forwarder changes, and sets the client: 16 bits of the index are the port, the rest is the address.
///
/// The checksum is left as it is. No program under test verifies it, and updating it costs the same whatever it holds.
#[inline(always)]
pub fn write(frame: &mut Frame, index: u32) {
    // From 02:00:00:00:00:0a to 02:00:00:00:00:06, which the benchmark calls the director.
    frame.addresses = [0x0200, 0, 0x0006, 0x0200, 0, 0x000a].map(u16::to_be);
    frame.ttl = 64;
    frame.source_be = (0x0a00_0000 | (index >> 16)).to_be();
    frame.source_port_be = (index as u16).to_be();
}
