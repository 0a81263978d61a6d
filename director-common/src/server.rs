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
    /// Index of the director's interface on the real server's link; of a VLAN device, that of the device below it.
    pub ifindex: u32,
    /// Counts how often this entry stopped being what it was. A flow remembers the generation it was made with;
    /// where the two differ, the flow's server is gone.
    pub generation: u32,
    /// Index of the virtual service.
    pub service: u32,
    /// Index of the VRRP instance that holds the service's VIP.
    pub instance: u32,
    /// [`RealServer::IN_USE`], [`RealServer::ACCEPTS_NEW`], [`RealServer::LOCAL`], [`RealServer::HELD`].
    pub flags: u32,
    /// IPv6 address, or IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2), network byte order.
    pub address: [u8; 16],
    /// VLAN of the real server's link, as [`vlan_tags`] writes it. 0: no tag.
    pub vlan: u32,
    /// `uthreshold`: with this many flows the server gets no new ones. 0: no limit.
    pub upper_threshold: u32,
    /// `lthreshold`: below this many flows it gets new ones again. 0: below three quarters of the upper threshold.
    pub lower_threshold: u32,
    /// Port, network byte order. Direct routing cannot translate it, so it is the service's.
    pub port: [u8; 2],
    /// Greatest IP packet that the real server's link takes, bytes. 0: any.
    pub mtu: u16,
}

impl RealServer {
    /// The entry describes a server that flows may go on to; without it nothing may be forwarded by this entry.
    pub const IN_USE: u32 = 1;
    /// It may get new flows: it is alive and its weight is not 0.
    pub const ACCEPTS_NEW: u32 = 2;
    /// The server is the director itself: its packets are the kernel's.
    pub const LOCAL: u32 = 4;
    /// The server is away and is waited for: the packets of its flows are dropped, and its generation stays. Not with
    /// [`RealServer::IN_USE`].
    pub const HELD: u32 = 8;
}

/// The VLAN identifiers of a frame: that of its first tag, and that of its second tag 16 bits higher. 0: no tag.
#[must_use]
#[inline(always)]
pub const fn vlan_tags(first: u16, second: u16) -> u32 {
    first as u32 | (second as u32) << 16
}

// One cache line: a hit loads exactly one.
const _: () = assert!(size_of::<RealServer>() == 64);
