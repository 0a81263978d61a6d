//! The tables as they should be: what the model wants, and the same with an index for everything.
//!
//! Pure. An index is kept for as long as its thing lives, across reloads and restarts: the maps themselves say what an
//! index means, so the daemon needs no memory of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
};

use director_common::{
    instance::{Instance, Role},
    limits::{MAX_INSTANCES, MAX_SERVERS, MAX_SERVICES},
    server::RealServer,
    service::{Service, ServiceKey},
};

use super::schedule::{self, Slots};
use crate::config::Scheduler;

/// What the model wants the packet path to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Who may forward.
    pub instances: BTreeMap<InstanceKey, Role>,
    /// The virtual services.
    pub services: BTreeMap<ServiceKey, WantedService>,
}

/// Identity of a VRRP instance in the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    /// 1 to 255; 0 stands for all services whose VIP no VRRP instance holds.
    pub virtual_router_id: u8,
    /// Interface of the instance, 0 with VRID 0.
    pub ifindex: u32,
}

/// One virtual service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedService {
    /// The instance that holds the VIP.
    pub instance: InstanceKey,
    /// Order in which servers get new flows.
    pub scheduler: Scheduler,
    /// Its real servers, the sorry server among them, in the order of the configuration.
    pub servers: Vec<WantedServer>,
}

/// One real server of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedServer {
    /// Address of the server.
    pub address: IpAddr,
    /// Whether known flows may go on to it, and how. `None`: its flows are over.
    pub path: Option<Path>,
    /// Share of new flows; 0: none.
    pub weight: u32,
}

/// Where frames for a server go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// MAC address of the server.
    pub mac: [u8; 6],
    /// MAC address of our interface.
    pub source_mac: [u8; 6],
    /// Our interface on the server's link.
    pub ifindex: u32,
}

/// The tables with their indexes, as they are or will be in the maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Index to instance.
    pub instances: BTreeMap<u32, Instance>,
    /// Key to service, with its index.
    pub services: BTreeMap<ServiceKey, Service>,
    /// Index to server, free entries with a history included: a free entry keeps its generation.
    pub servers: BTreeMap<u32, RealServer>,
    /// Service index to the order of its servers' indexes.
    pub schedules: BTreeMap<u32, Slots>,
}

/// More things are wanted than a table has room for.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{wanted} {what} are configured; the table holds {room}{}", remedy(*.leaving))]
pub struct TableFull {
    /// What there are too many of.
    pub what: &'static str,
    /// How many are wanted.
    pub wanted: usize,
    /// How many are not wanted any more; their entries are free only after this step.
    pub leaving: usize,
    /// How many there is room for.
    pub room: u32,
}

/// What helps where the table is full only for this step.
fn remedy(leaving: usize) -> String {
    match leaving {
        0 => String::new(),
        _ => format!(
            ", and {leaving} that leave have their entries until this step is done: take the old ones out first, and add the new ones in a second step"
        ),
    }
}

impl Tables {
    /// The tables that fulfil `wanted`, with the indexes that `self` has for what stays.
    ///
    /// # Errors
    ///
    /// [`TableFull`] where a table has too few entries.
    pub fn follow(&self, wanted: &Wanted) -> Result<Self, TableFull> {
        let mut next = Self {
            servers: self.servers.clone(),
            ..Self::default()
        };
        let instances = next.place_instances(self, wanted)?;
        next.place_services(self, wanted, &instances)?;
        next.release_servers(wanted);
        let indexes = next.place_servers(self, wanted)?;
        for (key, service) in &wanted.services {
            next.fill_servers(key, service, instances[&service.instance], &indexes);
        }
        Ok(next)
    }

    fn place_instances(
        &mut self,
        current: &Self,
        wanted: &Wanted,
    ) -> Result<BTreeMap<InstanceKey, u32>, TableFull> {
        let known: BTreeMap<_, _> = current
            .instances
            .iter()
            .map(|(index, instance)| (InstanceKey::of(instance), *index))
            .collect();
        let indexes = place(
            "VRRP instances",
            MAX_INSTANCES,
            &known,
            wanted.instances.keys(),
        )?;
        for (key, role) in &wanted.instances {
            let instance = Instance {
                role: *role,
                virtual_router_id: key.virtual_router_id.into(),
                ifindex: key.ifindex,
            };
            self.instances.insert(indexes[key], instance);
        }
        Ok(indexes)
    }

    fn place_services(
        &mut self,
        current: &Self,
        wanted: &Wanted,
        instances: &BTreeMap<InstanceKey, u32>,
    ) -> Result<(), TableFull> {
        let known: BTreeMap<_, _> = current
            .services
            .iter()
            .map(|(key, service)| (*key, service.id))
            .collect();
        let indexes = place(
            "virtual servers",
            MAX_SERVICES,
            &known,
            wanted.services.keys(),
        )?;
        for (key, service) in &wanted.services {
            let entry = Service {
                id: indexes[key],
                instance: instances[&service.instance],
            };
            self.services.insert(*key, entry);
        }
        Ok(())
    }

    /// Frees the entries of servers that are not wanted any more, before their indexes are given away again.
    fn release_servers(&mut self, wanted: &Wanted) {
        let keep: BTreeSet<_> = wanted
            .services
            .iter()
            .flat_map(|(key, service)| {
                let id = self.services[key].id;
                service
                    .servers
                    .iter()
                    .map(move |server| (id, mapped(server.address)))
            })
            .collect();
        for entry in self.servers.values_mut() {
            if entry.service != 0 && !keep.contains(&(entry.service, entry.address)) {
                *entry = RealServer {
                    generation: next_generation(entry),
                    ..RealServer::default()
                };
            }
        }
    }

    /// Every wanted server's own index, or one that is free and was free before: a scheduling table may still point to
    /// the rest.
    fn place_servers(
        &self,
        current: &Self,
        wanted: &Wanted,
    ) -> Result<BTreeMap<ServerKey, u32>, TableFull> {
        let servers = wanted.services.iter().flat_map(|(key, service)| {
            let id = self.services[key].id;
            let key = move |server: &WantedServer| (id, mapped(server.address));
            service.servers.iter().map(key)
        });
        let keys: BTreeSet<ServerKey> = servers.collect();
        let known: BTreeMap<ServerKey, u32> = current.taken_servers().collect();
        place("real servers", MAX_SERVERS, &known, keys.iter())
    }

    fn fill_servers(
        &mut self,
        key: &ServiceKey,
        service: &WantedService,
        instance: u32,
        indexes: &BTreeMap<ServerKey, u32>,
    ) {
        let id = self.services[key].id;
        let mut weights = Vec::with_capacity(service.servers.len());
        for server in &service.servers {
            let index = indexes[&(id, mapped(server.address))];
            let entry = self.servers.entry(index).or_default();
            *entry = server_entry(entry, key, id, instance, server);
            let weight = if server.path.is_some() {
                server.weight
            } else {
                0
            };
            weights.push((index, weight));
        }
        self.schedules
            .insert(id, schedule::slots(service.scheduler, &weights));
    }

    /// The entries that belong to a service, with their indexes.
    fn taken_servers(&self) -> impl Iterator<Item = (ServerKey, u32)> {
        self.servers
            .iter()
            .filter(|(_, entry)| entry.service != 0)
            .map(|(index, entry)| ((entry.service, entry.address), *index))
    }
}

/// Identity of a real server in the tables: its service's index, and its address as the table holds it.
type ServerKey = (u32, [u8; 16]);

impl Tables {
    /// Index of a real server of a service.
    #[must_use]
    pub fn server_index(&self, service: u32, address: IpAddr) -> Option<u32> {
        let address = mapped(address);
        self.servers
            .iter()
            .find(|(_, entry)| (entry.service, entry.address) == (service, address))
            .map(|(index, _)| *index)
    }
}

impl InstanceKey {
    fn of(instance: &Instance) -> Self {
        Self {
            virtual_router_id: u8::try_from(instance.virtual_router_id).unwrap_or(0),
            ifindex: instance.ifindex,
        }
    }
}

/// The entry of a server that stays or comes. Its flows are over where it had a path and has none now.
fn server_entry(
    current: &RealServer,
    key: &ServiceKey,
    service: u32,
    instance: u32,
    server: &WantedServer,
) -> RealServer {
    let (mac, source_mac, ifindex, flags) = match server.path {
        Some(path) => (path.mac, path.source_mac, path.ifindex, RealServer::IN_USE),
        None => ([0; 6], [0; 6], 0, 0),
    };
    RealServer {
        mac,
        source_mac,
        ifindex,
        generation: if flags == 0 {
            next_generation(current)
        } else {
            current.generation
        },
        service,
        instance,
        flags,
        address: mapped(server.address),
        port: key.port,
        ..RealServer::default()
    }
}

/// Generation of an entry that is not in use from now on.
fn next_generation(current: &RealServer) -> u32 {
    if current.flags & RealServer::IN_USE == 0 {
        current.generation
    } else {
        current.generation.wrapping_add(1)
    }
}

/// Gives every key an index from 1 to `room - 1`: its own where it has one, else the lowest free one.
fn place<'a, K: Ord + Copy + 'a>(
    what: &'static str,
    room: u32,
    known: &BTreeMap<K, u32>,
    wanted: impl ExactSizeIterator<Item = &'a K> + Clone,
) -> Result<BTreeMap<K, u32>, TableFull> {
    let mut indexes: BTreeMap<K, u32> = wanted
        .clone()
        .filter_map(|key| known.get(key).map(|index| (*key, *index)))
        .collect();
    let full = TableFull {
        what,
        wanted: wanted.len(),
        leaving: known.len() - indexes.len(),
        room: room - 1,
    };
    // An index that something else leaves now is not given away in the same step: packets may still be on their way by it.
    let taken: BTreeSet<u32> = known.values().copied().collect();
    let mut free = (1..room).filter(|index| !taken.contains(index));
    for key in wanted {
        if !indexes.contains_key(key) {
            let index = free.next().ok_or_else(|| full.clone())?;
            indexes.insert(*key, index);
        }
    }
    Ok(indexes)
}

/// An address as the table of servers holds it.
fn mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The address that an entry of the table of servers holds.
#[must_use]
pub fn server_address(entry: &RealServer) -> IpAddr {
    Ipv6Addr::from(entry.address).to_canonical()
}

#[cfg(test)]
mod tests;
