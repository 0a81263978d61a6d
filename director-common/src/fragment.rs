//! Fragments: only the first one of a packet has ports, so the others follow it by this table.

/// What the fragments of one packet share (RFC 791 section 3.2, RFC 8200 section 4.5).
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct FragmentKey {
    /// IPv6 address, or IPv4 address mapped into IPv6, network byte order.
    pub source: [u8; 16],
    /// Likewise.
    pub destination: [u8; 16],
    /// Identification as it stands on the wire; IPv4 has 16 bits of it.
    pub identification: u32,
    /// IP protocol number, see [`crate::protocol`].
    pub protocol: u32,
}

/// Where the first fragment went.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Fragment {
    /// Index of the real server.
    pub server: u32,
    /// Generation of the real server's entry.
    pub generation: u32,
    /// Low 32 bits of jiffies when the first fragment came.
    pub seen: u32,
    pub _reserved: u32,
}

const _: () = assert!(size_of::<FragmentKey>() == 40);
const _: () = assert!(size_of::<Fragment>() == 16);
