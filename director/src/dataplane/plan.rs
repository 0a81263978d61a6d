//! The plan: which map writes turn the tables as they are into the tables as they should be, and in which order.
//!
//! Pure. The order is such that a packet never finds half an edit: a thing is written before something points to it,
//! and removed after nothing does.

use director_common::{
    instance::{Instance, Lease, Role},
    interface::Interface,
    server::RealServer,
    service::{Service, VipFilter},
    settings::Settings,
};

use super::{
    schedule::Table,
    tables::{self, InstanceKey, ServiceKey, Tables},
};

/// One write to a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapOp {
    /// Sets the counters of a service's index to zero, which is about to mean another service.
    ZeroServiceTraffic(u32),
    /// Sets the counters of a server's index to zero, which is about to mean another server.
    ZeroServerTraffic(u32),
    /// Forgets how many flows a server has: what it had is over.
    ZeroServerLoad(u32),
    /// Forgets which servers a service's index kept together.
    ClearLocality(u32),
    /// Writes times and limits.
    PutSettings(Settings),
    /// Writes an interface.
    PutInterface(u32, Interface),
    /// Removes an interface.
    RemoveInterface(u32),
    /// Writes which addresses may be VIPs.
    PutVipFilter(Box<VipFilter>),
    /// Writes a lease: that of an instance that no thread speaks VRRP for, or the end of one.
    PutLease(u32, Lease),
    /// Writes an instance.
    PutInstance(u32, Instance),
    /// Writes a real server.
    PutServer(u32, RealServer),
    /// Swaps a service's scheduling table.
    PutSchedule(u32, Table),
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
    if current.settings != next.settings {
        ops.push(MapOp::PutSettings(next.settings));
    }
    zero_reused_counters(current, next, &mut ops);
    put_interfaces(current, next, &mut ops);
    put_instances(current, next, &mut ops);
    put_servers(current, next, Use::Begins, &mut ops);
    put_schedules(current, next, &mut ops);
    // While services come and go, the filter lets both the old and the new ones through.
    let before = tables::vip_filter(current.services.keys());
    let meanwhile = tables::vip_filter(current.services.keys().chain(next.services.keys()));
    let after = tables::vip_filter(next.services.keys());
    put_filter(before, meanwhile, &mut ops);
    put_services(current, next, &mut ops);
    remove_services(current, next, &mut ops);
    put_filter(meanwhile, after, &mut ops);
    // After the new scheduling tables: no new flow gets a server that is just going.
    put_servers(current, next, Use::Ends, &mut ops);
    forget_loads(current, next, &mut ops);
    remove_instances(current, next, &mut ops);
    remove_interfaces(current, next, &mut ops);
    ops
}

fn zero_reused_counters(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    let new_services = next
        .services
        .iter()
        .filter(|(key, _)| !current.services.contains_key(key));
    ops.extend(new_services.flat_map(|(_, service)| {
        [
            MapOp::ZeroServiceTraffic(service.id),
            MapOp::ClearLocality(service.id),
        ]
    }));
    let new_servers = next.servers.iter().filter(|(index, server)| {
        server.service != 0
            && current
                .servers
                .get(index)
                .is_none_or(|old| (old.service, old.address) != (server.service, server.address))
    });
    ops.extend(new_servers.map(|(index, _)| MapOp::ZeroServerTraffic(*index)));
}

fn put_interfaces(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for (index, interface) in &next.interfaces {
        if current.interfaces.get(index) != Some(interface) {
            ops.push(MapOp::PutInterface(*index, *interface));
        }
    }
}

fn remove_interfaces(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for index in current.interfaces.keys() {
        if !next.interfaces.contains_key(index) {
            ops.push(MapOp::RemoveInterface(*index));
        }
    }
}

fn put_filter(before: VipFilter, after: VipFilter, ops: &mut Vec<MapOp>) {
    if before != after {
        ops.push(MapOp::PutVipFilter(Box::new(after)));
    }
}

/// The flows of a server that went out of use count no more, whether it comes back or its index gets another meaning.
fn forget_loads(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for (index, server) in &next.servers {
        let before = current.servers.get(index).copied().unwrap_or_default();
        if before.generation != server.generation {
            ops.push(MapOp::ZeroServerLoad(*index));
        }
    }
}

/// What leases were held stays with whoever holds them, but an index with a new meaning begins without one.
fn put_instances(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for (index, instance) in &next.instances {
        let before = current.instances.get(index);
        if before == Some(instance) {
            continue;
        }
        let key = InstanceKey::of(instance);
        if key.virtual_router_id == 0 {
            ops.push(MapOp::PutLease(*index, lease_by_role(instance.role)));
        } else if before.map(InstanceKey::of) != Some(key) {
            ops.push(MapOp::PutLease(*index, Lease::NONE));
        }
        ops.push(MapOp::PutInstance(*index, *instance));
    }
}

/// The lease of the instance that stands for all services whose VIP no VRRP instance holds: nobody could take it over.
const fn lease_by_role(role: Role) -> Lease {
    match role {
        Role::MASTER => Lease::FOREVER,
        _ => Lease::NONE,
    }
}

/// Which writes of servers' entries are meant: those after which a scheduling table may name more of them, or fewer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Begins,
    Ends,
}

/// What a scheduling table or a flow counts on in an entry.
const COUNTED_ON: u32 = RealServer::IN_USE | RealServer::ACCEPTS_NEW;

fn put_servers(current: &Tables, next: &Tables, when: Use, ops: &mut Vec<MapOp>) {
    for (index, server) in &next.servers {
        let before = current.servers.get(index).map_or(0, |known| known.flags);
        let is_lost = before & COUNTED_ON & !server.flags != 0;
        let kind = if is_lost || server.flags & RealServer::IN_USE == 0 {
            Use::Ends
        } else {
            Use::Begins
        };
        if kind == when && current.servers.get(index) != Some(server) {
            ops.push(MapOp::PutServer(*index, *server));
        }
    }
}

fn put_schedules(current: &Tables, next: &Tables, ops: &mut Vec<MapOp>) {
    for (id, table) in &next.schedules {
        if current.schedules.get(id) != Some(table) {
            ops.push(MapOp::PutSchedule(*id, table.clone()));
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
            ops.push(MapOp::PutLease(*index, Lease::NONE));
            ops.push(MapOp::RemoveInstance(*index));
        }
    }
}

#[cfg(test)]
mod tests;
