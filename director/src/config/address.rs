//! Which IP addresses can be whose. Pure.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use serde::Serialize;

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Family {
    /// IPv4.
    #[default]
    #[serde(rename = "IPv4")]
    V4,
    /// IPv6.
    #[serde(rename = "IPv6")]
    V6,
}

impl Family {
    /// That of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Bits of an address that stands for one host: 32, IPv6 128.
#[must_use]
pub const fn host_prefix(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Whether the first bits of an address are those of a network; of the other family it never is.
#[must_use]
pub fn is_in_network(network: IpAddr, prefix_length: u8, address: IpAddr) -> bool {
    let same_bits = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits() ^ address.to_bits()).leading_zeros()
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (network.to_bits() ^ address.to_bits()).leading_zeros()
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    same_bits >= prefix_length.into()
}

/// Why an address is not that of a host, or not one that others can reach it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// `::ffff:192.0.2.1`.
    MappedV4(Ipv4Addr),
    /// `0.0.0.0`, `::`.
    Unspecified,
    /// A group of hosts.
    Multicast,
    /// All hosts.
    Broadcast,
    /// The host itself.
    Loopback,
    /// Another host on each network (RFC 4007 section 6).
    LinkLocal,
}

/// After `ADDRESS is`.
impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MappedV4(_) => "an IPv4 address within IPv6",
            Self::Unspecified => "no host's address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "a broadcast address",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
        })
    }
}

/// Whether one host can have an address.
pub(super) fn of_host(address: IpAddr) -> Result<(), Unusable> {
    let mapped = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => v6.to_ipv4_mapped(),
    };
    if let Some(v4) = mapped {
        Err(Unusable::MappedV4(v4))
    } else if address.is_unspecified() {
        Err(Unusable::Unspecified)
    } else if address.is_multicast() {
        Err(Unusable::Multicast)
    } else if address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Err(Unusable::Broadcast)
    } else {
        Ok(())
    }
}

/// Whether a virtual, real or sorry server can have an address.
pub(super) fn of_server(address: IpAddr) -> Result<(), Unusable> {
    of_host(address)?;
    if address.is_loopback() {
        return Err(Unusable::Loopback);
    }
    scoped(address)
}

/// A link-local address says nothing without an interface, and there is no place to write one.
pub(super) const fn scoped(address: IpAddr) -> Result<(), Unusable> {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Err(Unusable::LinkLocal),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_the_address_of_one_host_on_a_network() {
        for (text, kind) in [
            ("::ffff:192.0.2.1", "an IPv4 address within IPv6"),
            ("0.0.0.0", "no host's address"),
            ("224.0.0.18", "a multicast address"),
            ("255.255.255.255", "a broadcast address"),
            ("127.0.0.1", "a loopback address"),
            ("::1", "a loopback address"),
            ("fe80::1", "a link-local address"),
        ] {
            let address = text.parse().expect("an address");
            let unusable = of_server(address).expect_err(text);
            assert_eq!(unusable.to_string(), kind, "{text}");
        }
        for text in ["192.168.66.251", "fd00::251", "169.254.1.1"] {
            assert_eq!(
                of_server(text.parse().expect("an address")),
                Ok(()),
                "{text}"
            );
        }
    }
}
