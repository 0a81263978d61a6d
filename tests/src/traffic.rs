//! Somebody who does the same thing again and again while other things happen, and a record of how it went.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::mariadb::ServerId;

/// Work that goes on in the background until it is asked how it went.
#[derive(Debug)]
pub struct Traffic {
    stop: Sender<()>,
    worker: JoinHandle<Record>,
}

/// One go at the work.
#[derive(Debug)]
pub struct Attempt {
    pub began: Instant,
    pub ended: Instant,
    /// Who answered, or what went wrong.
    pub answer: Result<ServerId, String>,
}

/// All attempts in their order.
#[derive(Debug)]
pub struct Record(pub Vec<Attempt>);

impl Traffic {
    /// Does `work` now and then again whenever `pause` has passed since the end of the last time.
    pub fn start(pause: Duration, work: impl FnMut() -> Result<ServerId> + Send + 'static) -> Self {
        let (stop, stopped) = channel();
        let worker = thread::spawn(move || repeat(pause, &stopped, work));
        Self { stop, worker }
    }

    /// Lets the present attempt end and returns the record.
    pub fn finish(self) -> Result<Record> {
        drop(self.stop);
        self.worker.join().ok().context("the traffic panicked")
    }
}

fn repeat(
    pause: Duration,
    stopped: &Receiver<()>,
    mut work: impl FnMut() -> Result<ServerId>,
) -> Record {
    let mut attempts = Vec::new();
    loop {
        let began = Instant::now();
        let answer = work().map_err(|error| format!("{error:#}"));
        attempts.push(Attempt {
            began,
            ended: Instant::now(),
            answer,
        });
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return Record(attempts);
        }
    }
}

impl Record {
    /// How many attempts were answered, and how many of them by this server.
    pub fn answers(&self, server: ServerId) -> usize {
        self.0
            .iter()
            .filter(|attempt| attempt.answer.as_ref() == Ok(&server))
            .count()
    }

    /// What went wrong, in its order.
    pub fn failures(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|attempt| attempt.answer.as_ref().err())
            .map(String::as_str)
            .collect()
    }

    /// The longest time from the end of one answered attempt to the end of the next.
    pub fn longest_gap(&self) -> Duration {
        let answered: Vec<_> = self
            .0
            .iter()
            .filter(|attempt| attempt.answer.is_ok())
            .map(|attempt| attempt.ended)
            .collect();
        answered
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_is_between_answers_whatever_failed_meanwhile() {
        let start = Instant::now();
        let at = |millis, answer| {
            let ended = start + Duration::from_millis(millis);
            Attempt {
                began: ended,
                ended,
                answer,
            }
        };
        let (one, failed) = (ServerId(1), || Err("refused".to_owned()));
        let record = Record(vec![
            at(0, Ok(one)),
            at(10, Ok(one)),
            at(50, failed()),
            at(90, failed()),
            at(110, Ok(ServerId(2))),
            at(500, failed()),
        ]);
        assert_eq!(record.longest_gap(), Duration::from_millis(100));
        assert_eq!((record.answers(one), record.failures().len()), (2, 3));
    }
}
