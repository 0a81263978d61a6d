//! The order of the writes, and that no packet finds half an edit.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use director_common::limits::MAX_INSTANCES;
use proptest::prelude::*;

use super::*;
use crate::{
    config::{Scheduler, SchedulerFlags},
    dataplane::tables::{Family, InstanceKey, Path, Wanted, WantedServer, WantedService},
};

/// A lease that is held for a while.
const HELD: Lease = Lease {
    until: 75,
    until_monotonic_ns: 300_000_000,
};

/// The maps as a packet finds them.
#[derive(Clone, Debug)]
struct Image {
    tables: Tables,
    filter: VipFilter,
    leases: BTreeMap<u32, Lease>,
}

impl Default for Image {
    fn default() -> Self {
        Self {
            tables: Tables::default(),
            filter: VipFilter::EMPTY,
            leases: BTreeMap::new(),
        }
    }
}

impl Image {
    fn apply(&mut self, op: &MapOp) {
        let tables = &mut self.tables;
        match op.clone() {
            MapOp::ZeroServiceTraffic(_)
            | MapOp::ZeroServerTraffic(_)
            | MapOp::ZeroServerLoad(_)
            | MapOp::ClearLocality(_) => {}
            MapOp::PutSettings(settings) => tables.settings = settings,
            MapOp::PutVipFilter(filter) => self.filter = *filter,
            MapOp::PutInterface(index, interface) => {
                let _before = tables.interfaces.insert(index, interface);
            }
            MapOp::RemoveInterface(index) => {
                let _before = tables.interfaces.remove(&index);
            }
            MapOp::PutLease(index, lease) => {
                let _before = self.leases.insert(index, lease);
            }
            MapOp::PutInstance(index, instance) => drop(tables.instances.insert(index, instance)),
            MapOp::RemoveInstance(index) => drop(tables.instances.remove(&index)),
            MapOp::PutServer(index, server) => drop(tables.servers.insert(index, server)),
            MapOp::PutSchedule(id, slots) => drop(tables.schedules.insert(id, slots)),
            MapOp::RemoveSchedule(id) => drop(tables.schedules.remove(&id)),
            MapOp::PutService(key, service) => drop(tables.services.insert(key, service)),
            MapOp::RemoveService(key) => drop(tables.services.remove(&key)),
        }
    }

    /// The VRRP thread holds the leases of all instances that it knows.
    fn hold_all(&mut self) {
        let elected = self.tables.instances.iter();
        let elected = elected.filter(|(_, instance)| instance.virtual_router_id != 0);
        self.leases.extend(elected.map(|(index, _)| (*index, HELD)));
    }

    fn lease(&self, index: u32) -> Lease {
        self.leases.get(&index).copied().unwrap_or_default()
    }

    /// Leases after an edit: what stays keeps its own, what is gone or new has none, and the instance that nobody elects follows its
    /// role.
    fn check_leases(&self, before: &Tables) -> Result<(), TestCaseError> {
        for index in 1..MAX_INSTANCES {
            let entry = self.tables.instances.get(&index);
            let stays =
                before.instances.get(&index).map(InstanceKey::of) == entry.map(InstanceKey::of);
            let expected = match entry {
                None => Lease::NONE,
                Some(entry) if entry.virtual_router_id == 0 => lease_by_role(entry.role),
                Some(_) if stays => HELD,
                Some(_) => Lease::NONE,
            };
            prop_assert_eq!(self.lease(index), expected, "instance {}", index);
        }
        Ok(())
    }

    /// What every packet may rely on, whenever it comes.
    fn check(&self) -> Result<(), TestCaseError> {
        let tables = &self.tables;
        let needed = tables::vip_filter(tables.services.keys());
        for (word, needed) in self.filter.words.iter().zip(needed.words) {
            prop_assert_eq!(word & needed, needed, "a VIP is not in the filter");
        }
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
            let table = tables.schedules.get(&service.id);
            prop_assert!(table.is_some(), "a service has no scheduling table");
            for candidate in table.into_iter().flat_map(|table| &table.candidates) {
                let server = tables.servers.get(&candidate.server);
                prop_assert!(server.is_some(), "a turn points to no server");
                prop_assert!(
                    server.is_some_and(|server| server.service == service.id
                        && server.flags & RealServer::IN_USE != 0),
                    "a turn points to a server that is not in use by its service"
                );
                prop_assert!(
                    candidate.weight == 0
                        || server.is_some_and(|server| server.flags & RealServer::ACCEPTS_NEW != 0),
                    "a turn points to a server that accepts no new flows"
                );
            }
        }
        Ok(())
    }
}

fn key(port: u8) -> ServiceKey {
    ServiceKey {
        address: IpAddr::from([192, 168, 66, 251 - port % 2]),
        port: port.into(),
        protocol: 6,
    }
}

fn server(last: u8, weight: u32, alive: bool) -> WantedServer {
    WantedServer {
        address: IpAddr::from([192, 168, 66, last]),
        path: alive.then_some(Path::Link {
            mac: [2, 0, 0, 0, 0, last],
            source_mac: [2, 0, 0, 0, 0, 6],
            ifindex: 2,
            vlan: 0,
            mtu: 1500,
        }),
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

fn service(scheduler: Scheduler, servers: Vec<WantedServer>) -> WantedService {
    WantedService {
        instance: InstanceKey::default(),
        scheduler,
        scheduler_flags: SchedulerFlags::default(),
        one_packet: false,
        persistence: None,
        idle_timeout: Duration::from_secs(900),
        servers,
        leaving: Vec::new(),
        on_no_flow: crate::config::NoFlow::default(),
    }
}

prop_compose! {
    fn any_service()(
        servers in prop::collection::btree_map(0..6_u8, (0..3_u32, any::<bool>()), 0..5),
        vrid in 0..4_u8,
        family in prop::sample::select(&[Family::V4, Family::V6][..]),
        scheduler in prop::sample::select(&Scheduler::ALL[..]),
    ) -> WantedService {
        let servers = servers.into_iter().map(|(last, (weight, alive))| server(last, weight, alive)).collect();
        WantedService {
            instance: match vrid {
                0 => InstanceKey::default(),
                _ => InstanceKey { virtual_router_id: vrid, ifindex: 2, family },
            },
            ..service(scheduler, servers)
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
        Wanted { instances, services, ..Wanted::default() }
    }
}

proptest! {
    #[test]
    fn no_packet_finds_half_an_edit(edits in prop::collection::vec(any_wanted(), 1..8)) {
        let mut tables = Tables::default();
        let mut image = Image::default();
        for wanted in edits {
            let next = tables.follow(&wanted, 250).expect("there is room");
            for op in plan(&tables, &next) {
                image.apply(&op);
                image.check().map_err(|error| TestCaseError::fail(format!("after {op:?}: {error}")))?;
            }
            prop_assert_eq!(&image.tables, &next);
            prop_assert_eq!(image.filter, tables::vip_filter(next.services.keys()));
            image.check_leases(&tables)?;
            image.hold_all();
            tables = next;
        }
    }

    #[test]
    fn s3_14_what_is_wanted_already_needs_no_write(wanted in any_wanted()) {
        let tables = Tables::default().follow(&wanted, 250).expect("there is room");
        let again = tables.follow(&wanted, 250).expect("there is room");
        prop_assert_eq!(plan(&tables, &again), []);
    }
}

fn one(service: WantedService) -> Wanted {
    Wanted {
        instances: [(InstanceKey::default(), Role::MASTER)].into(),
        services: [(key(1), service)].into(),
        ..Wanted::default()
    }
}

#[test]
fn a_weight_is_one_write() {
    let wanted = |weight| {
        let servers = vec![server(1, weight, true), server(2, 1, true)];
        one(service(Scheduler::WeightedRoundRobin, servers))
    };
    let first = Tables::default().follow(&wanted(1), 250).expect("room");
    let second = first.follow(&wanted(2), 250).expect("room");
    let ops = plan(&first, &second);
    assert!(matches!(
        ops.as_slice(),
        [MapOp::PutSchedule(1, table)] if table.slots == [0, 0, 1]
    ));
}

#[test]
fn s2_15_the_sorry_server_takes_over_in_one_write_with_no_empty_moment() {
    let wanted = |real: bool| {
        let servers = vec![server(1, 1, real), server(2, u32::from(!real), true)];
        one(service(Scheduler::RoundRobin, servers))
    };
    let before = Tables::default().follow(&wanted(true), 250).expect("room");
    let after = before.follow(&wanted(false), 250).expect("room");
    let ops = plan(&before, &after);
    // Who comes is ready before the scheduling table names it; who goes gets nobody any more when its entry ends.
    assert!(matches!(
        ops.as_slice(),
        [
            MapOp::PutServer(2, _),
            MapOp::PutSchedule(1, table),
            MapOp::PutServer(1, _),
            MapOp::ZeroServerLoad(1),
        ] if table.candidates.len() == 1 && table.candidates[0].server == 2
    ));
}

#[test]
fn a_quiesced_server_is_named_by_no_table_before_it_refuses() {
    let wanted = |weight| {
        let servers = vec![server(1, weight, true), server(2, 1, true)];
        one(service(Scheduler::RoundRobin, servers))
    };
    let before = Tables::default().follow(&wanted(1), 250).expect("room");
    let after = before.follow(&wanted(0), 250).expect("room");
    assert!(matches!(
        plan(&before, &after).as_slice(),
        [MapOp::PutSchedule(1, _), MapOp::PutServer(1, _)]
    ));
}

#[test]
fn a_lease_ends_before_its_index_means_nothing_any_more() {
    let instance = InstanceKey {
        virtual_router_id: 66,
        ifindex: 2,
        family: Family::V4,
    };
    let wanted = Wanted {
        instances: [(instance, Role::MASTER)].into(),
        ..Wanted::default()
    };
    let before = Tables::default().follow(&wanted, 250).expect("room");
    let after = before.follow(&Wanted::default(), 250).expect("room");
    assert_eq!(
        plan(&before, &after),
        [MapOp::PutLease(1, Lease::NONE), MapOp::RemoveInstance(1)]
    );
}

#[test]
fn a_role_that_changes_leaves_the_lease_to_whoever_speaks_vrrp() {
    let wanted = |role| Wanted {
        instances: [(
            InstanceKey {
                virtual_router_id: 66,
                ifindex: 2,
                family: Family::V6,
            },
            role,
        )]
        .into(),
        ..Wanted::default()
    };
    let before = Tables::default()
        .follow(&wanted(Role::MASTER), 250)
        .expect("room");
    let after = before.follow(&wanted(Role::BACKUP), 250).expect("room");
    assert!(matches!(
        plan(&before, &after).as_slice(),
        [MapOp::PutInstance(1, _)]
    ));
}
