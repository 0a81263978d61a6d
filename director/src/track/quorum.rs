//! The pure core of one `vrrp_track_process`: whether enough processes run, and not too many, for long enough.
//!
//! The first count decides at once. After that a change counts when it has lasted for `fork_delay` (to well) or `terminate_delay`
//! (to failed), and not at all if it is over before.

use std::time::{Duration, Instant};

use crate::{config::TrackProcess, vrrp::Status};

/// One `vrrp_track_process`.
#[derive(Clone, Debug)]
pub struct Quorum {
    least: u32,
    most: Option<u32>,
    fork_delay: Duration,
    terminate_delay: Duration,
    /// `None`: nothing was counted yet.
    status: Option<Status>,
    /// When the other status becomes this one, if it lasts.
    change_due: Option<Instant>,
}

impl Quorum {
    /// `status` is what an earlier tracker of the same name saw.
    #[must_use]
    pub const fn new(process: &TrackProcess, status: Option<Status>) -> Self {
        Self {
            least: process.quorum,
            most: process.quorum_max,
            fork_delay: process.fork_delay,
            terminate_delay: process.terminate_delay,
            status,
            change_due: None,
        }
    }

    /// When to count again at the latest.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<Instant> {
        self.change_due
    }

    /// Takes a count, and gives the status if it is another one now. To count too early or twice is harmless.
    pub fn count(&mut self, now: Instant, running: u32) -> Option<Status> {
        let seen = self.judge(running);
        let due = match (self.status, self.change_due) {
            (Some(status), _) if status == seen => {
                self.change_due = None;
                return None;
            }
            (Some(_), Some(due)) => due,
            (Some(_), None) => now.checked_add(self.delay(seen)).unwrap_or(now),
            (None, _) => now,
        };
        self.change_due = Some(due);
        if now < due {
            return None;
        }
        self.change_due = None;
        self.status = Some(seen);
        self.status
    }

    fn judge(&self, running: u32) -> Status {
        let is_enough = running >= self.least;
        let is_too_much = self.most.is_some_and(|most| running > most);
        match is_enough && !is_too_much {
            true => Status::Well,
            false => Status::Failed,
        }
    }

    const fn delay(&self, seen: Status) -> Duration {
        match seen {
            Status::Well => self.fork_delay,
            Status::Failed | Status::Number(_) => self.terminate_delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ProcessMatch, Span};

    const SECOND: Duration = Duration::from_secs(1);

    fn quorum(least: u32, most: Option<u32>, fork: u64, terminate: u64) -> Quorum {
        let process = TrackProcess {
            name: "haproxy".to_owned(),
            process: vec!["haproxy".to_owned()],
            matching: ProcessMatch::Name,
            quorum: least,
            quorum_max: most,
            fork_delay: Duration::from_secs(fork),
            terminate_delay: Duration::from_secs(terminate),
            span: Span::default(),
        };
        Quorum::new(&process, None)
    }

    fn is_well(least: u32, most: Option<u32>, running: u32) -> bool {
        let status = quorum(least, most, 0, 0).count(Instant::now(), running);
        status == Some(Status::Well)
    }

    #[test]
    fn so_many_must_run_and_not_more() {
        assert!(!is_well(1, None, 0));
        assert!(is_well(1, None, 1));
        assert!(is_well(1, None, 99));
        assert!(!is_well(3, None, 2));
        assert!(is_well(1, Some(1), 1));
        assert!(!is_well(1, Some(1), 2));
        assert!(is_well(0, Some(0), 0), "it must not run");
        assert!(!is_well(0, Some(0), 1));
    }

    #[test]
    fn the_first_count_decides_at_once() {
        let now = Instant::now();
        assert_eq!(quorum(1, None, 9, 9).count(now, 1), Some(Status::Well));
        assert_eq!(quorum(1, None, 9, 9).count(now, 0), Some(Status::Failed));
    }

    #[test]
    fn a_change_is_told_once_and_at_once_without_delays() {
        let now = Instant::now();
        let mut quorum = quorum(1, None, 0, 0);
        quorum.count(now, 1);
        assert_eq!(quorum.count(now, 2), None);
        assert_eq!(quorum.count(now, 0), Some(Status::Failed));
        assert_eq!(quorum.count(now, 0), None);
        assert_eq!(quorum.count(now, 1), Some(Status::Well));
    }

    #[test]
    fn a_process_may_be_away_for_its_terminate_delay() {
        let start = Instant::now();
        let mut quorum = quorum(1, None, 0, 3);
        quorum.count(start, 1);
        assert_eq!(quorum.count(start, 0), None);
        assert_eq!(quorum.next_deadline(), Some(start + 3 * SECOND));
        assert_eq!(quorum.count(start + 2 * SECOND, 1), None);
        assert_eq!(quorum.next_deadline(), None, "it is back");
        let later = start + 10 * SECOND;
        assert_eq!(quorum.count(later, 0), None);
        assert_eq!(quorum.count(later + 2 * SECOND, 0), None);
        let due = quorum.next_deadline().unwrap();
        assert_eq!(due, later + 3 * SECOND);
        assert_eq!(quorum.count(due, 0), Some(Status::Failed));
        assert_eq!(quorum.next_deadline(), None);
    }

    #[test]
    fn a_process_must_have_run_for_its_fork_delay() {
        let start = Instant::now();
        let mut quorum = quorum(1, None, 2, 0);
        quorum.count(start, 0);
        assert_eq!(quorum.count(start, 1), None);
        assert_eq!(quorum.count(start + SECOND, 0), None);
        assert_eq!(quorum.count(start + SECOND, 1), None);
        assert_eq!(quorum.count(start + 2 * SECOND, 1), None);
        assert_eq!(quorum.count(start + 3 * SECOND, 1), Some(Status::Well));
    }

    #[test]
    fn what_an_earlier_tracker_saw_is_no_news() {
        let now = Instant::now();
        let mut quorum = Quorum {
            status: Some(Status::Failed),
            ..quorum(1, None, 0, 0)
        };
        assert_eq!(quorum.count(now, 0), None);
        assert_eq!(quorum.count(now, 1), Some(Status::Well));
    }
}
