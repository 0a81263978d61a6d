//! What two directors tell each other beside VRRP: the digests of their configurations (scenario 1.16).
//!
//! ```text
//!   Config --> Digest --> message --> channel (UDP, where the advertisements go) --> the other director
//!                                     channel --> message --> Peers --> log, `director vrrp show`, `director doctor`
//! ```
//!
//! VRRP tells the addresses and the pace, and has no room for virtual servers, real servers and checks. A digest tells where two
//! configurations differ, and not how. Nothing is decided by it.

pub(crate) mod channel;
pub(crate) mod message;
pub(crate) mod peers;

pub use peers::PairStanding;

/// UDP port of both sides, unless `director_pair_port` says another one.
pub const DEFAULT_PORT: u16 = 8850;
