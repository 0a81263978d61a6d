//! Who stands where: the names and addresses of the lab's hosts, and the virtual addresses.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// A host's name and its addresses, one of each family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub name: &'static str,
    pub address: Ipv4Addr,
    pub address6: Ipv6Addr,
}

/// Which families a lab's hosts speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// IPv4 only, so that nothing speaks unasked.
    V4,
    /// IPv4 and IPv6.
    Both,
}

/// The virtual address of the example configuration.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 251);

/// Its companion of the other family.
pub const VIP6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, 0x251);

/// A port of the VIP.
pub const fn vip(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(VIP, port)
}

/// A port of the IPv6 VIP.
pub const fn vip6(port: u16) -> SocketAddrV6 {
    SocketAddrV6::new(VIP6, port, 0, 0)
}

/// A port of both VIPs.
pub const fn vips(port: u16) -> [SocketAddr; 2] {
    [SocketAddr::V4(vip(port)), SocketAddr::V6(vip6(port))]
}

pub(crate) const CLIENT: Place = on_the_segment("client", 10, 0x10);
pub(crate) const DIRECTOR: Place = on_the_segment("director", 6, 0x6);
pub(crate) const BACKUP_DIRECTOR: Place = on_the_segment("director2", 12, 0x12);
pub(crate) const REAL_SERVER: Place = on_the_segment("real", 253, 0x253);
pub(crate) const SORRY_SERVER: Place = on_the_segment("sorry", 254, 0x254);
/// The way to the remote client.
pub(crate) const ROUTER: Place = on_the_segment("router", 1, 0x1);
/// The way back from the segment behind the director.
pub(crate) const INNER_ROUTER: Place = on_the_segment("router2", 2, 0x2);

/// A third real server, for scenarios in which two are too few.
pub const THIRD_SERVER: Place = on_the_segment("third", 252, 0x252);

/// The remote client, behind the router.
pub(crate) const REMOTE_CLIENT: Place = remote("remote", 10);
pub(crate) const ROUTER_TO_REMOTE: Place = remote("remote", 1);

/// The segment behind the director's second interface.
pub(crate) const DIRECTOR_BEHIND: Place = behind("director", 6);
pub(crate) const INNER_ROUTER_BEHIND: Place = behind("router2", 2);
pub(crate) const SERVER_BEHIND: Place = behind("behind", 253);

/// A host of 192.168.66.0/23 and fd00:66::/64. The last part of the IPv6 address is written with the digits of the IPv4 one.
const fn on_the_segment(name: &'static str, last: u8, last6: u16) -> Place {
    Place {
        name,
        address: Ipv4Addr::new(192, 168, 66, last),
        address6: Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, last6),
    }
}

/// A host of 10.9.0.0/24 and fd00:9::/64.
const fn remote(name: &'static str, last: u8) -> Place {
    Place {
        name,
        address: Ipv4Addr::new(10, 9, 0, last),
        address6: Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, last as u16),
    }
}

/// A host of 10.8.0.0/24 and fd00:8::/64.
const fn behind(name: &'static str, last: u8) -> Place {
    Place {
        name,
        address: Ipv4Addr::new(10, 8, 0, last),
        address6: Ipv6Addr::new(0xfd00, 8, 0, 0, 0, 0, 0, last as u16),
    }
}
