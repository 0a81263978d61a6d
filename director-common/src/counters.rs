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
    /// Forwarded: a later fragment, after the first one.
    ForwardFragment = "forward_fragment",
    /// Forwarded: an ICMP error about a flow, to the flow's server.
    ForwardIcmp = "forward_icmp",
    /// Answered with a reset: a new TCP connection for which no server is available.
    AnswerReset = "answer_reset",
    /// Answered with a reset: a TCP segment that belongs to no flow, or to one whose server is gone.
    AnswerNoFlow = "answer_no_flow",
    /// Answered with ICMP port unreachable: a datagram for which no server is available.
    AnswerUnreachable = "answer_unreachable",
    /// Answered with ICMP time exceeded: the TTL or hop limit ran out.
    AnswerTimeExceeded = "answer_time_exceeded",
    /// Answered with ICMP fragmentation needed or packet too big: the server's link takes no packet of this size.
    AnswerTooBig = "answer_too_big",
    /// Passed: neither IPv4 nor IPv6.
    PassNotIp = "pass_not_ip",
    /// Passed: headers are malformed, cut short, or more than are looked behind.
    PassMalformed = "pass_malformed",
    /// Passed: the destination is no virtual service.
    PassNoService = "pass_no_service",
    /// Passed: a later fragment whose first one was not seen.
    PassFragment = "pass_fragment",
    /// Passed: for a VIP, but neither TCP nor UDP nor ICMP.
    PassProtocol = "pass_protocol",
    /// Passed: ICMP for a VIP that is not about a known flow; the kernel answers an echo.
    PassIcmp = "pass_icmp",
    /// Passed: addressed to another host, or it came in by another interface or VLAN than those of the director.
    PassOtherHost = "pass_other_host",
    /// Passed: this director is not MASTER for the virtual service.
    PassNotMaster = "pass_not_master",
    /// Passed: a TCP segment that belongs to no flow, and is a reset or left to the kernel (`on_no_flow pass`).
    PassNoFlow = "pass_no_flow",
    /// Passed: likewise, of a flow whose real server is gone.
    PassServerGone = "pass_server_gone",
    /// Passed: the flow's real server is this director itself.
    PassLocal = "pass_local",
    /// Passed: no server is available, and no answer could be made or too many were; the kernel refuses the connection.
    PassNoServer = "pass_no_server",
    /// Dropped without an answer: the TTL or hop limit ran out.
    DropTtl = "drop_ttl",
    /// Dropped without an answer: the server's link takes no packet of this size.
    DropTooBig = "drop_too_big",
    /// Dropped: the server's interface takes no redirected frames.
    DropNoEgress = "drop_no_egress",
    /// Dropped: its flow's server is away and is waited for (`hold`).
    DropHeld = "drop_held",
    /// Event: a half-open flow was heard again and is a flow from now on.
    FlowPromoted = "flow_promoted",
    /// Event: the flow table could not take an entry; the packet was forwarded all the same.
    FlowTableFull = "flow_table_full",
    /// Event: the table of half-open flows could not take an entry; the packet was forwarded all the same.
    HalfOpenTableFull = "half_open_table_full",
    /// Event: the table of persistence templates could not take an entry; the packet was forwarded all the same.
    TemplateTableFull = "template_table_full",
    /// Event: the table of fragments could not take an entry; later fragments of the packet go to the kernel.
    FragmentTableFull = "fragment_table_full",
}

/// Number of counters.
pub const COUNTERS: u32 = Counter::ALL.len() as u32;
