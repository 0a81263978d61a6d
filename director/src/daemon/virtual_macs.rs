//! The devices with virtual MAC addresses that instances have their addresses on (`use_vmac`).

use std::collections::{BTreeMap, btree_map::Entry};

use tracing::{info, warn};

use super::{Daemon, survey::Survey};
use crate::{
    api::response::Problem,
    config::{Config, Family, VrrpInstance},
    host::{Host, Link, virtual_mac::ArpSettings},
};

/// The devices that are there, and what was changed for them.
#[derive(Debug, Default)]
pub(super) struct VirtualMacs {
    devices: BTreeMap<String, Link>,
    parents: BTreeMap<u32, (Link, ArpSettings)>,
}

/// MAC address of a virtual router (RFC 9568 section 7.3).
pub(super) fn mac(instance: &VrrpInstance) -> [u8; 6] {
    let family = match instance.family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    [0x00, 0x00, 0x5e, 0x00, family, instance.virtual_router_id]
}

impl Daemon {
    /// Removes all devices: the daemon ends.
    pub(super) async fn remove_virtual_macs(&mut self) {
        self.virtual_macs
            .settle(&self.host, &Config::default())
            .await;
    }
}

impl VirtualMacs {
    /// Makes the devices that a configuration wants, and puts them into the survey. One that cannot be made refuses it.
    pub(super) async fn make(
        &mut self,
        host: &Host,
        config: &Config,
        survey: &mut Survey,
    ) -> Result<(), Problem> {
        for instance in &config.vrrp_instances {
            let (Some(wanted), Some(parent)) = (
                &instance.virtual_mac,
                survey.link_named(&instance.interface).cloned(),
            ) else {
                continue;
            };
            let link = host
                .make_virtual_mac(&parent, &wanted.interface, mac(instance))
                .await
                .map_err(|error| Problem::from_error(&error))?;
            if let Entry::Vacant(unknown) = self.parents.entry(parent.index) {
                let was = host
                    .answer_for_own_addresses(&parent)
                    .map_err(|error| Problem::from_error(&error))?;
                unknown.insert((parent, was));
            }
            if self
                .devices
                .insert(wanted.interface.clone(), link.clone())
                .is_none()
            {
                info!(
                    interface = link.name,
                    instance = instance.name,
                    "device with the virtual MAC address is there"
                );
            }
            survey.links.insert(link.index, link);
        }
        Ok(())
    }

    /// Removes the devices that a configuration does not want.
    pub(super) async fn settle(&mut self, host: &Host, config: &Config) {
        let is_wanted = |name: &str| {
            config.vrrp_instances.iter().any(|instance| {
                let device = instance.virtual_mac.as_ref();
                device.is_some_and(|device| device.interface == name)
            })
        };
        let (kept, gone) = std::mem::take(&mut self.devices)
            .into_iter()
            .partition(|(name, _)| is_wanted(name));
        self.devices = kept;
        let gone: BTreeMap<String, Link> = gone;
        for link in gone.values() {
            match host.remove_virtual_mac(link).await {
                Ok(()) => info!(
                    interface = link.name,
                    "device with the virtual MAC address removed"
                ),
                Err(error) => {
                    warn!(interface = link.name, error = %Problem::from_error(&error), "device with the virtual MAC address not removed");
                }
            }
        }
        if self.devices.is_empty() {
            for (link, was) in std::mem::take(&mut self.parents).into_values() {
                if let Err(error) = host.answer_as_before(&link, was) {
                    warn!(error = %Problem::from_error(&error), "arp_ignore and arp_announce are not as they were");
                }
            }
        }
    }
}
