//! The order of the writes, and that no packet finds half an edit.

use std::{collections::BTreeMap, net::IpAddr};

use director_common::instance::Role;
use proptest::prelude::*;

use super::*;
use crate::{
    config::Scheduler,
    dataplane::tables::{InstanceKey, Path, Wanted, WantedServer, WantedService},
};

/// The maps as a packet finds them.
#[derive(Clone, Debug, Default)]
struct Image {
    tables: Tables,
}

impl Image {
    fn apply(&mut self, op: &MapOp) {
        let tables = &mut self.tables;
        match op.clone() {
            MapOp::ZeroServiceTraffic(_) | MapOp::ZeroServerTraffic(_) => {}
            MapOp::PutInstance(index, instance) => drop(tables.instances.insert(index, instance)),
            MapOp::RemoveInstance(index) => drop(tables.instances.remove(&index)),
            MapOp::PutServer(index, server) => drop(tables.servers.insert(index, server)),
            MapOp::PutSchedule(id, slots) => drop(tables.schedules.insert(id, slots)),
            MapOp::RemoveSchedule(id) => drop(tables.schedules.remove(&id)),
            MapOp::PutService(key, service) => drop(tables.services.insert(key, service)),
            MapOp::RemoveService(key) => drop(tables.services.remove(&key)),
        }
    }

    /// What every packet may rely on, whenever it comes.
    fn check(&self) -> Result<(), TestCaseError> {
        let tables = &self.tables;
        let mut ids = BTreeMap::new();
        for (key, service) in &tables.services {
            prop_assert!(
                ids.insert(service.id, key).is_none(),
                "two services share index {}",
                service.id
            );
            prop_assert!(
                tables.instances.contains_key(&service.instance),
                "a service points to no instance"
            );
            let slots = tables.schedules.get(&service.id);
            prop_assert!(slots.is_some(), "a service has no scheduling table");
            for slot in slots.into_iter().flatten() {
                let server = tables.servers.get(slot);
                prop_assert!(server.is_some(), "a turn points to no server");
                prop_assert!(
                    server.is_some_and(|server| server.service == service.id
                        && server.flags & RealServer::IN_USE != 0),
                    "a turn points to a server that is not in use by its service"
                );
            }
        }
        Ok(())
    }
}

fn key(port: u8) -> ServiceKey {
    ServiceKey {
        address: [192, 168, 66, 251],
        port: u16::from(port).to_be_bytes(),
        protocol: 6,
        ..ServiceKey::default()
    }
}

fn server(last: u8, weight: u32, alive: bool) -> WantedServer {
    WantedServer {
        address: IpAddr::from([192, 168, 66, last]),
        path: alive.then_some(Path {
            mac: [2, 0, 0, 0, 0, last],
            source_mac: [2, 0, 0, 0, 0, 6],
            ifindex: 2,
        }),
        weight,
    }
}

prop_compose! {
    fn any_service()(
        servers in prop::collection::btree_map(0..6_u8, (0..3_u32, any::<bool>()), 0..5),
        vrid in 1..4_u8,
        weighted in any::<bool>(),
    ) -> WantedService {
        WantedService {
            instance: InstanceKey { virtual_router_id: vrid, ifindex: 2 },
            scheduler: if weighted { Scheduler::WeightedRoundRobin } else { Scheduler::RoundRobin },
            servers: servers.into_iter().map(|(last, (weight, alive))| server(last, weight, alive)).collect(),
        }
    }
}

prop_compose! {
    fn any_wanted()(
        services in prop::collection::btree_map(0..5_u8, any_service(), 0..5),
        master in any::<bool>(),
    ) -> Wanted {
        let role = if master { Role::MASTER } else { Role::BACKUP };
        let instances = services.values().map(|service| (service.instance, role)).collect();
        let services = services.into_iter().map(|(port, service)| (key(port), service)).collect();
        Wanted { instances, services }
    }
}

proptest! {
    #[test]
    fn no_packet_finds_half_an_edit(edits in prop::collection::vec(any_wanted(), 1..8)) {
        let mut tables = Tables::default();
        let mut image = Image::default();
        for wanted in edits {
            let next = tables.follow(&wanted).expect("there is room");
            for op in plan(&tables, &next) {
                image.apply(&op);
                image.check().map_err(|error| TestCaseError::fail(format!("after {op:?}: {error}")))?;
            }
            prop_assert_eq!(&image.tables, &next);
            tables = next;
        }
    }

    #[test]
    fn s3_14_what_is_wanted_already_needs_no_write(wanted in any_wanted()) {
        let tables = Tables::default().follow(&wanted).expect("there is room");
        let again = tables.follow(&wanted).expect("there is room");
        prop_assert_eq!(plan(&tables, &again), []);
    }
}

#[test]
fn a_weight_is_one_write() {
    let wanted = |weight| Wanted {
        instances: [(InstanceKey::default(), Role::MASTER)].into(),
        services: [(
            key(1),
            WantedService {
                instance: InstanceKey::default(),
                scheduler: Scheduler::WeightedRoundRobin,
                servers: vec![server(1, weight, true), server(2, 1, true)],
            },
        )]
        .into(),
    };
    let first = Tables::default().follow(&wanted(1)).expect("room");
    let second = first.follow(&wanted(2)).expect("room");
    assert_eq!(
        plan(&first, &second),
        [MapOp::PutSchedule(1, vec![1, 1, 2])]
    );
}

#[test]
fn s2_15_the_sorry_server_takes_over_in_one_write_with_no_empty_moment() {
    let wanted = |real: bool| Wanted {
        instances: [(InstanceKey::default(), Role::MASTER)].into(),
        services: [(
            key(1),
            WantedService {
                instance: InstanceKey::default(),
                scheduler: Scheduler::RoundRobin,
                servers: vec![server(1, 1, real), server(2, u32::from(!real), true)],
            },
        )]
        .into(),
    };
    let before = Tables::default().follow(&wanted(true)).expect("room");
    let after = before.follow(&wanted(false)).expect("room");
    let ops = plan(&before, &after);
    // The scheduling table first: the server that is going gets nobody any more when its entry ends.
    assert!(matches!(
        ops.as_slice(),
        [MapOp::PutSchedule(1, slots), MapOp::PutServer(1, _)] if *slots == [2]
    ));
}
