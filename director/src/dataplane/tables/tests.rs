//! Indexes and generations over edits.

use std::time::Duration;

use director_common::instance::Role;

use super::*;
use crate::config::{Scheduler, SchedulerFlags};

const VIP: [u8; 4] = [192, 168, 66, 251];

fn key(port: u16) -> ServiceKey {
    ServiceKey {
        address: VIP.into(),
        port,
        protocol: 6,
    }
}

fn server(last: u8) -> WantedServer {
    WantedServer {
        address: IpAddr::from([192, 168, 66, last]),
        path: Some(Path::Link {
            mac: [2, 0, 0, 0, 0, last],
            source_mac: [2, 0, 0, 0, 0, 6],
            ifindex: 2,
            vlan: 0,
            mtu: 1500,
        }),
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

/// One of many servers.
fn numbered(number: u32) -> WantedServer {
    WantedServer {
        address: IpAddr::from(number.to_be_bytes()),
        ..server(1)
    }
}

/// Many servers, as many in each service as one can have.
fn spread(servers: &[WantedServer]) -> Vec<(u16, &[WantedServer])> {
    (1..).zip(servers.chunks(MAX_SERVERS_PER_SERVICE)).collect()
}

fn failed(last: u8) -> WantedServer {
    WantedServer {
        path: None,
        ..server(last)
    }
}

fn wanted(services: &[(u16, &[WantedServer])]) -> Wanted {
    let service = |servers: &[WantedServer]| WantedService {
        instance: InstanceKey::default(),
        scheduler: Scheduler::RoundRobin,
        scheduler_flags: SchedulerFlags::default(),
        one_packet: false,
        persistence: None,
        idle_timeout: Duration::from_secs(900),
        servers: servers.to_vec(),
        leaving: Vec::new(),
        on_no_flow: NoFlow::default(),
    };
    Wanted {
        instances: [(InstanceKey::default(), Role::MASTER)].into(),
        services: services
            .iter()
            .map(|(port, servers)| (key(*port), service(servers)))
            .collect(),
        ..Wanted::default()
    }
}

fn follow(tables: &Tables, services: &[(u16, &[WantedServer])]) -> Tables {
    tables
        .follow(&wanted(services), 250)
        .expect("there is room")
}

fn index(tables: &Tables, port: u16, last: u8) -> u32 {
    let service = tables.services[&key(port)].id;
    let address = IpAddr::from([192, 168, 66, last]);
    tables
        .server_index(service, address)
        .expect("the server is there")
}

#[test]
fn index_zero_is_never_given_away() {
    let tables = follow(&Tables::default(), &[(3306, &[server(1)])]);
    assert!(tables.instances.keys().all(|index| *index > 0));
    assert!(tables.servers.keys().all(|index| *index > 0));
    assert!(tables.services.values().all(|service| service.id > 0));
}

#[test]
fn indexes_stay_while_their_things_live() {
    let first = follow(
        &Tables::default(),
        &[(3306, &[server(1), server(2)]), (3308, &[server(1)])],
    );
    let second = follow(
        &first,
        &[
            (80, &[server(9)]),
            (3306, &[server(3), server(2), server(1)]),
            (3308, &[server(1)]),
        ],
    );
    for (port, last) in [(3306, 1), (3306, 2), (3308, 1)] {
        assert_eq!(index(&first, port, last), index(&second, port, last));
    }
    assert_eq!(first.services[&key(3308)], second.services[&key(3308)]);
}

#[test]
fn a_host_that_serves_two_ports_has_two_entries() {
    let tables = follow(
        &Tables::default(),
        &[(3306, &[server(1)]), (3308, &[server(1)])],
    );
    assert_ne!(index(&tables, 3306, 1), index(&tables, 3308, 1));
}

#[test]
fn a_failure_raises_the_generation_once_and_a_return_keeps_it() {
    let up = follow(&Tables::default(), &[(3306, &[server(1)])]);
    let entry = |tables: &Tables| tables.servers[&index(tables, 3306, 1)];
    let down = follow(&up, &[(3306, &[failed(1)])]);
    assert_eq!(entry(&down).generation, entry(&up).generation + 1);
    assert_eq!(entry(&down).flags & RealServer::IN_USE, 0);
    let still_down = follow(&down, &[(3306, &[failed(1)])]);
    assert_eq!(still_down, down);
    let back = follow(&down, &[(3306, &[server(1)])]);
    assert_eq!(entry(&back).generation, entry(&down).generation);
    assert_ne!(entry(&back).flags & RealServer::IN_USE, 0);
}

#[test]
fn an_index_that_was_freed_means_another_generation_to_its_next_owner() {
    let first = follow(&Tables::default(), &[(3306, &[server(1)])]);
    let freed = index(&first, 3306, 1);
    let removed = follow(&first, &[(3306, &[])]);
    assert_eq!(removed.servers[&freed].service, 0);
    let next = follow(&removed, &[(3306, &[server(2)])]);
    assert_eq!(index(&next, 3306, 2), freed);
    assert_ne!(
        next.servers[&freed].generation,
        first.servers[&freed].generation
    );
}

#[test]
fn an_index_is_not_given_away_in_the_step_that_frees_it() {
    let first = follow(&Tables::default(), &[(3306, &[server(1)])]);
    let second = follow(&first, &[(3308, &[server(2)])]);
    assert_ne!(index(&first, 3306, 1), index(&second, 3308, 2));
    assert_ne!(
        first.services[&key(3306)].id,
        second.services[&key(3308)].id
    );
}

#[test]
fn a_failed_server_has_no_turn_whatever_its_weight() {
    let tables = follow(&Tables::default(), &[(3306, &[failed(1), server(2)])]);
    let service = tables.services[&key(3306)].id;
    let candidates: Vec<u32> = tables.schedules[&service]
        .candidates
        .iter()
        .map(|candidate| candidate.server)
        .collect();
    assert_eq!(candidates, [index(&tables, 3306, 2)]);
}

#[test]
fn instances_keep_their_index_when_their_order_changes() {
    let instance = |virtual_router_id| InstanceKey {
        virtual_router_id,
        ifindex: 2,
        family: Family::V4,
    };
    let roles = |ids: &[u8]| Wanted {
        instances: ids.iter().map(|id| (instance(*id), Role::MASTER)).collect(),
        ..Wanted::default()
    };
    let index_of = |tables: &Tables, id: u8| tables.instance_index(instance(id));
    let first = Tables::default().follow(&roles(&[200]), 250).expect("room");
    let second = first.follow(&roles(&[100, 200]), 250).expect("room");
    assert_eq!(index_of(&first, 200), index_of(&second, 200));
    assert_ne!(index_of(&second, 100), index_of(&second, 200));
    assert_eq!(index_of(&first, 100), None);
}

#[test]
fn virtual_routers_of_both_families_may_share_vrid_and_interface() {
    let instance = |family| InstanceKey {
        virtual_router_id: 66,
        ifindex: 2,
        family,
    };
    let wanted = Wanted {
        instances: [
            (instance(Family::V4), Role::MASTER),
            (instance(Family::V6), Role::BACKUP),
        ]
        .into(),
        ..Wanted::default()
    };
    let tables = Tables::default().follow(&wanted, 250).expect("room");
    let role = |family| {
        let index = tables.instance_index(instance(family)).expect("an index");
        tables.instances[&index].role
    };
    assert_eq!(role(Family::V4), Role::MASTER);
    assert_eq!(role(Family::V6), Role::BACKUP);
    assert_eq!(tables.follow(&wanted, 250).expect("room"), tables);
}

#[test]
fn too_many_servers_are_refused_with_the_numbers() {
    let servers: Vec<WantedServer> = (0..MAX_SERVERS).map(numbered).collect();
    let refused = Tables::default().follow(&wanted(&spread(&servers)), 250);
    assert_eq!(
        refused.expect_err("no room").to_string(),
        "16384 real servers are configured; the table holds 16383"
    );
}

#[test]
fn too_many_services_are_refused_with_the_numbers() {
    let services: Vec<(u16, &[WantedServer])> = (1..=1024).map(|port| (port, &[][..])).collect();
    let refused = Tables::default().follow(&wanted(&services), 250);
    assert_eq!(
        refused.expect_err("no room").to_string(),
        "1024 virtual servers are configured; the table holds 1023"
    );
}

#[test]
fn a_table_can_be_filled_to_its_last_entry() {
    let servers: Vec<WantedServer> = (1..MAX_SERVERS).map(numbered).collect();
    let tables = follow(&Tables::default(), &spread(&servers));
    assert!(tables.servers.keys().copied().eq(1..MAX_SERVERS));
}

#[test]
fn more_than_half_a_table_cannot_be_exchanged_in_one_step_but_in_two() {
    let half = MAX_SERVERS / 2;
    let old: Vec<WantedServer> = (0..half).map(numbered).collect();
    let new: Vec<WantedServer> = (half..MAX_SERVERS).map(numbered).collect();
    let first = follow(&Tables::default(), &spread(&old));
    let refused = first.follow(&wanted(&spread(&new)), 250);
    assert_eq!(
        refused.expect_err("no room"),
        TableFull {
            what: "real servers",
            wanted: 8192,
            leaving: 8192,
            room: 16383
        }
    );
    let between = follow(&first, &[]);
    follow(&between, &spread(&new));
}

#[test]
fn more_servers_than_one_service_can_have_are_refused() {
    let servers: Vec<WantedServer> = (0..257).map(numbered).collect();
    let refused = Tables::default().follow(&wanted(&[(3306, &servers)]), 250);
    assert_eq!(
        refused.expect_err("no room").to_string(),
        "257 real servers of one virtual server are configured; the table holds 256"
    );
}

#[test]
fn a_vip_is_always_in_the_filter_and_another_address_seldom() {
    let keys: Vec<ServiceKey> = (1..=100)
        .map(|last| ServiceKey {
            address: IpAddr::from([10, 0, 0, last]),
            ..key(80)
        })
        .collect();
    let filter = vip_filter(keys.iter());
    let holds = |address: IpAddr| {
        let bit = match address {
            IpAddr::V4(address) => VipFilter::bit(&[u32::from_ne_bytes(address.octets())]),
            IpAddr::V6(address) => VipFilter::bit(&words(address.octets())),
        };
        filter.words[(bit / 64) as usize] & (1 << (bit % 64)) != 0
    };
    assert!(keys.iter().all(|key| holds(key.address)));
    let strangers =
        (0..10_000_u32).map(|number| IpAddr::from((0xc0a8_0000 + number).to_be_bytes()));
    let hits = strangers.filter(|address| holds(*address)).count();
    assert!(hits < 500, "{hits} of 10000 strangers");
}

#[test]
fn a_client_s_mask_leaves_the_mark_of_ipv4_alone() {
    let persistence = |prefix_length| {
        Some(Persistence {
            timeout: Duration::from_secs(1),
            prefix_length,
        })
    };
    let v4 = client_mask(IpAddr::from([192, 0, 2, 1]), persistence(24));
    assert_eq!(v4[..15], [0xff; 15]);
    assert_eq!(v4[15], 0);
    let v6 = client_mask("fd00::1".parse().expect("an address"), persistence(64));
    assert_eq!((&v6[..8], &v6[8..]), (&[0xff; 8][..], &[0; 8][..]));
    assert_eq!(
        client_mask("fd00::1".parse().expect("an address"), persistence(0)),
        [0; 16]
    );
}
