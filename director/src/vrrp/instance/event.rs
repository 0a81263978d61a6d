//! The words of the state machine: what happens to an instance, and what it wants to happen.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::vrrp::{election::Priority, reception::Accepted, track::Tracker};

/// What keeps an instance in Fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Something that is tracked without a weight.
    Tracker(Tracker),
    /// Another member of its sync group.
    SyncGroup,
    /// Its interface has no address that advertisements could come from.
    NoSourceAddress,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The instance shall run.
    Startup,
    /// It shall run, and was Master so short a time ago that no Backup can have given it up: its lease has not ended.
    Resume,
    /// It shall not.
    Shutdown,
    /// An advertisement that counts came.
    Advertisement(Accepted),
    /// [`super::Instance::next_deadline`] may have passed. Harmless when it has not.
    Deadline,
    /// What is tracked has changed the priority.
    PriorityChanged(Priority),
    /// Something that must be well for this instance is not.
    FaultBegan(Fault),
    /// It is again.
    FaultEnded(Fault),
    /// The sync group: every member could be Master.
    TakeOver,
    /// The sync group: another member is not Master any more.
    Yield,
}

/// What shall happen, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send one with this priority, which may be [`RELEASE`](crate::vrrp::election::RELEASE).
    SendAdvertisement {
        /// What stands in the packet.
        priority: u8,
    },
    /// Hold the addresses and forward, or cease to.
    Become {
        /// What it is now.
        role: Role,
        /// Why.
        reason: Reason,
    },
    /// Tell the link, from the first burst on, which MAC address has the addresses.
    AnnounceAddresses,
    /// Tell a person.
    Alarm(Alarm),
}

/// What an instance is. RFC 9568 calls the Master *Active*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// It does not run.
    Initialize,
    /// It waits for the Master's silence.
    Backup,
    /// It forwards.
    Master,
    /// It could not forward.
    Fault,
}

/// Why an instance changed its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was started.
    Startup,
    /// It was started, and owns the addresses.
    AddressOwner,
    /// It was Master when the daemon ended, and is so again before anybody missed it.
    Resumed,
    /// It was stopped.
    Shutdown,
    /// No Master was heard for the master down interval.
    MasterDown,
    /// The Master said that it leaves.
    MasterReleased {
        /// Who left.
        peer: IpAddr,
    },
    /// The Master has a lower priority.
    Preempted {
        /// Who has it.
        peer: IpAddr,
        /// Its priority.
        priority: Priority,
    },
    /// Another Master has a higher priority, or the same and a greater address.
    BetterMaster {
        /// Who has it.
        peer: IpAddr,
        /// Its priority.
        priority: Priority,
    },
    /// Something that must be well is not.
    Fault(Fault),
    /// All is well again.
    FaultsEnded,
    /// Its sync group is not Master any more.
    SyncGroup,
}

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Two configurations of one virtual router differ (scenario 1.10). Told once for each sender and list.
    AddressListDiffers {
        /// Who sent it.
        peer: IpAddr,
        /// All of ours.
        ours: Vec<IpAddr>,
        /// All of theirs.
        theirs: Vec<IpAddr>,
    },
    /// They differ no longer.
    AddressListAgrees {
        /// Who sent it.
        peer: IpAddr,
    },
    /// There was a second Master, which should have heard us and did not.
    LowerPriorityMaster {
        /// Who it was.
        peer: IpAddr,
        /// Its priority.
        priority: Priority,
    },
    /// Both say that they own the addresses (RFC 9568 section 5.2.4): one of the configurations is wrong.
    TwoOwners {
        /// The other one.
        peer: IpAddr,
    },
}
