//! A segment of the lab: a bridge in a namespace of its own, and the cables that end there.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{host::Host, id::LabId, namespace::Namespace, place::Place};

/// A bridge that joins hosts.
#[derive(Debug)]
pub(crate) struct Bridge {
    pub(crate) namespace: Namespace,
    prefix_length: u8,
}

impl Bridge {
    /// Makes a bridge without cables. Its namespace is called `name`; IPv4 addresses on it have prefixes of this length.
    pub(crate) fn create(id: &LabId, name: &str, prefix_length: u8) -> Result<Self> {
        let namespace = Namespace::create(id, name)?;
        namespace.ip("link add br0 type bridge stp_state 0 mcast_snooping 0")?;
        namespace.ip("link set br0 up")?;
        Ok(Self {
            namespace,
            prefix_length,
        })
    }

    /// Lays a cable to a new interface of a host. The bridge's end is called by the host's name.
    pub(crate) fn plug(&self, host: &Host, interface: &str, place: Place) -> Result<()> {
        let (name, far_end) = (host.name, host.namespace.name());
        self.namespace.ip(&format!(
            "link add {name} type veth peer name {interface} netns {far_end}"
        ))?;
        self.namespace
            .ip(&format!("link set {name} master br0 up"))?;
        host.configure(interface, place, self.prefix_length)
    }

    /// Takes a host's cable out of the bridge, or puts it back. The host's interface stays up all the while.
    pub(crate) fn reach(&self, host: &Host, reach: Reach) -> Result<()> {
        let port = host.name;
        let command = match reach {
            Reach::Segment => format!("link set {port} master br0"),
            Reach::Nobody => format!("link set {port} nomaster"),
        };
        self.namespace.ip(&command).map(drop)
    }

    /// How many frames have come in from all hosts.
    pub(crate) fn frames(&self) -> Result<u64> {
        let shown = self
            .namespace
            .ip("-json -statistics link show master br0")?;
        let ports: Value = serde_json::from_str(&shown).context("ip prints no JSON")?;
        let received = ports.as_array().into_iter().flatten();
        received
            .map(|port| port["stats64"]["rx"]["packets"].as_u64())
            .sum::<Option<u64>>()
            .with_context(|| format!("a port without a counter: {shown}"))
    }
}

/// Whom a host reaches whose interface is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everybody on the segment.
    Segment,
    /// Nobody, as behind a switch that has failed.
    Nobody,
}
