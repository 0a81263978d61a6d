//! The resets that end a connection at both of its ends, as packets. Pure.
//!
//! A host takes a reset only with the very number that it expects next (RFC 5961 section 3.2); every other one it answers or drops.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use director_common::{flow::Flow, server::RealServer, tcp::FlowState};
use pnet_packet::{
    ip::IpNextHeaderProtocols,
    ipv4::{self, Ipv4Flags, MutableIpv4Packet},
    ipv6::MutableIpv6Packet,
    tcp::{self, MutableTcpPacket, TcpFlags},
};

const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const TCP_HEADER: usize = 20;
/// As a host sends it.
const TTL: u8 = 64;
const ETHER_TYPE_IPV4: u16 = 0x0800;
const ETHER_TYPE_IPV6: u16 = 0x86dd;
const ETHER_TYPE_8021Q: u16 = 0x8100;
const ETHER_TYPE_8021AD: u16 = 0x88a8;

/// A TCP connection and what its client was last heard to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The client and its port.
    pub client: SocketAddr,
    /// The VIP and its port.
    pub vip: SocketAddr,
    /// Sequence number that the client sends next: what the real server expects.
    pub next_sequence: u32,
    /// Last acknowledgement number that the client sent: what it expects. `None`: it has acknowledged nothing yet.
    pub last_acknowledgement: Option<u32>,
}

impl Connection {
    /// The connection of a flow.
    #[must_use]
    pub fn of(client: SocketAddr, vip: SocketAddr, flow: &Flow) -> Self {
        let in_handshake = FlowState(flow.state) == FlowState::SYN_RECV;
        Self {
            client,
            vip,
            next_sequence: flow.next_sequence,
            // In the handshake 0 stands for *none*; later it is a number like every other.
            last_acknowledgement: (!in_handshake).then_some(flow.last_acknowledgement),
        }
    }

    /// The IP packet that tells the client, in the name of the VIP.
    ///
    /// A client that has acknowledged nothing waits for the answer to its SYN: it takes a reset that acknowledges that
    /// (RFC 9293 section 3.10.7.3).
    #[must_use]
    pub fn reset_for_client(&self) -> Vec<u8> {
        match self.last_acknowledgement {
            Some(sequence) => packet(self.vip, self.client, TcpFlags::RST, sequence, 0),
            None => {
                let flags = TcpFlags::RST | TcpFlags::ACK;
                packet(self.vip, self.client, flags, 0, self.next_sequence)
            }
        }
    }

    /// The IP packet that tells the real server, in the name of the client.
    #[must_use]
    pub fn reset_for_server(&self) -> Vec<u8> {
        packet(self.client, self.vip, TcpFlags::RST, self.next_sequence, 0)
    }
}

/// A TCP segment without text in an IP packet. `None` of its addresses is of another family than the other.
fn packet(
    from: SocketAddr,
    to: SocketAddr,
    flags: u8,
    sequence: u32,
    acknowledgement: u32,
) -> Vec<u8> {
    let mut segment = vec![0; TCP_HEADER];
    if let Some(mut header) = MutableTcpPacket::new(&mut segment) {
        header.set_source(from.port());
        header.set_destination(to.port());
        header.set_sequence(sequence);
        header.set_acknowledgement(acknowledgement);
        header.set_data_offset((TCP_HEADER / 4) as u8);
        header.set_flags(flags);
        let header_now = header.to_immutable();
        let checksum = match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => tcp::ipv4_checksum(&header_now, &from, &to),
            (from, to) => tcp::ipv6_checksum(&header_now, &as_v6(from), &as_v6(to)),
        };
        header.set_checksum(checksum);
    }
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => in_ipv4(from, to, &segment),
        (from, to) => in_ipv6(as_v6(from), as_v6(to), &segment),
    }
}

fn as_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn in_ipv4(from: Ipv4Addr, to: Ipv4Addr, segment: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; IPV4_HEADER];
    packet.extend(segment);
    let length = packet.len() as u16;
    if let Some(mut header) = MutableIpv4Packet::new(&mut packet) {
        header.set_version(4);
        header.set_header_length((IPV4_HEADER / 4) as u8);
        header.set_total_length(length);
        header.set_flags(Ipv4Flags::DontFragment);
        header.set_ttl(TTL);
        header.set_next_level_protocol(IpNextHeaderProtocols::Tcp);
        header.set_source(from);
        header.set_destination(to);
        let checksum = ipv4::checksum(&header.to_immutable());
        header.set_checksum(checksum);
    }
    packet
}

fn in_ipv6(from: Ipv6Addr, to: Ipv6Addr, segment: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; IPV6_HEADER];
    packet.extend(segment);
    if let Some(mut header) = MutableIpv6Packet::new(&mut packet) {
        header.set_version(6);
        header.set_payload_length(segment.len() as u16);
        header.set_next_header(IpNextHeaderProtocols::Tcp);
        header.set_hop_limit(TTL);
        header.set_source(from);
        header.set_destination(to);
    }
    packet
}

/// A packet in a frame for a real server, with the VLAN tags of its link.
#[must_use]
pub fn frame(server: &RealServer, packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(22 + packet.len());
    frame.extend(server.mac);
    frame.extend(server.source_mac);
    let (first, second) = (server.vlan as u16, (server.vlan >> 16) as u16);
    if second != 0 {
        frame.extend(ETHER_TYPE_8021AD.to_be_bytes());
        frame.extend(first.to_be_bytes());
    }
    let inner = if second != 0 { second } else { first };
    if inner != 0 {
        frame.extend(ETHER_TYPE_8021Q.to_be_bytes());
        frame.extend(inner.to_be_bytes());
    }
    let ether_type = match packet.first().map(|byte| byte >> 4) {
        Some(6) => ETHER_TYPE_IPV6,
        _ => ETHER_TYPE_IPV4,
    };
    frame.extend(ether_type.to_be_bytes());
    frame.extend(packet);
    frame
}

#[cfg(test)]
mod tests;
