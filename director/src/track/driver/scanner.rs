//! Lists the processes of this host: every half second, and whenever somebody asks.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, spawn_blocking},
    time::timeout,
};
use tracing::warn;

use super::super::process::{Process, needs_command_line, words};
use crate::config::TrackProcess;

/// How old a list gets.
const PERIOD: Duration = Duration::from_millis(500);

/// How much is read of each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// One file: the name and the parent.
    Names,
    /// Two files. The kernel takes the second one from the process's own memory, which may be swapped out.
    CommandLines,
}

impl Depth {
    pub(super) fn of(wanted: &TrackProcess) -> Self {
        match needs_command_line(wanted) {
            true => Self::CommandLines,
            false => Self::Names,
        }
    }
}

/// The processes; `None` before they were listed for the first time.
pub(super) type List = Option<Arc<[Process]>>;

/// How a tracker takes part.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) list: watch::Receiver<List>,
    /// Asks for a new list at once.
    pub(super) rescan: Arc<Notify>,
}

/// The task that makes the lists. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Scanner {
    listener: Listener,
    depth: watch::Sender<Depth>,
    task: AbortHandle,
}

impl Scanner {
    pub(super) fn start(depth: Depth) -> Self {
        let (publish, list) = watch::channel(None);
        let (depth, depths) = watch::channel(depth);
        let listener = Listener {
            list,
            rescan: Arc::default(),
        };
        let rescan = Arc::clone(&listener.rescan);
        let task = tokio::spawn(work(depths, rescan, publish)).abort_handle();
        Self {
            listener,
            depth,
            task,
        }
    }

    /// From the next list on.
    pub(super) fn look(&self, depth: Depth) {
        let before = self.depth.send_replace(depth);
        if before != depth {
            self.listener.rescan.notify_one();
        }
    }

    pub(super) fn listener(&self) -> Listener {
        self.listener.clone()
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn work(depths: watch::Receiver<Depth>, rescan: Arc<Notify>, publish: watch::Sender<List>) {
    let mut is_failing = false;
    loop {
        let depth = *depths.borrow();
        match spawn_blocking(move || list(depth)).await {
            Ok(Ok(processes)) => {
                is_failing = false;
                publish.send_replace(Some(processes.into()));
            }
            Ok(Err(error)) => {
                if !is_failing {
                    warn!(%error, "the processes of this host cannot be listed, so what is tracked of them stays as it was; is /proc mounted?");
                }
                is_failing = true;
            }
            // The runtime ends.
            Err(_) => return,
        }
        let _asked_or_due = timeout(PERIOD, rescan.notified()).await;
    }
}

fn list(depth: Depth) -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            processes.extend(process(&entry.path(), depth));
        }
    }
    Ok(processes)
}

/// `None`: it has ended, or is not ours to see.
fn process(folder: &Path, depth: Depth) -> Option<Process> {
    let mut process = Process::from_stat(&fs::read(folder.join("stat")).ok()?)?;
    if depth == Depth::CommandLines {
        process.command_line = words(&fs::read(folder.join("cmdline")).ok()?);
    }
    Some(process)
}
