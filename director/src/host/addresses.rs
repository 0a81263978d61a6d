//! Addresses of interfaces: add, remove, list. This is how a VIP is held.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::TryStreamExt;
use nix::errno::Errno;
use rtnetlink::packet_route::{
    AddressFamily,
    address::{AddressAttribute, AddressHeaderFlags, AddressMessage, CacheInfo},
};
use thiserror::Error;

use super::{Host, error::KernelError, links::display_name};
use crate::config::VirtualAddress;

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address itself.
    pub address: IpAddr,
    /// Bits of the mask: 0 to 32, IPv6 to 128.
    pub prefix_length: u8,
    /// Name that `ifconfig` shows, such as `eth0:vip`; IPv4 only.
    pub label: Option<String>,
    /// IPv4 only; `None`: without one, also where the mask would leave room for it.
    pub broadcast: Option<Ipv4Addr>,
}

impl From<&VirtualAddress> for InterfaceAddress {
    fn from(vip: &VirtualAddress) -> Self {
        let broadcast = match vip.broadcast {
            Some(IpAddr::V4(address)) => Some(address),
            Some(IpAddr::V6(_)) | None => None,
        };
        Self {
            address: vip.address,
            prefix_length: vip.prefix_length,
            label: vip.label.clone(),
            broadcast,
        }
    }
}

/// The address is on the interface now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was put there by this call.
    Added,
    /// It was there, put by an earlier run or by somebody else. Its label and broadcast are as they were.
    AlreadyThere,
}

/// The address is not on the interface now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It was taken off by this call.
    Removed,
    /// It was not there.
    NotThere,
}

/// Adding an address failed.
#[derive(Debug, Error)]
#[error("adding {address}/{prefix_length} to {interface}")]
pub struct AddAddressError {
    address: IpAddr,
    prefix_length: u8,
    interface: String,
    /// Why it failed.
    source: KernelError,
}

/// Removing an address failed.
#[derive(Debug, Error)]
#[error("removing {address}/{prefix_length} from {interface}")]
pub struct RemoveAddressError {
    address: IpAddr,
    prefix_length: u8,
    interface: String,
    /// Why it failed.
    source: KernelError,
}

/// Reading the addresses of an interface failed.
#[derive(Debug, Error)]
#[error("listing the addresses of {interface}")]
pub struct ListAddressesError {
    interface: String,
    /// Why it failed.
    source: KernelError,
}

impl Host {
    /// Puts an address on an interface. The same address with the same mask is never put there twice.
    ///
    /// # Errors
    ///
    /// CAP_NET_ADMIN is missing, the interface is gone, or the kernel refuses the address.
    pub async fn add_address(
        &self,
        ifindex: u32,
        wanted: &InterfaceAddress,
    ) -> Result<Added, AddAddressError> {
        let &InterfaceAddress {
            address,
            prefix_length,
            ..
        } = wanted;
        let mut request = self.netlink.address().add(ifindex, address, prefix_length);
        *request.message_mut() = wanted.to_message(ifindex);
        match request.execute().await.map_err(KernelError::from) {
            Ok(()) => Ok(Added::Added),
            Err(KernelError::Refused(Errno::EEXIST)) => Ok(Added::AlreadyThere),
            Err(source) => {
                let interface = display_name(ifindex);
                Err(AddAddressError {
                    address,
                    prefix_length,
                    interface,
                    source,
                })
            }
        }
    }

    /// Takes an address off an interface; label and broadcast do not matter.
    ///
    /// # Errors
    ///
    /// CAP_NET_ADMIN is missing, or the interface is gone.
    pub async fn remove_address(
        &self,
        ifindex: u32,
        address: IpAddr,
        prefix_length: u8,
    ) -> Result<Removed, RemoveAddressError> {
        let bare = InterfaceAddress {
            address,
            prefix_length,
            label: None,
            broadcast: None,
        };
        let request = self.netlink.address().del(bare.to_message(ifindex));
        match request.execute().await.map_err(KernelError::from) {
            Ok(()) => Ok(Removed::Removed),
            Err(KernelError::Refused(Errno::EADDRNOTAVAIL)) => Ok(Removed::NotThere),
            Err(source) => {
                let interface = display_name(ifindex);
                Err(RemoveAddressError {
                    address,
                    prefix_length,
                    interface,
                    source,
                })
            }
        }
    }

    /// The addresses of an interface, IPv4 and IPv6. Empty for an interface that does not exist.
    ///
    /// # Errors
    ///
    /// The kernel does not tell.
    pub async fn addresses(
        &self,
        ifindex: u32,
    ) -> Result<Vec<InterfaceAddress>, ListAddressesError> {
        let answers = self
            .netlink
            .address()
            .get()
            .set_link_index_filter(ifindex)
            .execute();
        let messages: Vec<_> = answers
            .try_collect()
            .await
            .map_err(|error| ListAddressesError {
                interface: display_name(ifindex),
                source: error.into(),
            })?;
        Ok(messages
            .iter()
            .filter_map(InterfaceAddress::from_message)
            .collect())
    }
}

/// Lifetimes of an address that stays for ever and is never preferred, in seconds.
fn deprecated() -> CacheInfo {
    let mut lifetimes = CacheInfo::default();
    lifetimes.ifa_preferred = 0;
    lifetimes.ifa_valid = u32::MAX;
    lifetimes
}

impl InterfaceAddress {
    /// Whether the host shall speak from this address only if a program asks for it (RFC 6724 section 5, rule 3), as keepalived has it
    /// for such an address. Otherwise it is the source of checks: it has more leading bits in common with the real servers than the
    /// host's own address, and they keep their answers to it for themselves.
    fn is_deprecated(&self) -> bool {
        self.address.is_ipv6() && self.prefix_length == 128
    }

    fn to_message(&self, ifindex: u32) -> AddressMessage {
        let mut message = AddressMessage::default();
        message.header.family = match self.address {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        message.header.index = ifindex;
        message.header.prefix_len = self.prefix_length;
        if self.address.is_ipv6() {
            // Two directors share the address by design, and whoever is Master needs it at once: nobody is asked whether it is a
            // duplicate (RFC 4862 section 5.4).
            message.header.flags = AddressHeaderFlags::Nodad;
        }
        if self.is_deprecated() {
            message
                .attributes
                .push(AddressAttribute::CacheInfo(deprecated()));
        }
        // IFA_LOCAL is the address of this end, IFA_ADDRESS that of the other; the two differ only on point-to-point
        // links.
        message
            .attributes
            .push(AddressAttribute::Local(self.address));
        message
            .attributes
            .push(AddressAttribute::Address(self.address));
        message
            .attributes
            .extend(self.broadcast.map(AddressAttribute::Broadcast));
        message
            .attributes
            .extend(self.label.clone().map(AddressAttribute::Label));
        message
    }

    pub(super) fn from_message(message: &AddressMessage) -> Option<Self> {
        let (mut local, mut other_end, mut label, mut broadcast) = (None, None, None, None);
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(address) => local = Some(*address),
                AddressAttribute::Address(address) => other_end = Some(*address),
                AddressAttribute::Label(text) => label = Some(text.clone()),
                AddressAttribute::Broadcast(address) => broadcast = Some(*address),
                _ => {}
            }
        }
        // IPv6 has IFA_LOCAL on point-to-point links only.
        let address = local.or(other_end)?;
        Some(Self {
            address,
            prefix_length: message.header.prefix_len,
            label,
            broadcast,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_made_of_an_address_reads_as_the_same_address() {
        let vip = InterfaceAddress {
            address: IpAddr::from([192, 168, 66, 251]),
            prefix_length: 32,
            label: Some("eth0:vip".to_owned()),
            broadcast: Some(Ipv4Addr::new(192, 168, 67, 255)),
        };
        let message = vip.to_message(4);
        assert_eq!(message.header.index, 4);
        assert_eq!(InterfaceAddress::from_message(&message), Some(vip));
    }

    #[test]
    fn a_vip_of_ipv6_is_never_the_source_of_what_the_host_says_by_itself() {
        let lifetimes = |address: &str, prefix_length| {
            let address = InterfaceAddress {
                address: address.parse().expect("an address"),
                prefix_length,
                label: None,
                broadcast: None,
            };
            let message = address.to_message(4);
            message.attributes.iter().any(|attribute| {
                matches!(attribute, AddressAttribute::CacheInfo(lifetimes) if lifetimes.ifa_preferred == 0)
            })
        };
        assert!(lifetimes("fd00:66::251", 128));
        assert!(!lifetimes("fd00:66::251", 64), "as keepalived has it");
        assert!(!lifetimes("192.168.66.251", 32));
    }

    #[test]
    fn an_error_says_what_and_where() {
        let error = AddAddressError {
            address: IpAddr::from([192, 168, 66, 251]),
            prefix_length: 32,
            interface: "eth0".to_owned(),
            source: KernelError::Refused(Errno::ENODEV),
        };
        assert_eq!(error.to_string(), "adding 192.168.66.251/32 to eth0");
    }
}
