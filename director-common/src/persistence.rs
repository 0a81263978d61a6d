//! Persistence: a client's new flows go to the server of its earlier ones (`persistence_timeout`).

/// Key of a template: a client, or a group of them, of one service.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct TemplateKey {
    /// IPv6 address, or IPv4 address mapped into IPv6, network byte order, with the service's mask applied.
    pub client: [u8; 16],
    /// Index of the virtual service.
    pub service: u32,
}

/// Which server a client keeps. (The word is IPVS's: a template from which flows are made.)
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Template {
    /// Index of the real server.
    pub server: u32,
    /// Generation of the real server's entry when the template was made.
    pub generation: u32,
    /// Low 32 bits of jiffies when the template was made.
    pub created: u32,
    /// Low 32 bits of jiffies when a flow was last made from it.
    pub last_seen: u32,
}

const _: () = assert!(size_of::<TemplateKey>() == 20);
const _: () = assert!(size_of::<Template>() == 16);
