//! Table sizes and map names.

/// Slots of the table of virtual services; slot 0 is reserved.
pub const MAX_SERVICES: u32 = 1024;
/// Slots of the table of real servers (one for each service that a server is in); slot 0 is reserved.
pub const MAX_SERVERS: u32 = 16_384;
/// Real servers that one virtual service can have, the sorry server included.
pub const MAX_SERVERS_PER_SERVICE: usize = 256;
/// Slots of the table of VRRP instances; slot 0 is reserved.
pub const MAX_INSTANCES: u32 = 256;
/// Interfaces that can run the program.
pub const MAX_INTERFACES: u32 = 256;
/// Flows of each address family that the tables hold unless the daemon is told otherwise.
pub const DEFAULT_FLOWS: u32 = 262_144;
/// Half-open flows of each address family, likewise.
pub const DEFAULT_HALF_OPEN: u32 = 65_536;
/// Persistence templates, likewise.
pub const DEFAULT_TEMPLATES: u32 = 65_536;
/// Packets whose fragments are followed, likewise.
pub const DEFAULT_FRAGMENTS: u32 = 8192;
/// Tags of a frame that are looked behind (802.1ad allows two).
pub const MAX_VLAN_TAGS: usize = 2;
/// Extension headers of an IPv6 packet that are looked behind.
pub const MAX_EXTENSION_HEADERS: usize = 6;

/// Names of the maps, which are also the names of their pins.
///
/// The kernel keeps 15 characters of a map's name.
pub mod map {
    macro_rules! maps {
        ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
            $($(#[doc = $doc])+ pub const $name: &str = stringify!($name);)+

            /// Every map, in the order in which `director map list` shows them.
            pub const ALL: &[&str] = &[$($name,)+];
        };
    }

    maps! {
        /// Index 0 to `Settings`. Written by the daemon.
        SETTINGS,
        /// Interface index to `Interface`. Written by the daemon.
        INTERFACES,
        /// Interface index to the device that frames are redirected to. Written by the daemon.
        EGRESS,
        /// Index to `Instance`. Written by the daemon.
        INSTANCES,
        /// Instance index to `Lease`, through shared memory. Written by the thread that speaks VRRP; for services without an instance by
        /// the daemon.
        LEASES,
        /// Index 0 to `VipFilter`. Written by the daemon.
        VIP_FILTER,
        /// `ServiceKeyV4` to `Service`. Written by the daemon.
        SERVICES_V4,
        /// `ServiceKeyV6` to `Service`. Written by the daemon.
        SERVICES_V6,
        /// Index to `RealServer`. Written by the daemon.
        SERVERS,
        /// Server index to `Load`. Written by the XDP program, put right by the daemon.
        LOADS,
        /// Service index to its `Schedule`, swapped whole. Written by the daemon.
        SCHEDULES,
        /// Service index to the round-robin position, `u64`. Written by the XDP program.
        CURSORS,
        /// Service index to `Locality`. Written by the XDP program.
        LOCALITIES,
        /// `FlowKeyV4` to `Flow`. Written by the XDP program, expired by the daemon.
        FLOWS_V4,
        /// `FlowKeyV6` to `Flow`, likewise.
        FLOWS_V6,
        /// `FlowKeyV4` to `Flow`: flows that were heard once, likewise.
        HALF_OPEN_V4,
        /// `FlowKeyV6` to `Flow`, likewise.
        HALF_OPEN_V6,
        /// `TemplateKey` to `Template`, likewise.
        TEMPLATES,
        /// `FragmentKey` to `Fragment`. Written by the XDP program.
        FRAGMENTS,
        /// Service index to `Traffic`, per CPU. Written by the XDP program.
        SERVICE_TRAFFIC,
        /// Server index to `Traffic`, per CPU. Written by the XDP program.
        SERVER_TRAFFIC,
        /// `Counter` to `u64`, per CPU. Written by the XDP program.
        COUNTERS,
        /// Index 0 to `ReplyBudget`, per CPU. Written by the XDP program.
        REPLY_BUDGET,
    }
}
