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
        "  holds, without advertising it, fd00:66::251/128",
        "virtual server 192.168.66.251:80 TCP",
        "  scheduler mh (mh-fallback, mh-port), direct routing",
        "  keeps an idle flow for 3600 s",
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
