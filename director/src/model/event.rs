//! What can happen to the model.

use std::net::IpAddr;

use director_common::instance::Role;

use super::service::ServiceId;
use crate::dataplane::tables::InstanceKey;

/// An input of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A check came to a verdict.
    Check {
        /// The virtual service.
        service: ServiceId,
        /// Address of its real server.
        server: IpAddr,
        /// Index of the check among the server's.
        check: usize,
        /// What it found.
        verdict: Verdict,
    },
    /// What the kernel knows of a neighbor has changed.
    Neighbor {
        /// Our interface.
        ifindex: u32,
        /// The neighbor's address.
        address: IpAddr,
        /// Its MAC address, if any.
        neighbor: Neighbor,
    },
    /// The operator wants the real servers to take over from the sorry server.
    FailBack {
        /// The virtual service.
        service: ServiceId,
    },
    /// One of our interfaces has another MAC address.
    OwnAddress {
        /// The interface.
        ifindex: u32,
        /// Its MAC address from now on.
        mac: [u8; 6],
    },
    /// A VRRP instance changed its role.
    Role {
        /// The instance.
        instance: InstanceKey,
        /// Its role from now on.
        role: Role,
    },
}

/// The verdict of a check, after its retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The service answers.
    Pass,
    /// It does not, for the reason given.
    Fail(String),
}

/// What is known of a server's MAC address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Neighbor {
    /// The kernel was asked and has not answered yet.
    #[default]
    Pending,
    /// Known.
    Resolved([u8; 6]),
    /// The server did not answer. The address it had before, if any, still serves the flows that are there.
    Unresolved(Option<[u8; 6]>),
    /// The server is this director itself: no address is needed.
    Here,
}

impl Neighbor {
    /// The MAC address to send by.
    #[must_use]
    pub const fn mac(self) -> Option<[u8; 6]> {
        match self {
            Self::Resolved(mac) => Some(mac),
            Self::Unresolved(last) => last,
            Self::Pending | Self::Here => None,
        }
    }

    /// This knowledge, after news: an address that was known once is remembered.
    #[must_use]
    pub(super) fn after(self, news: Self) -> Self {
        match news {
            Self::Unresolved(None) => Self::Unresolved(self.mac()),
            // Asking again is no loss of what is known.
            Self::Pending => self,
            news => news,
        }
    }
}
