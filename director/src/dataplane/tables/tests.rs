//! Indexes and generations over edits.

use super::*;

const VIP: [u8; 4] = [192, 168, 66, 251];

fn key(port: u16) -> ServiceKey {
    ServiceKey {
        address: VIP,
        port: port.to_be_bytes(),
        protocol: 6,
        ..ServiceKey::default()
    }
}

fn server(last: u8) -> WantedServer {
    WantedServer {
        address: IpAddr::from([192, 168, 66, last]),
        path: Some(Path {
            mac: [2, 0, 0, 0, 0, last],
            source_mac: [2, 0, 0, 0, 0, 6],
            ifindex: 2,
        }),
        weight: 1,
    }
}

/// One of many servers.
fn numbered(number: u32) -> WantedServer {
    WantedServer {
        address: IpAddr::from(number.to_be_bytes()),
        ..server(1)
    }
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
        servers: servers.to_vec(),
    };
    Wanted {
        instances: [(InstanceKey::default(), Role::MASTER)].into(),
        services: services
            .iter()
            .map(|(port, servers)| (key(*port), service(servers)))
            .collect(),
    }
}

fn follow(tables: &Tables, services: &[(u16, &[WantedServer])]) -> Tables {
    tables.follow(&wanted(services)).expect("there is room")
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
    assert_eq!(tables.schedules[&service], [index(&tables, 3306, 2)]);
}

#[test]
fn instances_keep_their_index_when_their_order_changes() {
    let instance = |virtual_router_id| InstanceKey {
        virtual_router_id,
        ifindex: 2,
    };
    let roles = |ids: &[u8]| Wanted {
        instances: ids.iter().map(|id| (instance(*id), Role::MASTER)).collect(),
        ..Wanted::default()
    };
    let index_of = |tables: &Tables, id: u32| {
        tables
            .instances
            .iter()
            .find(|(_, instance)| instance.virtual_router_id == id)
            .map(|(index, _)| *index)
    };
    let first = Tables::default().follow(&roles(&[200])).expect("room");
    let second = first.follow(&roles(&[100, 200])).expect("room");
    assert_eq!(index_of(&first, 200), index_of(&second, 200));
    assert_ne!(index_of(&second, 100), index_of(&second, 200));
}

#[test]
fn too_many_servers_are_refused_with_the_numbers() {
    let servers: Vec<WantedServer> = (0..MAX_SERVERS).map(numbered).collect();
    let refused = Tables::default().follow(&wanted(&[(3306, &servers)]));
    assert_eq!(
        refused.expect_err("no room").to_string(),
        "16384 real servers are configured; the table holds 16383"
    );
}

#[test]
fn too_many_services_are_refused_with_the_numbers() {
    let services: Vec<(u16, &[WantedServer])> = (1..=1024).map(|port| (port, &[][..])).collect();
    let refused = Tables::default().follow(&wanted(&services));
    assert_eq!(
        refused.expect_err("no room").to_string(),
        "1024 virtual servers are configured; the table holds 1023"
    );
}

#[test]
fn a_table_can_be_filled_to_its_last_entry() {
    let servers: Vec<WantedServer> = (1..MAX_SERVERS).map(numbered).collect();
    let tables = follow(&Tables::default(), &[(3306, &servers)]);
    assert!(tables.servers.keys().copied().eq(1..MAX_SERVERS));
}

#[test]
fn more_than_half_a_table_cannot_be_exchanged_in_one_step_but_in_two() {
    let half = MAX_SERVERS / 2;
    let old: Vec<WantedServer> = (0..half).map(numbered).collect();
    let new: Vec<WantedServer> = (half..MAX_SERVERS).map(numbered).collect();
    let first = follow(&Tables::default(), &[(3306, &old)]);
    let refused = first.follow(&wanted(&[(3306, &new)]));
    assert_eq!(
        refused.expect_err("no room"),
        TableFull {
            what: "real servers",
            wanted: 8192,
            leaving: 8192,
            room: 16383
        }
    );
    let between = follow(&first, &[(3306, &[])]);
    follow(&between, &[(3306, &new)]);
}
