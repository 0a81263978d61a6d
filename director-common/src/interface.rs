//! The director's interfaces, for packets that do not leave as they came.

/// One interface of the director that runs the program.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Interface {
    /// Its MAC address: frames to another one are not for us.
    pub mac: [u8; 6],
    /// Greatest IP packet that it takes, bytes. 0: any.
    pub mtu: u16,
    /// Index of the bond that it is a port of, else 0. A frame that came in by a port leaves by the bond with `XDP_TX`.
    pub master: u32,
    /// Its IPv4 address, network byte order: the source of ICMP errors. Zero: it has none.
    pub address_v4: [u8; 4],
    /// Its IPv6 address, likewise.
    pub address_v6: [u8; 16],
}

const _: () = assert!(size_of::<Interface>() == 32);
