use std::time::Duration;

use super::*;
use crate::track::{
    Found, TrackerView,
    view::{RunVerdict, TrackedStatus},
};

fn script(name: &str) -> TrackedView {
    TrackedView {
        tracker: TrackerView {
            name: name.to_owned(),
            status: TrackedStatus::Well,
            basis: Basis::Seen,
            since: SystemTime::UNIX_EPOCH,
            broken: false,
            why: "exit 0".to_owned(),
            found: Found::Script {
                in_a_row: 1,
                last: None,
            },
        },
        group: None,
        weight: -20,
        reverse: false,
        effect: Effect::Add(0),
    }
}

fn lines(tracked: &[TrackedView]) -> Vec<String> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(65);
    let page = render(tracked, now);
    let spaced = page
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    spaced.map(|words| words.join(" ")).collect()
}

#[test]
fn each_thing_has_its_standing_since_when_its_weight_and_what_that_does() {
    let mut failed = script("chk");
    failed.tracker.status = TrackedStatus::Failed;
    failed.tracker.why = "exit 1".to_owned();
    failed.effect = Effect::Add(-20);
    let mut interface = script("eth1");
    interface.tracker.found = Found::Interface;
    interface.tracker.why = "it is up".to_owned();
    interface.weight = 0;
    interface.group = Some("G1".to_owned());
    assert_eq!(
        lines(&[failed, interface]),
        [
            "tracks",
            "script chk failed for 1m 5s weight -20 priority -20 exit 1",
            "interface eth1 ok for 1m 5s no weight, by group G1 no effect it is up",
        ]
    );
    assert_eq!(render(&[], SystemTime::UNIX_EPOCH), "");
}

#[test]
fn s1_06_a_broken_script_says_why_what_it_counts_as_and_what_it_wrote() {
    let mut broken = script("chk");
    broken.tracker.broken = true;
    broken.tracker.status = TrackedStatus::Failed;
    broken.tracker.why = "exit 127: command not found: mycat".to_owned();
    broken.effect = Effect::Fault;
    broken.weight = 0;
    broken.tracker.found = Found::Script {
        in_a_row: 3,
        last: Some(RunView {
            verdict: RunVerdict::Broken,
            exit: broken.tracker.why.clone(),
            code: Some(127),
            help: None,
            output: "first\n/bin/sh: 1: \u{1b}mycat: not found\n\n".to_owned(),
            started: SystemTime::UNIX_EPOCH,
            duration_ms: 1,
        }),
    };
    assert_eq!(
        lines(&[broken]),
        [
            "tracks",
            "script chk broken, counts as failed for 1m 5s no weight FAULT exit 127: command not found: mycat",
            "wrote: /bin/sh: 1: \u{fffd}mycat: not found",
        ]
    );
}

#[test]
fn what_was_not_seen_yet_has_no_age() {
    let mut unseen = script("chk");
    unseen.tracker.basis = Basis::Assumed;
    unseen.tracker.why = "nothing was seen yet".to_owned();
    unseen.reverse = true;
    assert_eq!(
        lines(&[unseen])[1],
        "script chk not seen yet, counts as ok weight -20 reverse no effect nothing was seen yet"
    );
}
