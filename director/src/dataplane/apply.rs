//! Reading the tables from the maps, and carrying out a plan.

use std::collections::BTreeMap;

use aya::maps::{Array, MapData, MapError, PerCpuArray, PerCpuValues};
use director_common::{
    counters::Traffic,
    instance::Instance,
    limits::{MAX_INSTANCES, MAX_SERVERS},
    schedule::{SLOTS, Schedule},
    server::RealServer,
};

use super::{
    maps::{Maps, Plain, ScheduleMap},
    plan::MapOp,
    schedule::Slots,
    tables::Tables,
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
    let mut tables = Tables {
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
    tables
        .servers
        .retain(|_, server| *server != RealServer::default());
    for entry in maps.services.iter() {
        let (key, service) =
            entry.map_err(MapAccessError::while_doing("reading the table of services"))?;
        let slots = read_schedule(maps, service.0.id)?;
        tables.services.insert(key.0, service.0);
        tables.schedules.insert(service.0.id, slots);
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

fn read_schedule(maps: &Maps, service: u32) -> Result<Slots, MapAccessError> {
    let inner = match maps.schedules.get(&service, 0) {
        Ok(inner) => inner,
        Err(MapError::KeyNotFound) => return Ok(Slots::new()),
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
    let length = usize::try_from(schedule.length).unwrap_or(SLOTS).min(SLOTS);
    Ok(schedule.servers.iter().copied().take(length).collect())
}

/// Carries out one write.
pub(super) fn apply(maps: &mut Maps, op: &MapOp) -> Result<(), MapAccessError> {
    match op {
        MapOp::ZeroServiceTraffic(id) => zero(&mut maps.service_traffic, *id).map_err(
            MapAccessError::while_doing("clearing the counters of a service"),
        ),
        MapOp::ZeroServerTraffic(id) => zero(&mut maps.server_traffic, *id).map_err(
            MapAccessError::while_doing("clearing the counters of a real server"),
        ),
        MapOp::PutInstance(index, instance) => maps
            .instances
            .set(*index, Plain(*instance), 0)
            .map_err(MapAccessError::while_doing("writing a VRRP instance")),
        MapOp::RemoveInstance(index) => maps
            .instances
            .set(*index, Plain(Instance::default()), 0)
            .map_err(MapAccessError::while_doing("clearing a VRRP instance")),
        MapOp::PutServer(index, server) => maps
            .servers
            .set(*index, Plain(*server), 0)
            .map_err(MapAccessError::while_doing("writing a real server")),
        MapOp::PutSchedule(id, slots) => put_schedule(maps, *id, slots)
            .map_err(MapAccessError::while_doing("swapping a scheduling table")),
        MapOp::RemoveSchedule(id) => put_schedule(maps, *id, &Slots::new())
            .map_err(MapAccessError::while_doing("clearing a scheduling table")),
        MapOp::PutService(key, service) => maps
            .services
            .insert(Plain(*key), Plain(*service), 0)
            .map_err(MapAccessError::while_doing("writing a service")),
        MapOp::RemoveService(key) => maps
            .services
            .remove(&Plain(*key))
            .map_err(MapAccessError::while_doing("removing a service")),
    }
}

/// Fills a new inner map and swaps it in: one update, no packet sees half a table.
fn put_schedule(maps: &mut Maps, service: u32, slots: &Slots) -> Result<(), MapError> {
    let mut schedule = Schedule::EMPTY;
    for (slot, server) in schedule.servers.iter_mut().zip(slots) {
        *slot = *server;
        schedule.length += 1;
    }
    let mut inner = ScheduleMap::create(1, 0)?;
    inner.set(0, Plain(schedule), 0)?;
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
