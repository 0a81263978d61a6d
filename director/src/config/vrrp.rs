//! `vrrp_instance` and `vrrp_sync_group`.

use std::{net::IpAddr, num::NonZeroU8, time::Duration};

use serde::Serialize;

use super::{Family, Places, Span, notify::Notify, track::Track};

mod address;
mod agreement;
mod authentication;
mod defaults;
mod delivery;
mod garp;
mod instance;
mod preempt;
mod sync_group;
mod virtual_mac;
mod witness;

pub(super) use agreement::judge;
pub(super) use defaults::InstanceDefaults;
pub(super) use instance::instances;
pub(super) use sync_group::sync_groups;

/// Priority of the router that owns the addresses (RFC 9568 section 5.2.4).
pub(super) const ADDRESS_OWNER: u8 = 255;

/// One `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VrrpInstance {
    /// The name that other blocks know it by.
    pub name: String,
    /// `state`: the wanted first state. An election decides the rest.
    pub state: InitialState,
    /// `interface`.
    pub interface: String,
    /// `virtual_router_id`, 1 to 255 (RFC 9568 section 5.2.3).
    pub virtual_router_id: u8,
    /// `priority`, 1 to 255; 255 is the address owner (RFC 9568 section 5.2.4).
    pub priority: u8,
    /// Which IP its advertisements are sent by: that of `virtual_ipaddress`, or `native_ipv6` where there is none.
    pub family: Family,
    /// `version`; of an instance that speaks IPv6 always 3.
    pub version: Version,
    /// `advert_int`.
    #[serde(with = "super::seconds")]
    pub advertisement_interval: Duration,
    /// `down_timer_adverts`: advertisements that a Master may miss, 1 to 100. Default 3.
    pub down_timer_adverts: NonZeroU8,
    /// Where advertisements go, and where they come from.
    pub delivery: Delivery,
    /// `v3_checksum_as_v2`: the checksum of version 3 over IPv4 covers the message alone, as RFC 9568 has it. Default: with a
    /// pseudo-header, as keepalived has it.
    pub v3_checksum_as_v2: bool,
    /// `None`: packets carry no password.
    pub authentication: Option<Authentication>,
    /// `virtual_ipaddress`: advertised and held.
    pub virtual_ipaddress: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held, not advertised.
    pub virtual_ipaddress_excluded: Vec<VirtualAddress>,
    /// `nopreempt` was not given.
    pub preempt: bool,
    /// `preempt_delay`: a Master of lower priority is left alone so long. Default 0.
    #[serde(with = "super::seconds")]
    pub preempt_delay: Duration,
    /// `lower_prio_no_advert`: a Master that hears one of lower priority does not advertise at once.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`: a Master that hears one of higher priority advertises once more.
    pub higher_prio_send_advert: bool,
    /// `use_vmac`.
    pub virtual_mac: Option<VirtualMac>,
    /// What else its priority and its health depend on.
    pub track: Track,
    /// Who is told of its changes.
    pub notify: Notify,
    /// `director_witness`: who must answer before it becomes MASTER.
    pub witness: Option<Witness>,
    /// How the addresses are announced.
    pub garp: GratuitousArp,
    /// `lvs_sync_daemon_interface` (deprecated by keepalived).
    pub lvs_sync_daemon_interface: Option<String>,
    /// Where the block's name stands.
    #[serde(skip)]
    pub span: Span,
    /// Where the interface's name stands.
    #[serde(skip)]
    pub interface_span: Span,
    /// Where its other settings stand.
    #[serde(skip)]
    pub places: Places,
}

impl VrrpInstance {
    /// All addresses that it holds, those first that it advertises.
    pub fn addresses(&self) -> impl Iterator<Item = &VirtualAddress> {
        self.virtual_ipaddress
            .iter()
            .chain(&self.virtual_ipaddress_excluded)
    }

    /// Name of the interface that one of its addresses is put on: the address's own, the device with the virtual MAC address, or that
    /// which the instance speaks on.
    #[must_use]
    pub fn interface_of<'a>(&'a self, address: &'a VirtualAddress) -> &'a str {
        let device = self.virtual_mac.as_ref().map(|device| &device.interface);
        address
            .interface
            .as_ref()
            .or(device)
            .unwrap_or(&self.interface)
    }
}

/// Pace of gratuitous ARP after an instance became MASTER.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GratuitousArp {
    /// `garp_master_delay`: time until the second burst; zero: no second burst. Default 5 s.
    #[serde(with = "super::seconds")]
    pub delay: Duration,
    /// `garp_master_repeat`: frames in a burst, for each address. Default 5.
    pub repeat: u32,
    /// `garp_master_refresh`: time between refreshes while MASTER; zero: none. Default 60 s, where keepalived has none.
    #[serde(with = "super::seconds")]
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`: frames in a refresh. Default 1.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`: time until the second burst after a Master of lower priority was heard. Default: `delay`.
    #[serde(with = "super::seconds")]
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`: frames in each of these bursts; 0: none are sent. Default: `repeat`.
    pub lower_prio_repeat: u32,
}

impl Default for GratuitousArp {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::from_secs(60),
            refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
        }
    }
}

/// `version`, `vrrp_version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds.
    #[default]
    #[serde(rename = "2")]
    Two,
    /// RFC 9568: IPv4 and IPv6, hundredths of a second.
    #[serde(rename = "3")]
    Three,
}

/// How advertisements go to the other directors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// To the group that all VRRP routers of a link listen to.
    Multicast {
        /// `mcast_src_ip`; `None`: the interface's first address, of IPv6 its link-local one.
        source: Option<IpAddr>,
    },
    /// To each peer.
    Unicast {
        /// `unicast_peer`; never empty.
        peers: Vec<UnicastPeer>,
        /// `unicast_src_ip`; `None`: the interface's first address.
        source: Option<IpAddr>,
        /// `unicast_ttl`, 1 to 255. Default 255.
        ttl: u8,
        /// `check_unicast_src`, or a peer with `min_ttl` or `max_ttl`: advertisements of others than the peers do not count.
        check_source: bool,
    },
}

/// A line of `unicast_peer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnicastPeer {
    /// The other director.
    pub address: IpAddr,
    /// `min_ttl`: packets with less do not count. Default 0.
    pub min_ttl: u8,
    /// `max_ttl`: packets with more do not count. Default 255.
    pub max_ttl: u8,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}

/// `use_vmac [NAME]`: the addresses are on a device of its own with the virtual router's MAC address (RFC 9568 section 7.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualMac {
    /// Name of the device. Default `vrrp.VRID`, of IPv6 `vrrp6.VRID`.
    pub interface: String,
    /// `vmac_xmit_base`: advertisements leave by the interface itself, with its own MAC address.
    pub xmit_base: bool,
}

/// `director_witness ADDRESS... [required N]`, or the same in braces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// Hosts that answer an echo request as long as this director is not cut off, such as the gateway; never empty.
    pub addresses: Vec<IpAddr>,
    /// So many of them must answer; 1 to their number. Default: more than half.
    pub required: usize,
    /// Where each address stands.
    #[serde(skip)]
    pub address_spans: Vec<Span>,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}

/// `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InitialState {
    /// `MASTER`. RFC 9568 calls this Active.
    Master,
    /// `BACKUP`.
    Backup,
}

/// `authentication`, VRRPv2 only (RFC 2338 section 5.3.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Authentication {
    /// `auth_type`.
    pub auth_type: AuthenticationType,
    /// `auth_pass`, cut to the 8 bytes that the packet has room for. Never shown.
    #[serde(skip)]
    pub auth_pass: Vec<u8>,
}

/// `auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AuthenticationType {
    /// `PASS`: the password stands in every packet.
    Pass,
    /// `AH`, which is refused.
    Ah,
}

/// One line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualAddress {
    /// The address itself.
    pub address: IpAddr,
    /// Bits of the mask. Default 32 (IPv6: 128).
    pub prefix_length: u8,
    /// `dev`; default: the instance's interface.
    pub interface: Option<String>,
    /// `label`, for `ifconfig`.
    pub label: Option<String>,
    /// `brd`.
    pub broadcast: Option<IpAddr>,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}

/// One `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncGroup {
    /// The name that other blocks know it by.
    pub name: String,
    /// Names of its instances.
    pub group: Vec<String>,
    /// What all its members depend on.
    pub track: Track,
    /// Who is told when it moves.
    pub notify: Notify,
    /// `sync_group_tracking_weight`: weights of what members track count although they are in a group.
    pub tracking_weight: bool,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
    /// Where its settings stand.
    #[serde(skip)]
    pub places: Places,
}
