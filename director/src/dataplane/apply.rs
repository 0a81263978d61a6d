//! Reading the tables from the maps, and carrying out a plan.

use std::{collections::BTreeMap, net::IpAddr};

use aya::maps::{Array, MapData, MapError, PerCpuArray, PerCpuValues, xdp::XdpMapError};
use director_common::{
    counters::Traffic,
    instance::{Instance, Lease, Role},
    limits::{MAX_INSTANCES, MAX_SERVERS},
    load::Load,
    schedule::Locality,
    server::RealServer,
    service::{Service, ServiceKeyV4, ServiceKeyV6},
};

use super::{
    maps::{Maps, Plain, PlainHash, ScheduleMap},
    plan::MapOp,
    schedule::Table,
    tables::{ServiceKey, Tables},
};

/// A map could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct MapAccessError {
    what: &'static str,
    #[source]
    source: MapError,
}

impl MapAccessError {
    pub(super) fn while_doing(what: &'static str) -> impl Fn(MapError) -> Self {
        move |source| Self { what, source }
    }
}

/// The tables as they are: what an earlier daemon left, or nothing.
pub(super) fn read(maps: &Maps) -> Result<Tables, MapAccessError> {
    let settings = maps
        .settings
        .get(&0, 0)
        .map_err(MapAccessError::while_doing("reading the settings"))?;
    let mut tables = Tables {
        settings: settings.0,
        instances: entries(&maps.instances, MAX_INSTANCES).map_err(MapAccessError::while_doing(
            "reading the table of VRRP instances",
        ))?,
        servers: entries(&maps.servers, MAX_SERVERS).map_err(MapAccessError::while_doing(
            "reading the table of real servers",
        ))?,
        ..Tables::default()
    };
    tables
        .instances
        .retain(|_, instance| *instance != Instance::default());
    for (index, instance) in &mut tables.instances {
        let is_held = maps.leases.read(*index) == Lease::FOREVER;
        // Its lease follows its role. Where somebody else has ended it, the next plan has to write both.
        if instance.virtual_router_id == 0 && !is_held {
            instance.role = Role::INITIALIZE;
        }
    }
    tables
        .servers
        .retain(|_, server| *server != RealServer::default());
    for entry in maps.interfaces.iter() {
        let (index, interface) = entry.map_err(MapAccessError::while_doing(
            "reading the table of interfaces",
        ))?;
        tables.interfaces.insert(index, interface.0);
    }
    read_services(&maps.services_v4, from_v4, &mut tables)?;
    read_services(&maps.services_v6, from_v6, &mut tables)?;
    let ids: Vec<u32> = tables.services.values().map(|service| service.id).collect();
    for id in ids {
        tables.schedules.insert(id, read_schedule(maps, id)?);
    }
    Ok(tables)
}

fn entries<T: bytemuck::Pod>(
    map: &Array<MapData, Plain<T>>,
    length: u32,
) -> Result<BTreeMap<u32, T>, MapError> {
    (1..length)
        .map(|index| Ok((index, map.get(&index, 0)?.0)))
        .collect()
}

fn read_services<K: bytemuck::Pod>(
    map: &PlainHash<K, Service>,
    key: impl Fn(&K) -> ServiceKey,
    tables: &mut Tables,
) -> Result<(), MapAccessError> {
    for entry in map.iter() {
        let (found, service) =
            entry.map_err(MapAccessError::while_doing("reading the table of services"))?;
        tables.services.insert(key(&found.0), service.0);
    }
    Ok(())
}

/// The key that a service on an IPv4 address has in the map.
pub(super) fn from_v4(key: &ServiceKeyV4) -> ServiceKey {
    ServiceKey {
        address: key.address.into(),
        port: u16::from_be_bytes(key.port),
        protocol: key.protocol,
    }
}

/// The key that a service on an IPv6 address has in the map.
pub(super) fn from_v6(key: &ServiceKeyV6) -> ServiceKey {
    ServiceKey {
        address: key.address.into(),
        port: u16::from_be_bytes(key.port),
        protocol: key.protocol,
    }
}

fn read_schedule(maps: &Maps, service: u32) -> Result<Table, MapAccessError> {
    let inner = match maps.schedules.get(&service, 0) {
        Ok(inner) => inner,
        Err(MapError::KeyNotFound) => return Ok(Table::default()),
        Err(error) => {
            return Err(MapAccessError::while_doing("reading a scheduling table")(
                error,
            ));
        }
    };
    let schedule = inner
        .get(&0, 0)
        .map_err(MapAccessError::while_doing("reading a scheduling table"))?
        .0;
    Ok(Table::from_map(&schedule))
}

/// Carries out one write.
pub(super) fn apply(maps: &mut Maps, op: &MapOp) -> Result<(), MapAccessError> {
    let (what, written) = match op {
        MapOp::PutSettings(settings) => (
            "writing the settings",
            maps.settings.set(0, Plain(*settings), 0),
        ),
        MapOp::PutVipFilter(filter) => (
            "writing the filter of the VIPs",
            maps.vip_filter.set(0, Plain(**filter), 0),
        ),
        MapOp::PutInterface(index, interface) => (
            "writing an interface",
            put_egress(maps, *index)
                .and_then(|()| maps.interfaces.insert(index, Plain(*interface), 0)),
        ),
        MapOp::RemoveInterface(index) => ("removing an interface", remove_interface(maps, *index)),
        MapOp::ZeroServiceTraffic(id) => (
            "clearing the counters of a service",
            zero(&mut maps.service_traffic, *id),
        ),
        MapOp::ZeroServerTraffic(id) => (
            "clearing the counters of a real server",
            zero(&mut maps.server_traffic, *id),
        ),
        MapOp::ZeroServerLoad(id) => (
            "clearing the load of a real server",
            maps.loads.set(*id, Plain(Load::default()), 0),
        ),
        MapOp::ClearLocality(id) => (
            "clearing what a service kept together",
            maps.localities.set(*id, Plain(Locality::default()), 0),
        ),
        MapOp::PutLease(index, lease) => {
            maps.leases.put(*index, *lease);
            ("writing a lease", Ok(()))
        }
        MapOp::PutInstance(index, instance) => (
            "writing a VRRP instance",
            maps.instances.set(*index, Plain(*instance), 0),
        ),
        MapOp::RemoveInstance(index) => (
            "clearing a VRRP instance",
            maps.instances.set(*index, Plain(Instance::default()), 0),
        ),
        MapOp::PutServer(index, server) => (
            "writing a real server",
            maps.servers.set(*index, Plain(*server), 0),
        ),
        MapOp::PutSchedule(id, table) => (
            "swapping a scheduling table",
            put_schedule(maps, *id, table),
        ),
        MapOp::RemoveSchedule(id) => (
            "clearing a scheduling table",
            put_schedule(maps, *id, &Table::default()),
        ),
        MapOp::PutService(key, service) => ("writing a service", put_service(maps, key, service)),
        MapOp::RemoveService(key) => ("removing a service", remove_service(maps, key)),
    };
    written.map_err(MapAccessError::while_doing(what))
}

fn v4(address: std::net::Ipv4Addr, key: &ServiceKey) -> Plain<ServiceKeyV4> {
    Plain(ServiceKeyV4 {
        address: address.octets(),
        port: key.port.to_be_bytes(),
        protocol: key.protocol,
        _reserved: 0,
    })
}

fn v6(address: std::net::Ipv6Addr, key: &ServiceKey) -> Plain<ServiceKeyV6> {
    Plain(ServiceKeyV6 {
        address: address.octets(),
        port: key.port.to_be_bytes(),
        protocol: key.protocol,
        _reserved: 0,
    })
}

fn put_service(maps: &mut Maps, key: &ServiceKey, service: &Service) -> Result<(), MapError> {
    match key.address {
        IpAddr::V4(address) => maps
            .services_v4
            .insert(v4(address, key), Plain(*service), 0),
        IpAddr::V6(address) => maps
            .services_v6
            .insert(v6(address, key), Plain(*service), 0),
    }
}

fn remove_service(maps: &mut Maps, key: &ServiceKey) -> Result<(), MapError> {
    match key.address {
        IpAddr::V4(address) => maps.services_v4.remove(&v4(address, key)),
        IpAddr::V6(address) => maps.services_v6.remove(&v6(address, key)),
    }
}

/// Lets frames be redirected to an interface of ours. One that cannot send them is told by the kernel here.
fn put_egress(maps: &mut Maps, ifindex: u32) -> Result<(), MapError> {
    match maps.egress.insert(ifindex, ifindex, None, 0) {
        Ok(()) => Ok(()),
        Err(XdpMapError::MapError(error)) => Err(error),
        Err(XdpMapError::ChainedProgramNotSupported) => Ok(()),
    }
}

/// The kernel has taken an interface that is gone out of its part already.
fn remove_interface(maps: &mut Maps, ifindex: u32) -> Result<(), MapError> {
    let _gone_already = maps.egress.remove(ifindex);
    maps.interfaces.remove(&ifindex)
}

/// Fills a new inner map and swaps it in: one update, no packet sees half a table.
fn put_schedule(maps: &mut Maps, service: u32, table: &Table) -> Result<(), MapError> {
    let mut inner = ScheduleMap::create(1, 0)?;
    inner.set(0, Plain(table.to_map()), 0)?;
    maps.schedules.set(service, &inner, 0)
}

fn zero(map: &mut PerCpuArray<MapData, Plain<Traffic>>, index: u32) -> Result<(), MapError> {
    let cpus = aya::util::nr_cpus().map_err(|(_, error)| MapError::IoError(error))?;
    let zeros = vec![Plain(Traffic::default()); cpus];
    map.set(
        index,
        PerCpuValues::try_from(zeros).map_err(MapError::IoError)?,
        0,
    )
}
