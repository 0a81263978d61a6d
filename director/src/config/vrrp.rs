//! `vrrp_instance` and `vrrp_sync_group`.

use std::{net::IpAddr, time::Duration};

use serde::Serialize;

use super::Span;

mod address;
mod agreement;
mod instance;
mod sync_group;

pub(super) use agreement::judge;
pub(super) use instance::{Version, instances};
pub(super) use sync_group::sync_groups;

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
    /// `advert_int`.
    #[serde(with = "super::seconds")]
    pub advertisement_interval: Duration,
    /// `None`: packets carry no password.
    pub authentication: Option<Authentication>,
    /// `virtual_ipaddress`: advertised and held.
    pub virtual_ipaddress: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held, not advertised.
    pub virtual_ipaddress_excluded: Vec<VirtualAddress>,
    /// `nopreempt` was not given.
    pub preempt: bool,
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
}

/// Pace of gratuitous ARP after an instance became MASTER.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GratuitousArp {
    /// `garp_master_delay`: time until the second burst; zero: no second burst. Default 5 s.
    #[serde(with = "super::seconds")]
    pub delay: Duration,
    /// `garp_master_repeat`: frames in a burst, for each address. Default 5.
    pub repeat: u32,
    /// `garp_master_refresh`: time between refreshes while MASTER; zero: none. Default 0 as in keepalived.
    #[serde(with = "super::seconds")]
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`: frames in a refresh. Default 1.
    pub refresh_repeat: u32,
}

impl Default for GratuitousArp {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
        }
    }
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
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}
