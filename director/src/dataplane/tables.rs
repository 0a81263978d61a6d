//! The tables as they should be: what is wanted, with an index for everything.
//!
//! Pure. An index is kept for as long as its thing lives, across reloads and restarts: the maps themselves say what an
//! index means, so the daemon needs no memory of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
};

use director_common::{
    instance::{Instance, Role},
    interface::Interface,
    limits::{MAX_INSTANCES, MAX_INTERFACES, MAX_SERVERS, MAX_SERVERS_PER_SERVICE, MAX_SERVICES},
    server::RealServer,
    service::{Service, VipFilter},
    settings::Settings,
};

pub use super::wanted::{
    Family, InstanceKey, Path, Persistence, ServiceKey, Wanted, WantedInterface, WantedServer,
    WantedService,
};
use super::{
    expiry,
    schedule::{self, Entry, Table},
};
use crate::config::NoFlow;

/// The tables with their indexes, as they are or will be in the maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Times and limits.
    pub settings: Settings,
    /// Interface index to interface.
    pub interfaces: BTreeMap<u32, Interface>,
    /// Index to instance.
    pub instances: BTreeMap<u32, Instance>,
    /// Key to service, with its index.
    pub services: BTreeMap<ServiceKey, Service>,
    /// Index to server, free entries with a history included: a free entry keeps its generation.
    pub servers: BTreeMap<u32, RealServer>,
    /// Service index to its scheduling table.
    pub schedules: BTreeMap<u32, Table>,
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
    ///
    /// `jiffies_per_second` is how fast the packet path's clock runs.
    pub fn follow(&self, wanted: &Wanted, jiffies_per_second: u32) -> Result<Self, TableFull> {
        check_room(wanted)?;
        let mut next = Self {
            settings: expiry::settings(&wanted.timeouts, jiffies_per_second),
            interfaces: wanted
                .interfaces
                .iter()
                .map(|(index, known)| (*index, interface(known)))
                .collect(),
            servers: self.servers.clone(),
            ..Self::default()
        };
        let instances = next.place_instances(self, wanted)?;
        next.place_services(self, wanted, &instances, jiffies_per_second)?;
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
            self.instances.insert(indexes[key], key.entry(*role));
        }
        Ok(indexes)
    }

    fn place_services(
        &mut self,
        current: &Self,
        wanted: &Wanted,
        instances: &BTreeMap<InstanceKey, u32>,
        jiffies_per_second: u32,
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
                flags: service_flags(service),
                idle_timeout: expiry::jiffies(service.idle_timeout, jiffies_per_second),
                client_mask: client_mask(key.address, service.persistence),
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
                    .all_servers()
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
            service.all_servers().map(key)
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
        for server in service.all_servers() {
            let index = indexes[&(id, mapped(server.address))];
            let entry = self.servers.entry(index).or_default();
            *entry = server_entry(entry, key, id, instance, server);
        }
        let members = service
            .servers
            .iter()
            .filter(|server| matches!(server.path, Some(Path::Link { .. } | Path::Local)));
        let entries: Vec<_> = members
            .map(|server| Entry {
                index: indexes[&(id, mapped(server.address))],
                weight: server.weight,
                address: server.address,
            })
            .collect();
        let table = schedule::table(service.scheduler, service.scheduler_flags, &entries);
        self.schedules.insert(id, table);
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
    /// Index of a VRRP instance.
    #[must_use]
    pub fn instance_index(&self, key: InstanceKey) -> Option<u32> {
        self.instances
            .iter()
            .find(|(_, entry)| InstanceKey::of(entry) == key)
            .map(|(index, _)| *index)
    }

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
    /// Whose entry it is.
    pub(super) fn of(instance: &Instance) -> Self {
        Self {
            virtual_router_id: u8::try_from(instance.virtual_router_id).unwrap_or(0),
            ifindex: instance.ifindex,
            family: match instance.family {
                Instance::V6 => Family::V6,
                _ => Family::V4,
            },
        }
    }

    fn entry(self, role: Role) -> Instance {
        Instance {
            role,
            virtual_router_id: self.virtual_router_id.into(),
            ifindex: self.ifindex,
            family: match self.family {
                Family::V4 => Instance::V4,
                Family::V6 => Instance::V6,
            },
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
    let accepts_new = if server.weight > 0 {
        RealServer::ACCEPTS_NEW
    } else {
        0
    };
    let place = match server.path {
        Some(Path::Link {
            mac,
            source_mac,
            ifindex,
            vlan,
            mtu,
        }) => RealServer {
            mac,
            source_mac,
            ifindex,
            vlan,
            mtu: short_mtu(mtu),
            flags: RealServer::IN_USE | accepts_new,
            ..RealServer::default()
        },
        Some(Path::Local) => RealServer {
            flags: RealServer::IN_USE | RealServer::LOCAL | accepts_new,
            ..RealServer::default()
        },
        // Where it was is remembered: its end of the connections may have to be told yet.
        Some(Path::Held) => RealServer {
            flags: RealServer::HELD,
            ..*current
        },
        None => RealServer::default(),
    };
    RealServer {
        generation: if place.flags == 0 {
            next_generation(current)
        } else {
            current.generation
        },
        service,
        instance,
        address: mapped(server.address),
        port: key.port.to_be_bytes(),
        upper_threshold: server.upper_threshold,
        lower_threshold: server.lower_threshold,
        ..place
    }
}

/// An MTU as the packet path keeps it; one that no packet exceeds is none.
fn short_mtu(mtu: u32) -> u16 {
    u16::try_from(mtu).unwrap_or(0)
}

fn interface(known: &WantedInterface) -> Interface {
    Interface {
        mac: known.mac,
        mtu: short_mtu(known.mtu),
        master: known.master.unwrap_or(0),
        address_v4: known.address_v4.map_or([0; 4], |address| address.octets()),
        address_v6: known.address_v6.map_or([0; 16], |address| address.octets()),
    }
}

fn service_flags(service: &WantedService) -> u32 {
    let persistent = service.persistence.map_or(0, |_| Service::PERSISTENT);
    let one_packet = match service.one_packet {
        true => Service::ONE_PACKET,
        false => 0,
    };
    let no_flow = match service.on_no_flow {
        NoFlow::Reset => 0,
        NoFlow::Pass => Service::NO_FLOW_PASS,
        NoFlow::Schedule => Service::NO_FLOW_SCHEDULE,
    };
    persistent | one_packet | no_flow
}

/// The bits of a client's address that count, as the address lies in a template's key.
fn client_mask(vip: IpAddr, persistence: Option<Persistence>) -> [u8; 16] {
    let Some(persistence) = persistence else {
        return [0; 16];
    };
    // The part that says that an address is IPv4 always counts.
    let fixed = if vip.is_ipv4() { 96 } else { 0 };
    let bits = u32::from(persistence.prefix_length) + fixed;
    u128::MAX
        .checked_shl(128_u32.saturating_sub(bits))
        .unwrap_or(0)
        .to_be_bytes()
}

/// The filter in which the VIPs of these services are.
#[must_use]
pub fn vip_filter<'a>(services: impl Iterator<Item = &'a ServiceKey>) -> VipFilter {
    let mut filter = VipFilter::EMPTY;
    for key in services {
        match key.address {
            IpAddr::V4(address) => filter.insert(&[u32::from_ne_bytes(address.octets())]),
            IpAddr::V6(address) => filter.insert(&words(address.octets())),
        }
    }
    filter
}

/// Sixteen bytes as words in memory order, as the packet path hashes them.
#[must_use]
pub fn words(bytes: [u8; 16]) -> [u32; 4] {
    bytemuck::cast(bytes)
}

/// What has no table of indexes is counted by itself.
fn check_room(wanted: &Wanted) -> Result<(), TableFull> {
    let full = |what, wanted: usize, room: u32| TableFull {
        what,
        wanted,
        leaving: 0,
        room,
    };
    if wanted.interfaces.len() > MAX_INTERFACES as usize {
        return Err(full("interfaces", wanted.interfaces.len(), MAX_INTERFACES));
    }
    let largest = wanted
        .services
        .values()
        .map(|service| service.servers.len())
        .max();
    match largest {
        Some(largest) if largest > MAX_SERVERS_PER_SERVICE => Err(full(
            "real servers of one virtual server",
            largest,
            MAX_SERVERS_PER_SERVICE as u32,
        )),
        _ => Ok(()),
    }
}

/// Generation of an entry that is not in use from now on.
fn next_generation(current: &RealServer) -> u32 {
    if current.flags & (RealServer::IN_USE | RealServer::HELD) == 0 {
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
pub(super) fn mapped(address: IpAddr) -> [u8; 16] {
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
