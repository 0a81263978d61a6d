//! The wanted state: instances, services, their pools and servers.
//!
//! Pure: no tokio, no aya, no sockets, no clock. [`Model::handle`] takes the time and an [`Event`] and gives the
//! [`Notice`]s that people want to read; [`Model::wanted`] says what the packet path should do now. The data plane makes
//! the difference to what it does already, so nothing is lost by asking once too often.

pub mod event;
pub mod fate;
pub mod notice;
pub mod pool;
pub mod server;
pub mod service;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::SystemTime,
};

use director_common::instance::Role;

pub use self::{
    event::{Event, Neighbor},
    notice::Notice,
    server::{Admin, Health, RealServer, State},
    service::{Service, ServiceId},
};
use crate::{
    config::{Config, LvsTimeouts},
    dataplane::{
        expiry::Timeouts,
        tables::{InstanceKey, Wanted, WantedInterface},
    },
};

/// What the host knows about the places that a configuration names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Index of the interface of each VRRP instance, by the instance's name.
    pub instances: BTreeMap<String, u32>,
    /// Where each real server is.
    pub servers: BTreeMap<IpAddr, Place>,
    /// Our interfaces that run the XDP program, by index.
    pub interfaces: BTreeMap<u32, WantedInterface>,
}

/// Where a real server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a link of ours.
    OnLink(Link),
    /// Here: it is this director itself.
    Local,
}

/// One of our interfaces, as a frame leaves by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Index of the interface, on which the kernel knows the neighbors.
    pub ifindex: u32,
    /// Index of the interface that frames leave by: of a VLAN device, the one below it.
    pub egress: u32,
    /// VLANs of the link, see [`director_common::server::vlan_tags`].
    pub vlan: u32,
    /// MAC address of the interface.
    pub mac: [u8; 6],
    /// Greatest IP packet that the link takes, bytes.
    pub mtu: u32,
}

/// One VRRP instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `None`: stands for all services whose VIP no VRRP instance holds.
    pub name: Option<String>,
    /// Identity in the tables.
    pub key: InstanceKey,
    /// Who forwards.
    pub role: Role,
    /// The addresses it holds.
    pub addresses: Vec<IpAddr>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    instances: Vec<Instance>,
    services: Vec<Service>,
    /// Services that are not configured any more and have flows that go on for a while. They take no new ones.
    removed: Vec<Service>,
    interfaces: BTreeMap<u32, WantedInterface>,
    timeouts: Timeouts,
}

impl Model {
    /// Takes a configuration. What was there before keeps its role, health and quorum (scenario 3.14).
    pub fn configure(
        &mut self,
        now: SystemTime,
        config: &Config,
        topology: &Topology,
    ) -> Vec<Notice> {
        let instances = self.new_instances(config, topology);
        self.interfaces.clone_from(&topology.interfaces);
        self.timeouts = timeouts(&config.global.lvs_timeouts);
        let removed = std::mem::take(&mut self.removed);
        let gone: BTreeSet<_> = removed.iter().map(|service| service.id).collect();
        let mut before: BTreeMap<_, _> = std::mem::take(&mut self.services)
            .into_iter()
            .chain(removed)
            .map(|service| (service.id, service))
            .collect();
        let mut notices = Vec::new();
        for virtual_server in &config.virtual_servers {
            let id = ServiceId::of(virtual_server);
            let instance = instance_of(&instances, id.address);
            let earlier = before.remove(&id);
            if earlier.is_none() || gone.contains(&id) {
                notices.push(Notice::ServiceAdded(id));
            }
            let service = Service::new(
                now,
                virtual_server,
                instance,
                topology,
                earlier,
                &mut notices,
            );
            self.services.push(service);
        }
        let news = before.keys().filter(|id| !gone.contains(id)).copied();
        notices.extend(news.map(Notice::ServiceRemoved));
        self.removed = before
            .into_values()
            .filter_map(|service| {
                let instance = instance_of(&instances, service.id.address);
                service.removed(now, instance)
            })
            .collect();
        self.instances = instances;
        notices
    }

    fn new_instances(&self, config: &Config, topology: &Topology) -> Vec<Instance> {
        let named = config.vrrp_instances.iter().map(|instance| {
            let key = InstanceKey {
                virtual_router_id: instance.virtual_router_id,
                ifindex: topology
                    .instances
                    .get(&instance.name)
                    .copied()
                    .unwrap_or_default(),
                family: instance.family,
            };
            let addresses = instance
                .virtual_ipaddress
                .iter()
                .chain(&instance.virtual_ipaddress_excluded)
                .map(|address| address.address)
                .collect();
            let role = self.role(key).unwrap_or(Role::INITIALIZE);
            Instance {
                name: Some(instance.name.clone()),
                key,
                role,
                addresses,
            }
        });
        let standalone = Instance {
            name: None,
            key: InstanceKey::default(),
            role: self.role(InstanceKey::default()).unwrap_or(Role::MASTER),
            addresses: Vec::new(),
        };
        named.chain([standalone]).collect()
    }

    fn role(&self, key: InstanceKey) -> Option<Role> {
        self.instances
            .iter()
            .find(|instance| instance.key == key)
            .map(|instance| instance.role)
    }

    /// Marks servers that an earlier daemon left as failed; their checks have to bring them up. A server without checks
    /// is not one of them.
    pub fn start_down(&mut self, now: SystemTime, down: &[(ServiceId, IpAddr)]) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (id, address) in down {
            if let Some(service) = self.services.iter_mut().find(|service| service.id == *id) {
                service.start_down(now, *address, &mut notices);
            }
        }
        notices
    }

    /// Takes an event.
    pub fn handle(&mut self, now: SystemTime, event: Event) -> Vec<Notice> {
        let mut notices = Vec::new();
        match event {
            Event::Check {
                service,
                server,
                check,
                verdict,
            } => {
                if let Some(service) = self.services.iter_mut().find(|known| known.id == service) {
                    service.take_verdict(now, server, check, verdict, &mut notices);
                }
            }
            Event::Neighbor {
                ifindex,
                address,
                neighbor,
            } => {
                for service in self.all_mut() {
                    service.take_neighbor(now, ifindex, address, neighbor, &mut notices);
                }
            }
            Event::FailBack { service } => {
                if let Some(service) = self.services.iter_mut().find(|known| known.id == service) {
                    service.fail_back(now, &mut notices);
                }
            }
            Event::OwnAddress { ifindex, mac } => {
                for server in self.all_mut().flat_map(Service::all_mut) {
                    server.place.take_mac(ifindex, mac);
                }
                if let Some(interface) = self.interfaces.get_mut(&ifindex) {
                    interface.mac = mac;
                }
            }
            Event::Role { instance, role } => {
                for known in self
                    .instances
                    .iter_mut()
                    .filter(|known| known.key == instance)
                {
                    if known.role != role {
                        known.role = role;
                        notices.push(Notice::Role {
                            instance: known.name.clone(),
                            role,
                        });
                    }
                }
            }
        }
        notices
    }

    /// When [`Model::expire`] has an effect; `None`: never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<SystemTime> {
        self.all().filter_map(Service::next_deadline).min()
    }

    /// Does what is due: ends the flows of servers whose time to drain is over, and fails back.
    pub fn expire(&mut self, now: SystemTime) -> Vec<Notice> {
        let mut notices = Vec::new();
        for service in self.all_mut() {
            service.expire(now, &mut notices);
        }
        self.removed.retain(|service| !service.leaving.is_empty());
        notices
    }

    /// What the packet path should do now.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted {
            instances: self
                .instances
                .iter()
                .map(|instance| (instance.key, instance.role))
                .collect(),
            interfaces: self.interfaces.clone(),
            services: self
                .all()
                .map(|service| (service.id.key(), service.wanted(&self.timeouts)))
                .collect(),
            timeouts: self.timeouts,
        }
    }

    /// How long flows are kept.
    #[must_use]
    pub const fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// The instances, in the order of the configuration; the last one has no name.
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The services, in the order of the configuration.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// Services that were taken out of the configuration and whose flows go on for a while.
    #[must_use]
    pub fn removed(&self) -> &[Service] {
        &self.removed
    }

    /// Whether anything goes on that is not configured any more.
    #[must_use]
    pub fn has_leaving(&self) -> bool {
        self.all().any(|service| !service.leaving.is_empty())
    }

    /// Every service that may have flows.
    fn all(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().chain(&self.removed)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Service> {
        self.services.iter_mut().chain(&mut self.removed)
    }
}

impl Place {
    /// The link, if the server is on one.
    #[must_use]
    pub const fn link(&self) -> Option<&Link> {
        match self {
            Self::OnLink(link) => Some(link),
            Self::Local => None,
        }
    }

    fn take_mac(&mut self, ifindex: u32, mac: [u8; 6]) {
        if let Self::OnLink(link) = self
            && link.ifindex == ifindex
        {
            link.mac = mac;
        }
    }
}

/// `lvs_timeouts`, and IPVS's timeouts where it says nothing.
fn timeouts(configured: &LvsTimeouts) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        established: configured.tcp.unwrap_or(default.established),
        fin_wait: configured.tcpfin.unwrap_or(default.fin_wait),
        udp: configured.udp.unwrap_or(default.udp),
    }
}

/// The instance that holds an address, or the nameless one.
fn instance_of(instances: &[Instance], address: IpAddr) -> InstanceKey {
    instances
        .iter()
        .find(|instance| instance.addresses.contains(&address))
        .map_or_else(InstanceKey::default, |instance| instance.key)
}

#[cfg(test)]
mod tests;
