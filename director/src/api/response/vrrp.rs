//! `GET /v1/vrrp`: the elections, and what was heard of others.

use serde::{Deserialize, Serialize};

use super::PairView;
use crate::{
    track::TrackerView,
    vrrp::{router::InstanceReport, track::Effect},
};

/// All instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VrrpStatus {
    /// In the order of the configuration.
    pub instances: Vec<VrrpInstanceStatus>,
    /// The other directors that tell what they are configured to.
    #[serde(default)]
    pub pair: Vec<PairView>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VrrpInstanceStatus {
    /// What the thread that speaks VRRP knows.
    #[serde(flatten)]
    pub report: InstanceReport,
    /// The interface that it speaks on.
    pub interface: String,
    /// Its addresses, as `address/prefix`.
    pub addresses: Vec<String>,
    /// How often one of them was put back after somebody else had removed it.
    pub addresses_restored: u64,
    /// How many of them another host has now, too: it answers ARP or neighbor discovery for them. `director status` names it.
    #[serde(default)]
    pub vip_conflicts: u64,
    /// What it tracks, its own interface first, then what its sync group tracks.
    #[serde(default)]
    pub tracked: Vec<TrackedView>,
}

/// Something that an instance tracks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedView {
    /// How it stands.
    #[serde(flatten)]
    pub tracker: TrackerView,
    /// The sync group that tracks it; `None`: the instance itself.
    pub group: Option<String>,
    /// What it counts for the instance; 0: Fault instead of another priority.
    pub weight: i32,
    /// `reverse`.
    pub reverse: bool,
    /// What it does to the instance now.
    pub effect: Effect,
}
