//! Edits one after the other, from nothing.

use super::*;

const SERVICE: ServiceName = ServiceName {
    protocol: Protocol::Tcp,
    address: IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 66, 251)),
    port: 3306,
};
const SETTINGS: ServiceSettings = ServiceSettings {
    scheduler: Scheduler::WeightedRoundRobin,
    flags: SchedulerFlags {
        port: false,
        fallback: false,
    },
    one_packet: false,
    persistence_secs: Some(120),
    persistence_prefix: None,
};

fn server(last: u8) -> IpAddr {
    IpAddr::from([192, 168, 66, last])
}

fn add(last: u8, weight: u32) -> Edit {
    Edit::AddServer {
        service: SERVICE,
        server: server(last),
        settings: ServerSettings {
            weight: Some(weight),
            ..ServerSettings::default()
        },
    }
}

/// One after the other, from nothing.
fn after(edits: &[Edit]) -> Result<Config, EditError> {
    edits.iter().try_fold(Config::default(), |config, edit| {
        config.edited(edit, &Config::default())
    })
}

const ADD: Edit = Edit::AddService {
    service: SERVICE,
    settings: SETTINGS,
};

#[test]
fn the_four_commands_of_an_operator_make_a_service_with_its_server() {
    let config = after(&[ADD, add(253, 1), add(254, 2)]).expect("it is made");
    let service = &config.virtual_servers[0];
    assert_eq!(name(service), SERVICE);
    assert_eq!(service.persistence_timeout, Some(Duration::from_secs(120)));
    let weights = service.real_servers.iter().map(|known| known.weight);
    assert_eq!(weights.collect::<Vec<_>>(), [1, 2]);
    let removed = Edit::RemoveServer {
        service: SERVICE,
        server: server(253),
    };
    let config = config
        .edited(&removed, &Config::default())
        .expect("it is there");
    assert_eq!(config.virtual_servers[0].real_servers.len(), 1);
    let config = config
        .edited(&Edit::Clear, &Config::default())
        .expect("always");
    assert!(config.virtual_servers.is_empty());
}

#[test]
fn what_is_there_or_not_there_is_told_in_ipvsadms_words() {
    let drain = |last| Edit::DrainServer {
        service: SERVICE,
        server: server(last),
        timeout_secs: 5,
    };
    let edit = Edit::EditService {
        service: SERVICE,
        settings: SETTINGS,
    };
    let remove = Edit::RemoveService { service: SERVICE };
    let other_family = Edit::AddServer {
        service: SERVICE,
        server: IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]),
        settings: ServerSettings::default(),
    };
    for (edits, words) in [
        (vec![ADD, ADD], "Service already exists"),
        (vec![edit], "No such service"),
        (vec![remove], "No such service"),
        (vec![add(253, 1)], "Service not defined"),
        (
            vec![ADD, add(253, 1), add(253, 1)],
            "Destination already exists",
        ),
        (vec![ADD, drain(253)], "No such destination"),
        (vec![drain(253)], "Service not defined"),
        (
            vec![ADD, other_family],
            "The real server is of another address family than its service",
        ),
    ] {
        let error = after(&edits).expect_err(words);
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn a_drain_has_its_time_until_the_server_gets_a_weight_again() {
    let drain = Edit::DrainServer {
        service: SERVICE,
        server: server(253),
        timeout_secs: 5,
    };
    let config = after(&[ADD, add(253, 1), drain]).expect("it is there");
    let drained = &config.virtual_servers[0].real_servers[0];
    let five = Farewell::Drain(Duration::from_secs(5));
    assert_eq!((drained.weight, drained.on_removal), (0, Some(five)));
    let back = Edit::EditServer {
        service: SERVICE,
        server: server(253),
        settings: ServerSettings {
            weight: Some(3),
            ..ServerSettings::default()
        },
    };
    let config = config
        .edited(&back, &Config::default())
        .expect("it is there");
    let known = &config.virtual_servers[0].real_servers[0];
    assert_eq!((known.weight, known.on_removal), (3, None));
}

#[test]
fn an_edit_survives_its_way_by_json() {
    for edit in [ADD, add(253, 1), Edit::Clear] {
        let json = serde_json::to_string(&edit).expect("JSON");
        assert_eq!(serde_json::from_str::<Edit>(&json).expect("JSON"), edit);
    }
}

#[test]
fn an_edit_can_set_no_more_than_a_file_can() {
    let udp = ServiceName {
        protocol: Protocol::Udp,
        ..SERVICE
    };
    let plain = ServiceSettings {
        persistence_secs: None,
        ..SETTINGS
    };
    let add_service = |service, settings| Edit::AddService { service, settings };
    let limits = |upper, lower| Edit::AddServer {
        service: SERVICE,
        server: server(253),
        settings: ServerSettings {
            upper_threshold: Some(upper),
            lower_threshold: Some(lower),
            ..ServerSettings::default()
        },
    };
    let one_packet = ServiceSettings {
        one_packet: true,
        ..SETTINGS
    };
    let with_flags = ServiceSettings {
        flags: SchedulerFlags {
            port: true,
            fallback: false,
        },
        ..SETTINGS
    };
    let persistent = |secs| ServiceSettings {
        persistence_secs: Some(secs),
        ..SETTINGS
    };
    let prefix = ServiceSettings {
        persistence_prefix: Some(64),
        ..SETTINGS
    };
    let all_ports = ServiceName { port: 0, ..SERVICE };
    let loopback = ServiceName {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        ..SERVICE
    };
    for (edits, rule) in [
        (
            vec![add_service(udp, one_packet)],
            Rule::OnePacketPersistent,
        ),
        (
            vec![add_service(
                SERVICE,
                ServiceSettings {
                    persistence_secs: None,
                    ..one_packet
                },
            )],
            Rule::OnePacketOverTcp,
        ),
        (vec![add_service(SERVICE, with_flags)], Rule::NoFlags("wrr")),
        (vec![add_service(SERVICE, persistent(0))], Rule::Persistence),
        (
            vec![add_service(SERVICE, persistent(u32::MAX))],
            Rule::Persistence,
        ),
        (vec![add_service(SERVICE, prefix)], Rule::Prefix(32)),
        (vec![add_service(all_ports, plain)], Rule::AllPorts),
        (
            vec![add_service(loopback, plain)],
            Rule::Address(loopback.address, crate::config::address::Unusable::Loopback),
        ),
        (vec![ADD, add(251, 1)], Rule::Vip),
        (vec![ADD, add(253, u32::MAX)], Rule::Weight),
        (vec![ADD, limits(65_536, 1)], Rule::Threshold),
        (vec![ADD, limits(3, 4)], Rule::LowerThreshold),
    ] {
        assert_eq!(after(&edits), Err(EditError::Rule(rule)), "{edits:?}");
    }
}

const FILE: &str = include_str!("../../../../examples/keepalived-master.conf");

fn file(text: &str) -> Config {
    crate::config::parse(std::path::Path::new("test.conf"), text.as_bytes())
        .config
        .expect("no errors")
}

/// The file, changed by hand.
fn changed_by_hand(edits: &[Edit]) -> Config {
    let file = file(FILE);
    let mut edits = edits.iter();
    let edited = edits.try_fold(file.clone(), |config, edit| config.edited(edit, &file));
    edited.expect("edits that can be")
}

fn weight(config: &Config) -> u32 {
    config.virtual_servers[0].real_servers[0].weight
}

#[test]
fn what_was_changed_by_hand_goes_on_when_the_file_is_read_again() {
    let drain = Edit::DrainServer {
        service: SERVICE,
        server: server(253),
        timeout_secs: 5,
    };
    let other = ServiceName {
        port: 80,
        ..SERVICE
    };
    let add_other = Edit::AddService {
        service: other,
        settings: SETTINGS,
    };
    let remove = Edit::RemoveServer {
        service: SERVICE,
        server: server(253),
    };
    let remove_service = Edit::RemoveService { service: SERVICE };
    let timeouts = Edit::SetTimeouts {
        tcp: 7,
        tcpfin: 0,
        udp: 0,
    };
    for edits in [
        vec![drain, add(252, 3)],
        vec![add_other, timeouts],
        vec![remove],
        vec![remove_service],
    ] {
        let running = changed_by_hand(&edits);
        // Another line in the file, and everything in another place.
        let new = file(&FILE.replacen("global_defs {", "# a remark\n\nglobal_defs {", 1));
        let carried = by_hand::carried_over(&file(FILE), &running, new);
        assert!(
            crate::config::says_the_same(&carried, &running),
            "{edits:?}"
        );
    }
}

#[test]
fn what_the_file_says_anew_goes_before_what_was_changed_by_hand() {
    let weigh = Edit::EditServer {
        service: SERVICE,
        server: server(253),
        settings: ServerSettings {
            weight: Some(9),
            ..ServerSettings::default()
        },
    };
    let running = changed_by_hand(&[weigh]);
    assert_eq!(weight(&running), 9);
    let new = file(&FILE.replacen("weight 1", "weight 4", 1));
    assert_eq!(
        weight(&by_hand::carried_over(&file(FILE), &running, new)),
        4
    );
    // A server that was removed by hand comes back when the file speaks of it anew.
    let removed = changed_by_hand(&[Edit::RemoveServer {
        service: SERVICE,
        server: server(253),
    }]);
    let new = file(&FILE.replacen("weight 1", "weight 4", 1));
    assert_eq!(
        weight(&by_hand::carried_over(&file(FILE), &removed, new)),
        4
    );
    // And one that was removed from the file is gone, whatever its weight was by hand.
    let new = file(&FILE.replacen(
        "real_server 192.168.66.253",
        "real_server 192.168.66.252",
        1,
    ));
    let carried = by_hand::carried_over(&file(FILE), &running, new);
    let servers = &carried.virtual_servers[0].real_servers;
    assert_eq!(
        servers
            .iter()
            .map(|known| known.address)
            .collect::<Vec<_>>(),
        [server(252)]
    );
}

#[test]
fn what_comes_back_by_hand_has_its_checks() {
    let remove = Edit::RemoveServer {
        service: SERVICE,
        server: server(253),
    };
    let config = changed_by_hand(&[remove, add(253, 1)]);
    assert!(crate::config::says_the_same(&config, &file(FILE)));
    assert_eq!(config.virtual_servers[0].real_servers[0].checks.len(), 1);
}

#[test]
fn what_was_set_by_hand_gives_way_where_it_cannot_be_with_what_the_file_says_anew() {
    let hashing = ServiceSettings {
        scheduler: Scheduler::SourceHash,
        flags: SchedulerFlags {
            port: true,
            fallback: false,
        },
        ..SETTINGS
    };
    let limit = Edit::EditServer {
        service: SERVICE,
        server: server(253),
        settings: ServerSettings {
            upper_threshold: Some(9),
            lower_threshold: Some(8),
            ..ServerSettings::default()
        },
    };
    let hash = Edit::EditService {
        service: SERVICE,
        settings: hashing,
    };
    let running = changed_by_hand(&[hash, limit]);
    // The flag is not one of `rr`, and the lower threshold would be above the upper one.
    let text = FILE.replacen("lb_algo wrr", "lb_algo rr", 1).replacen(
        "weight 1",
        "weight 1\n    uthreshold 5",
        1,
    );
    let carried = by_hand::carried_over(&file(FILE), &running, file(&text));
    assert!(crate::config::says_the_same(&carried, &file(&text)));
}

#[test]
fn an_edit_says_what_it_is_about() {
    let drain = Edit::DrainServer {
        service: SERVICE,
        server: server(253),
        timeout_secs: 5,
    };
    assert_eq!(
        drain.to_string(),
        "real server 192.168.66.253 of virtual server TCP 192.168.66.251:3306"
    );
    assert_eq!(ADD.to_string(), "virtual server TCP 192.168.66.251:3306");
    assert_eq!(Edit::Clear.to_string(), "all virtual servers");
}
