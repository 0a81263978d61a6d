//! Direct routing: the frame gets the real server's MAC address and goes out, nothing above the link layer changes but the TTL.

use aya_ebpf::programs::XdpContext;
use director_common::{
    counters::{Counter, Traffic},
    server::RealServer,
};

use crate::{
    maps::{SERVER_TRAFFIC, SERVICE_TRAFFIC},
    packet::Packet,
    verdict::Verdict,
};

/// Whether the frame is addressed to us, and came in by the interface that the server is behind.
///
/// The program sees a frame before the kernel has sorted out those for other hosts: on a card that receives everything, such a frame
/// would be forwarded a second time.
#[inline(always)]
pub fn is_on_its_way(context: &XdpContext, packet: &Packet, server: &RealServer) -> bool {
    // SAFETY: `parse` checked the bounds of the header.
    let addresses = unsafe { (*packet.ethernet).addresses };
    let to =
        u64::from(addresses[0]) | u64::from(addresses[1]) << 16 | u64::from(addresses[2]) << 32;
    let [a, b, c, d, e, f] = server.source_mac;
    let ours = u64::from(u16::from_ne_bytes([a, b]))
        | u64::from(u16::from_ne_bytes([c, d])) << 16
        | u64::from(u16::from_ne_bytes([e, f])) << 32;
    to == ours && context.ingress_ifindex() == server.ifindex as usize
}

/// Takes one from the TTL and mends the checksum by the difference (RFC 1624); 1 or less ends the packet's way.
#[inline(always)]
pub fn decrement_ttl(packet: &Packet) -> Result<(), Verdict> {
    // SAFETY: `parse` checked the bounds of the header.
    let ip = unsafe { &mut *packet.ipv4 };
    if ip.ttl <= 1 {
        return Err(Verdict::Drop(Counter::DropTtl));
    }
    ip.ttl -= 1;
    // The TTL is the high byte of its 16-bit word: the word fell by 0x0100, so the complement rises by it.
    let sum = u32::from(ip.checksum_be) + u32::from(0x0100_u16.to_be());
    ip.checksum_be = (sum + u32::from(sum >= 0xffff)) as u16;
    Ok(())
}

/// Writes both MAC addresses.
#[inline(always)]
pub fn rewrite(packet: &Packet, server: &RealServer) {
    // SAFETY: `parse` checked the bounds of the header. `RealServer` begins with the two addresses in the order of
    // the wire and is aligned to 4 bytes.
    unsafe {
        let addresses = core::ptr::from_ref(server).cast::<[u16; 6]>();
        (*packet.ethernet).addresses = *addresses;
    }
}

/// Counts a packet of a known flow.
#[inline(always)]
pub fn count_packet(server: u32, service: u32, packet: &Packet) {
    add(
        server,
        service,
        Traffic {
            connections: 0,
            packets: 1,
            bytes: u64::from(packet.length),
        },
    );
}

/// Counts a packet that made a new flow.
#[inline(always)]
pub fn count_connection(server: u32, service: u32, packet: &Packet) {
    add(
        server,
        service,
        Traffic {
            connections: 1,
            packets: 1,
            bytes: u64::from(packet.length),
        },
    );
}

#[inline(always)]
fn add(server: u32, service: u32, traffic: Traffic) {
    if let Some(total) = SERVER_TRAFFIC.get_ptr_mut(server) {
        // SAFETY: the slot belongs to this CPU.
        unsafe { *total += traffic }
    }
    if let Some(total) = SERVICE_TRAFFIC.get_ptr_mut(service) {
        // SAFETY: as above.
        unsafe { *total += traffic }
    }
}
