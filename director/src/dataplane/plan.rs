//! The plan: which map writes turn the tables as they are into the tables as they should be, and in which order.
//!
//! Pure. The order is such that a packet never finds half an edit: a thing is written before something points to it,
//! and removed after nothing does.

use director_common::{
    instance::Instance,
    server::RealServer,
    service::{Service, ServiceKey},
};

use super::{schedule::Slots, tables::Tables};

/// One write to a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapOp {
    /// Sets the counters of a service's index to zero, which is about to mean another service.
    ZeroServiceTraffic(u32),
    /// Sets the counters of a server's index to zero, which is about to mean another server.
    ZeroServerTraffic(u32),
    /// Writes an instance.
    PutInstance(u32, Instance),
    /// Writes a real server.
    PutServer(u32, RealServer),
    /// Swaps a service's scheduling table.
    PutSchedule(u32, Slots),
    /// Writes a service.
    PutService(ServiceKey, Service),
    /// Removes a service: its address is the kernel's from now on.
    RemoveService(ServiceKey),
    /// Gives a service's scheduling table back.
    RemoveSchedule(u32),
    /// Clears an instance.
    RemoveInstance(u32),
}

/// The writes that lead from `current` to `next`.
#[must_use]
pub fn plan(current: &Tables, next: &Tables) -> Vec<MapOp> {
    let mut ops = Vec::new();
    zero_reused_counters(current, next, &mut ops);
    put_instances(current, next, &mut ops);
    put_servers(current, next, Use::Begins, &mut ops);
    put_schedules(current, next, &mut ops);
    put_services(current, next, &mut ops);
    remove_services(current, next, &mut ops);
    // After the new scheduling tables: no new flow gets a server that is just going.
    put_servers(current, next, Use::Ends, &mut ops);
    remove_instances(current, next, &mut ops);
    ops
}

fn zero_reused_counters(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    let new_services = next
        .services
        .iter()
        .filter(|(key, _)| !current.services.contains_key(key));
    ops.extend(new_services.map(|(_, service)| MapOp::ZeroServiceTraffic(service.id)));
    let new_servers = next.servers.iter().filter(|(index, server)| {
        server.service != 0
            && current
                .servers
                .get(index)
                .is_none_or(|old| (old.service, old.address) != (server.service, server.address))
    });
    ops.extend(new_servers.map(|(index, _)| MapOp::ZeroServerTraffic(*index)));
}

fn put_instances(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for (index, instance) in &next.instances {
        if current.instances.get(index) != Some(instance) {
            ops.push(MapOp::PutInstance(*index, *instance));
        }
    }
}

/// Whether an entry is in use after the write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Begins,
    Ends,
}

fn put_servers(current: &Tables, next: &Tables, when: Use, ops: &mut Vec<MapOp>) {
    for (index, server) in &next.servers {
        let after = if server.flags & RealServer::IN_USE == 0 {
            Use::Ends
        } else {
            Use::Begins
        };
        if after == when && current.servers.get(index) != Some(server) {
            ops.push(MapOp::PutServer(*index, *server));
        }
    }
}

fn put_schedules(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for (id, slots) in &next.schedules {
        if current.schedules.get(id) != Some(slots) {
            ops.push(MapOp::PutSchedule(*id, slots.clone()));
        }
    }
}

fn put_services(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for (key, service) in &next.services {
        if current.services.get(key) != Some(service) {
            ops.push(MapOp::PutService(*key, *service));
        }
    }
}

fn remove_services(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for (key, service) in &current.services {
        if !next.services.contains_key(key) {
            ops.push(MapOp::RemoveService(*key));
            ops.push(MapOp::RemoveSchedule(service.id));
        }
    }
}

fn remove_instances(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for index in current.instances.keys() {
        if !next.instances.contains_key(index) {
            ops.push(MapOp::RemoveInstance(*index));
        }
    }
}

#[cfg(test)]
mod tests;
