//! Devices with the MAC address of a virtual router (RFC 9568 section 7.3): a macvlan in private mode on the interface, as keepalived
//! makes it. Clients keep their ARP entries when another director takes over.

use std::{fs, io, path::PathBuf};

use nix::errno::Errno;
use rtnetlink::{LinkMacVlan, packet_route::link::MacVlanMode};
use thiserror::Error;

use super::{Host, error::KernelError, links::Link};

/// Making a device failed.
#[derive(Debug, Error)]
pub enum VirtualMacError {
    /// The kernel did not make it.
    #[error("making the device {name} with the virtual MAC address")]
    Make {
        /// Its name.
        name: String,
        /// Why it failed.
        source: KernelError,
    },
    /// A device of that name is something else.
    #[error(
        "there is a device {name} that is not ours: it has another MAC address; give `use_vmac` another name"
    )]
    Taken {
        /// Its name.
        name: String,
    },
    /// It answers for addresses that it should not, or not for those that it should.
    #[error("setting {}", .path.display())]
    Setting {
        /// The setting.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Host {
    /// Makes a device on top of `parent` with this MAC address. One that an earlier daemon has left is taken over.
    ///
    /// # Errors
    ///
    /// CAP_NET_ADMIN is missing, the kernel has no macvlan, or the name is taken.
    pub async fn make_virtual_mac(
        &self,
        parent: &Link,
        name: &str,
        mac: [u8; 6],
    ) -> Result<Link, VirtualMacError> {
        let message = LinkMacVlan::new(name, parent.index, MacVlanMode::Private)
            .address(mac.to_vec())
            .up()
            .build();
        let failed = |source| VirtualMacError::Make {
            name: name.to_owned(),
            source,
        };
        match self.netlink.link().add(message).execute().await {
            Ok(()) => {}
            Err(error) => match KernelError::from(error) {
                KernelError::Refused(Errno::EEXIST) => {}
                source => return Err(failed(source)),
            },
        }
        let link = self
            .link(name)
            .await
            .map_err(|_gone| failed(KernelError::Unexpected))?;
        if link.mac != mac {
            return Err(VirtualMacError::Taken {
                name: name.to_owned(),
            });
        }
        // The device answers for its own addresses alone, and packets come in by the interface below whose answers leave by another.
        set(name, "arp_ignore", 1)?;
        set(name, "rp_filter", 0)?;
        Ok(link)
    }

    /// Removes a device. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// CAP_NET_ADMIN is missing.
    pub async fn remove_virtual_mac(&self, link: &Link) -> Result<(), VirtualMacError> {
        match self.netlink.link().del(link.index).execute().await {
            Ok(()) => Ok(()),
            Err(error) => match KernelError::from(error) {
                KernelError::Refused(Errno::ENODEV) => Ok(()),
                source => Err(VirtualMacError::Make {
                    name: link.name.clone(),
                    source,
                }),
            },
        }
    }

    /// Lets an interface answer ARP only for its own addresses, and ask only in their name: those of the devices on it belong to
    /// another MAC address. What was set is returned.
    ///
    /// # Errors
    ///
    /// The kernel's settings are write-protected.
    pub fn answer_for_own_addresses(&self, link: &Link) -> Result<ArpSettings, VirtualMacError> {
        let was = ArpSettings {
            ignore: read(&link.name, "arp_ignore"),
            announce: read(&link.name, "arp_announce"),
        };
        set(&link.name, "arp_ignore", was.ignore.max(1))?;
        set(&link.name, "arp_announce", 2)?;
        Ok(was)
    }

    /// Gives an interface the settings back that it had.
    ///
    /// # Errors
    ///
    /// The kernel's settings are write-protected, or the interface is gone.
    pub fn answer_as_before(&self, link: &Link, was: ArpSettings) -> Result<(), VirtualMacError> {
        set(&link.name, "arp_ignore", was.ignore)?;
        set(&link.name, "arp_announce", was.announce)
    }
}

/// `arp_ignore` and `arp_announce` of an interface (Documentation/networking/ip-sysctl.rst).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpSettings {
    ignore: u32,
    announce: u32,
}

/// A setting that cannot be read is the kernel's own.
fn read(interface: &str, name: &str) -> u32 {
    let text = fs::read_to_string(setting(interface, name)).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

fn setting(interface: &str, name: &str) -> PathBuf {
    ["/proc/sys/net/ipv4/conf", interface, name]
        .iter()
        .collect()
}

fn set(interface: &str, name: &str, value: u32) -> Result<(), VirtualMacError> {
    let path = setting(interface, name);
    fs::write(&path, value.to_string()).map_err(|source| VirtualMacError::Setting { path, source })
}
