//! The page as people see it.

use std::{collections::BTreeMap, time::UNIX_EPOCH};

use super::*;
use crate::{
    api::response::{AttachMode, FlowTable, Told},
    config::{Protocol, Scheduler},
};

/// 2026-11-20T22:46:56Z.
const STARTED_SECS: u64 = 1_795_214_816;

fn at(secs: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(STARTED_SECS + secs)
}

fn server(
    address: [u8; 4],
    state: ServerState,
    weights: (u32, u32),
    reason: &str,
    since: SystemTime,
) -> ServerStatus {
    ServerStatus {
        address: address.into(),
        port: 3306,
        weight: weights.1,
        effective_weight: weights.0,
        role: ServerKind::Real,
        state,
        reason: reason.into(),
        since,
        mac: None,
    }
}

fn status() -> Status {
    let mut sorry = server([192, 168, 66, 254], ServerState::Up, (1, 1), "", at(170));
    sorry.role = ServerKind::Sorry;
    Status {
        version: "0.1.0".into(),
        pid: 4711,
        started: at(0),
        config_file: "/etc/keepalived/keepalived.conf".into(),
        by_hand: Vec::new(),
        instances: vec![InstanceStatus {
            name: "VI_1".into(),
            virtual_router_id: 51,
            role: Role::Master,
            reason: "no MASTER is heard".into(),
            since: Some(at(0)),
            vip_conflicts: 0,
            priority: 100,
            interface: "eth0".into(),
            xdp_mode: Some(AttachMode::Native),
            addresses: vec!["192.168.66.251/32".into(), "192.168.66.252/32".into()],
        }],
        services: vec![ServiceStatus {
            presence: Presence::Configured,
            address: [192, 168, 66, 251].into(),
            port: 3306,
            protocol: Protocol::Tcp,
            scheduler: Scheduler::WeightedRoundRobin,
            instance: Some("VI_1".into()),
            quorum: 1,
            quorum_up: false,
            sorry_active: true,
            servers: vec![
                server(
                    [192, 168, 66, 253],
                    ServerState::Down,
                    (0, 3),
                    "connection refused",
                    at(170),
                ),
                sorry,
            ],
        }],
        counters: BTreeMap::from([
            ("forward_flow".into(), 123_456),
            ("drop_ttl".into(), 0),
            ("forward_new".into(), 12),
            ("of_tomorrow".into(), 1),
        ]),
        warnings: vec!["every VRRP instance is MASTER".into()],
        flows: FlowTable {
            capacity: 262_144,
            known: 12,
            half_open: 3,
            memory_bytes: 89_128_960,
        },
        told: Told {
            connections: 500,
            untold_servers: 1,
            ..Told::default()
        },
    }
}

#[test]
fn the_page_tells_all_and_calmly() {
    assert_eq!(
        render(&status(), at(180), Style::Plain),
        "\
director 0.1.0, pid 4711, running since 3 min ago (2026-11-20T22:46:56Z)
configuration /etc/keepalived/keepalived.conf
12 of 262144 flows, 3 of them half-open; the tables take 85 MiB
500 connections of servers that went were ended at both ends; 0 clients and 1 servers could not be told

VRRP instances
  VI_1  MASTER  eth0 (native)  VRID 51, priority 100  192.168.66.251/32, 192.168.66.252/32  since 3 min ago (2026-11-20T22:46:56Z): no MASTER is heard

TCP 192.168.66.251:3306  wrr, VI_1, quorum 1 lost, sorry server in use
  Server                       Weight  State  Since                            Reason
  192.168.66.253:3306          0 of 3  down   10 s ago (2026-11-20T22:49:46Z)  connection refused
  192.168.66.254:3306 (sorry)       1  up     10 s ago (2026-11-20T22:49:46Z)

Counters
  forward_flow  123456  Forwarded by a known flow.
  forward_new       12  Forwarded as the first packet of a new flow.
  of_tomorrow        1

Warnings
  every VRRP instance is MASTER
"
    );
}

#[test]
fn a_director_without_services_has_only_a_header() {
    let mut status = status();
    status.instances.clear();
    status.services.clear();
    status.counters.clear();
    status.warnings.clear();
    status.told = Told::default();
    assert_eq!(
        render(&status, at(180), Style::Plain),
        "\
director 0.1.0, pid 4711, running since 3 min ago (2026-11-20T22:46:56Z)
configuration /etc/keepalived/keepalived.conf
12 of 262144 flows, 3 of them half-open; the tables take 85 MiB
"
    );
}

#[test]
fn colors_are_there_only_when_wanted() {
    assert!(!render(&status(), at(180), Style::Plain).contains('\u{1b}'));
    assert!(render(&status(), at(180), Style::Colored).contains("\u{1b}["));
}

#[test]
fn an_age_has_one_unit() {
    let ages = [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (86_399, "23 h"),
        (86_400, "1 d"),
        (864_000, "10 d"),
    ];
    for (seconds, text) in ages {
        assert_eq!(rounded(Duration::from_secs(seconds)), text);
    }
}

#[test]
fn a_time_ahead_of_the_clock_has_no_age() {
    assert!(since(at(10), at(0)).starts_with("0 s ago"));
}
