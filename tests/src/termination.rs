//! What happens on Ctrl-C, SIGTERM and SIGHUP: the labs of this process are removed, then it ends.

use std::{
    process,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
};

use anyhow::{Context, Result};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::remnants;

/// Locked while a namespace or a process comes into being, and from the moment on that this process is being ended, so that
/// nothing can come into being behind the back of the removal.
static ENDING: Mutex<()> = Mutex::new(());

/// Removes this process's labs when it is told to end. Only the first call does something.
pub fn watch() -> Result<()> {
    static WATCHED: Once = Once::new();
    if WATCHED.is_completed() {
        return Ok(());
    }
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot watch for signals")?;
    WATCHED.call_once(|| {
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                end(128 + signal);
            }
        });
    });
    Ok(())
}

/// Held while something is made that a removal must find. While the process is being ended nobody gets it any more.
pub(crate) fn guard() -> MutexGuard<'static, ()> {
    ENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does not return if the process is being ended. What fails then fails because its lab goes, and is not worth telling.
pub fn stop_here_if_ending() {
    drop(guard());
}

fn end(exit_code: i32) -> ! {
    // Never released: the process ends with it.
    let _ending = guard();
    eprintln!("interrupted; removing the lab");
    remnants::remove_own();
    process::exit(exit_code)
}
