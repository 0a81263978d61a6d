//! VRRP: which director of several is Master of a virtual router, and so forwards for its addresses.
//!
//! ```text
//!  IP packet --> frame --> reception (packet) --> Accepted
//!  IP packet <-- frame <-- packet <-- Advertisement
//! ```
//!
//! - [`packet`] is the message: RFC 3768 section 5.1 (version 2) and RFC 9568 section 5.2 (version 3).
//! - [`frame`] is the IP packet around it, and the multicast MAC address.
//! - [`reception`] decides which advertisements count: RFC 3768 section 7.1, RFC 9568 section 7.1.
//! - [`election`] has the priorities and the two intervals that follow from them: section 6.1 of both.
//!
//! Everything here is pure: time is an argument, and what shall happen is returned. RFC 9568 calls the Master *Active*.

pub mod election;
pub mod frame;
pub mod packet;
pub mod reception;

pub use election::Priority;
pub use packet::{Advertisement, Authentication, Coverage, Endpoints, Packet, Version};
pub use reception::{Accepted, AddressList, Delivery, Expected, Received, Rejected, UnknownPeers};
