use std::time::SystemTime;

use super::{
    super::{Level, tests::facts_with},
    *,
};
use crate::{
    cli::doctor::facts::Daemon,
    track::view::{RunVerdict, RunView},
};

fn tracked(found: Found) -> TrackedView {
    TrackedView {
        tracker: TrackerView {
            name: "chk".to_owned(),
            status: TrackedStatus::Well,
            basis: Basis::Seen,
            since: SystemTime::UNIX_EPOCH,
            broken: false,
            why: "exit 0".to_owned(),
            found,
        },
        group: None,
        weight: 0,
        reverse: false,
        effect: Effect::Add(0),
    }
}

fn script() -> TrackedView {
    tracked(Found::Script {
        in_a_row: 1,
        last: None,
    })
}

fn failed(effect: Effect) -> TrackedView {
    let mut script = script();
    script.tracker.status = TrackedStatus::Failed;
    script.tracker.why = "exit 1".to_owned();
    script.effect = effect;
    script
}

/// Of one instance for each list.
fn findings_of<const N: usize>(lists: [Vec<TrackedView>; N]) -> Vec<Finding> {
    let Daemon::Answers(answer) = facts_with(super::super::tests::report()).daemon else {
        panic!("no daemon");
    };
    let (_, mut vrrp) = *answer;
    let instance = vrrp.instances.remove(0);
    for list in lists {
        let mut instance = instance.clone();
        instance.tracked = list;
        vrrp.instances.push(instance);
    }
    findings(&vrrp)
}

fn finding_of(tracked: TrackedView) -> Finding {
    let mut findings = findings_of([vec![tracked]]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

#[test]
fn a_script_that_is_ok_has_a_line_and_two_instances_share_it() {
    let findings = findings_of([vec![script()], vec![script()]]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].level, Level::Ok);
    assert_eq!(findings[0].text, "script chk ok: exit 0");
}

#[test]
fn a_failed_script_is_a_problem_where_it_means_fault_and_a_warning_where_it_costs_priority() {
    let fault = finding_of(failed(Effect::Fault));
    assert_eq!(fault.level, Level::Problem);
    assert_eq!(
        fault.text,
        "script chk failed: exit 1; VI_1 is in FAULT by it"
    );
    let weighed = finding_of(failed(Effect::Add(-20)));
    assert_eq!(weighed.level, Level::Warning);
    assert!(
        weighed.text.ends_with("priority -20 for VI_1"),
        "{weighed:?}"
    );
    let help = weighed.help.unwrap_or_default();
    assert!(help.contains("director script run chk"), "{help}");
    // It gives nothing, where it would give something.
    assert_eq!(finding_of(failed(Effect::Add(0))).level, Level::Warning);
    let mut reverse = failed(Effect::Add(20));
    reverse.reverse = true;
    assert_eq!(finding_of(reverse).level, Level::Ok);
}

#[test]
fn s1_06_a_broken_script_is_a_problem_with_what_to_do_although_it_counts_as_ok() {
    let mut broken = script();
    broken.tracker.broken = true;
    broken.tracker.why = "exit 127: command not found: mycat".to_owned();
    broken.tracker.found = Found::Script {
        in_a_row: 1,
        last: Some(RunView {
            verdict: RunVerdict::Broken,
            exit: broken.tracker.why.clone(),
            code: Some(127),
            help: Some("write the whole paths of the commands in the script".to_owned()),
            output: String::new(),
            started: SystemTime::UNIX_EPOCH,
            duration_ms: 1,
        }),
    };
    let finding = finding_of(broken);
    assert_eq!(finding.level, Level::Problem);
    assert_eq!(
        finding.text,
        "script chk broken, counts as ok: exit 127: command not found: mycat"
    );
    assert_eq!(
        finding.help.as_deref(),
        Some(
            "write the whole paths of the commands in the script; `director script run chk` tries it"
        )
    );
}

#[test]
fn what_was_not_seen_yet_is_a_warning_and_an_interface_has_no_line() {
    let mut unseen = script();
    unseen.tracker.basis = Basis::Assumed;
    assert_eq!(finding_of(unseen).level, Level::Warning);
    assert!(findings_of([vec![tracked(Found::Interface)]]).is_empty());
}

#[test]
fn a_file_that_takes_from_the_priority_is_a_warning() {
    let mut file = tracked(Found::File {
        path: "/run/load".into(),
    });
    file.tracker.status = TrackedStatus::Number(-3);
    file.effect = Effect::Add(-3);
    let finding = finding_of(file);
    assert_eq!(finding.level, Level::Warning);
    assert!(finding.help.unwrap_or_default().contains("/run/load"));
}
