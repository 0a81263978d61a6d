//! The map ABI: the layout of every BPF map key and value, and the words that the XDP program and the daemon share.
//!
//! Conventions:
//! - Addresses and ports are kept as they stand on the wire (network byte order) and are therefore byte arrays.
//!   Every other integer is in the host's byte order.
//! - No `bool`, no `enum` and no implicit padding in a layout: what a reserved field holds is zero.
//! - Index 0 of every table means *not set*. A packet that meets it is passed to the kernel and counted.
//! - [`ABI_VERSION`] is part of the pin path. Raise it with every change of a layout or of a map.
//!
//! No logic lives here that only one side needs.
#![cfg_attr(not(feature = "user"), no_std)]
#![forbid(unsafe_code)]

pub mod clock;
pub mod counters;
pub mod flow;
pub mod fragment;
pub mod instance;
pub mod interface;
pub mod limits;
pub mod load;
pub mod persistence;
pub mod schedule;
pub mod server;
pub mod service;
pub mod settings;
pub mod tcp;

/// Version of the layouts in this crate. Pinned maps of another version are never touched.
pub const ABI_VERSION: u32 = 5;

/// IP protocol numbers (IANA), as they stand in a flow or service key.
pub mod protocol {
    /// ICMP, RFC 792.
    pub const ICMP: u8 = 1;
    /// TCP, RFC 9293.
    pub const TCP: u8 = 6;
    /// UDP, RFC 768.
    pub const UDP: u8 = 17;
    /// ICMP for IPv6, RFC 4443.
    pub const ICMPV6: u8 = 58;
}
