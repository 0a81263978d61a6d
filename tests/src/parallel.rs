//! Many clients at once.

use std::{panic, thread};

use anyhow::Result;

/// Does `work` for each number below `count`, all at the same time, and returns what came of it in that order; the first
/// failure if one failed.
pub fn parallel<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        let done = workers.into_iter().map(|worker| {
            let done = worker.join();
            done.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
        });
        done.collect()
    })
}
