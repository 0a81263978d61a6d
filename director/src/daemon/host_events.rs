//! What changes on this host without our doing, and what follows from it.

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use tracing::{error, info, warn};

use super::{Daemon, survey, traffic::LOOK_INTERVAL};
use crate::{
    api::response::Problem,
    host::{HostEvent, Link},
    model::Event,
};

impl Daemon {
    pub(super) async fn take_host_event(&mut self, event: Option<HostEvent>) {
        match event {
            Some(HostEvent::NeighborChanged(neighbor)) => {
                if let Some(event) = self.neighbors.learn(neighbor) {
                    self.handle(event);
                }
            }
            Some(HostEvent::AddressRemoved { ifindex, address }) => {
                self.addresses
                    .put_back(&self.host, (ifindex, address))
                    .await;
                self.take_address(ifindex, address).await;
            }
            Some(HostEvent::LinkChanged(link)) => self.take_link(link).await,
            Some(HostEvent::LinkRemoved { index }) => self.lose_link(index),
            Some(HostEvent::AddressAdded { ifindex, address }) => {
                self.take_address(ifindex, address).await;
            }
            Some(HostEvent::Lost) => self.read_anew().await,
            None => self.monitor_again().await,
        }
    }

    async fn take_address(&mut self, ifindex: u32, address: IpAddr) {
        if self.survey.spoken_on().contains(&ifindex) && !survey::is_vip(&self.config, address) {
            self.take_own_address(ifindex).await;
        }
    }

    /// A link is new, or something about it has changed.
    async fn take_link(&mut self, link: Link) {
        let name = link.name.clone();
        let is_waited_for = self.survey.waits_for(&self.config, &name);
        self.note_link(link);
        match is_waited_for {
            true => self.take_interface(&name).await,
            false => self.settle_elections_again(),
        }
    }

    fn lose_link(&mut self, index: u32) {
        if let Some(link) = self.survey.links.remove(&index) {
            warn!(interface = link.name, "the interface is gone");
            self.addresses.forget_link(index);
            self.settle_elections_again();
        }
    }

    /// A new MAC address of ours must be in the frames that we send.
    fn note_link(&mut self, link: Link) {
        let known = self.survey.links.get(&link.index);
        if let Some(known) = known.filter(|known| known.up != link.up) {
            warn!(interface = known.name, up = link.up, "the link changed");
        }
        if known.is_some_and(|known| known.mac != link.mac) {
            info!(
                interface = link.name,
                "the interface has another MAC address"
            );
            self.addresses.take_link(&link, Instant::now());
            self.handle(Event::OwnAddress {
                ifindex: link.index,
                mac: link.mac,
            });
        }
        self.survey.links.insert(link.index, link);
    }

    /// Events were lost: everything that they may have told is read anew.
    async fn read_anew(&mut self) {
        match self.host.links().await {
            Ok(links) => self.take_links(links).await,
            Err(error) => warn!(error = %Problem::from_error(&error), "links not read"),
        }
        self.addresses.put_back_all(&self.host).await;
        for event in self.neighbors.read(&self.host).await {
            self.handle(event);
        }
    }

    /// All links that there are: those that we know and that are not among them are gone.
    async fn take_links(&mut self, links: Vec<Link>) {
        let present: BTreeSet<u32> = links.iter().map(|link| link.index).collect();
        let known: Vec<u32> = self.survey.links.keys().copied().collect();
        for index in known.into_iter().filter(|index| !present.contains(index)) {
            self.lose_link(index);
        }
        for link in links {
            self.take_link(link).await;
        }
        for ifindex in self.survey.spoken_on() {
            self.take_own_address(ifindex).await;
        }
    }

    /// The subscription failed: another one, and everything is read anew.
    async fn monitor_again(&mut self) {
        match self.host.monitor() {
            Ok(monitor) => {
                self.monitor = monitor;
                self.read_anew().await;
            }
            Err(error) => {
                error!(error = %Problem::from_error(&error), "changes of links and neighbors are not seen; trying again");
                // The owner must go on, but not spin.
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        }
    }
}
