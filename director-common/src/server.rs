//! Real servers as the packet path sees them: where a frame goes.

/// One real server *of one virtual service*: a host that serves two ports has two entries, which live and fail apart.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RealServer {
    /// MAC address of the real server: the destination of forwarded frames.
    pub mac: [u8; 6],
    /// MAC address of the director's interface: the source of forwarded frames.
    pub source_mac: [u8; 6],
    /// Index of the director's interface on the real server's link.
    pub ifindex: u32,
    /// Counts how often this entry stopped being what it was. A flow remembers the generation it was made with;
    /// where the two differ, the flow's server is gone.
    pub generation: u32,
    /// Index of the virtual service.
    pub service: u32,
    /// Index of the VRRP instance that holds the service's VIP.
    pub instance: u32,
    /// [`RealServer::IN_USE`] or 0.
    pub flags: u32,
    /// IPv6 address, or IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2), network byte order.
    pub address: [u8; 16],
    /// Port, network byte order. Direct routing cannot translate it, so it is the service's.
    pub port: [u8; 2],
    pub _reserved: [u8; 14],
}

impl RealServer {
    /// The entry describes a server with a known MAC address; without it nothing may be forwarded by this entry.
    pub const IN_USE: u32 = 1;
}

// One cache line: a hit loads exactly one.
const _: () = assert!(size_of::<RealServer>() == 64);
