use std::{collections::BTreeMap, net::IpAddr, time::SystemTime};

use super::*;
use crate::{
    api::response::{FlowTable, Told},
    config::diff::digest::Differences,
    vrrp::router::{ClaimReport, Counters, InstanceReport, PeerReport},
};

fn status() -> Status {
    Status {
        version: "0.1.0".into(),
        pid: 4711,
        started: SystemTime::UNIX_EPOCH,
        config_file: "/etc/keepalived/keepalived.conf".into(),
        by_hand: Vec::new(),
        instances: vec![InstanceStatus {
            name: "VI_1".into(),
            virtual_router_id: 65,
            role: Role::Master,
            reason: String::new(),
            since: None,
            vip_conflicts: 0,
            priority: 100,
            interface: "eth0".into(),
            xdp_mode: Some(AttachMode::Native),
            addresses: vec!["192.168.1.200/24".into()],
        }],
        services: Vec::new(),
        counters: BTreeMap::new(),
        warnings: Vec::new(),
        flows: FlowTable {
            capacity: 0,
            known: 0,
            half_open: 0,
            memory_bytes: 0,
        },
        told: Told::default(),
    }
}

pub(super) fn report() -> InstanceReport {
    InstanceReport {
        name: "VI_1".into(),
        role: Role::Master,
        reason: "no MASTER is heard".into(),
        for_secs: 1.0,
        version: 2,
        virtual_router_id: 65,
        priority: 100,
        configured_priority: 100,
        interval_secs: 1.0,
        source: None,
        destinations: Vec::new(),
        faults: Vec::new(),
        counters: Counters::default(),
        peers: Vec::new(),
        claims: Vec::new(),
    }
}

fn peer() -> PeerReport {
    PeerReport {
        address: [192, 168, 1, 12].into(),
        heard_secs_ago: 0.5,
        priority: Some(90),
        interval_secs: Some(1.0),
        other_addresses: None,
        rejected: None,
        rejections: 0,
    }
}

pub(super) fn facts_with(report: InstanceReport) -> Facts {
    let vrrp = VrrpStatus {
        instances: vec![VrrpInstanceStatus {
            report,
            interface: "eth0".into(),
            addresses: vec!["192.168.1.200/24".into()],
            addresses_restored: 0,
            vip_conflicts: 0,
            tracked: Vec::new(),
        }],
        pair: Vec::new(),
    };
    Facts {
        kernel: "6.18.5".into(),
        has_btf: true,
        has_bpf_file_system: true,
        daemon: Daemon::Answers(Box::new((status(), vrrp))),
        addresses: Some([IpAddr::from([192, 168, 1, 200])].into()),
        is_clock_synchronized: Some(true),
        ..Facts::default()
    }
}

fn bad(facts: &Facts) -> Vec<Finding> {
    let bad = judge(facts).into_iter();
    bad.filter(|finding| finding.level != Level::Ok).collect()
}

#[test]
fn where_all_is_well_every_line_says_so() {
    let mut report = report();
    report.peers.push(peer());
    assert_eq!(bad(&facts_with(report)), []);
}

/// Report 1's mistake.
#[test]
fn s1_10_two_address_lists_are_a_problem_that_names_both() {
    let mut report = report();
    report.peers.push(PeerReport {
        other_addresses: Some(vec![[192, 168, 1, 201].into()]),
        ..peer()
    });
    let bad = bad(&facts_with(report));
    let [finding] = &bad[..] else {
        panic!("{bad:?}");
    };
    assert_eq!(finding.level, Level::Problem);
    for part in ["192.168.1.12", "192.168.1.200", "192.168.1.201"] {
        assert!(finding.text.contains(part), "{}", finding.text);
    }
    let help = finding.help.as_deref().unwrap_or_default();
    assert!(help.contains("director config diff"), "{help}");
}

#[test]
fn s1_16_another_configuration_is_a_warning_that_names_what_differs() {
    let with = |standing| {
        let mut facts = facts_with(report());
        if let Daemon::Answers(answer) = &mut facts.daemon {
            answer.1.pair.push(PairView {
                peer: [192, 168, 1, 12].into(),
                heard_secs_ago: 3.0,
                standing,
            });
        }
        bad(&facts)
    };
    assert_eq!(with(PairStanding::Equal), []);
    assert_eq!(with(PairStanding::Incomplete), []);
    assert_eq!(with(PairStanding::OtherVersion)[0].level, Level::Warning);
    let bad = with(PairStanding::Different(Differences {
        differ: vec!["virtual_server 192.168.1.200 8066 TCP".to_owned()],
        ..Differences::default()
    }));
    let [finding] = &bad[..] else {
        panic!("{bad:?}");
    };
    assert_eq!(finding.level, Level::Warning);
    for part in [
        "192.168.1.12",
        "virtual_server 192.168.1.200 8066 TCP differs",
    ] {
        assert!(finding.text.contains(part), "{}", finding.text);
    }
}

#[test]
fn s1_11_an_address_under_another_id_is_a_problem_that_names_both() {
    let mut report = report();
    report.claims.push(ClaimReport {
        address: [192, 168, 1, 200].into(),
        virtual_router_id: 66,
        peer: [192, 168, 1, 12].into(),
        heard_secs_ago: 0.5,
    });
    let bad = bad(&facts_with(report));
    assert_eq!(bad[0].level, Level::Problem);
    assert!(
        bad[0].text.contains("under VRID 66, and we under 65"),
        "{bad:?}"
    );
}

#[test]
fn s1_14_what_does_not_count_is_a_problem_with_its_reason() {
    let mut report = report();
    report.peers.push(PeerReport {
        rejected: Some("its password is not ours".into()),
        rejections: 3,
        ..peer()
    });
    let bad = bad(&facts_with(report));
    assert!(bad[0].text.contains("its password is not ours (3 packets)"));
}

#[test]
fn s1_13_a_rule_that_drops_vrrp_is_named() {
    let rules = [
        "ip protocol vrrp drop",
        "ip protocol 112 counter packets 3 bytes 120 drop",
        "ip daddr 224.0.0.18 reject",
        "meta l4proto 112 drop",
    ];
    for rule in rules {
        let listed = format!("table inet filter {{\n\tchain input {{\n\t\t{rule}\n\t}}\n}}");
        let finding = firewall(&Rules::Listed(listed));
        assert_eq!(finding.level, Level::Warning, "{rule}");
        assert!(finding.text.contains(rule));
    }
    let other = "tcp dport 112 drop\nip protocol vrrp accept";
    assert_eq!(firewall(&Rules::Listed(other.into())).level, Level::Ok);
}

#[test]
fn s2_18_an_address_on_a_backup_is_a_problem_and_so_is_a_master_without() {
    let mut facts = facts_with(report());
    facts.addresses = Some([].into());
    assert_eq!(bad(&facts)[0].area, "addresses");
    let mut facts = facts_with(report());
    if let Daemon::Answers(answer) = &mut facts.daemon {
        answer.0.instances[0].role = Role::Backup;
    }
    let bad = bad(&facts);
    assert!(bad[0].text.contains("all the same"), "{bad:?}");
}

#[test]
fn an_old_kernel_a_missing_capability_and_a_missing_daemon_are_problems() {
    let facts = Facts {
        kernel: "5.10.0-30-amd64".into(),
        missing: vec![caps::Capability::CAP_BPF],
        ..Facts::default()
    };
    let problems: Vec<_> = bad(&facts)
        .into_iter()
        .filter(|finding| finding.level == Level::Problem)
        .map(|finding| finding.area)
        .collect();
    assert_eq!(problems, ["kernel", "privileges", "daemon"]);
}

#[test]
fn every_finding_that_is_not_well_says_what_to_do() {
    let mut fault = report();
    fault.role = Role::Fault;
    fault.faults = vec!["interface eth0 is not well".into()];
    fault.counters.unsent = 1;
    fault.counters.late = 1;
    for finding in judge(&facts_with(fault)) {
        assert_eq!(
            finding.level == Level::Ok,
            finding.help.is_none(),
            "{finding:?}"
        );
    }
}
