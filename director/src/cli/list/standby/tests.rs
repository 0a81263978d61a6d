use super::*;
use crate::{
    api::response::{ListedService, ListedTimeouts, Rate, Traffic},
    config::{Protocol, Scheduler},
    vrrp::router::{Counters, InstanceReport, PeerReport},
};

fn listing(instance: Option<&str>) -> Listing {
    Listing {
        flow_table_size: 4096,
        timeouts: ListedTimeouts::default(),
        services: vec![ListedService {
            address: [192, 168, 66, 251].into(),
            port: 80,
            protocol: Protocol::Tcp,
            instance: instance.map(str::to_owned),
            role: None,
            scheduler: Scheduler::RoundRobin,
            scheduler_flags: Vec::new(),
            persistence_timeout_secs: None,
            persistence_prefix: 32,
            one_packet: false,
            idle_timeout_secs: 900,
            traffic: Traffic::default(),
            rate: Rate::default(),
            servers: Vec::new(),
        }],
    }
}

fn peer(last: u8, priority: Option<u8>, heard_secs_ago: f64) -> PeerReport {
    PeerReport {
        address: [192, 168, 66, last].into(),
        heard_secs_ago,
        priority,
        interval_secs: Some(1.0),
        other_addresses: None,
        rejected: None,
        rejections: 0,
    }
}

fn instance(role: Role, peers: Vec<PeerReport>) -> VrrpStatus {
    VrrpStatus {
        instances: vec![VrrpInstanceStatus {
            report: InstanceReport {
                name: "INT".to_owned(),
                role,
                reason: "it starts".to_owned(),
                for_secs: 65.4,
                version: 2,
                virtual_router_id: 65,
                priority: 90,
                configured_priority: 90,
                interval_secs: 1.0,
                source: None,
                destinations: Vec::new(),
                faults: Vec::new(),
                counters: Counters::default(),
                peers,
                claims: Vec::new(),
            },
            interface: "eth0".to_owned(),
            addresses: Vec::new(),
            addresses_restored: 0,
            vip_conflicts: 0,
            tracked: Vec::new(),
        }],
        pair: Vec::new(),
    }
}

#[test]
fn s2_27_a_backup_says_since_when_and_who_forwards() {
    let mut refused = peer(13, Some(200), 0.0);
    refused.rejected = Some("its password is not ours".to_owned());
    let peers = vec![peer(12, Some(80), 90.0), peer(6, Some(100), 0.4), refused];
    assert_eq!(
        notes(&listing(Some("INT")), &instance(Role::Backup, peers)),
        [
            "note: INT is BACKUP for 1m 5s, it starts: its services are forwarded by the MASTER, 192.168.66.6"
        ]
    );
}

#[test]
fn without_a_master_that_was_heard_nobody_is_named() {
    let notes_of = |role, peers| notes(&listing(Some("INT")), &instance(role, peers));
    for (role, peers) in [
        (Role::Backup, Vec::new()),
        (Role::Backup, vec![peer(6, Some(0), 0.1)]),
        (Role::Fault, vec![peer(6, Some(100), 0.1)]),
        (Role::Initialize, Vec::new()),
    ] {
        let notes = notes_of(role, peers);
        assert_eq!(notes.len(), 1);
        assert!(
            notes[0].ends_with("its services are not forwarded here"),
            "{notes:?}"
        );
    }
}

#[test]
fn a_master_and_an_instance_without_services_are_worth_no_note() {
    let backup = instance(Role::Backup, vec![peer(6, Some(100), 0.4)]);
    assert!(notes(&listing(None), &backup).is_empty());
    let master = instance(Role::Master, Vec::new());
    assert!(notes(&listing(Some("INT")), &master).is_empty());
}
