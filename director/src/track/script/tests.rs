//! Rows of runs, and what they come to.

use proptest::prelude::*;

use super::*;
use crate::config::{Script, Span};

const SECOND: Duration = Duration::from_secs(1);

fn tracker(rise: u32, fall: u32, standing: Standing, now: Instant) -> ScriptTracker {
    let script = VrrpScript {
        name: "chk".to_owned(),
        script: Script {
            command: vec!["true".to_owned()],
            user: None,
            span: Span::default(),
        },
        interval: 2 * SECOND,
        timeout: 2 * SECOND,
        rise: NonZeroU32::new(rise).unwrap(),
        fall: NonZeroU32::new(fall).unwrap(),
        starts_as: StartsAs::Unknown,
        span: Span::default(),
    };
    ScriptTracker::new(&script, standing, now)
}

/// `+` success, `-` failure, `x` broken.
fn verdict(run: char) -> Verdict {
    match run {
        '+' => Verdict::Success,
        '-' => Verdict::Failure,
        'x' => Verdict::Broken,
        other => panic!("{other}"),
    }
}

/// How the script stands after each run: `W` well, `F` failed.
fn after(rise: u32, fall: u32, standing: Standing, runs: &str) -> String {
    let now = Instant::now();
    let mut tracker = tracker(rise, fall, standing, now);
    let standing = |run| {
        tracker.ended(now, now, verdict(run));
        match tracker.standing() {
            Standing::Unknown => '?',
            Standing::Well => 'W',
            Standing::Failed => 'F',
        }
    };
    runs.chars().map(standing).collect()
}

#[test]
fn the_first_result_decides_whatever_rise_and_fall_are() {
    assert_eq!(after(3, 3, Standing::Unknown, "+"), "W");
    assert_eq!(after(3, 3, Standing::Unknown, "-"), "F");
    assert_eq!(after(3, 3, Standing::Unknown, "x"), "F");
    assert_eq!(Standing::Unknown.status(), Status::Well);
}

#[test]
fn init_fail_needs_as_many_successes_as_any_other_failure() {
    assert_eq!(Standing::from(StartsAs::Failed), Standing::Failed);
    assert_eq!(after(3, 1, Standing::Failed, "++-+++"), "FFFFFW");
}

#[test]
fn rise_and_fall_count_runs_in_a_row() {
    assert_eq!(after(1, 1, Standing::Well, "-+-+"), "FWFW");
    assert_eq!(after(2, 3, Standing::Well, "--+---+-++"), "WWWWWFFFFW");
}

/// Scenario 6.3.
#[test]
fn s6_3_a_broken_script_never_makes_a_failed_one_well() {
    assert_eq!(after(1, 1, Standing::Failed, "xxxxx"), "FFFFF");
    assert_eq!(after(3, 1, Standing::Failed, "++x++x+++"), "FFFFFFFFW");
}

#[test]
fn a_broken_script_never_throws_a_well_one_out() {
    assert_eq!(after(1, 1, Standing::Well, "xxxxx"), "WWWWW");
    assert_eq!(after(1, 2, Standing::Well, "-xx-"), "WWWF");
    assert_eq!(after(1, 2, Standing::Well, "-x+-"), "WWWW");
}

#[test]
fn a_status_is_told_when_it_is_first_known_and_when_it_changes() {
    let now = Instant::now();
    let mut tracker = tracker(1, 2, Standing::Unknown, now);
    let mut told = |run| tracker.ended(now, now, verdict(run)).status;
    assert_eq!(told('+'), Some(Status::Well));
    assert_eq!(told('+'), None);
    assert_eq!(told('-'), None);
    assert_eq!(told('-'), Some(Status::Failed));
    assert_eq!(told('-'), None);
    assert_eq!(told('+'), Some(Status::Well));
}

#[test]
fn that_a_script_breaks_and_is_mended_is_told_once() {
    let now = Instant::now();
    let mut tracker = tracker(1, 1, Standing::Well, now);
    let mut told = |run| tracker.ended(now, now, verdict(run)).soundness;
    assert_eq!(told('+'), Soundness::Unchanged);
    assert_eq!(told('x'), Soundness::Broke);
    assert_eq!(told('x'), Soundness::Unchanged);
    assert_eq!(told('-'), Soundness::Mended);
    assert_eq!(told('-'), Soundness::Unchanged);
}

#[test]
fn equal_runs_are_counted_for_the_reader() {
    let now = Instant::now();
    let mut tracker = tracker(1, 1, Standing::Unknown, now);
    let mut rows = Vec::new();
    for run in "--x++".chars() {
        tracker.ended(now, now, verdict(run));
        rows.push(tracker.in_a_row());
    }
    assert_eq!(rows, [1, 2, 1, 1, 2]);
}

#[test]
fn the_interval_is_from_start_to_start_and_runs_never_overlap() {
    let start = Instant::now();
    let mut tracker = tracker(1, 1, Standing::Unknown, start);
    assert_eq!(tracker.next_start(), start);
    tracker.ended(start, start + SECOND, Verdict::Success);
    assert_eq!(tracker.next_start(), start + 2 * SECOND);
    let late = start + 5 * SECOND;
    tracker.ended(start + 2 * SECOND, late, Verdict::Failure);
    assert_eq!(
        tracker.next_start(),
        late,
        "it took longer than the interval"
    );
}

proptest! {
    /// Whatever came before: only failures make a script fail, and only successes make it well.
    #[test]
    fn a_broken_run_changes_no_status_that_is_known(
        rise in 1_u32..4, fall in 1_u32..4, runs in "[-+x]{1,30}",
    ) {
        let row = after(rise, fall, Standing::Unknown, &runs);
        let pairs = row.chars().zip(row.chars().skip(1));
        for ((before, after), run) in pairs.zip(runs.chars().skip(1)) {
            match (before, after) {
                ('W', 'F') => prop_assert_eq!(run, '-'),
                ('F', 'W') => prop_assert_eq!(run, '+'),
                _ => {}
            }
        }
    }
}
