//! Virtual servers, real servers, checks, timeouts.

use super::{lines, none, with};

const SERVICE: &str = "virtual_server 192.168.1.200 8066 TCP";
const SERVER: &str = "real_server 192.168.1.11 of virtual_server 192.168.1.200 8066 TCP";

#[test]
fn a_virtual_server_must_be_the_same_on_both() {
    for (from, to, line) in [
        (
            "lb_algo wrr",
            "lb_algo wlc",
            format!("conflict {SERVICE}: lb_algo: wrr | wlc"),
        ),
        (
            "protocol TCP",
            "protocol TCP\n  persistence_timeout 120",
            format!(
                "conflict {SERVICE}: persistence_timeout: nothing, which is not written here | 120 s"
            ),
        ),
        (
            "protocol TCP",
            "protocol TCP\n  quorum 2",
            format!("conflict {SERVICE}: quorum: 1, which is not written here | 2"),
        ),
        (
            "sorry_server 192.168.1.9 8066",
            "sorry_server 192.168.1.8 8066",
            format!("conflict {SERVICE}: sorry_server: 192.168.1.9 8066 | 192.168.1.8 8066"),
        ),
        (
            "protocol TCP",
            "protocol TCP\n  on_failure hold",
            format!("conflict {SERVICE}: on_failure: reset, which is not written here | hold"),
        ),
        (
            "weight 3",
            "weight 4",
            format!("conflict {SERVER}: weight: 3 | 4"),
        ),
        (
            "weight 3",
            "weight 3\n    uthreshold 5",
            format!("conflict {SERVER}: uthreshold: 0, which is not written here | 5"),
        ),
        (
            "connect_timeout 2",
            "connect_timeout 2\n      connect_port 80",
            format!(
                "conflict {SERVER}: connect_ip, connect_port: 192.168.1.11:8066 | 192.168.1.11:80"
            ),
        ),
        (
            "connect_timeout 2",
            "connect_timeout 5",
            format!("conflict {SERVER}: connect_timeout: 2 s | 5 s"),
        ),
        (
            "connect_timeout 2",
            "retry 3",
            format!("conflict {SERVER}: connect_timeout: 2 s | 5 s"),
        ),
        (
            "weight 3\n    TCP_CHECK {\n      connect_timeout 2\n    }\n",
            "weight 3\n",
            format!("conflict {SERVER}: TCP_CHECK: 1 check | no check"),
        ),
    ] {
        let found = lines(&with(&[(from, to)]));
        assert!(found.contains(&line), "{to}: {found:#?}");
    }
}

#[test]
fn a_pace_for_all_servers_is_found_at_each_of_them() {
    assert_eq!(
        lines(&with(&[("delay_loop 5", "delay_loop 20")])),
        [
            format!("conflict {SERVER}: delay_loop: 5 s | 20 s"),
            format!("conflict real_server 192.168.1.12 of {SERVICE}: delay_loop: 5 s | 20 s"),
        ]
    );
}

#[test]
fn where_a_check_comes_from_is_each_directors_own() {
    let bound = (
        "connect_timeout 2",
        "connect_timeout 2\n      bindto 192.168.1.2",
    );
    assert_eq!(lines(&with(&[bound])), none());
}

#[test]
fn what_only_one_side_has_is_found() {
    assert_eq!(
        lines(&with(&[(
            "real_server 192.168.1.12",
            "real_server 192.168.1.13"
        )])),
        [
            format!(
                "conflict real_server 192.168.1.12 of {SERVICE}: real_server: only here | not here"
            ),
            format!(
                "conflict real_server 192.168.1.13 of {SERVICE}: real_server: not here | only here"
            ),
        ]
    );
    assert_eq!(
        lines(&with(&[("protocol TCP", "protocol UDP")])),
        [
            format!("conflict {SERVICE}: virtual_server: only here | nothing"),
            "conflict virtual_server 192.168.1.200 8066 UDP: virtual_server: nothing | only here"
                .to_owned(),
        ]
    );
}

#[test]
fn other_timeouts_are_a_warning() {
    let edit = ("router_id two", "router_id two\n  lvs_timeouts tcp 60");
    assert_eq!(
        lines(&with(&[edit])),
        ["warning global_defs: lvs_timeouts: nothing, which is not written here | 60 s"]
    );
}
