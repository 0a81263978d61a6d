//! What a virtual server and its real servers can be: schedulers and flags, persistence, all ports, thresholds.

use std::time::Duration;

use super::{
    super::{Scheduler, SchedulerFlags, VirtualServer},
    IPV6, changed, clean, config, edited, remarks, text,
};

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
fn farewells_are_words_with_a_time_where_they_have_one() {
    let default = with("weight 1").farewells;
    assert_eq!(
        [default.on_failure, default.on_removal, default.on_relief].map(|word| word.to_string()),
        ["reset", "drain 60", "drain 60"]
    );
    let farewells = with("on_failure hold\n  on_removal drain 1.5\n  on_relief keep").farewells;
    let words = [
        farewells.on_failure,
        farewells.on_removal,
        farewells.on_relief,
    ];
    assert_eq!(
        words.map(|word| word.to_string()),
        ["hold", "drain 1.5", "keep"]
    );
    assert_eq!(
        with("on_failure drain").farewells.on_failure.to_string(),
        "drain 60"
    );
    for (words, remark) in [
        ("on_failure keep", "`keep` is not a value of `on_failure`"),
        ("on_relief hold", "`hold` is not a value of `on_relief`"),
        ("on_removal rest", "`rest` is not a value of `on_removal`"),
        ("on_removal reset 5", "unexpected `5` after `reset`"),
        ("on_failure drain soon", "`soon` is not a duration"),
        ("on_failure drain 99999999", "`99999999` is out of range"),
    ] {
        assert_eq!(of(words), [format!("14 error: {remark}")]);
    }
}

#[test]
fn what_a_segment_of_no_flow_and_an_idle_connection_get_are_words() {
    use crate::config::{Idle, NoFlow};
    assert_eq!(with("weight 1").on_idle, Idle::Reset);
    assert_eq!(with("on_idle silent").on_idle, Idle::Silent);
    assert_eq!(
        of("on_idle quiet"),
        ["14 error: `quiet` is not a value of `on_idle`"]
    );
    assert_eq!(with("weight 1").on_no_flow, NoFlow::Reset);
    for (word, meaning) in [
        ("reset", NoFlow::Reset),
        ("pass", NoFlow::Pass),
        ("schedule", NoFlow::Schedule),
    ] {
        assert_eq!(with(&format!("on_no_flow {word}")).on_no_flow, meaning);
    }
    assert_eq!(
        of("on_no_flow drop"),
        ["14 error: `drop` is not a value of `on_no_flow`"]
    );
}

#[test]
fn at_a_switchover_those_are_told_whom_the_other_director_would_reset() {
    use crate::config::Switchover;
    for (words, meaning) in [
        ("weight 1", Switchover::Reset),
        ("on_no_flow pass", Switchover::Keep),
        ("on_no_flow schedule", Switchover::Keep),
        ("on_switchover keep", Switchover::Keep),
        (
            "on_no_flow schedule\n  on_switchover reset",
            Switchover::Reset,
        ),
    ] {
        assert_eq!(with(words).on_switchover, meaning, "{words}");
    }
    assert_eq!(
        of("on_switchover drain"),
        ["14 error: `drain` is not a value of `on_switchover`"]
    );
}

#[test]
fn a_failback_is_automatic_delayed_or_manual() {
    assert_eq!(with("weight 1").failback.to_string(), "automatic");
    for words in ["automatic", "manual", "delay 30", "delay 0.5"] {
        let read = with(&format!("failback {words}")).failback;
        assert_eq!(read.to_string(), words);
    }
    for (words, remark) in [
        ("failback never", "`never` is not a value of `failback`"),
        ("failback manual 5", "`5` is not a value of `failback`"),
        ("failback delay", "`failback delay` needs its seconds"),
        ("failback delay 99999", "`99999` is out of range"),
    ] {
        assert_eq!(of(words), [format!("14 error: {remark}")]);
    }
}
