//! VRRP: which director of several is Master of a virtual router, and so forwards for its addresses.
//!
//! ```text
//!  IP packet --> frame --> reception --> Accepted ----.
//!                  ^          (packet)                v
//!                  |                              instance <---- track (weights, faults of what is tracked)
//!                  |                                |  ^
//!                  '--- packet <-- SendAdvertisement'  '-------- sync_group (instances that move together)
//! ```
//!
//! - [`packet`] is the message: RFC 3768 section 5.1 (version 2) and RFC 9568 section 5.2 (version 3).
//! - [`frame`] is the IP packet around it, and the multicast MAC address.
//! - [`reception`] decides which advertisements count: RFC 3768 section 7.1, RFC 9568 section 7.1.
//! - [`election`] has the priorities and the two intervals that follow from them: section 6.1 of both.
//! - [`instance`] is the state machine: section 6.4 of both.
//! - [`sync_group`] and [`track`] are keepalived's.
//!
//! Everything here is pure: time is an argument, and what shall happen is returned. RFC 9568 calls the Master *Active*.

pub mod driver;
pub mod election;
pub mod frame;
pub mod instance;
pub mod packet;
pub mod profile;
pub mod real_time;
pub mod reception;
pub mod router;
pub(crate) mod sockets;
pub mod sync_group;
pub mod track;

pub use driver::{Command, Placed, Remote, Said, Speaker, Trouble};
pub use election::Priority;
pub use instance::{
    Action, Alarm, Event, Fault, Instance, Membership, OnHigherPriority, OnLowerPriority, Preempt,
    Reason, Role, Settings, State,
};
pub use packet::{Advertisement, Authentication, Coverage, Endpoints, Packet, Version};
pub use profile::{Family, Key, Profile, Weighed, Witnessed};
pub use reception::{
    Accepted, AddressList, Delivery, Expected, Peer, Received, Rejected, UnknownPeers,
};
pub use router::{Effect, LeaseEffect, News, Notice, Router, Verdict};
pub use sockets::group as group_address;
pub use sync_group::{Order, Standing, SyncGroup};
pub use track::{Direction, Status, Tracked, Tracker, TrackerKind, Tracking};

#[cfg(test)]
mod simulation;
