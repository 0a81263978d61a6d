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
