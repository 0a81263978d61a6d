//! Flows: what the director remembers of a connection (IPVS calls it a *connection*).
//!
//! IPv4 and IPv6 have tables of their own: a key of 16 bytes hashes in half the time of one of 40.

/// Key of an IPv4 flow: the client's side of the 5-tuple. 16 bytes, which hash in half the time of an IPv6 key.
///
/// Each field is one word that is written at once: a hash that reads what was written in pieces waits for the pieces.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct FlowKeyV4 {
    /// The client's address, network byte order.
    pub source: [u8; 4],
    /// The VIP, network byte order.
    pub destination: [u8; 4],
    /// The client's port and then the service's, as they open the TCP and the UDP header: each in network byte order.
    pub ports: [u8; 4],
    /// IP protocol number, see [`crate::protocol`].
    pub protocol: u32,
}

/// Key of an IPv6 flow, likewise. 40 bytes.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct FlowKeyV6 {
    /// The client's address, network byte order.
    pub source: [u8; 16],
    /// The VIP, network byte order.
    pub destination: [u8; 16],
    /// As in [`FlowKeyV4`].
    pub ports: [u8; 4],
    /// IP protocol number, see [`crate::protocol`].
    pub protocol: u32,
}

/// State and memory of one flow.
///
/// A flow that was heard once (a SYN, a first datagram) is kept in a table of its own, `HALF_OPEN_V4` or `HALF_OPEN_V6`, until
/// the client is heard again: whatever a flood of single packets pushes out of a table, it is no established flow.
///
/// It keeps what is needed to tell the truth later: the sequence numbers are exactly what a valid RST to either end
/// needs (RFC 9293 section 3.10.7, RFC 5961 section 3.2).
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Flow {
    /// Index of the real server.
    pub server: u32,
    /// Generation of the real server's entry when the flow was made.
    pub generation: u32,
    /// [`crate::tcp::FlowState`].
    pub state: u32,
    pub _reserved: u32,
    /// Low 32 bits of jiffies when the flow was made.
    pub created: u32,
    /// Low 32 bits of jiffies when the client was last heard.
    pub last_seen: u32,
    /// TCP: sequence number that the client sends next.
    pub next_sequence: u32,
    /// TCP: last acknowledgement number that the client sent.
    pub last_acknowledgement: u32,
}

const _: () = assert!(size_of::<FlowKeyV4>() == 16);
const _: () = assert!(size_of::<FlowKeyV6>() == 40);
const _: () = assert!(size_of::<Flow>() == 32);
