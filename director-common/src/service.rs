//! Virtual services: the addresses that the director answers for.

/// Key of a virtual service.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct ServiceKey {
    /// The VIP, IPv4, network byte order.
    pub address: [u8; 4],
    /// The port, network byte order.
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
}

const _: () = assert!(size_of::<ServiceKey>() == 8);
const _: () = assert!(size_of::<Service>() == 8);
