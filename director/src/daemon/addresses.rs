//! Holding the virtual IP addresses: adding them, announcing them, putting them back, and letting them go.

use std::{collections::BTreeMap, net::IpAddr, time::Instant};

use tracing::{debug, info, warn};

use super::survey::Survey;
use crate::{
    api::response::Problem,
    config::{Config, GratuitousArp, VirtualAddress, VrrpInstance},
    host::{Added, Announcer, Host, InterfaceAddress, Link, Removed},
};

/// One address of one interface.
type Place = (u32, IpAddr);

/// An address that a VRRP instance wants.
#[derive(Clone, Debug)]
struct Wanted {
    instance: String,
    address: InterfaceAddress,
    link: Link,
    pace: GratuitousArp,
}

/// An address that we hold.
#[derive(Debug)]
struct Held {
    instance: String,
    address: InterfaceAddress,
    link: Link,
    pace: GratuitousArp,
    announcer: Announcer,
    /// The log has it. That it is announced again each minute is no news, and neither are answers to a flood.
    is_announced: bool,
}

/// The addresses that this daemon holds.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    held: BTreeMap<Place, Held>,
    /// How often an address was put back that somebody else had removed, by instance.
    restored: BTreeMap<String, u64>,
}

impl Addresses {
    /// Adds the addresses that these instances want and that are not held. Where one cannot be added, those that this call added
    /// are removed again: all or none.
    pub(super) async fn add_missing(
        &mut self,
        host: &Host,
        config: &Config,
        survey: &Survey,
        is_meant: impl Fn(&str) -> bool,
        now: Instant,
    ) -> Result<(), Problem> {
        let mut added = Vec::new();
        for (place, wanted) in wanted(config, survey, is_meant) {
            if self.is_held(place, &wanted) {
                continue;
            }
            // An address with another mask or label is another address to the kernel.
            self.release(host, place).await;
            match self.add(host, place, wanted, now).await {
                Ok(Added::Added) => added.push(place),
                Ok(Added::AlreadyThere) => {}
                Err(problem) => {
                    for place in added {
                        self.release(host, place).await;
                    }
                    return Err(problem);
                }
            }
        }
        Ok(())
    }

    fn is_held(&self, place: Place, wanted: &Wanted) -> bool {
        self.held
            .get(&place)
            .is_some_and(|held| held.address == wanted.address)
    }

    /// Removes the addresses that are not wanted any more, and gives the others the pace that they should have.
    pub(super) async fn settle(
        &mut self,
        host: &Host,
        config: &Config,
        survey: &Survey,
        is_meant: impl Fn(&str) -> bool,
        now: Instant,
    ) {
        let wanted = wanted(config, survey, is_meant);
        let gone: Vec<Place> = self
            .held
            .keys()
            .filter(|place| !wanted.contains_key(place))
            .copied()
            .collect();
        for place in gone {
            self.release(host, place).await;
        }
        for (place, wanted) in wanted {
            if let Some(held) = self.held.get_mut(&place)
                && (held.pace != wanted.pace || held.link.mac != wanted.link.mac)
            {
                held.announcer = Announcer::new(wanted.pace.clone(), now);
                held.pace = wanted.pace;
                held.link = wanted.link;
            }
        }
    }

    /// Whether an instance has all of its addresses.
    pub(super) fn holds_all(&self, instance: &str, config: &Config, survey: &Survey) -> bool {
        wanted(config, survey, |name| name == instance)
            .iter()
            .all(|(place, wanted)| self.is_held(*place, wanted))
    }

    /// Another host has announced the addresses of an instance as its own: they are announced anew, as `garp_lower_prio_*` say. The
    /// burst that comes with a takeover is not sent twice.
    pub(super) fn announce_again(&mut self, instance: &str, now: Instant) {
        for held in self
            .held
            .values_mut()
            .filter(|held| held.instance == instance)
        {
            let is_due = held.announcer.next_deadline().is_some_and(|at| at <= now);
            if !is_due && held.pace.lower_prio_repeat > 0 {
                let pace = GratuitousArp {
                    delay: held.pace.lower_prio_delay,
                    repeat: held.pace.lower_prio_repeat,
                    ..held.pace.clone()
                };
                held.announcer = Announcer::new(pace, now);
            }
        }
    }

    /// Removes what an earlier daemon that was killed has left of the addresses of a configuration, but for these instances', which go
    /// on.
    pub(super) async fn remove_left_over(
        &mut self,
        host: &Host,
        config: &Config,
        survey: &Survey,
        goes_on: impl Fn(&str) -> bool,
    ) {
        for ((ifindex, address), wanted) in wanted(config, survey, |name| !goes_on(name)) {
            let prefix_length = wanted.address.prefix_length;
            match host.remove_address(ifindex, address, prefix_length).await {
                Ok(Removed::Removed) => {
                    warn!(%address, interface = wanted.link.name, "VIP was left by a daemon that did not end well; removed until an election gives it to us");
                }
                Ok(Removed::NotThere) => {}
                Err(error) => {
                    warn!(%address, interface = wanted.link.name, error = %Problem::from_error(&error), "VIP that an earlier daemon may have left could not be removed");
                }
            }
        }
    }

    /// Whether an address is held.
    pub(super) fn holds(&self, place: Place) -> bool {
        self.held.contains_key(&place)
    }

    /// What is held, and where.
    pub(super) fn held(&self) -> impl Iterator<Item = (&Link, IpAddr)> {
        self.held
            .iter()
            .map(|((_, address), held)| (&held.link, *address))
    }

    /// What all instances of a configuration would hold as MASTER, and where.
    pub(super) fn all_wanted(
        &self,
        config: &Config,
        survey: &Survey,
    ) -> impl Iterator<Item = (Link, IpAddr)> {
        wanted(config, survey, |_| true)
            .into_iter()
            .map(|((_, address), wanted)| (wanted.link, address))
    }

    /// How often addresses of an instance were put back.
    pub(super) fn restored(&self, instance: &str) -> u64 {
        self.restored.get(instance).copied().unwrap_or_default()
    }

    /// An interface of ours has another MAC address: its addresses are announced anew.
    pub(super) fn take_link(&mut self, link: &Link, now: Instant) {
        for held in self
            .held
            .values_mut()
            .filter(|held| held.link.index == link.index)
        {
            if held.link.mac != link.mac {
                held.announcer = Announcer::new(held.pace.clone(), now);
            }
            held.link = link.clone();
        }
    }

    /// An interface is gone, and its addresses with it.
    pub(super) fn forget_link(&mut self, ifindex: u32) {
        self.held.retain(|(index, _), _| *index != ifindex);
    }

    async fn add(
        &mut self,
        host: &Host,
        place: Place,
        wanted: Wanted,
        now: Instant,
    ) -> Result<Added, Problem> {
        let Wanted {
            instance,
            address,
            link,
            pace,
        } = wanted;
        let added = host
            .add_address(place.0, &address)
            .await
            .map_err(|error| Problem::from_error(&error))?;
        let shown = format!("{}/{}", address.address, address.prefix_length);
        match added {
            Added::Added => info!(address = shown, interface = link.name, "VIP added"),
            Added::AlreadyThere => {
                info!(
                    address = shown,
                    interface = link.name,
                    "VIP was there already; it is ours from now on"
                );
            }
        }
        let announcer = Announcer::new(pace.clone(), now);
        let held = Held {
            instance,
            address,
            link,
            pace,
            announcer,
            is_announced: false,
        };
        self.held.insert(place, held);
        Ok(added)
    }

    /// Puts back whatever is missing of what we hold.
    pub(super) async fn put_back_all(&mut self, host: &Host) {
        for place in self.held.keys().copied().collect::<Vec<_>>() {
            self.put_back(host, place).await;
        }
    }

    /// Puts an address back that somebody removed.
    pub(super) async fn put_back(&mut self, host: &Host, place: Place) {
        let Some(held) = self.held.get_mut(&place) else {
            return;
        };
        let (address, interface) = (held.address.address, held.link.name.clone());
        match host.add_address(place.0, &held.address).await {
            Ok(Added::Added) => {
                warn!(%address, interface, "VIP was removed by somebody else; it is back");
                announce(host, held, 1);
                *self.restored.entry(held.instance.clone()).or_default() += 1;
            }
            Ok(Added::AlreadyThere) => {}
            Err(error) => {
                warn!(%address, interface, error = %Problem::from_error(&error), "VIP was removed by somebody else")
            }
        }
    }

    /// When the next announcement is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.held
            .values()
            .filter_map(|held| held.announcer.next_deadline())
            .min()
    }

    /// Sends the announcements that are due.
    pub(super) fn announce_due(&mut self, host: &Host, now: Instant) {
        for held in self.held.values_mut() {
            if let Some(frames) = held.announcer.handle(now) {
                announce(host, held, frames);
            }
        }
    }

    /// Removes every address that we hold.
    pub(super) async fn release_all(&mut self, host: &Host) {
        for place in self.held.keys().copied().collect::<Vec<_>>() {
            self.release(host, place).await;
        }
    }

    /// Removes those of one instance.
    pub(super) async fn release_of(&mut self, host: &Host, instance: &str) {
        let of_it = |(place, held): (&Place, &Held)| (held.instance == instance).then_some(*place);
        for place in self.held.iter().filter_map(of_it).collect::<Vec<_>>() {
            self.release(host, place).await;
        }
    }

    async fn release(&mut self, host: &Host, place: Place) {
        let Some(held) = self.held.remove(&place) else {
            return;
        };
        let address = held.address.address;
        match host
            .remove_address(place.0, address, held.address.prefix_length)
            .await
        {
            Ok(_) => info!(%address, interface = held.link.name, "VIP removed"),
            Err(error) => {
                warn!(%address, interface = held.link.name, error = %Problem::from_error(&error), "VIP could not be removed")
            }
        }
    }
}

fn announce(host: &Host, held: &mut Held, frames: u32) {
    let address = held.address.address;
    let message = match address {
        IpAddr::V4(_) => "gratuitous ARP",
        IpAddr::V6(_) => "unsolicited neighbor advertisement",
    };
    match host.announce(&held.link, address, frames) {
        Ok(()) if held.is_announced => {
            debug!(%address, interface = held.link.name, frames, "{message} sent");
        }
        Ok(()) => {
            held.is_announced = true;
            info!(%address, interface = held.link.name, frames, "{message} sent");
        }
        Err(error) => {
            warn!(%address, interface = held.link.name, error = %Problem::from_error(&error), "{message} not sent")
        }
    }
}

/// The addresses of the instances that are meant.
fn wanted(
    config: &Config,
    survey: &Survey,
    is_meant: impl Fn(&str) -> bool,
) -> BTreeMap<Place, Wanted> {
    config
        .vrrp_instances
        .iter()
        .filter(|instance| is_meant(&instance.name))
        .flat_map(|instance| {
            instance
                .addresses()
                .filter_map(|address| wanted_address(instance, address, survey))
        })
        .collect()
}

fn wanted_address(
    instance: &VrrpInstance,
    address: &VirtualAddress,
    survey: &Survey,
) -> Option<(Place, Wanted)> {
    let link = survey.link_named(instance.interface_of(address))?.clone();
    let place = (link.index, address.address);
    let wanted = Wanted {
        instance: instance.name.clone(),
        address: address.into(),
        link,
        pace: instance.garp.clone(),
    };
    Some((place, wanted))
}
