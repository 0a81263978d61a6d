//! What the daemon tells its guardian: one line of JSON for each change.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

/// Everything to watch over. It replaces what was told before; empty: nothing, and then the guardian ends with the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The instances.
    pub wards: Vec<Ward>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ward {
    /// Its name in the configuration.
    pub name: String,
    /// Index of its lease.
    pub lease: u32,
    /// So long before the lease ends it is suspicious that nobody renews it; so much later it is given up.
    pub margin: Duration,
    /// Its addresses.
    pub addresses: Vec<Held>,
    /// TTL or hop limit of what is sent to peers.
    pub unicast_ttl: u8,
    /// How the others are told.
    pub release: Vec<Release>,
    /// The interface that it speaks on.
    pub ifindex: u32,
    /// MAC address of that.
    pub mac: [u8; 6],
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its interface.
    pub ifindex: u32,
    /// The address.
    pub address: IpAddr,
    /// Bits of its mask.
    pub prefix_length: u8,
}

/// An advertisement with priority 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// The message, without IP header.
    pub message: Vec<u8>,
}
