//! What a virtual server and its real servers can be: schedulers and flags, persistence, all ports, limits, both families.

use std::time::Duration;

use super::{
    super::{Scheduler, SchedulerFlags, VirtualServer},
    GOOD, changed, config, remarks, text,
};

/// The good configuration with several stretches changed.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(GOOD.to_owned(), |whole, (from, to)| {
        assert!(whole.contains(from), "{from} is not in the text");
        whole.replace(from, to)
    })
}

fn none() -> Vec<String> {
    Vec::new()
}

/// The virtual server of a file without a remark.
fn clean(file: &str) -> VirtualServer {
    let loaded = text(file);
    assert_eq!(remarks(&loaded), none(), "{file}");
    config(loaded)
        .virtual_servers
        .pop()
        .expect("the file has one")
}

fn with(setting: &str) -> VirtualServer {
    clean(&edited(&[(
        "protocol TCP",
        &format!("protocol TCP\n  {setting}"),
    )]))
}

fn of(setting: &str) -> Vec<String> {
    remarks(&changed(
        "protocol TCP",
        &format!("protocol TCP\n  {setting}"),
    ))
}

const ALL_PORTS: [(&str, &str); 2] = [
    (
        "virtual_server 10.0.0.1 80 {",
        "virtual_server 10.0.0.1 0 { \n  persistence_timeout",
    ),
    ("connect_timeout 2", "connect_port 80"),
];

const IPV6: [(&str, &str); 3] = [
    ("virtual_server 10.0.0.1 80", "virtual_server fd00::1 80"),
    ("    10.0.0.1\n", "    fd00::1\n"),
    ("real_server 10.0.0.2 80", "real_server fd00::2 80"),
];

#[test]
fn s2_12_every_scheduler_of_ipvs_is_known_by_its_word() {
    for scheduler in Scheduler::ALL {
        let name = scheduler.name();
        let server = clean(&edited(&[("lb_algo wrr", &format!("lb_algo {name}"))]));
        assert_eq!(server.scheduler, scheduler);
        assert_eq!(
            serde_json::to_value(scheduler).expect("it has a name"),
            serde_json::json!(name),
            "ipvsadm and JSON have the same words"
        );
    }
}

#[test]
fn s2_12_a_missing_scheduler_is_wlc() {
    let server = config(changed("  lb_algo wrr\n", ""))
        .virtual_servers
        .remove(0);
    assert_eq!(server.scheduler, Scheduler::WeightedLeastConnection);
}

#[test]
fn flags_are_those_of_their_scheduler_whatever_their_spelling() {
    let cases = [
        ("sh", "sh-port", vec!["sh-port"]),
        (
            "sh",
            "sh-port\n  sh-fallback",
            vec!["sh-fallback", "sh-port"],
        ),
        ("sh", "flag-1", vec!["sh-fallback"]),
        ("mh", "mh-port", vec!["mh-port"]),
        (
            "mh",
            "flag-2\n  mh-fallback",
            vec!["mh-fallback", "mh-port"],
        ),
        ("mh", "flag-2", vec!["mh-port"]),
        ("rr", "weight 1", vec![]),
    ];
    for (scheduler, flags, names) in cases {
        // Before the scheduler as well as after it.
        for words in [
            format!("lb_algo {scheduler}\n  {flags}"),
            format!("{flags}\n  lb_algo {scheduler}"),
        ] {
            let server = clean(&edited(&[("lb_algo wrr", &words)]));
            assert_eq!(server.scheduler_flags.names(server.scheduler), names);
        }
    }
    let both = SchedulerFlags {
        port: true,
        fallback: true,
    };
    assert!(both.names(Scheduler::RoundRobin).is_empty());
}

#[test]
fn a_flag_that_the_scheduler_lacks_is_an_error_and_one_that_none_has_a_warning() {
    let cases = [
        ("sh-port", "14 error: scheduler `wrr` has no flag `sh-port`"),
        ("flag-1", "14 error: scheduler `wrr` has no flag `flag-1`"),
        ("flag-3", "14 warning: `flag-3` has no effect"),
        ("hashed", "14 warning: `hashed` has no effect"),
        ("sh-port 1", "14 error: unexpected `1` after `sh-port`"),
    ];
    for (flag, remark) in cases {
        assert_eq!(of(flag), [remark]);
    }
    assert_eq!(
        remarks(&changed("lb_algo wrr", "lb_algo wr\n  sh-port")),
        ["11 error: unknown scheduler `wr`"],
        "which flags a scheduler has that nobody knows is not said"
    );
}

#[test]
fn one_packet_scheduling_is_for_udp_without_persistence() {
    let udp = |setting| edited(&[("protocol TCP", &format!("protocol UDP\n  {setting}"))]);
    assert!(clean(&udp("ops")).one_packet);
    assert!(!clean(&udp("weight 1")).one_packet);
    assert_eq!(of("ops"), ["14 error: `ops` is for UDP only"]);
    assert_eq!(
        remarks(&text(&udp("ops\n  persistence_timeout"))),
        ["14 error: `ops` cannot be with `persistence_timeout`"]
    );
    assert_eq!(
        remarks(&text(&udp("ops\n  idle_timeout 5"))),
        ["15 warning: `idle_timeout` has no effect with `ops`"]
    );
}

#[test]
fn s2_13_persistence_has_a_timeout_and_a_granularity() {
    let seconds = Duration::from_secs;
    let cases = [
        ("persistence_timeout", Some(seconds(360)), 32),
        ("persistence_timeout 1", Some(seconds(1)), 32),
        ("persistence_timeout 2678400", Some(seconds(2_678_400)), 32),
        (
            "persistence_granularity 255.255.255.0\n  persistence_timeout 9",
            Some(seconds(9)),
            24,
        ),
        (
            "persistence_timeout 9\n  persistence_granularity 128.0.0.0",
            Some(seconds(9)),
            1,
        ),
        ("weight 1", None, 32),
    ];
    for (setting, timeout, prefix) in cases {
        let server = with(setting);
        assert_eq!(
            (server.persistence_timeout, server.persistence_prefix),
            (timeout, prefix),
            "{setting}"
        );
    }
}

#[test]
fn with_ipv6_the_granularity_is_a_number_of_bits() {
    let persistent = |granularity: &str| {
        let words = format!("protocol TCP\n  persistence_timeout\n  {granularity}");
        edited(&[&IPV6[..], &[("protocol TCP", &words)]].concat())
    };
    assert_eq!(clean(&persistent("weight 1")).persistence_prefix, 128);
    assert_eq!(
        clean(&persistent("persistence_granularity 64")).persistence_prefix,
        64
    );
    for (word, remark) in [
        ("0", "15 error: `0` is out of range"),
        ("129", "15 error: `129` is out of range"),
        ("255.255.255.0", "15 error: `255.255.255.0` is not a number"),
    ] {
        let loaded = text(&persistent(&format!("persistence_granularity {word}")));
        assert_eq!(remarks(&loaded), [remark]);
    }
}

#[test]
fn what_persistence_cannot_be_is_said() {
    let cases = [
        ("persistence_timeout 0", "14 error: `0` is out of range"),
        (
            "persistence_timeout 2678401",
            "14 error: `2678401` is out of range",
        ),
        (
            "persistence_timeout long",
            "14 error: `long` is not a number",
        ),
        (
            "persistence_granularity 255.255.255.0",
            "14 warning: `persistence_granularity` has no effect without `persistence_timeout`",
        ),
        (
            "persistence_engine sip",
            "14 warning: `persistence_engine` is not supported yet",
        ),
    ];
    for (setting, remark) in cases {
        assert_eq!(of(setting), [remark]);
    }
    for (mask, what) in [
        (
            "255.0.255.0",
            "the netmask `255.0.255.0` has gaps, or no bits",
        ),
        ("0.0.0.255", "the netmask `0.0.0.255` has gaps, or no bits"),
        ("0.0.0.0", "the netmask `0.0.0.0` has gaps, or no bits"),
        ("24", "`24` is not a netmask"),
        ("ffff::", "`ffff::` is not a netmask"),
    ] {
        assert_eq!(
            of(&format!(
                "persistence_timeout\n  persistence_granularity {mask}"
            )),
            [format!("15 error: {what}")]
        );
    }
}

#[test]
fn a_number_of_bits_for_a_netmask_is_answered_with_the_netmask() {
    let loaded = changed(
        "protocol TCP",
        "protocol TCP\n persistence_timeout\n persistence_granularity /20",
    );
    let rendered = loaded.render(crate::config::Color::Plain);
    assert!(
        rendered.contains("write `255.255.240.0` for 20 bits"),
        "{rendered}"
    );
}

#[test]
fn a_virtual_server_with_persistence_can_have_all_ports() {
    for server in ["real_server 10.0.0.2 0", "real_server 10.0.0.2"] {
        let file = edited(&[&ALL_PORTS[..], &[("real_server 10.0.0.2 80", server)]].concat());
        let virtual_server = clean(&file);
        assert_eq!(virtual_server.port, 0);
        assert_eq!(virtual_server.real_servers[0].port, 0);
        assert_eq!(virtual_server.real_servers[0].checks[0].connect.port(), 80);
    }
}

#[test]
fn a_server_of_all_ports_cannot_have_one_and_its_check_must() {
    assert_eq!(
        remarks(&text(&edited(&ALL_PORTS))),
        ["15 warning: `real_server` has one port, and its virtual server all of them"]
    );
    let unported = edited(&[
        ALL_PORTS[0],
        ("real_server 10.0.0.2 80", "real_server 10.0.0.2 0"),
    ]);
    assert_eq!(
        remarks(&text(&unported)),
        ["17 error: this `TCP_CHECK` has no port to connect to"]
    );
    assert_eq!(
        remarks(&changed(
            "real_server 10.0.0.2 80",
            "real_server 10.0.0.2 0"
        )),
        ["14 error: `0` is out of range"]
    );
}

#[test]
fn an_idle_timeout_is_from_a_second_to_a_month() {
    assert_eq!(with("weight 1").idle_timeout, None);
    for seconds in [1, 2_678_400] {
        assert_eq!(
            with(&format!("idle_timeout {seconds}")).idle_timeout,
            Some(Duration::from_secs(seconds))
        );
    }
    for word in ["0", "2678401", "0.5"] {
        assert_eq!(
            of(&format!("idle_timeout {word}")),
            [format!("14 error: `{word}` is out of range")]
        );
    }
}

#[test]
fn thresholds_are_those_of_ipvsadm() {
    let cases = [
        ("uthreshold 65535", (65535, 0)),
        ("uthreshold 10\n    lthreshold 10", (10, 10)),
        ("lthreshold 0\n    uthreshold 0", (0, 0)),
        ("weight 1", (0, 0)),
    ];
    for (words, thresholds) in cases {
        let server = clean(&edited(&[("weight 3", words)]))
            .real_servers
            .remove(0);
        assert_eq!(
            (server.upper_threshold, server.lower_threshold),
            thresholds,
            "{words}"
        );
    }
    for (words, remark) in [
        ("uthreshold 65536", "15 error: `65536` is out of range"),
        (
            "uthreshold 9\n    lthreshold 10",
            "16 error: `lthreshold` is above `uthreshold`",
        ),
        (
            "lthreshold 10",
            "15 warning: `lthreshold` has no effect without `uthreshold`",
        ),
        (
            "uthreshold 0\n    lthreshold 10",
            "16 warning: `lthreshold` has no effect without `uthreshold`",
        ),
        (
            "uthreshold many\n    lthreshold 10",
            "15 error: `many` is not a number",
        ),
    ] {
        assert_eq!(remarks(&changed("weight 3", words)), [remark]);
    }
    let lower = config(changed("weight 3", "lthreshold 10"));
    assert_eq!(
        lower.virtual_servers[0].real_servers[0].lower_threshold, 0,
        "what has no effect is not handed on"
    );
}

#[test]
fn ipv6_works_wherever_an_address_stands() {
    let file = edited(
        &[
            &IPV6[..],
            &[
                ("protocol TCP", "protocol TCP\n  sorry_server fd00::3 80"),
                (
                    "connect_timeout 2",
                    "connect_ip fd00::4\n      bindto fd00::5",
                ),
                (
                    "  priority 100\n",
                    "  priority 100\n  virtual_ipaddress_excluded {\n    fd00::7/64 dev eth1 scope global\n    10.0.0.9\n  }\n",
                ),
            ],
        ]
        .concat(),
    );
    let loaded = text(&file);
    assert_eq!(remarks(&loaded), none());
    let config = config(loaded);
    let instance = &config.vrrp_instances[0];
    let held = |addresses: &[crate::config::VirtualAddress]| -> Vec<_> {
        addresses
            .iter()
            .map(|held| format!("{}/{}", held.address, held.prefix_length))
            .collect()
    };
    assert_eq!(held(&instance.virtual_ipaddress), ["fd00::1/128"]);
    assert_eq!(
        held(&instance.virtual_ipaddress_excluded),
        ["fd00::7/64", "10.0.0.9/32"]
    );
    let server = &config.virtual_servers[0];
    let check = &server.real_servers[0].checks[0];
    assert_eq!(check.connect.to_string(), "[fd00::4]:80");
    assert_eq!(
        check.bind.map(|bind| bind.0.to_string()).as_deref(),
        Some("fd00::5")
    );
    let sorry = server.sorry_server.as_ref().expect("it is set");
    assert_eq!(sorry.address.to_string(), "fd00::3");
}

#[test]
fn a_port_alone_binds_a_check_in_the_family_of_its_server() {
    let bound = edited(&[&IPV6[..], &[("connect_timeout 2", "bind_port 700")]].concat());
    assert_eq!(
        clean(&bound).real_servers[0].checks[0].bind,
        Some(("::".parse().expect("an address"), 700))
    );
}

#[test]
fn an_address_that_no_server_can_have_is_refused() {
    let cases = [
        ("::", "`::` is no host's address"),
        ("ff02::12", "`ff02::12` is a multicast address"),
        (
            "::ffff:10.0.0.2",
            "`::ffff:10.0.0.2` is an IPv4 address within IPv6",
        ),
        ("::1", "`::1` is a loopback address"),
        ("127.0.0.9", "`127.0.0.9` is a loopback address"),
        ("fe80::9", "`fe80::9` is a link-local address"),
        ("fe80::9%eth0", "`fe80::9%eth0` is not an IP address"),
        ("[fd00::2]:80", "`[fd00::2]:80` is not an IP address"),
        ("fd00::2/64", "`fd00::2/64` is not an IP address"),
        ("224.0.0.18", "`224.0.0.18` is a multicast address"),
        (
            "255.255.255.255",
            "`255.255.255.255` is a broadcast address",
        ),
    ];
    for (word, what) in cases {
        let real = changed("real_server 10.0.0.2", &format!("real_server {word}"));
        assert_eq!(remarks(&real), [format!("14 error: {what}")]);
        let virtual_server = changed("virtual_server 10.0.0.1", &format!("virtual_server {word}"));
        assert_eq!(remarks(&virtual_server), [format!("10 error: {what}")]);
    }
}

#[test]
fn families_do_not_mix_where_packets_would_have_to_change() {
    assert_eq!(
        of("sorry_server fd00::3 80"),
        ["14 error: this `sorry_server` has an IPv6 address, its virtual server an IPv4 address"]
    );
    assert_eq!(
        remarks(&changed("connect_timeout 2", "bindto fd00::3")),
        ["17 error: the check cannot connect from here to 10.0.0.2"]
    );
}

#[test]
fn an_instance_can_hold_a_link_local_address_without_label_and_broadcast() {
    let held = |line: &str| {
        let line = format!("    10.0.0.1\n  }}\n  virtual_ipaddress_excluded {{\n    {line}\n");
        remarks(&changed("    10.0.0.1\n", &line))
    };
    assert_eq!(held("fe80::1/64"), none());
    for (line, remark) in [
        ("fd00::1/129", "error: `129` is out of range"),
        (
            "fd00::1 brd +",
            "error: an IPv6 address has no broadcast address",
        ),
        (
            "fd00::1 label eth0:1",
            "warning: an IPv6 address has no label",
        ),
        ("::1", "error: `::1` is a loopback address"),
        ("ff02::1", "error: `ff02::1` is a multicast address"),
    ] {
        assert_eq!(held(line), [format!("10 {remark}")]);
    }
}

#[test]
fn more_than_1023_virtual_servers_are_refused() {
    let file = |count: u32| -> String {
        (1..=count)
            .map(|port| {
                format!("virtual_server 10.0.0.1 {port} {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 10.0.0.2 {port} {{ }}\n}}\n")
            })
            .collect()
    };
    assert_eq!(text(&file(1023)).errors(), 0);
    let loaded = text(&file(1024));
    let errors: Vec<_> = remarks(&loaded)
        .into_iter()
        .filter(|remark| remark.contains("error"))
        .collect();
    assert_eq!(errors, ["6139 error: more than 1023 virtual servers"]);
}

/// A virtual server on its own line, with real servers on theirs.
fn pool(number: u32, servers: u32, sorry: &str) -> String {
    let servers: String = (0..servers)
        .map(|server| {
            format!(
                "real_server 10.1.{}.{} 80 {{ }}\n",
                server >> 8,
                server & 255
            )
        })
        .collect();
    format!(
        "virtual_server 10.0.0.{number} 80 {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n{sorry}\n{servers}}}\n"
    )
}

fn errors(file: &str) -> Vec<String> {
    let mut remarks = remarks(&text(file));
    remarks.retain(|remark| remark.contains("error"));
    remarks
}

#[test]
fn more_than_256_servers_in_one_virtual_server_are_refused() {
    assert_eq!(errors(&pool(1, 256, "")), none());
    assert_eq!(
        errors(&pool(1, 257, "")),
        ["262 error: more than 256 servers in one virtual server"]
    );
    assert_eq!(
        errors(&pool(1, 256, "sorry_server 10.2.0.0 80")),
        ["5 error: more than 256 servers in one virtual server"]
    );
    assert_eq!(
        errors(&pool(1, 256, "sorry_server 10.1.0.0 80")),
        none(),
        "a sorry server among the real servers counts once"
    );
}

#[test]
fn more_than_16383_servers_in_all_are_refused() {
    let most: String = (1..64).map(|number| pool(number, 256, "")).collect();
    assert_eq!(errors(&format!("{most}{}", pool(64, 255, ""))), none());
    let loaded = errors(&format!("{most}{}", pool(64, 256, "")));
    assert_eq!(
        loaded,
        ["16767 error: more than 16383 real and sorry servers in all virtual servers"]
    );
}
