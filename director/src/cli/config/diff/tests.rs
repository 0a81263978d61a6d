use std::path::Path;

use super::*;

const FILE: &str = include_str!("../../../../../examples/keepalived-master.conf");

/// The exit code, and what was printed, for the example and the example with one stretch changed.
fn compared(edits: &[(&str, &str)], json: bool) -> (u8, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a.conf"), folder.path().join("b.conf"));
    let other = edits.iter().fold(FILE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in the example");
        text.replacen(from, to, 1)
    });
    std::fs::write(&a, FILE).expect("a file");
    std::fs::write(&b, other).expect("a file");
    let args = DiffArgs {
        a,
        peer: None,
        b: Some(b),
        socket: SocketOptions {
            path: folder.path().join("socket"),
        },
        json,
    };
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let code = diff(&args, &mut output, &mut errors, Color::Plain).expect("memory takes it");
    let text = |bytes| String::from_utf8(bytes).expect("it is UTF-8");
    (code, text(output), text(errors))
}

const FITS: [(&str, &str); 2] = [
    ("router_id lvs50", "router_id lvs51"),
    ("priority 100", "priority 90"),
];

fn last_line(output: &str) -> &str {
    output.lines().last().unwrap_or_default()
}

#[test]
fn a_pair_that_fits_is_one_line_and_0() {
    let (code, output, errors) = compared(&FITS, false);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(output.lines().count(), 1, "{output}");
    assert!(
        output.ends_with("b.conf: 0 conflicts, 0 warnings, 0 notes: they are a pair\n"),
        "{output}"
    );
}

#[test]
fn what_is_no_configuration_is_not_taken_for_an_empty_one() {
    for (input, complaint) in [
        ("", "EOF"),
        ("not json", "expected"),
        ("[1, 2]", "no list `vrrp_instances`"),
        (r#"{"vrrp_instances": []}"#, "no list `virtual_servers`"),
    ] {
        let error = configuration(input.as_bytes()).expect_err(input);
        assert!(error.contains(complaint), "{input}: {error}");
    }
    let empty = r#"{"vrrp_instances": [], "virtual_servers": []}"#;
    assert!(configuration(empty.as_bytes()).is_ok());
}

#[test]
fn warnings_are_1_and_conflicts_are_2() {
    let (code, output, _) = compared(&FITS[..1], false);
    assert_eq!(code, 1, "{output}");
    assert!(
        last_line(&output).ends_with("1 warning, 0 notes: they are a pair, perhaps not as meant"),
        "{output}"
    );
    let (code, output, _) = compared(
        &[
            FITS[0],
            FITS[1],
            ("virtual_router_id 200", "virtual_router_id 20"),
            ("interface eth0", "interface eth1"),
        ],
        false,
    );
    assert_eq!(code, 2, "{output}");
    assert!(
        last_line(&output).ends_with("1 conflict, 0 warnings, 1 note: they are no pair"),
        "{output}"
    );
}

#[test]
fn s1_16_json_has_both_places_and_both_values() {
    let edits = [
        FITS[0],
        FITS[1],
        ("    192.168.66.251 ", "    192.168.66.250 "),
    ];
    let (code, output, _) = compared(&edits, true);
    let report: serde_json::Value = serde_json::from_str(&output).expect("it is JSON");
    assert_eq!((code, &report["conflicts"]), (2, &1.into()));
    let finding = &report["findings"][0];
    assert_eq!(finding["gravity"], "conflict");
    assert_eq!(finding["kind"], "differs");
    assert_eq!(finding["setting"], "virtual_ipaddress");
    assert_eq!(finding["a"]["value"], "192.168.66.251");
    assert_eq!(finding["b"]["value"], "192.168.66.250");
    for side in ["a", "b"] {
        assert_eq!(
            (&finding[side]["line"], &finding[side]["column"]),
            (&22.into(), &5.into())
        );
        let file = finding[side]["file"].as_str().expect("a path");
        assert_eq!(
            Path::new(file)
                .file_stem()
                .and_then(std::ffi::OsStr::to_str),
            Some(side)
        );
    }
}

#[test]
fn a_file_that_is_refused_is_told_on_stderr_and_2() {
    let (code, output, errors) = compared(&[("priority 100", "priorty 100")], false);
    assert_eq!((code, output.as_str()), (2, ""));
    assert!(errors.contains("did you mean `priority`?"), "{errors}");
    assert!(
        last_line(&errors).starts_with("nothing is compared"),
        "{errors}"
    );
}
