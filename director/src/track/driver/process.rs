//! Counts the processes that one `vrrp_track_process` is about, and sees at once when one of them ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    os::fd::{FromRawFd as _, OwnedFd},
    process,
    sync::Arc,
    time::Instant,
};

use nix::{errno::Errno, libc};
use tokio::{
    io::{Interest, unix::AsyncFd},
    sync::Notify,
    task::AbortHandle,
    time::sleep_until,
};

use super::{
    super::{process::matching, quorum::Quorum, view::Found},
    Sight, Voice, Why,
    scanner::Listener,
};
use crate::config::TrackProcess;

/// Ends that are waited for, at most: each needs an open file. The list of processes tells the others half a second later.
const MOST_WATCHED: usize = 256;

pub(super) async fn run(wanted: TrackProcess, mut listener: Listener, voice: Voice) {
    let mut core = Quorum::new(&wanted, voice.believed());
    let mut ends = Ends::new(Arc::clone(&listener.rescan));
    let director = i32::try_from(process::id()).unwrap_or(i32::MAX);
    loop {
        let list = listener.list.borrow_and_update().clone();
        if let Some(list) = list {
            let pids = matching(&wanted, &list, director);
            ends.watch(&pids);
            let running = pids.len();
            let now = Instant::now();
            let news = core.count(now, u32::try_from(running).unwrap_or(u32::MAX));
            let sight = Sight {
                why: Why::Processes(running),
                broken: false,
                found: Found::Process { pids },
            };
            let Ok(()) = voice.tell(now, sight, news).await else {
                return;
            };
        }
        tokio::select! {
            changed = listener.list.changed() => {
                // The scanner is stopped only when no process is tracked any more.
                let Ok(()) = changed else { return };
            }
            () = until(core.next_deadline()) => {}
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

/// Waits for the ends of processes, and has the list made anew at each.
struct Ends {
    rescan: Arc<Notify>,
    watched: BTreeMap<i32, AbortHandle>,
}

impl Ends {
    const fn new(rescan: Arc<Notify>) -> Self {
        Self {
            rescan,
            watched: BTreeMap::new(),
        }
    }

    /// Waits for these and no others.
    fn watch(&mut self, pids: &BTreeSet<i32>) {
        self.watched.retain(|pid, task| {
            let is_wanted = pids.contains(pid);
            if !is_wanted {
                task.abort();
            }
            is_wanted
        });
        for &pid in pids {
            if self.watched.len() >= MOST_WATCHED {
                return;
            }
            if !self.watched.contains_key(&pid) {
                self.wait_for(pid);
            }
        }
    }

    fn wait_for(&mut self, pid: i32) {
        let end = match open(pid) {
            Ok(end) => end,
            // It has ended since it was listed.
            Err(Errno::ESRCH) => return self.rescan.notify_one(),
            // The next list tells.
            Err(_) => return,
        };
        // SAFETY: the file is owned, and nothing replaces or closes it as long as it is registered.
        let Ok(end) = (unsafe { AsyncFd::register_with_interest(end, Interest::READABLE) }) else {
            return;
        };
        let rescan = Arc::clone(&self.rescan);
        let task = tokio::spawn(async move {
            if end.readable().await.is_ok() {
                rescan.notify_one();
            }
        });
        self.watched.insert(pid, task.abort_handle());
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.watched.values().for_each(AbortHandle::abort);
    }
}

/// A file that becomes readable when a process ends (pidfd_open(2), Linux 5.3).
fn open(pid: i32) -> nix::Result<OwnedFd> {
    // SAFETY: the call takes two numbers.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just given this file to us and to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
