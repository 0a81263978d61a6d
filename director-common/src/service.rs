//! Virtual services: the addresses that the director answers for.

/// Key of a virtual service on an IPv4 address.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct ServiceKeyV4 {
    /// The VIP, network byte order.
    pub address: [u8; 4],
    /// The port, network byte order; 0: every port that has no service of its own.
    pub port: [u8; 2],
    /// IP protocol number, see [`crate::protocol`].
    pub protocol: u8,
    pub _reserved: u8,
}

/// Key of a virtual service on an IPv6 address.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct ServiceKeyV6 {
    /// The VIP, network byte order.
    pub address: [u8; 16],
    /// As in [`ServiceKeyV4`].
    pub port: [u8; 2],
    /// IP protocol number, see [`crate::protocol`].
    pub protocol: u8,
    pub _reserved: u8,
}

/// What the packet path needs to know of a virtual service.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Service {
    /// Index of the service in the per-service tables, 1 to `MAX_SERVICES - 1`.
    pub id: u32,
    /// Index of the VRRP instance that holds the VIP.
    pub instance: u32,
    /// [`Service::PERSISTENT`], [`Service::ONE_PACKET`], [`Service::NO_FLOW_PASS`], [`Service::NO_FLOW_SCHEDULE`].
    pub flags: u32,
    /// Time in jiffies that an established flow is kept after the client was last heard.
    pub idle_timeout: u32,
    /// Persistence: the part of a client's address that counts (`persistence_granularity`), as the address lies in
    /// [`crate::persistence::TemplateKey`].
    pub client_mask: [u8; 16],
}

impl Service {
    /// A client's new flows follow its template.
    pub const PERSISTENT: u32 = 1;
    /// Each datagram is scheduled by itself and no flow is kept (`ops`).
    pub const ONE_PACKET: u32 = 2;
    /// A TCP segment of no flow is the kernel's, and not answered with a reset.
    pub const NO_FLOW_PASS: u32 = 4;
    /// A TCP segment of no flow is scheduled as if it opened a connection.
    pub const NO_FLOW_SCHEDULE: u32 = 8;
}

const VIP_FILTER_WORDS: usize = 64;

/// Which destinations may be VIPs: a packet for another one is done after one look here.
///
/// A Bloom filter with one hash: an address that is a VIP is always in it, another one seldom.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct VipFilter {
    /// One bit for each value of [`VipFilter::bit`].
    pub words: [u64; VIP_FILTER_WORDS],
}

impl VipFilter {
    /// Words of 64 bits.
    pub const WORDS: usize = VIP_FILTER_WORDS;
    /// Nothing is a VIP.
    pub const EMPTY: Self = Self {
        words: [0; Self::WORDS],
    };

    /// Bit of an address, whose bytes on the wire are given as words of 32 bits in memory order. An IPv4 address is one word.
    #[must_use]
    #[inline(always)]
    pub const fn bit(address: &[u32]) -> u32 {
        // Multiplication by the golden ratio (Knuth, The Art of Computer Programming 6.4) spreads neighbouring addresses.
        const GOLDEN: u32 = 0x9e37_79b1;
        let folded = match address {
            [one] => *one,
            [a, b, c, d] => (*a).rotate_left(9) ^ (*b).rotate_left(18) ^ (*c).rotate_left(27) ^ *d,
            _ => 0,
        };
        folded.wrapping_mul(GOLDEN) >> (32 - (Self::WORDS as u32 * 64).ilog2())
    }

    /// Puts an address in.
    pub const fn insert(&mut self, address: &[u32]) {
        let bit = Self::bit(address);
        self.words[(bit / 64) as usize] |= 1 << (bit % 64);
    }
}

const _: () = assert!(size_of::<ServiceKeyV4>() == 8);
const _: () = assert!(size_of::<ServiceKeyV6>() == 20);
const _: () = assert!(size_of::<Service>() == 32);
const _: () = assert!(size_of::<VipFilter>() == 512);
