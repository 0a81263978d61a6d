use super::*;
use crate::{
    track::testing::{group, instance},
    vrrp::TrackerKind,
};

const SECOND: Duration = Duration::from_secs(1);

fn config(names: &[&str]) -> Config {
    Config {
        vrrp_instances: names.iter().map(|name| instance(name)).collect(),
        ..Config::default()
    }
}

fn grouped(names: &[&str]) -> Config {
    let mut config = config(names);
    let mut group = group("G1");
    group.group = names.iter().map(|name| (*name).to_owned()).collect();
    config.sync_groups.push(group);
    config
}

fn script(name: &str) -> Tracker {
    Tracker {
        kind: TrackerKind::Script,
        name: name.into(),
    }
}

/// Instance `A` tracks a script that was not seen, whose first result may take three seconds.
fn unseen_by_a(instance: &VrrpInstance) -> Vec<(Tracker, Duration)> {
    match instance.name.as_str() {
        "A" => vec![(script("chk"), 3 * SECOND), (script("quick"), SECOND)],
        _ => Vec::new(),
    }
}

fn nobody(_: &str) -> bool {
    false
}

fn nothing(_: &VrrpInstance) -> Vec<(Tracker, Duration)> {
    Vec::new()
}

#[test]
fn an_instance_waits_until_all_it_tracks_was_seen_and_others_do_not() {
    let (mut first, now, config) = (FirstResults::default(), Instant::now(), config(&["A", "B"]));
    let change = first.look(now, &config, nobody, unseen_by_a);
    let both = vec![script("chk"), script("quick")];
    assert_eq!(change.began, [("A".to_owned(), both)]);
    assert!(first.holds("A") && !first.holds("B"));
    assert_eq!(
        first.reason("A").as_deref(),
        Some("it waits for the first result of script chk, script quick")
    );
    assert_eq!(first.reason("B"), None);
    let change = first.look(now + SECOND, &config, nobody, unseen_by_a);
    assert_eq!(change, Change::default(), "it is told once");
    first.look(now + 2 * SECOND, &config, nobody, nothing);
    assert!(!first.is_holding());
    assert_eq!(first.next_deadline(), None);
}

#[test]
fn a_script_that_hangs_is_waited_for_as_long_as_it_may_take_and_no_longer() {
    let (mut first, now, config) = (FirstResults::default(), Instant::now(), config(&["A"]));
    first.look(now, &config, nobody, unseen_by_a);
    assert_eq!(first.next_deadline(), Some(now + 3 * SECOND));
    // To look again does not prolong it.
    first.look(now + 2 * SECOND, &config, nobody, unseen_by_a);
    assert!(first.holds("A"));
    let change = first.look(now + 3 * SECOND, &config, nobody, unseen_by_a);
    assert_eq!(change.gave_up.len(), 1);
    assert!(!first.holds("A"));
    assert_eq!(first.next_deadline(), None);
    let change = first.look(now + 9 * SECOND, &config, nobody, unseen_by_a);
    assert_eq!(change, Change::default(), "it does not begin again");
}

#[test]
fn an_instance_that_runs_or_resumes_waits_for_nothing() {
    let (mut first, now, config) = (FirstResults::default(), Instant::now(), config(&["A"]));
    let change = first.look(now, &config, |name| name == "A", unseen_by_a);
    assert_eq!(change, Change::default());
    assert!(!first.is_holding());
}

#[test]
fn a_sync_group_waits_as_one_or_not_at_all() {
    let (mut first, now, config) = (
        FirstResults::default(),
        Instant::now(),
        grouped(&["A", "B"]),
    );
    first.look(now, &config, nobody, unseen_by_a);
    assert!(first.holds("A") && first.holds("B"));
    let reason = first.reason("B").unwrap_or_default();
    assert!(reason.contains("sync group"), "{reason}");
    first.look(now + 3 * SECOND, &config, nobody, unseen_by_a);
    assert!(!first.is_holding());
    // One that is MASTER already must not be alone.
    let mut first = FirstResults::default();
    first.look(now, &config, |name| name == "B", unseen_by_a);
    assert!(!first.is_holding());
}
