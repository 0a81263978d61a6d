//! A host of the lab: a namespace with an `eth0`, on the bridge as a rule.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    bridge::Bridge,
    id::LabId,
    namespace::Namespace,
    place::{Families, Place, VIP, VIP6},
};

/// A host whose first interface is `eth0`.
#[derive(Debug, Clone)]
pub struct Host {
    pub name: &'static str,
    pub namespace: Namespace,
    pub address: Ipv4Addr,
    pub address6: Ipv6Addr,
    pub(crate) families: Families,
}

impl Host {
    /// Makes a host on the bridge. The bridge's end of its cable is called by the host's name.
    pub(crate) fn join(
        id: &LabId,
        bridge: &Bridge,
        families: Families,
        place: Place,
    ) -> Result<Self> {
        let host = Self::create(id, families, place)?;
        bridge.plug(&host, "eth0", place)?;
        Ok(host)
    }

    /// Makes a host without any cable.
    pub(crate) fn create(id: &LabId, families: Families, place: Place) -> Result<Self> {
        let namespace = Namespace::create(id, place.name)?;
        if families == Families::Both {
            namespace.speak_ipv6()?;
        }
        Ok(Self {
            name: place.name,
            namespace,
            address: place.address,
            address6: place.address6,
            families,
        })
    }

    /// Gives an interface that is there its addresses and takes it up.
    pub(crate) fn configure(&self, interface: &str, place: Place, prefix_length: u8) -> Result<()> {
        let Place {
            address, address6, ..
        } = place;
        self.namespace.ip(&format!(
            "address add {address}/{prefix_length} dev {interface}"
        ))?;
        self.namespace.ip(&format!("link set {interface} up"))?;
        if self.families == Families::Both {
            self.namespace
                .ip(&format!("address add {address6}/64 dev {interface} nodad"))?;
        }
        Ok(())
    }

    /// Makes the host compute checksums itself.
    ///
    /// A veth passes packets on without a checksum, which nobody notices until an XDP program in native mode bounces one:
    /// the receiver then drops it.
    pub(crate) fn compute_checksums(&self, interface: &str) -> Result<()> {
        self.namespace
            .run(Command::new("ethtool").args(["-K", interface, "tx", "off"]))
            .map(drop)
    }

    /// Gives the host the VIP as a real server of direct routing has it: one address on `lo`, which it answers for but of
    /// which it does not speak by ARP (scenario 2.2). The silence comes first, or the host would claim the VIP for a moment.
    ///
    /// IPv6 needs no setting: Linux answers a neighbor solicitation only for the addresses of the interface that it came in
    /// by, and takes only such a one for the source of its own.
    pub fn serve(&self) -> Result<()> {
        for scope in ["all", "lo"] {
            self.namespace
                .set(&format!("net/ipv4/conf/{scope}/arp_ignore"), "1")?;
            self.namespace
                .set(&format!("net/ipv4/conf/{scope}/arp_announce"), "2")?;
        }
        self.namespace.ip(&format!("address add {VIP}/32 dev lo"))?;
        if self.families == Families::Both {
            self.namespace
                .ip(&format!("address add {VIP6}/128 dev lo nodad"))?;
        }
        Ok(())
    }

    /// Gives `eth0` one more address of the segment.
    pub fn add_address(&self, address: IpAddr) -> Result<()> {
        let added = match address {
            IpAddr::V4(address) => format!("address add {address}/32 dev eth0"),
            IpAddr::V6(address) => format!("address add {address}/128 dev eth0 nodad"),
        };
        self.namespace.ip(&added).map(drop)
    }

    /// Routes the networks of a place by a host of the segment.
    pub(crate) fn route(&self, networks: &[&str], gateway: Place) -> Result<()> {
        for network in networks {
            if !network.contains(':') {
                self.namespace
                    .ip(&format!("route add {network} via {}", gateway.address))?;
            } else if self.families == Families::Both {
                self.namespace
                    .ip(&format!("route add {network} via {}", gateway.address6))?;
            }
        }
        Ok(())
    }

    /// Has the host pass packets on between its interfaces.
    pub(crate) fn forward(&self) -> Result<()> {
        self.namespace.set("net/ipv4/ip_forward", "1")?;
        if self.families == Families::Both {
            self.namespace.set("net/ipv6/conf/all/forwarding", "1")?;
        }
        Ok(())
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

    /// Whether `eth0` has an address, whatever its prefix length.
    pub fn has(&self, address: IpAddr) -> Result<bool> {
        let addresses = match address {
            IpAddr::V4(_) => self.addresses("eth0")?,
            IpAddr::V6(_) => self.addresses6("eth0")?,
        };
        let shown = format!("{address}/");
        Ok(addresses.iter().any(|known| known.starts_with(&shown)))
    }

    /// The IPv6 addresses of an interface that others may use, each with its prefix length, as `ip` prints them.
    pub fn addresses6(&self, interface: &str) -> Result<Vec<String>> {
        self.shown_addresses(&format!(
            "-6 -oneline address show dev {interface} scope global"
        ))
    }

    /// The IPv4 addresses of an interface, each with its prefix length, as `ip` prints them.
    pub fn addresses(&self, interface: &str) -> Result<Vec<String>> {
        self.shown_addresses(&format!("-4 -oneline address show dev {interface}"))
    }

    fn shown_addresses(&self, show: &str) -> Result<Vec<String>> {
        let shown = self.namespace.ip(show)?;
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
