//! The frames that are measured: 60 bytes and more, as short as they get on a wire. The harness fills in the client.

use etherparse::{PacketBuilder, VlanId};

use crate::setup::{PORT, VIP, VIP_V6, VLAN};

/// One frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) wire: Wire,
    kind: Kind,
}

/// How it lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    V4,
    /// IPv4 behind one VLAN tag.
    Vlan,
    V6,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Syn,
    Ack,
    Udp,
    /// A segment to another address than the VIP.
    Elsewhere,
}

impl Frame {
    pub(crate) const SYN: Self = Self::new(Wire::V4, Kind::Syn);
    pub(crate) const ACK: Self = Self::new(Wire::V4, Kind::Ack);
    pub(crate) const ACK_VLAN: Self = Self::new(Wire::Vlan, Kind::Ack);
    pub(crate) const ACK_V6: Self = Self::new(Wire::V6, Kind::Ack);
    pub(crate) const UDP: Self = Self::new(Wire::V4, Kind::Udp);
    pub(crate) const ELSEWHERE: Self = Self::new(Wire::V4, Kind::Elsewhere);

    const fn new(wire: Wire, kind: Kind) -> Self {
        Self { wire, kind }
    }

    /// What makes its flow known: heard once, and once more.
    pub(crate) const fn opening(self) -> [Self; 2] {
        let (first, second) = match self.kind {
            Kind::Udp => (Kind::Udp, Kind::Udp),
            Kind::Syn | Kind::Ack | Kind::Elsewhere => (Kind::Syn, Kind::Ack),
        };
        [Self::new(self.wire, first), Self::new(self.wire, second)]
    }

    pub(crate) const fn is_for_the_vip(self) -> bool {
        !matches!(self.kind, Kind::Elsewhere)
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let destination = match self.kind {
            Kind::Elsewhere => [192, 168, 66, 6],
            Kind::Syn | Kind::Ack | Kind::Udp => VIP.octets(),
        };
        let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 10], [2, 0, 0, 0, 0, 6]);
        let ip = match self.wire {
            Wire::V4 => link.ipv4([10, 0, 0, 0], destination, 64),
            Wire::Vlan => link
                .single_vlan(VlanId::try_new(VLAN).unwrap_or_default())
                .ipv4([10, 0, 0, 0], destination, 64),
            Wire::V6 => link.ipv6([0xfd; 16], VIP_V6.octets(), 64),
        };
        let mut frame = Vec::new();
        let written = match self.kind {
            Kind::Syn => ip.tcp(1, PORT, 1000, 64_240).syn().write(&mut frame, &[]),
            Kind::Ack | Kind::Elsewhere => {
                let segment = ip.tcp(1, PORT, 1001, 64_240).ack(5000);
                segment.write(&mut frame, &[])
            }
            Kind::Udp => ip.udp(1, PORT).write(&mut frame, &[0; 12]),
        };
        // Writing to memory does not fail.
        written.unwrap_or_default();
        frame.resize(frame.len().max(60), 0);
        frame
    }
}
