//! A host of the lab: a namespace with one `eth0` on the bridge.

use std::{net::Ipv4Addr, process::Command};

use anyhow::{Context, Result};

use crate::{id::LabId, namespace::Namespace};

/// The segment that all hosts of the lab are on.
pub(crate) const PREFIX_LENGTH: u8 = 23;

/// The bridge that joins the hosts, in a namespace of its own.
#[derive(Debug)]
pub(crate) struct Bridge {
    pub(crate) namespace: Namespace,
}

impl Bridge {
    pub(crate) fn create(id: &LabId) -> Result<Self> {
        let namespace = Namespace::create(id, "bridge")?;
        namespace.ip("link add br0 type bridge stp_state 0 mcast_snooping 0")?;
        namespace.ip("link set br0 up")?;
        Ok(Self { namespace })
    }
}

/// A host with one interface, `eth0`.
#[derive(Debug, Clone)]
pub struct Host {
    pub namespace: Namespace,
    pub address: Ipv4Addr,
}

impl Host {
    /// Makes a host on the bridge. The bridge's end of its cable is called `name`.
    pub(crate) fn join(id: &LabId, bridge: &Bridge, name: &str, address: Ipv4Addr) -> Result<Self> {
        let namespace = Namespace::create(id, name)?;
        let far_end = namespace.name();
        bridge.namespace.ip(&format!(
            "link add {name} type veth peer name eth0 netns {far_end}"
        ))?;
        bridge
            .namespace
            .ip(&format!("link set {name} master br0 up"))?;
        namespace.ip(&format!("address add {address}/{PREFIX_LENGTH} dev eth0"))?;
        namespace.ip("link set eth0 up")?;
        Ok(Self { namespace, address })
    }

    /// Makes the host compute checksums itself.
    ///
    /// A veth passes packets on without a checksum, which nobody notices until an XDP program in native mode bounces one:
    /// the receiver then drops it.
    pub(crate) fn compute_checksums(&self) -> Result<()> {
        self.namespace
            .run(Command::new("ethtool").args(["-K", "eth0", "tx", "off"]))
            .map(drop)
    }

    /// Gives the host the VIP as a real server of direct routing has it: one address on `lo`, which it answers for but of
    /// which it does not speak by ARP (scenario 2.2). The silence comes first, or the host would claim the VIP for a moment.
    pub(crate) fn serve(&self, vip: Ipv4Addr) -> Result<()> {
        for scope in ["all", "lo"] {
            self.namespace
                .set(&format!("net/ipv4/conf/{scope}/arp_ignore"), "1")?;
            self.namespace
                .set(&format!("net/ipv4/conf/{scope}/arp_announce"), "2")?;
        }
        self.namespace
            .ip(&format!("address add {vip}/32 dev lo"))
            .map(drop)
    }

    /// Cuts the host's cable, or mends it.
    pub fn set_link(&self, link: Link) -> Result<()> {
        let state = match link {
            Link::Up => "up",
            Link::Down => "down",
        };
        self.namespace
            .ip(&format!("link set eth0 {state}"))
            .map(drop)
    }

    /// The MAC address of an interface, `aa:bb:cc:dd:ee:ff`.
    pub fn mac(&self, interface: &str) -> Result<String> {
        let shown = self
            .namespace
            .ip(&format!("-oneline link show dev {interface}"))?;
        let mut words = shown
            .split_whitespace()
            .skip_while(|word| *word != "link/ether");
        words
            .nth(1)
            .map(str::to_owned)
            .with_context(|| format!("no MAC address: {shown}"))
    }

    /// Whether any interface has an XDP program.
    pub fn has_xdp(&self) -> Result<bool> {
        // `prog/xdp` follows `xdp` and `xdpgeneric` alike.
        Ok(self.namespace.ip("link show")?.contains("prog/xdp"))
    }

    /// The IPv4 addresses of an interface, each with its prefix length, as `ip` prints them.
    pub fn addresses(&self, interface: &str) -> Result<Vec<String>> {
        let shown = self
            .namespace
            .ip(&format!("-4 -oneline address show dev {interface}"))?;
        let words = shown
            .lines()
            .filter_map(|line| line.split_whitespace().nth(3));
        Ok(words.map(str::to_owned).collect())
    }
}

/// State of a host's cable.
#[derive(Debug, Clone, Copy)]
pub enum Link {
    Up,
    Down,
}
