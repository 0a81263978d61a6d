//! What the virtual routers of this host want to happen.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use crate::vrrp::{
    instance::{Alarm, Fault, Reason, Role},
    packet::Endpoints,
    reception::Rejected,
};

/// In this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send an advertisement.
    Transmit {
        /// Of which instance.
        instance: Arc<str>,
        /// A copy for each destination.
        messages: Vec<(Endpoints, Vec<u8>)>,
        /// What leaving means for the right to forward.
        lease: LeaseEffect,
    },
    /// Forward nothing for an instance any more.
    EndLease {
        /// Which one.
        instance: Arc<str>,
    },
    /// Ask the witnesses of an instance, and say what they said ([`super::Router::hear_witnesses`]).
    AskWitnesses {
        /// Which one.
        instance: Arc<str>,
    },
    /// For the daemon.
    Tell(Notice),
}

/// What an advertisement that has left means for the right to forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseEffect {
    /// Nothing: it says that the Master leaves.
    None,
    /// From its leaving on, nobody else is Master for so long.
    Renew(Duration),
}

/// What the daemon has to know. Of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its name.
    pub instance: Arc<str>,
    /// What there is to know.
    pub news: News,
}

/// What there is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It is something else now: hold its addresses, or let them go.
    Role {
        /// What it is.
        role: Role,
        /// Why.
        reason: Reason,
        /// Its effective priority.
        priority: u8,
    },
    /// It was Master, and somebody else is now: whatever it has in its tables is dead.
    Succeeded {
        /// Who.
        peer: IpAddr,
    },
    /// Its addresses must be announced anew.
    AnnounceAddresses,
    /// Its effective priority has changed.
    Priority {
        /// What it was.
        from: u8,
        /// What it is.
        to: u8,
    },
    /// A person should look.
    Alarm(Alarm),
    /// An advertisement did not count.
    Rejected {
        /// Who sent it.
        peer: IpAddr,
        /// Why.
        reason: Rejected,
    },
    /// An address of ours is advertised by another virtual router (scenario 1.11).
    ClaimedUnderOtherId {
        /// The address.
        address: IpAddr,
        /// VRID of the other one.
        virtual_router_id: u8,
        /// Who advertises it.
        peer: IpAddr,
    },
    /// It would be Master, but too few witnesses answer (scenario 1.18).
    WitnessesSilent,
    /// The thread that sends advertisements came too late for one.
    Late {
        /// By so much.
        by: Duration,
    },
    /// An advertisement could not be sent.
    Unsent {
        /// Why, as the kernel says it.
        error: String,
    },
}

impl News {
    /// Whether an operator has to do something.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        match self {
            Self::Role { reason, .. } => {
                matches!(reason, Reason::Fault(_) | Reason::MasterDown)
            }
            Self::Succeeded { .. } | Self::AnnounceAddresses | Self::Priority { .. } => false,
            Self::Alarm(alarm) => !matches!(alarm, Alarm::AddressListAgrees { .. }),
            Self::Rejected { .. }
            | Self::ClaimedUnderOtherId { .. }
            | Self::WitnessesSilent
            | Self::Late { .. }
            | Self::Unsent { .. } => true,
        }
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role {
                role,
                reason,
                priority,
            } => write!(f, "{role} with priority {priority}: {reason}"),
            Self::Succeeded { peer } => write!(f, "{peer} has taken over"),
            Self::AnnounceAddresses => f.write_str("its addresses are announced anew"),
            Self::Priority { from, to } => write!(f, "its priority is {to} now, it was {from}"),
            Self::Alarm(alarm) => alarm.fmt(f),
            Self::Rejected { peer, reason } => {
                write!(f, "an advertisement of {peer} does not count: {reason}")
            }
            Self::ClaimedUnderOtherId {
                address,
                virtual_router_id,
                peer,
            } => write!(
                f,
                "{address} is claimed under VRID {virtual_router_id}, too, by {peer}: both will hold it; give both the same `virtual_router_id`"
            ),
            Self::WitnessesSilent => f.write_str(
                "no Master is heard, but too few witnesses answer: this director seems to be cut off and stays BACKUP",
            ),
            Self::Late { by } => write!(
                f,
                "an advertisement left {by:?} late: this host was too busy or stood still"
            ),
            Self::Unsent { error } => write!(f, "an advertisement could not be sent: {error}"),
        }
    }
}

impl Role {
    /// The word that operators, and keepalived, have for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Initialize => "INITIALIZE",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Fault => "FAULT",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Startup => f.write_str("it has started"),
            Self::AddressOwner => f.write_str("it has started, and owns the addresses"),
            Self::Resumed => f.write_str("it was MASTER a moment ago, before the daemon ended"),
            Self::Shutdown => f.write_str("it stops"),
            Self::MasterDown => f.write_str("no MASTER is heard"),
            Self::MasterReleased { peer } => write!(f, "{peer} says that it leaves"),
            Self::Preempted { peer, priority } => {
                write!(f, "{peer} has the lower priority {priority}")
            }
            Self::BetterMaster { peer, priority } => {
                write!(f, "{peer} is MASTER with priority {priority}")
            }
            Self::Fault(fault) => fault.fmt(f),
            Self::FaultsEnded => f.write_str("all is well again"),
            Self::SyncGroup => f.write_str("its sync group is not MASTER any more"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tracker(tracker) => write!(f, "{tracker} is not well"),
            Self::SyncGroup => f.write_str("another member of its sync group is in FAULT"),
            Self::NoSourceAddress => {
                f.write_str("its interface has no address that advertisements could come from")
            }
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressListDiffers { peer, ours, theirs } => {
                write!(
                    f,
                    "{peer} has another list of virtual addresses: {}, ours: {}",
                    Listed(theirs),
                    Listed(ours)
                )?;
                match ours.iter().any(|address| theirs.contains(address)) {
                    true => f.write_str("; it counts in the election all the same, put one of the two configurations right"),
                    false => f.write_str("; no address is on both lists: is it another cluster that uses this `virtual_router_id`?"),
                }
            }
            Self::AddressListAgrees { peer } => {
                write!(f, "{peer} has the same list of virtual addresses now")
            }
            Self::LowerPriorityMaster { peer, priority } => write!(
                f,
                "{peer} was MASTER, too, with the lower priority {priority}: it did not hear us, or has not long"
            ),
            Self::TwoOwners { peer } => write!(
                f,
                "{peer} has priority 255, too: two directors say that they own the addresses; give one of them another `priority`"
            ),
        }
    }
}

/// Addresses with commas between.
struct Listed<'a>(&'a [IpAddr]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, address) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{address}")?;
        }
        Ok(())
    }
}
