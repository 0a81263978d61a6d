//! Table, random sequences with invariants, and the worst case on a virtual clock.

use proptest::prelude::*;

use super::*;
use crate::config::TcpCheck;

const INTERVAL: Duration = Duration::from_secs(20);
const RETRY_DELAY: Duration = Duration::from_secs(3);
const WARMUP: Duration = Duration::from_secs(8);
const REFUSED: FailReason = FailReason::Refused;
const FAIL: Probe = Probe::Fail(REFUSED);
const BROKEN: Probe = Probe::Broken(Errno::EMFILE);

fn pace(retries: u32) -> CheckPace {
    CheckPace {
        interval: INTERVAL,
        retries,
        retry_delay: RETRY_DELAY,
        warmup: WARMUP,
    }
}

/// A core with the clock that a driver would read.
struct Bench {
    check: HealthCheck,
    now: Instant,
}

impl Bench {
    fn new(retries: u32, start: Start) -> Self {
        let now = Instant::now();
        Self {
            check: HealthCheck::new(pace(retries), start, now, Jitter(0)),
            now,
        }
    }

    /// Waits for the deadline, starts the probe, lets it take `cost`, and gives its result.
    fn attempt_taking(&mut self, cost: Duration, probe: Probe) -> Option<Report> {
        self.now = self.check.next_deadline().expect("no probe is running");
        assert_eq!(
            self.check.handle(self.now, Input::Deadline),
            Some(Action::StartProbe)
        );
        self.now += cost;
        match self.check.handle(self.now, Input::Probed(probe)) {
            Some(Action::Report(report)) => Some(report),
            None => None,
            Some(Action::StartProbe) => panic!("a probe started without a pause"),
        }
    }

    fn attempt(&mut self, probe: Probe) -> Option<Report> {
        self.attempt_taking(Duration::ZERO, probe)
    }

    /// Time until the next attempt.
    fn pause(&self) -> Duration {
        self.check.next_deadline().expect("no probe is running") - self.now
    }
}

#[test]
fn every_state_and_result_has_its_transition_pause_and_report() {
    use State::{AssumedUp, Down, Up};
    let retrying = Some(Report::Retrying {
        attempt: 1,
        attempts: 3,
        reason: REFUSED,
    });
    let retrying_again = Some(Report::Retrying {
        attempt: 2,
        attempts: 3,
        reason: REFUSED,
    });
    let died = |attempts| {
        Some(Report::Died {
            attempts,
            reason: REFUSED,
        })
    };
    let broken = Some(Report::Broken {
        errno: Errno::EMFILE,
    });
    let up = Up { failures: 0 };
    let table = [
        (
            AssumedUp,
            Probe::Pass,
            up,
            INTERVAL,
            Some(Report::Confirmed),
        ),
        (AssumedUp, FAIL, Down, INTERVAL, died(1)),
        (AssumedUp, BROKEN, AssumedUp, INTERVAL, broken),
        (up, Probe::Pass, up, INTERVAL, None),
        (up, FAIL, Up { failures: 1 }, RETRY_DELAY, retrying),
        (up, BROKEN, up, INTERVAL, broken),
        (
            Up { failures: 1 },
            Probe::Pass,
            up,
            INTERVAL,
            Some(Report::Confirmed),
        ),
        (
            Up { failures: 1 },
            FAIL,
            Up { failures: 2 },
            RETRY_DELAY,
            retrying_again,
        ),
        (
            Up { failures: 1 },
            BROKEN,
            Up { failures: 1 },
            INTERVAL,
            broken,
        ),
        (
            Up { failures: 2 },
            Probe::Pass,
            up,
            INTERVAL,
            Some(Report::Confirmed),
        ),
        (Up { failures: 2 }, FAIL, Down, INTERVAL, died(3)),
        (
            Up { failures: 2 },
            BROKEN,
            Up { failures: 2 },
            INTERVAL,
            broken,
        ),
        (Down, Probe::Pass, up, INTERVAL, Some(Report::Recovered)),
        (
            Down,
            FAIL,
            Down,
            INTERVAL,
            Some(Report::StillDown { reason: REFUSED }),
        ),
        (Down, BROKEN, Down, INTERVAL, broken),
    ];
    for (before, probe, after, wait, report) in table {
        let mut bench = Bench::new(2, Start::AssumeUp);
        bench.check.state = before;
        assert_eq!(bench.attempt(probe), report, "{before:?} and {probe:?}");
        assert_eq!(bench.check.state, after, "{before:?} and {probe:?}");
        assert_eq!(bench.pause(), wait, "{before:?} and {probe:?}");
    }
}

#[test]
fn starts_up_and_with_alpha_down() {
    let health = |start| Bench::new(1, start).check.health();
    assert_eq!(health(Start::AssumeUp), Health::Up);
    assert_eq!(health(Start::AssumeDown), Health::Down);
    assert_eq!(health(Start::Resume(Health::Up)), Health::Up);
    assert_eq!(health(Start::Resume(Health::Down)), Health::Down);
}

#[test]
fn a_resumed_server_that_was_seen_up_gets_its_retries() {
    let mut bench = Bench::new(1, Start::Resume(Health::Up));
    bench.attempt(FAIL);
    assert_eq!(bench.check.health(), Health::Up);
    bench.attempt(FAIL);
    assert_eq!(bench.check.health(), Health::Down);
}

#[test]
fn without_retries_one_failure_is_enough() {
    let mut bench = Bench::new(0, Start::AssumeUp);
    bench.attempt(Probe::Pass);
    assert_eq!(
        bench.attempt(FAIL),
        Some(Report::Died {
            attempts: 1,
            reason: REFUSED
        })
    );
}

#[test]
fn the_first_attempt_is_spread_over_the_warmup() {
    let now = Instant::now();
    let first = |jitter| {
        let check = HealthCheck::new(pace(1), Start::AssumeUp, now, Jitter(jitter));
        check.next_deadline().expect("the check waits") - now
    };
    assert_eq!(first(0), BOOTSTRAP_DELAY);
    assert_eq!(first(1 << 31), BOOTSTRAP_DELAY + WARMUP / 2);
    assert!(first(u32::MAX) <= BOOTSTRAP_DELAY + WARMUP);
}

#[test]
fn an_early_deadline_and_a_stray_result_do_nothing() {
    let mut bench = Bench::new(1, Start::AssumeUp);
    let deadline = bench.check.next_deadline().expect("the check waits");
    assert_eq!(bench.check.handle(bench.now, Input::Deadline), None);
    assert_eq!(bench.check.handle(deadline, Input::Probed(FAIL)), None);
    assert_eq!(bench.check.health(), Health::Up);
    assert_eq!(bench.check.next_deadline(), Some(deadline));
}

#[test]
fn a_deadline_while_a_probe_runs_starts_no_second_one() {
    let mut bench = Bench::new(1, Start::AssumeUp);
    let deadline = bench.check.next_deadline().expect("the check waits");
    assert_eq!(
        bench.check.handle(deadline, Input::Deadline),
        Some(Action::StartProbe)
    );
    assert_eq!(
        bench.check.handle(deadline + INTERVAL, Input::Deadline),
        None
    );
    assert_eq!(bench.check.next_deadline(), None);
}

/// Scenario 2.14: the server falls silent just after a pass; 20 + 4 * 5 + 3 * 3 = 49 s.
#[test]
fn a_silent_server_is_down_after_exactly_the_worst_case_that_is_documented() {
    let timeout = Duration::from_secs(5);
    let check = TcpCheck {
        connect: ([192, 168, 66, 253], 3306).into(),
        bind: None,
        connect_timeout: timeout,
        pace: pace(3),
    };
    let mut bench = Bench::new(3, Start::AssumeUp);
    bench.attempt(Probe::Pass);
    let dies = bench.now;
    while bench.check.health() == Health::Up {
        bench.attempt_taking(timeout, Probe::Fail(FailReason::TimedOut(timeout)));
    }
    assert_eq!(bench.now - dies, check.worst_case_detection());
    assert_eq!(bench.now - dies, Duration::from_secs(49));
}

fn any_probe() -> impl Strategy<Value = Probe> {
    prop_oneof![2 => Just(Probe::Pass), 4 => Just(FAIL), 1 => Just(BROKEN)]
}

fn any_input() -> impl Strategy<Value = (Input, Duration)> {
    let input = prop_oneof![3 => Just(Input::Deadline), 2 => any_probe().prop_map(Input::Probed)];
    (input, (0..25_000u64).prop_map(Duration::from_millis))
}

fn any_start() -> impl Strategy<Value = Start> {
    prop_oneof![
        Just(Start::AssumeUp),
        Just(Start::AssumeDown),
        Just(Start::Resume(Health::Up)),
        Just(Start::Resume(Health::Down)),
    ]
}

proptest! {
    #[test]
    fn a_server_seen_up_never_dies_before_its_last_retry(
        retries in 0u32..5,
        start in any_start(),
        probes in prop::collection::vec(any_probe(), 0..60),
    ) {
        let mut bench = Bench::new(retries, start);
        let mut passed = start == Start::Resume(Health::Up);
        let mut failures_in_a_row = 0;
        for probe in probes {
            let before = bench.check.health();
            let report = bench.attempt(probe);
            let after = bench.check.health();
            match probe {
                Probe::Pass => (passed, failures_in_a_row) = (true, 0),
                Probe::Fail(_) => failures_in_a_row += 1,
                Probe::Broken(_) => prop_assert_eq!(before, after),
            }
            let died = (before, after) == (Health::Up, Health::Down);
            if died && passed {
                prop_assert_eq!(failures_in_a_row, retries + 1);
            }
            if probe == Probe::Pass {
                prop_assert_eq!(after, Health::Up);
            }
            if failures_in_a_row > retries {
                prop_assert_eq!(after, Health::Down);
            }
            let told = report.and_then(|report| report.transition());
            prop_assert_eq!(told, (before != after).then_some(after));
        }
    }

    #[test]
    fn whatever_comes_in_there_is_one_probe_or_one_deadline(
        retries in 0u32..5,
        start in any_start(),
        inputs in prop::collection::vec(any_input(), 0..80),
    ) {
        let mut bench = Bench::new(retries, start);
        let mut probing = false;
        for (input, later) in inputs {
            bench.now += later;
            let action = bench.check.handle(bench.now, input);
            match input {
                Input::Deadline if action == Some(Action::StartProbe) => {
                    prop_assert!(!probing);
                    probing = true;
                }
                Input::Deadline => prop_assert_eq!(action, None),
                Input::Probed(_) => {
                    prop_assert!(probing || action.is_none());
                    probing = false;
                }
            }
            prop_assert_eq!(bench.check.next_deadline().is_none(), probing);
        }
    }
}
