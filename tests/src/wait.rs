//! Waiting for something to become true, with a deadline and a name for what was awaited.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(20);

/// Asks `seen` again and again until it finds something, and returns it.
///
/// # Errors
///
/// Names `what` when `limit` has passed.
pub fn until<T>(what: &str, limit: Duration, mut seen: impl FnMut() -> Option<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = seen() {
            return Ok(found);
        }
        if began.elapsed() >= limit {
            bail!("waited {limit:?} in vain until {what}");
        }
        thread::sleep(PAUSE);
    }
}
