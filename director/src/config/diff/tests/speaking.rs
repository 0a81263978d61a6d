//! How the two speak to each other, and which instances and groups belong together.

use super::{A, OF_B, edited, found, lines, none, with};

const INSTANCE: &str = "vrrp_instance VI_1";

/// What only one of two has counts if it is the one with the higher priority.
#[test]
fn nopreempt_is_enough_on_the_director_with_the_higher_priority() {
    for (setting, line) in [
        (
            "nopreempt",
            "note vrrp_instance VI_1: nopreempt: leaves a lower priority in place | \
             takes over from a lower priority, which is not written here",
        ),
        (
            "preempt_delay 5",
            "note vrrp_instance VI_1: preempt_delay: 5 s | 0 s, which is not written here",
        ),
    ] {
        let better = edited(
            A,
            &[("advert_int 1", &format!("advert_int 1\n  {setting}"))],
        );
        assert_eq!(lines(&found(&better, &edited(A, &OF_B))), [line]);
    }
}

#[test]
fn what_both_must_speak_alike_is_found() {
    for (from, to, line) in [
        (
            "advert_int 1",
            "advert_int 3",
            "conflict vrrp_instance VI_1: advert_int: 1 s | 3 s",
        ),
        (
            "advert_int 1",
            "version 3",
            "conflict vrrp_instance VI_1: version: 2, which is not written here | 3",
        ),
        (
            "advert_int 1",
            "down_timer_adverts 5",
            "conflict vrrp_instance VI_1: down_timer_adverts: 3, which is not written here | 5",
        ),
        (
            "advert_int 1",
            "nopreempt",
            "warning vrrp_instance VI_1: nopreempt: takes over from a lower priority, which is not written here | \
             leaves a lower priority in place",
        ),
        (
            "advert_int 1",
            "preempt_delay 5",
            "warning vrrp_instance VI_1: preempt_delay: 0 s, which is not written here | 5 s",
        ),
        (
            "advert_int 1",
            "garp_master_refresh 10",
            "conflict vrrp_instance VI_1: garp_master_refresh: 60 s, which is not written here | 10 s",
        ),
        (
            "advert_int 1",
            "lower_prio_no_advert",
            "warning vrrp_instance VI_1: lower_prio_no_advert: no, which is not written here | yes",
        ),
        (
            "advert_int 1",
            "use_vmac",
            "warning vrrp_instance VI_1: use_vmac: the interface's own MAC address | the virtual router's MAC address",
        ),
        (
            "  authentication {\n    auth_type PASS\n    auth_pass secret\n  }\n",
            "",
            "conflict vrrp_instance VI_1: auth_type: PASS | nothing",
        ),
        (
            "auth_pass secret",
            "auth_pass Secret",
            "conflict vrrp_instance VI_1: auth_pass: a password | another password",
        ),
        (
            "192.168.1.201/24",
            "192.168.1.201/24 dev eth1",
            "note 192.168.1.201 of vrrp_instance VI_1: dev: nothing | eth1",
        ),
    ] {
        let found = lines(&with(&[(from, to)]));
        assert!(found.contains(&line.to_owned()), "{to}: {found:#?}");
    }
}

#[test]
fn a_password_counts_by_its_first_eight_bytes() {
    let long = |tail: &str| {
        edited(
            A,
            &[("auth_pass secret", &format!("auth_pass lvs50tes{tail}"))],
        )
    };
    let b = edited(&long("t"), &OF_B);
    assert_eq!(lines(&found(&long("x"), &b)), none());
}

#[test]
fn with_version_3_another_pace_costs_time_only() {
    let three = edited(A, &[("advert_int 1", "version 3\n  advert_int 1")]);
    let b = edited(
        &edited(&three, &OF_B),
        &[("advert_int 1", "advert_int 0.5")],
    );
    let findings = found(&three, &b);
    let intervals = findings
        .iter()
        .filter(|finding| finding.setting == "advert_int");
    let leads_to: Vec<_> = intervals.map(|finding| finding.leads_to.as_str()).collect();
    assert_eq!(
        leads_to,
        ["the time until a takeover depends on who is MASTER"]
    );
}

/// A pair by unicast, with what stands in the instance of each.
fn unicast(in_a: &str, in_b: &str) -> Vec<String> {
    let lines_of = |text: &str| format!("advert_int 1\n  {text}");
    let a = edited(A, &[("advert_int 1", &lines_of(in_a))]);
    let b = edited(&edited(A, &OF_B), &[("advert_int 1", &lines_of(in_b))]);
    lines(&found(&a, &b))
}

#[test]
fn each_lists_the_other_as_its_peer() {
    let of = |source: &str, peers: &str| {
        format!("unicast_src_ip 192.168.1.{source}\n  unicast_peer {{\n    {peers}\n  }}")
    };
    let a = of("2", "192.168.1.3");
    assert_eq!(unicast(&a, &of("3", "192.168.1.2")), none());
    assert_eq!(
        unicast(&a, &of("3", "192.168.1.4")),
        [
            "conflict vrrp_instance VI_1: unicast_peer: 192.168.1.2 | 192.168.1.4",
            "warning vrrp_instance VI_1: unicast_peer: no third director | 192.168.1.4",
        ]
    );
    assert_eq!(
        unicast(&a, &of("4", "192.168.1.2")),
        [
            "conflict vrrp_instance VI_1: unicast_peer: 192.168.1.3 | 192.168.1.4",
            "warning vrrp_instance VI_1: unicast_peer: 192.168.1.3 | no third director",
        ]
    );
    assert_eq!(
        unicast(
            &of("2", "192.168.1.3\n    192.168.1.4"),
            &of("3", "192.168.1.2\n    192.168.1.5")
        ),
        ["warning vrrp_instance VI_1: unicast_peer: 192.168.1.4 | 192.168.1.5"]
    );
    let same = unicast(&a, &of("2", "192.168.1.3"));
    assert!(
        same.contains(&format!(
            "conflict {INSTANCE}: unicast_src_ip: 192.168.1.2 | 192.168.1.2"
        )),
        "{same:#?}"
    );
}

#[test]
fn without_a_source_nobody_can_tell_who_is_whose_peer() {
    let of = |peer: &str| format!("unicast_peer {{\n    192.168.1.{peer}\n  }}");
    assert_eq!(
        unicast(&of("3"), &of("2")),
        [
            "note vrrp_instance VI_1: unicast_peer: 192.168.1.3 | the interface's first address",
            "note vrrp_instance VI_1: unicast_peer: the interface's first address | 192.168.1.2",
        ]
    );
    let same = unicast(&of("3"), &of("3"));
    assert!(same[0].starts_with("warning"), "{same:#?}");
}

#[test]
fn unicast_and_multicast_do_not_hear_each_other() {
    assert_eq!(
        unicast("unicast_peer {\n    192.168.1.3\n  }", ""),
        ["conflict vrrp_instance VI_1: unicast_peer: unicast | multicast"]
    );
    assert_eq!(
        unicast("mcast_src_ip 192.168.1.2", "mcast_src_ip 192.168.1.2"),
        ["conflict vrrp_instance VI_1: mcast_src_ip: 192.168.1.2 | 192.168.1.2"]
    );
}

#[test]
fn an_instance_that_only_one_side_has_is_found() {
    let other = "vrrp_instance VI_9 {\n  interface eth1\n  virtual_router_id 9\n  priority 5\n  virtual_ipaddress {\n    10.9.0.1\n  }\n}\n";
    let b = edited(A, &OF_B);
    assert_eq!(
        lines(&found(&format!("{A}{other}"), &b)),
        ["conflict vrrp_instance VI_9: vrrp_instance: an instance with 10.9.0.1 | nothing"]
    );
    assert_eq!(
        lines(&found(A, &format!("{b}{other}"))),
        ["conflict vrrp_instance VI_9: vrrp_instance: nothing | an instance with 10.9.0.1"]
    );
}

/// The pair with a second instance and a group of these members on either side.
fn grouped(members_a: &str, members_b: &str) -> Vec<String> {
    let other = |priority: u8| {
        format!(
            "vrrp_instance VI_2 {{\n  interface eth1\n  virtual_router_id 9\n  priority {priority}\n  virtual_ipaddress {{\n    10.9.0.1\n  }}\n}}\n\
             vrrp_instance VI_3 {{\n  interface eth2\n  virtual_router_id 9\n  priority {priority}\n  virtual_ipaddress {{\n    10.8.0.1\n  }}\n}}\n"
        )
    };
    let side = |text: &str, priority: u8, group: &str| format!("{text}{}{group}", other(priority));
    let b = edited(A, &OF_B);
    lines(&found(&side(A, 100, members_a), &side(&b, 90, members_b)))
}

#[test]
fn groups_must_have_the_same_members() {
    let group = |name: &str, members: &str| {
        format!("vrrp_sync_group {name} {{\n  group {{\n    {members}\n  }}\n}}\n")
    };
    assert_eq!(
        grouped(&group("G", "VI_1 VI_2"), &group("G", "VI_2 VI_1")),
        none()
    );
    assert_eq!(
        grouped(&group("G", "VI_1 VI_2"), &group("H", "VI_2 VI_1")),
        none(),
        "what they are called is theirs"
    );
    assert_eq!(
        grouped(&group("G", "VI_1 VI_2"), &group("G", "VI_1 VI_3")),
        ["conflict vrrp_sync_group G: group: VI_1, VI_2 | VI_1, VI_3"]
    );
    assert_eq!(
        grouped(&group("G", "VI_1 VI_2"), ""),
        ["conflict vrrp_sync_group G: vrrp_sync_group: VI_1, VI_2 | nothing"]
    );
    assert_eq!(
        grouped("", &group("G", "VI_1 VI_2")),
        ["conflict vrrp_sync_group G: vrrp_sync_group: nothing | VI_1, VI_2"]
    );
}
