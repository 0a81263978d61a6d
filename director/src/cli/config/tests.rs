use std::path::Path;

use super::*;

fn example(name: &str) -> FileArgs {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(name);
    FileArgs { file, json: false }
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8(output).expect("the output is UTF-8")
}

#[test]
fn check_ends_with_one_summary_line() {
    let mut output = Vec::new();
    let code = check(
        &example("keepalived-master.conf"),
        &mut output,
        Color::Plain,
    )
    .expect("memory takes it");
    let output = text(output);
    let last = output.lines().last().unwrap_or_default();
    assert!(
        last.ends_with("0 errors, 5 warnings: 1 VRRP instance, 2 virtual servers, 2 real servers"),
        "{last}"
    );
    assert_eq!(code, 1);
}

#[test]
fn check_as_json_has_place_and_severity() {
    let mut output = Vec::new();
    let args = FileArgs {
        json: true,
        ..example("keepalived-master.conf")
    };
    check(&args, &mut output, Color::Plain).expect("memory takes it");
    let report: serde_json::Value = serde_json::from_slice(&output).expect("it is JSON");
    assert_eq!(report["errors"], 0);
    assert_eq!(report["diagnostics"][0]["line"], 5);
    assert_eq!(report["diagnostics"][0]["column"], 17);
    assert_eq!(report["diagnostics"][0]["severity"], "warning");
}

#[test]
fn s2_14_show_prints_the_worst_case_detection_time() {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let code = show(&example("keepalived-master.conf"), &mut output, &mut errors)
        .expect("memory takes it");
    assert!(text(output).contains("a dead server is noticed within 49 s"));
    assert_eq!(code, 0);
}

#[test]
fn show_as_json_keeps_the_password_secret() {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let args = FileArgs {
        json: true,
        ..example("keepalived-master.conf")
    };
    show(&args, &mut output, &mut errors).expect("memory takes it");
    let model: serde_json::Value = serde_json::from_slice(&output).expect("it is JSON");
    assert_eq!(
        model["virtual_servers"][0]["real_servers"][0]["checks"][0]["pace"]["interval"],
        20.0
    );
    assert_eq!(
        model["vrrp_instances"][0]["authentication"]["auth_type"],
        "PASS"
    );
    assert!(
        !text(output).contains("lvs50tes"),
        "neither in full nor cut"
    );
}

#[test]
fn a_file_that_is_not_there_is_one_error_and_exit_code_2() {
    let mut output = Vec::new();
    let args = FileArgs {
        file: "/nonexistent/keepalived.conf".into(),
        json: false,
    };
    let code = check(&args, &mut output, Color::Plain).expect("memory takes it");
    let output = text(output);
    assert!(
        output.starts_with(
            "error: cannot read `/nonexistent/keepalived.conf`: No such file or directory"
        ),
        "{output}"
    );
    assert!(
        output.ends_with("1 error, 0 warnings: this configuration is refused\n"),
        "{output}"
    );
    assert_eq!(code, 2);
}

#[test]
fn show_prints_every_setting_of_the_file_with_everything_in_it() {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    show(&example("director.conf"), &mut output, &mut errors).expect("memory takes it");
    let output = text(output);
    for line in [
        "timeouts: established TCP 900 s, TCP after a FIN 120 s, UDP 300 s",
        "entries of the tables: flows 1000000, half-open flows 262144, persistence 65536, fragments 16384",
        "scripts run as nobody",
        "changes of VRRP are written to /run/director/vrrp",
        "script disk: `/usr/bin/test -w /var/lib/mysql`",
        "  runs every 2 s, is ended after 2 s",
        "process web: nginx, by its name",
        "file load: /run/director/load, 0 is written to it at the start if it is not there",
        "sync group BOTH: INT, EXT",
        "  tracks script disk: FAULT while it fails",
        "  notify: `/etc/director/tell.sh both networks`",
        "  speaks VRRP version 2 over IPv4",
        "  advertises every 1 s, takes over from a lower priority after 10 s",
        "  takes a MASTER for dead that misses 3 advertisements",
        "  advertises by multicast",
        "  gratuitous ARP: 5 frames at once, 5 after 5 s, 1 every 30 s",
        "  notify_master: `/etc/director/master.sh` as mysql",
        "  speaks VRRP version 3 over IPv6",
        "  advertises to fd00:67::12 from fd00:67::6",
        "  becomes MASTER only while 1 of 2 answer: fd00:67::1, fd00:67::2",
        "  holds, without advertising it, fd00:66::251/128",
        "virtual server 192.168.66.251:80 TCP",
        "  scheduler mh (mh-fallback, mh-port), direct routing",
        "  keeps an idle flow for 3600 s",
        "  when a connection was idle for too long: both ends are told",
        "  when a segment belongs to no connection: its sender gets a reset",
        "  when another director takes over: both ends of every connection are told",
        "    full from 1000 flows on, until it has fewer than 800",
        "virtual server 192.168.66.251:0 TCP, all ports",
        "  scheduler wlc, direct routing",
        "  keeps a client at its real server for 600 s, together with all clients of its /24 network",
        "    TCP check of 192.168.66.252:22 every 60 s, the first within 60 s",
        "virtual server [fd00:66::251]:53 UDP",
        "  scheduler rr for each datagram, direct routing",
        "  real server [fd00:66::252]:53, weight 1, starts up",
        "  sorry server [fd00:66::254]:53",
    ] {
        assert!(
            output.lines().any(|shown| shown == line),
            "`{line}` is not in\n{output}"
        );
    }
}

/// What `config show` says of an instance with these lines.
fn shown_instance(lines: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keepalived.conf");
    let text_of_file = format!(
        "vrrp_instance I {{\n interface eth0\n virtual_router_id 9\n {lines}\n virtual_ipaddress {{\n 10.0.0.1\n }}\n}}\n"
    );
    std::fs::write(&file, text_of_file).expect("a file");
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let args = FileArgs { file, json: false };
    show(&args, &mut output, &mut errors).expect("memory takes it");
    assert_eq!(text(errors), "");
    text(output)
}

#[test]
fn show_prints_what_is_not_as_usual() {
    let output = shown_instance(
        "version 3\n v3_checksum_as_v2\n nopreempt\n lower_prio_no_advert\n higher_prio_send_advert\n \
         use_vmac vip0\n vmac_xmit_base\n garp_lower_prio_delay 0\n garp_lower_prio_repeat 2\n unicast_ttl 3\n \
         unicast_peer {\n 10.0.0.9 min_ttl 250\n }\n track_interface {\n eth1 weight -5 reverse\n }\n \
         notify /x\n notify_priority_changes",
    );
    for line in [
        "  speaks VRRP version 3 over IPv4, with the checksum of version 2",
        "  advertises every 1 s, leaves a lower priority in place",
        "  does not answer a MASTER of lower priority at once",
        "  advertises once more before a higher priority",
        "  has a MAC address of its own on vip0, advertises by the interface itself",
        "  gratuitous ARP after a MASTER of lower priority was heard: 2 frames at once",
        "  advertises to 10.0.0.9 (TTL 250 to 255) with TTL 3, hears nobody else",
        "  tracks interface eth1 with weight -5, reversed",
        "  pipes are told of other priorities, too",
    ] {
        assert!(
            output.lines().any(|shown| shown == line),
            "`{line}` is not in\n{output}"
        );
    }
}

#[test]
fn show_as_json_has_every_setting_by_its_unit() {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let args = FileArgs {
        json: true,
        ..example("director.conf")
    };
    show(&args, &mut output, &mut errors).expect("memory takes it");
    let model: serde_json::Value = serde_json::from_slice(&output).expect("it is JSON");
    assert_eq!(model["global"]["lvs_timeouts"]["tcp"], 900.0);
    assert_eq!(model["global"]["table_sizes"]["flows"], 1_000_000);
    let service = &model["virtual_servers"][0];
    assert_eq!(service["scheduler"], "mh");
    assert_eq!(service["scheduler_flags"]["port"], true);
    assert_eq!(service["idle_timeout"], 3600.0);
    assert_eq!(service["real_servers"][0]["upper_threshold"], 1000);
    assert_eq!(model["virtual_servers"][1]["persistence_prefix"], 24);
    let instance = &model["vrrp_instances"][1];
    assert_eq!(instance["advertisement_interval"], 0.25);
    assert_eq!(
        (&instance["version"], &instance["family"]),
        (&"3".into(), &"IPv6".into())
    );
    assert_eq!(
        instance["delivery"]["unicast"]["peers"][0]["address"],
        "fd00:67::12"
    );
    assert_eq!(
        model["vrrp_scripts"][0]["script"]["command"][0],
        "/usr/bin/test"
    );
}

#[test]
fn check_refuses_tables_that_this_machine_has_no_memory_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keepalived.conf");
    // 112 bytes a flow, and more than that for IPv6: far beyond any machine that runs tests.
    let text_of_file = "global_defs {\n  director_flow_table_size 134217728\n  director_half_open_table_size 134217728\n  \
         director_persistence_table_size 134217728\n  director_fragment_table_size 134217728\n}\n";
    std::fs::write(&file, text_of_file).expect("a file");
    let args = FileArgs { file, json: false };
    let mut output = Vec::new();
    let code = check(&args, &mut output, Color::Plain).expect("memory takes it");
    let output = text(output);
    assert_eq!(code, FAILED, "{output}");
    assert!(
        output.contains("more than half of this machine's memory")
            && output.contains("director_flow_table_size"),
        "{output}"
    );
    let mut json = Vec::new();
    let args = FileArgs { json: true, ..args };
    check(&args, &mut json, Color::Plain).expect("memory takes it");
    let report: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");
    assert_eq!(report["errors"], 1);
    assert!(report["machine"].is_string(), "{report}");
}
