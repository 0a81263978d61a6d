//! Counters of the packet path.

/// Traffic of a service or a real server, on one CPU.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Traffic {
    /// New flows.
    pub connections: u64,
    /// Forwarded packets.
    pub packets: u64,
    /// Forwarded bytes, counted as IPVS does: the IP total length, without the link-layer header.
    pub bytes: u64,
}

impl core::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.connections += other.connections;
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

const _: () = assert!(size_of::<Traffic>() == 24);

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Why a packet left the packet path, one for each exit, and the events beside.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Counter {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Counter {
            /// All counters, in the order of the map.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Name in listings and JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// What it counts, in one sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

counters! {
    /// Forwarded by a known flow.
    ForwardFlow = "forward_flow",
    /// Forwarded as the first packet of a new flow.
    ForwardNew = "forward_new",
    /// Passed: not IPv4.
    PassNotIpv4 = "pass_not_ipv4",
    /// Passed: headers are malformed or cut short.
    PassMalformed = "pass_malformed",
    /// Passed: a fragment.
    PassFragment = "pass_fragment",
    /// Passed: neither TCP nor UDP.
    PassProtocol = "pass_protocol",
    /// Passed: the destination is no virtual service.
    PassNoService = "pass_no_service",
    /// Passed: addressed to another host, or it came in by another interface than the one to the real server.
    PassOtherHost = "pass_other_host",
    /// Passed: this director is not MASTER for the virtual service.
    PassNotMaster = "pass_not_master",
    /// Passed: a TCP packet in mid-stream that belongs to no known flow; the kernel answers it with a reset.
    PassNoFlow = "pass_no_flow",
    /// Passed: the flow's real server is gone; the kernel answers with a reset.
    PassServerGone = "pass_server_gone",
    /// Passed: the service has no available server; the kernel refuses the connection.
    PassNoServer = "pass_no_server",
    /// Dropped: the TTL ran out.
    DropTtl = "drop_ttl",
    /// The flow table could not take an entry; the packet was forwarded all the same.
    FlowTableFull = "flow_table_full",
}

/// Number of counters.
pub const COUNTERS: u32 = Counter::ALL.len() as u32;
