//! Pairs of texts through the whole way, from the files to what is found between them.

mod coverage;
mod servers;
mod speaking;

use std::path::Path;

use super::{
    super::{Color, Config, parse},
    Comparison, Finding, Gravity, Kind, Side, compare,
};

/// The first director of a pair that fits.
pub(super) const A: &str = "\
global_defs {
  router_id one
}
vrrp_instance VI_1 {
  state MASTER
  interface eth0
  virtual_router_id 65
  priority 100
  advert_int 1
  authentication {
    auth_type PASS
    auth_pass secret
  }
  virtual_ipaddress {
    192.168.1.200/24
    192.168.1.201/24
  }
}
virtual_server 192.168.1.200 8066 {
  delay_loop 5
  lb_algo wrr
  lb_kind DR
  protocol TCP
  sorry_server 192.168.1.9 8066
  real_server 192.168.1.11 8066 {
    weight 3
    TCP_CHECK {
      connect_timeout 2
    }
  }
  real_server 192.168.1.12 8066 {
    TCP_CHECK {
      connect_timeout 2
    }
  }
}
";

/// What makes the second director of it.
pub(super) const OF_B: [(&str, &str); 3] = [
    ("router_id one", "router_id two"),
    ("state MASTER", "state BACKUP"),
    ("priority 100", "priority 90"),
];

pub(super) fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text.replacen(from, to, 1)
    })
}

pub(super) fn config(text: &str) -> Config {
    let loaded = parse(Path::new("test.conf"), text.as_bytes());
    let rendered = loaded.render(Color::Plain);
    loaded
        .config
        .unwrap_or_else(|| panic!("refused:\n{rendered}"))
}

fn found(a: &str, b: &str) -> Vec<Finding> {
    compare(&Side::of(&config(a)), &Side::of(&config(b)))
}

/// What is found when the second director has these further edits.
fn with(edits: &[(&str, &str)]) -> Vec<Finding> {
    found(A, &edited(&edited(A, &OF_B), edits))
}

/// `gravity subject: setting: value | value`.
fn lines(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            let gravity = match finding.gravity {
                Gravity::Conflict => "conflict",
                Gravity::Warning => "warning",
                Gravity::Note => "note",
            };
            format!(
                "{gravity} {}: {}: {} | {}",
                finding.subject, finding.setting, finding.a.shown, finding.b.shown
            )
        })
        .collect()
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn the_two_files_of_a_pair_fit() {
    assert_eq!(lines(&with(&[])), none());
}

#[test]
fn what_each_may_have_as_it_likes_is_not_found() {
    let scripts = "vrrp_script chk {\n  script /bin/true\n}\nvrrp_instance VI_1 {\n  track_script {\n    chk\n  }\n  notify /etc/n.sh\n  \
                   director_witness 192.168.1.1\n";
    let edits = [
        ("vrrp_instance VI_1 {\n", scripts),
        (
            "router_id two",
            "router_id two\n  script_user nobody\n  notify_fifo /run/n\n  vrrp_rt_priority 9\n  director_reset_rate 5",
        ),
    ];
    assert_eq!(lines(&with(&edits)), none());
}

#[test]
fn an_interface_of_another_name_is_a_note() {
    let findings = with(&[("interface eth0", "interface bond0")]);
    assert_eq!(
        lines(&findings),
        ["note vrrp_instance VI_1: interface: eth0 | bond0"]
    );
}

#[test]
fn what_must_differ_and_does_not_is_found() {
    assert_eq!(
        lines(&found(A, A)),
        [
            "conflict global_defs: router_id: one | one",
            "warning vrrp_instance VI_1: priority: 100 | 100",
        ]
    );
    let nameless = edited(A, &[("  router_id one\n", "")]);
    let findings = found(&nameless, &edited(&nameless, &OF_B[1..]));
    assert_eq!(lines(&findings), none(), "each takes its host's name");
}

#[test]
fn s1_10_another_list_of_addresses_is_found_with_what_it_leads_to() {
    let findings = with(&[("    192.168.1.200/24\n", "    192.168.1.100/24\n")]);
    let [finding, ..] = findings.as_slice() else {
        panic!("nothing is found");
    };
    assert_eq!(
        lines(std::slice::from_ref(finding)),
        ["conflict vrrp_instance VI_1: virtual_ipaddress: 192.168.1.200 | 192.168.1.100"]
    );
    assert!(
        finding.leads_to.starts_with("two MASTERs in keepalived"),
        "{}",
        finding.leads_to
    );
    let fewer = with(&[("    192.168.1.201/24\n", "")]);
    assert_eq!(
        lines(&fewer),
        ["conflict vrrp_instance VI_1: virtual_ipaddress: 192.168.1.201 | nothing"]
    );
    let excluded = with(&[(
        "    192.168.1.201/24\n  }\n",
        "  }\n  virtual_ipaddress_excluded {\n    192.168.1.201/24\n  }\n",
    )]);
    assert_eq!(
        lines(&excluded),
        [
            "conflict 192.168.1.201 of vrrp_instance VI_1: virtual_ipaddress: virtual_ipaddress | virtual_ipaddress_excluded"
        ]
    );
}

#[test]
fn s1_11_a_mistyped_number_is_found_whatever_the_names_are() {
    let number = ("virtual_router_id 65", "virtual_router_id 66");
    assert_eq!(
        lines(&with(&[number])),
        ["conflict vrrp_instance VI_1: virtual_router_id: 65 | 66"]
    );
    assert_eq!(
        lines(&with(&[
            number,
            ("vrrp_instance VI_1", "vrrp_instance VI_2")
        ])),
        [
            "conflict vrrp_instance VI_1: virtual_router_id: 65 | 66",
            "note vrrp_instance VI_1: vrrp_instance: VI_1 | VI_2",
        ],
        "the addresses tell that they belong together"
    );
}

#[test]
fn s1_16_the_bad_pair_is_told_with_both_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a.conf"), folder.path().join("b.conf"));
    let other = edited(
        &edited(A, &OF_B),
        &[("    192.168.1.200/24\n", "    192.168.1.100/24\n")],
    );
    std::fs::write(&a, A).expect("a file");
    std::fs::write(&b, other).expect("a file");
    let comparison = Comparison::of(&a, &b, Color::Plain).expect("both can be read");
    let (path_a, path_b) = (a.display(), b.display());
    let expected = format!(
        "\
error: vrrp_instance VI_1: `virtual_ipaddress` differs
  --> {path_a}:15:5
   |
15 |     192.168.1.200/24
   |     ^^^^^^^^^^^^^^^^ 192.168.1.200
   |
  ::: {path_b}:15:5
   |
15 |     192.168.1.100/24
   |     ---------------- 192.168.1.100
   |
   = note: two MASTERs in keepalived before 2.3.3: each drops the other's advertisements; this director tells it, and one of them does not answer for the address
   = help: list the same addresses in both files

"
    );
    assert_eq!(comparison.render(Color::Plain), expected);
    assert_eq!(comparison.exit_code(), 2);
    let record = &comparison.records()[0];
    assert_eq!((record.a.line, record.b.column), (Some(15), Some(5)));
    assert_eq!(record.b.value, "192.168.1.100");
}

/// The two files that a company ran, with the masks and the server that its report speaks of.
#[test]
fn s2_38_other_masks_and_a_server_off_the_link_are_found() {
    let master = include_str!("../../../../examples/keepalived-master.conf");
    let backup = include_str!("../../../../examples/keepalived-backup.conf");
    assert_eq!(
        lines(&found(master, backup)),
        ["conflict global_defs: router_id: lvs50 | lvs50"]
    );
    let vip = "    192.168.66.251";
    let master = edited(
        master,
        &[
            (vip, "    192.168.66.251/24"),
            ("router_id lvs50", "router_id lvs51"),
            ("real_server 192.168.66.253", "real_server 192.168.67.253"),
        ],
    );
    let backup = edited(
        backup,
        &[
            (vip, "    192.168.66.251/23"),
            ("real_server 192.168.66.253", "real_server 192.168.67.253"),
        ],
    );
    let findings = found(&master, &backup);
    assert_eq!(
        lines(&findings),
        [
            "conflict 192.168.66.251 of vrrp_instance INT: mask: /24 | /23",
            "warning real_server 192.168.67.253 of virtual_server 192.168.66.251 3306 TCP: real_server: \
             192.168.67.253, outside of 192.168.66.251/24 | nothing",
        ],
        "by the mask of the other director it is on the link"
    );
    assert_eq!(findings[1].kind, Kind::Outside);
}

#[test]
fn a_side_can_come_from_another_director_as_json() {
    let (a, b) = (config(A), config(&edited(A, &OF_B)));
    let json = |config: &Config| serde_json::to_value(config).expect("it is JSON");
    let peer = Side::from_json(json(&b));
    assert_eq!(lines(&compare(&Side::of(&a), &peer)), none());
    let other = config(&edited(
        A,
        &[
            OF_B[0],
            OF_B[2],
            ("advert_int 1", "advert_int 3"),
            ("    192.168.1.201/24\n", ""),
            ("weight 3", "weight 5"),
        ],
    ));
    let findings = compare(&Side::from_json(json(&other)), &Side::of(&a));
    assert_eq!(
        lines(&findings),
        [
            "conflict vrrp_instance VI_1: advert_int: 3 s | 1 s",
            "conflict vrrp_instance VI_1: virtual_ipaddress: nothing | 192.168.1.201",
            "conflict real_server 192.168.1.11 of virtual_server 192.168.1.200 8066 TCP: weight: 5 | 3",
        ]
    );
    assert!(findings.iter().all(|finding| finding.a.span.is_none()));
    assert!(findings.iter().all(|finding| finding.b.span.is_some()));
    let nonsense = Side::from_json(serde_json::json!({"vrrp_instances": 3, "global": []}));
    assert!(!compare(&Side::of(&a), &nonsense).is_empty());
}

#[test]
fn a_file_with_an_error_is_compared_with_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a.conf"), folder.path().join("b.conf"));
    std::fs::write(&a, A).expect("a file");
    std::fs::write(&b, A.replace("priority", "priorty")).expect("a file");
    let wrong = Comparison::of(&a, &b, Color::Plain).expect_err("one is refused");
    assert!(wrong.contains("did you mean `priority`?"), "{wrong}");
    assert!(!wrong.contains("a.conf"), "{wrong}");
    let missing = folder.path().join("c.conf");
    let wrong = Comparison::of(&missing, &b, Color::Plain).expect_err("both are refused");
    assert!(
        wrong.contains("cannot read") && wrong.contains("priority"),
        "{wrong}"
    );
}

/// Whatever the layout, no password is printed, neither one of the two nor an old one in a comment.
#[test]
fn no_password_is_ever_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (folder.path().join("a.conf"), folder.path().join("b.conf"));
    let old = "auth_pass secret # auth_pass oldsecret";
    let text_a = edited(A, &[("auth_pass secret", old)]).replace("# auth", "! auth");
    let text_b = edited(
        &edited(A, &OF_B),
        &[("auth_pass secret", "auth_pass 'geheim x'")],
    );
    let one_line = |text: &str| {
        let lines = text
            .lines()
            .map(|line| line.split('!').next().unwrap_or_default());
        lines.collect::<Vec<_>>().join(" ")
    };
    for (text_a, text_b) in [
        (text_a.clone(), text_b.clone()),
        (one_line(&text_a), one_line(&text_b)),
    ] {
        std::fs::write(&a, text_a).expect("a file");
        std::fs::write(&b, text_b).expect("a file");
        let comparison = Comparison::of(&a, &b, Color::Plain).expect("both can be read");
        assert_eq!(
            lines(&comparison.findings),
            ["conflict vrrp_instance VI_1: auth_pass: a password | another password"]
        );
        let rendered = comparison.render(Color::Plain);
        let json = serde_json::to_string(&comparison.records()).expect("it is JSON");
        for secret in ["secret", "geheim"] {
            assert!(!rendered.contains(secret), "{rendered}");
            assert!(!json.contains(secret), "{json}");
        }
    }
}
