//! What an instance says of itself: for `director vrrp show`, `director doctor` and programs.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::station::{Station, Statuses};
use crate::vrrp::{
    Profile, Role,
    reception::{Accepted, AddressList, Rejected},
};

/// How many senders are remembered. A link has two or three directors; forged ones must not fill the memory.
const MOST_PEERS: usize = 16;

/// One instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceReport {
    /// Its name in the configuration.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Why it is that.
    pub reason: String,
    /// For how long, in seconds.
    pub for_secs: f64,
    /// 2 or 3.
    pub version: u8,
    /// VRID.
    pub virtual_router_id: u8,
    /// What stands in its advertisements, if it is Master.
    pub priority: u8,
    /// The priority of the configuration.
    pub configured_priority: u8,
    /// Seconds between advertisements.
    pub interval_secs: f64,
    /// Where they come from.
    pub source: Option<IpAddr>,
    /// Where they go.
    pub destinations: Vec<IpAddr>,
    /// What keeps it in FAULT.
    pub faults: Vec<String>,
    /// What happened since the daemon started.
    pub counters: Counters,
    /// Who else was heard.
    pub peers: Vec<PeerReport>,
    /// Who advertises its addresses as another virtual router.
    #[serde(default)]
    pub claims: Vec<ClaimReport>,
}

impl InstanceReport {
    /// Of an instance that the router has not been given yet. `reason`: why not.
    #[must_use]
    pub fn not_started(now: Instant, profile: Profile, reason: Option<String>) -> Self {
        let report = Station::new(now, profile, &Statuses::new()).report(now);
        Self {
            reason: reason.unwrap_or_else(|| "it has not started yet".to_owned()),
            ..report
        }
    }
}

/// Events of one instance since the daemon started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Advertisements that left; one for each destination.
    pub sent: u64,
    /// Those of them with priority 0.
    pub sent_release: u64,
    /// Advertisements that could not be sent.
    pub unsent: u64,
    /// Advertisements that counted.
    pub received: u64,
    /// Those of them with priority 0.
    pub received_release: u64,
    /// Those of them with another list of virtual addresses.
    #[serde(default)]
    pub other_addresses: u64,
    /// How often it became MASTER.
    pub became_master: u64,
    /// How often it ceased to be.
    pub left_master: u64,
    /// Advertisements that left later than they should, because this host was busy or stood still.
    pub late: u64,
    /// The longest delay of one, in microseconds.
    pub latest_micros: u64,
    /// Advertisements that did not count, by reason; by `vrid` all those on the link that are of a virtual router that is none of
    /// ours.
    pub rejected: BTreeMap<String, u64>,
}

/// Another host that was heard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerReport {
    /// Its address.
    pub address: IpAddr,
    /// Seconds since its last packet.
    pub heard_secs_ago: f64,
    /// What its last advertisement that counted said: its priority, 0 if it leaves.
    pub priority: Option<u8>,
    /// Seconds between its advertisements.
    pub interval_secs: Option<f64>,
    /// Its virtual addresses, if they are not ours.
    pub other_addresses: Option<Vec<IpAddr>>,
    /// Why its last packet did not count, if it did not.
    pub rejected: Option<String>,
    /// How many of its packets did not count.
    pub rejections: u64,
}

/// An address of ours that another virtual router advertises, too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimReport {
    /// The address.
    pub address: IpAddr,
    /// VRID of the other virtual router.
    pub virtual_router_id: u8,
    /// Who advertises it.
    pub peer: IpAddr,
    /// Seconds since it did so last.
    pub heard_secs_ago: f64,
}

impl Counters {
    /// Counts an advertisement that does not count.
    pub(super) fn reject(&mut self, reason: Rejected) {
        *self.rejected.entry(reason.word().to_owned()).or_default() += 1;
    }
}

/// Addresses of ours that others advertise under other identifiers: address, VRID and sender, and when last.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims(BTreeMap<(IpAddr, u8, IpAddr), Instant>);

impl Claims {
    /// Notes one. Of too many the oldest makes room.
    pub(super) fn note(&mut self, claim: (IpAddr, u8, IpAddr), now: Instant) {
        if !self.0.contains_key(&claim) && self.0.len() >= MOST_PEERS {
            let oldest = self.0.iter().min_by_key(|(_, heard)| **heard);
            if let Some(oldest) = oldest.map(|(claim, _)| *claim) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(claim, now);
    }

    pub(super) fn report(&self, now: Instant) -> Vec<ClaimReport> {
        let report = |(claim, heard): (&(IpAddr, u8, IpAddr), &Instant)| ClaimReport {
            address: claim.0,
            virtual_router_id: claim.1,
            peer: claim.2,
            heard_secs_ago: now.saturating_duration_since(*heard).as_secs_f64(),
        };
        self.0.iter().map(report).collect()
    }
}

/// What is known of others.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers(BTreeMap<IpAddr, Peer>);

#[derive(Clone, Debug)]
struct Peer {
    heard: Instant,
    advertisement: Option<(u8, Duration)>,
    other_addresses: Option<Vec<IpAddr>>,
    rejected: Option<Rejected>,
    rejections: u64,
}

impl Peers {
    /// An advertisement counted.
    pub(super) fn accept(&mut self, accepted: &Accepted, now: Instant) {
        let Some(peer) = self.peer(accepted.source, now) else {
            return;
        };
        peer.rejected = None;
        peer.advertisement = Some((
            accepted.advertisement.priority,
            accepted.advertisement.interval,
        ));
        peer.other_addresses = match &accepted.addresses {
            AddressList::Agrees => None,
            AddressList::Differs { theirs, .. } => Some(theirs.clone()),
        };
    }

    /// A packet did not.
    pub(super) fn reject(&mut self, source: IpAddr, reason: Rejected, now: Instant) {
        if let Some(peer) = self.peer(source, now) {
            peer.rejected = Some(reason);
            peer.rejections += 1;
        }
    }

    /// The entry of a sender. The one that has been silent for longest makes room.
    fn peer(&mut self, address: IpAddr, now: Instant) -> Option<&mut Peer> {
        if !self.0.contains_key(&address) && self.0.len() >= MOST_PEERS {
            let silent = self.0.iter().min_by_key(|(_, peer)| peer.heard);
            let silent = silent.map(|(address, _)| *address)?;
            self.0.remove(&silent);
        }
        let peer = self.0.entry(address).or_insert(Peer {
            heard: now,
            advertisement: None,
            other_addresses: None,
            rejected: None,
            rejections: 0,
        });
        peer.heard = now;
        Some(peer)
    }

    pub(super) fn report(&self, now: Instant) -> Vec<PeerReport> {
        let report = |(address, peer): (&IpAddr, &Peer)| PeerReport {
            address: *address,
            heard_secs_ago: now.saturating_duration_since(peer.heard).as_secs_f64(),
            priority: peer.advertisement.map(|(priority, _)| priority),
            interval_secs: peer
                .advertisement
                .map(|(_, interval)| interval.as_secs_f64()),
            other_addresses: peer.other_addresses.clone(),
            rejected: peer.rejected.map(|reason| reason.to_string()),
            rejections: peer.rejections,
        };
        self.0.iter().map(report).collect()
    }
}

impl Rejected {
    /// A word for it, as it stands in counters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::Ttl { .. } | Self::PeerTtl { .. } => "ttl",
            Self::Version { .. } => "version",
            Self::AuthenticationType { .. } => "auth_type",
            Self::AuthenticationData => "auth_data",
            Self::Interval { .. } => "interval",
            Self::Type { .. } => "type",
            Self::Checksum { .. } => "checksum",
            Self::Destination { .. } => "destination",
            Self::VirtualRouterId { .. } => "vrid",
            Self::OwnAddress { .. } => "own_address",
            Self::NotAPeer { .. } => "source",
        }
    }
}
