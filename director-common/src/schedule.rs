//! Scheduling: userspace prepares a table, the packet path chooses by it.

use crate::limits::MAX_SERVERS_PER_SERVICE;

/// Slots of a scheduling table.
pub const SLOTS: usize = 4096;
/// Slots that a Maglev table uses: a prime, the default of IPVS's mh (`CONFIG_IP_VS_MH_TAB_INDEX` 12).
pub const MAGLEV_SLOTS: usize = 4093;
/// Slots that the tables of sh and dh use, as in IPVS (`IP_VS_SH_TAB_SIZE`, `IP_VS_DH_TAB_SIZE`).
pub const HASH_SLOTS: usize = 256;
/// A slot that names no candidate.
pub const NO_CANDIDATE: u16 = u16::MAX;
/// Further hashes that are tried when a hash finds a server that cannot be used, before the candidates are tried in turn.
pub const FALLBACK_ROUNDS: u32 = 8;
/// Servers that lblcr remembers for a service.
pub const LOCALITY_SERVERS: usize = 8;

/// How a server is chosen, as an integer for the map. The names are IPVS's; rr and wrr differ only in the table.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Algorithm(pub u32);

impl Algorithm {
    /// No server is available.
    pub const NONE: Self = Self(0);
    /// The next slot: rr, wrr.
    pub const NEXT_SLOT: Self = Self(1);
    /// The slot of the client's hash: sh, mh.
    pub const SOURCE_HASH: Self = Self(2);
    /// The slot of the VIP's hash: dh.
    pub const DESTINATION_HASH: Self = Self(3);
    /// Least overhead: lc.
    pub const LEAST_CONNECTION: Self = Self(4);
    /// Least overhead for its weight: wlc.
    pub const WEIGHTED_LEAST_CONNECTION: Self = Self(5);
    /// Least (active + 1) for its weight: sed.
    pub const SHORTEST_EXPECTED_DELAY: Self = Self(6);
    /// The first without active flows, else as sed: nq.
    pub const NEVER_QUEUE: Self = Self(7);
    /// The greatest weight: fo.
    pub const WEIGHTED_FAILOVER: Self = Self(8);
    /// The greatest weight among those with no more active flows than their weight: ovf.
    pub const WEIGHTED_OVERFLOW: Self = Self(9);
    /// The lesser loaded of two slots taken at random: twos.
    pub const POWER_OF_TWO: Self = Self(10);
    /// The server of the VIP, until it is overloaded: lblc.
    pub const LOCALITY: Self = Self(11);
    /// The least loaded of the VIP's servers, another one when it is overloaded: lblcr.
    pub const LOCALITY_WITH_REPLICATION: Self = Self(12);
}

/// A real server that may be chosen.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Candidate {
    /// Index of the real server.
    pub server: u32,
    /// Its weight, 0 to 2^31 - 1. 0 only where a table of sh or dh has a slot for it: it is chosen, and then not available.
    pub weight: u32,
}

/// How new flows of one service are given to its real servers.
///
/// The daemon writes a whole new table and swaps it in by one map update, so that no packet sees half an edit. The
/// lengths are part of the table for the same reason.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Schedule {
    pub algorithm: Algorithm,
    /// [`Schedule::PORT`], [`Schedule::FALLBACK`].
    pub flags: u32,
    /// Slots in use, 0 to [`SLOTS`].
    pub slots_length: u32,
    /// Candidates in use, 0 to [`MAX_SERVERS_PER_SERVICE`].
    pub candidates_length: u32,
    pub candidates: [Candidate; MAX_SERVERS_PER_SERVICE],
    /// Positions in `candidates`, or [`NO_CANDIDATE`].
    pub slots: [u16; SLOTS],
}

impl Schedule {
    /// The client's port is part of its hash (`sh-port`, `mh-port`).
    pub const PORT: u32 = 1;
    /// A server that is not available is replaced by another (`sh-fallback`, `mh-fallback`); without it the client is refused.
    pub const FALLBACK: u32 = 2;

    /// The table of a service without an available server.
    pub const EMPTY: Self = Self {
        algorithm: Algorithm::NONE,
        flags: 0,
        slots_length: 0,
        candidates_length: 0,
        candidates: [Candidate {
            server: 0,
            weight: 0,
        }; MAX_SERVERS_PER_SERVICE],
        slots: [NO_CANDIDATE; SLOTS],
    };
}

/// What lblc and lblcr remember of a service. Written by the packet path.
#[cfg_attr(feature = "user", derive(bytemuck::Pod, bytemuck::Zeroable))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Locality {
    /// Servers in use: at most 1 with lblc, at most [`LOCALITY_SERVERS`] with lblcr.
    pub length: u32,
    /// Low 32 bits of jiffies when the set last changed.
    pub changed: u32,
    /// Indexes of real servers.
    pub servers: [u32; LOCALITY_SERVERS],
}

/// Hash of a client or of a VIP, the same on every director. `round` counts the tries.
///
/// The steps are those of MurmurHash3 (32 bits), over the address's bytes on the wire as words in memory order, the port and
/// the round.
#[must_use]
#[inline(always)]
pub const fn hash(address: [u32; 4], port: u32, round: u32) -> u32 {
    let [a, b, c, d] = address;
    let mut hash = mix(round, u32::from_be(a));
    hash = mix(hash, u32::from_be(b));
    hash = mix(hash, u32::from_be(c));
    hash = mix(hash, u32::from_be(d));
    hash = mix(hash, port);
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[inline(always)]
const fn mix(hash: u32, word: u32) -> u32 {
    let word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15);
    let hash = hash ^ word.wrapping_mul(0x1b87_3593);
    hash.rotate_left(13)
        .wrapping_mul(5)
        .wrapping_add(0xe654_6b64)
}

const _: () = assert!(MAGLEV_SLOTS <= SLOTS && HASH_SLOTS <= SLOTS);
const _: () = assert!(size_of::<Schedule>() == 16 + 8 * MAX_SERVERS_PER_SERVICE + 2 * SLOTS);
const _: () = assert!(size_of::<Locality>() == 40);
