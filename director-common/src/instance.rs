//! VRRP instances as the packet path sees them: who may forward, and until when.

/// Role of a VRRP instance, RFC 3768 section 6.4. (RFC 9568 calls Master *Active*.)
///
/// It is for people to read; whether this director may forward is what the [`Lease`] says.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Role(pub u32);

impl Role {
    /// Not set, or the daemon was stopped.
    pub const INITIALIZE: Self = Self(0);
    /// Another director forwards.
    pub const BACKUP: Self = Self(1);
    /// This director forwards.
    pub const MASTER: Self = Self(2);
    /// Something keeps this director from forwarding: packets go to the kernel.
    pub const FAULT: Self = Self(3);

    /// The word that operators know.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BACKUP => "BACKUP",
            Self::MASTER => "MASTER",
            Self::FAULT => "FAULT",
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
    /// [`Self::V4`] or [`Self::V6`], by which the entry is known as one that is set; V4 with VRID 0.
    pub family: u32,
}

impl Instance {
    /// A virtual router of IPv4.
    pub const V4: u32 = 4;
    /// A virtual router of IPv6, which may have the VRID of one of IPv4 on the same interface.
    pub const V6: u32 = 6;
}

const _: () = assert!(size_of::<Instance>() == 16);

/// How long this director may forward for an instance. A packet for a VIP is forwarded only while the end lies ahead.
///
/// The role itself would stay for ever when its writer hangs or dies. A lease ends by itself unless it is held anew.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Lease {
    /// First jiffy in which packets are not forwarded any more, all 64 bits of it: the packet path reads jiffies by one load.
    pub until: u64,
    /// The same moment by `CLOCK_MONOTONIC`, nanoseconds, for userspace, which cannot read jiffies.
    pub until_monotonic_ns: u64,
}

impl Lease {
    /// Not set, or ended.
    pub const NONE: Self = Self {
        until: 0,
        until_monotonic_ns: 0,
    };
    /// It has no end.
    pub const FOREVER: Self = Self {
        until: u64::MAX,
        until_monotonic_ns: u64::MAX,
    };
}

const _: () = assert!(size_of::<Lease>() == 16);
