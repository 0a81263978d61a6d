//! `GET /v1/vrrp`: the elections, and what was heard of others.

use serde::{Deserialize, Serialize};

use crate::vrrp::router::InstanceReport;

/// All instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VrrpStatus {
    /// In the order of the configuration.
    pub instances: Vec<VrrpInstanceStatus>,
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
}
