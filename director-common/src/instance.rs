//! VRRP instances as the packet path sees them: who may forward.

/// Role of a VRRP instance, RFC 3768 section 6.4. (RFC 9568 calls Master *Active*.)
///
/// The daemon writes it; a packet for a VIP is forwarded only while the role is [`Role::MASTER`].
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Role(pub u32);

impl Role {
    /// Not set, or the daemon was stopped: packets go to the kernel.
    pub const INITIALIZE: Self = Self(0);
    /// Another director forwards: packets go to the kernel.
    pub const BACKUP: Self = Self(1);
    /// This director forwards.
    pub const MASTER: Self = Self(2);

    /// The word that operators know.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BACKUP => "BACKUP",
            Self::MASTER => "MASTER",
            _ => "INITIALIZE",
        }
    }
}

/// One entry of the table of instances.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Instance {
    pub role: Role,
    /// VRID, or 0 for services whose VIP no VRRP instance holds.
    pub virtual_router_id: u32,
    /// Index of the instance's interface, or 0 with VRID 0.
    pub ifindex: u32,
}

const _: () = assert!(size_of::<Instance>() == 12);
