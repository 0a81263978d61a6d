//! Packets as bytes.

use director_common::tcp;
use etherparse::{
    EtherType, Ethernet2Header, IpFragOffset, IpNumber, Ipv4Header, TcpHeader, UdpHeader,
};

use crate::bench::{DIRECTOR_MAC, PORT, VIP};

pub(crate) const CLIENT: [u8; 4] = [192, 168, 66, 10];
pub(crate) const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 10];
pub(crate) const ETHERNET: usize = 14;

/// A packet of a client, before it is bytes.
#[derive(Clone)]
pub(crate) struct Packet {
    ip: Ipv4Header,
    transport: Transport,
    payload: Vec<u8>,
    padding: usize,
}

#[derive(Clone)]
enum Transport {
    Tcp(TcpHeader),
    Udp(UdpHeader),
}

/// A TCP segment from this port of the client, with these flags (byte 13 of the header).
pub(crate) fn segment(port: u16, flags: u8, sequence: u32, acknowledgement: u32) -> Packet {
    let mut header = TcpHeader::new(port, PORT, sequence, 64_240);
    header.syn = flags & tcp::SYN != 0;
    header.ack = flags & tcp::ACK != 0;
    header.fin = flags & tcp::FIN != 0;
    header.rst = flags & tcp::RST != 0;
    header.acknowledgment_number = acknowledgement;
    packet(Transport::Tcp(header), IpNumber::TCP)
}

pub(crate) fn syn(port: u16) -> Packet {
    segment(port, tcp::SYN, 1000, 0)
}

pub(crate) fn ack(port: u16) -> Packet {
    segment(port, tcp::ACK, 1001, 5001)
}

pub(crate) fn fin(port: u16) -> Packet {
    segment(port, tcp::FIN | tcp::ACK, 1001, 5001)
}

pub(crate) fn udp(port: u16) -> Packet {
    let header = UdpHeader {
        source_port: port,
        destination_port: PORT,
        length: 8,
        checksum: 0,
    };
    packet(Transport::Udp(header), IpNumber::UDP)
}

fn packet(transport: Transport, protocol: IpNumber) -> Packet {
    let ip = Ipv4Header::new(0, 64, protocol, CLIENT, VIP).expect("a header");
    Packet {
        ip,
        transport,
        payload: Vec::new(),
        padding: 0,
    }
}

impl Packet {
    pub(crate) fn ttl(mut self, ttl: u8) -> Self {
        self.ip.time_to_live = ttl;
        self
    }

    /// The same bytes under the number of another protocol.
    pub(crate) fn protocol(mut self, number: IpNumber) -> Self {
        self.ip.protocol = number;
        self
    }

    pub(crate) fn identification(mut self, identification: u16) -> Self {
        self.ip.identification = identification;
        self
    }

    pub(crate) fn from(mut self, source: [u8; 4]) -> Self {
        self.ip.source = source;
        self
    }

    pub(crate) fn to(mut self, destination: [u8; 4], port: u16) -> Self {
        self.ip.destination = destination;
        match &mut self.transport {
            Transport::Tcp(header) => header.destination_port = port,
            Transport::Udp(header) => header.destination_port = port,
        }
        self
    }

    pub(crate) fn payload(mut self, bytes: usize) -> Self {
        self.payload = vec![0xa5; bytes];
        self
    }

    /// Bytes after the end of the IP packet, as short frames have them.
    pub(crate) fn padding(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    /// Four bytes of IP options.
    pub(crate) fn options(mut self) -> Self {
        self.ip.options = [1, 1, 1, 0].into();
        self
    }

    /// The first fragment of several.
    pub(crate) fn fragment(mut self) -> Self {
        self.ip.more_fragments = true;
        self
    }

    /// A fragment that is not the first.
    pub(crate) fn later_fragment(mut self) -> Self {
        self.ip.fragment_offset = IpFragOffset::try_new(185).expect("an offset");
        self
    }

    pub(crate) fn dont_fragment(mut self) -> Self {
        self.ip.dont_fragment = true;
        self
    }

    /// Length of the IP packet.
    pub(crate) fn ip_length(&self) -> usize {
        self.frame().len() - ETHERNET - self.padding
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut transport = Vec::new();
        match &self.transport {
            Transport::Tcp(header) => header.write(&mut transport),
            Transport::Udp(header) => {
                let length = u16::try_from(8 + self.payload.len()).expect("a short datagram");
                UdpHeader {
                    length,
                    ..header.clone()
                }
                .write(&mut transport)
            }
        }
        .expect("memory takes it");
        transport.extend(&self.payload);
        let mut ip = self.ip.clone();
        ip.set_payload_len(transport.len()).expect("a short packet");
        ip.header_checksum = ip.calc_header_checksum();
        let mut frame = ethernet(EtherType::IPV4);
        ip.write_raw(&mut frame).expect("memory takes it");
        frame.extend(transport);
        frame.resize(frame.len() + self.padding, 0);
        frame
    }
}

fn ethernet(ether_type: EtherType) -> Vec<u8> {
    let header = Ethernet2Header {
        source: CLIENT_MAC,
        destination: DIRECTOR_MAC,
        ether_type,
    };
    header.to_bytes().to_vec()
}

pub(crate) fn arp() -> Vec<u8> {
    let mut frame = ethernet(EtherType::ARP);
    frame.resize(60, 0);
    frame
}

pub(crate) fn icmp_echo() -> Vec<u8> {
    let mut ip = Ipv4Header::new(8, 64, IpNumber::ICMP, CLIENT, VIP).expect("a header");
    ip.header_checksum = ip.calc_header_checksum();
    let mut frame = ethernet(EtherType::IPV4);
    ip.write_raw(&mut frame).expect("memory takes it");
    frame.extend([8, 0, 0xf7, 0xff, 0, 0, 0, 0]);
    frame
}
