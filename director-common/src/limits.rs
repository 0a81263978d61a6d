//! Table sizes and map names.

/// Slots of the table of virtual services; slot 0 is reserved.
pub const MAX_SERVICES: u32 = 1024;
/// Slots of the table of real servers (one for each service that a server is in); slot 0 is reserved.
pub const MAX_SERVERS: u32 = 16_384;
/// Servers of one service, its sorry server among them.
pub const MAX_SERVERS_PER_SERVICE: u32 = 256;
/// Slots of the table of VRRP instances; slot 0 is reserved.
pub const MAX_INSTANCES: u32 = 256;
/// Flows that the table holds unless the daemon is told otherwise.
pub const DEFAULT_FLOWS: u32 = 262_144;

/// Names of the maps, which are also the names of their pins.
///
/// The kernel keeps 15 characters of a map's name.
pub mod map {
    /// `ServiceKey` to `Service`. Written by the daemon.
    pub const SERVICES: &str = "SERVICES";
    /// Index to `RealServer`. Written by the daemon.
    pub const SERVERS: &str = "SERVERS";
    /// Index to `Instance`. Written by the daemon.
    pub const INSTANCES: &str = "INSTANCES";
    /// Service index to its `Schedule`, swapped whole. Written by the daemon.
    pub const SCHEDULES: &str = "SCHEDULES";
    /// Service index to the round-robin position, `u64`. Written by the XDP program.
    pub const CURSORS: &str = "CURSORS";
    /// `FlowKeyV4` to `Flow`. Written by the XDP program, expired by the daemon.
    pub const FLOWS_V4: &str = "FLOWS_V4";
    /// Service index to `Traffic`, per CPU. Written by the XDP program.
    pub const SERVICE_TRAFFIC: &str = "SERVICE_TRAFFIC";
    /// Server index to `Traffic`, per CPU. Written by the XDP program.
    pub const SERVER_TRAFFIC: &str = "SERVER_TRAFFIC";
    /// `Counter` to `u64`, per CPU. Written by the XDP program.
    pub const COUNTERS: &str = "COUNTERS";

    /// Every map, in the order in which `director map list` shows them.
    pub const ALL: [&str; 9] = [
        INSTANCES,
        SERVICES,
        SERVERS,
        SCHEDULES,
        CURSORS,
        FLOWS_V4,
        SERVICE_TRAFFIC,
        SERVER_TRAFFIC,
        COUNTERS,
    ];
}
