//! Notices changes of one file by inotify(7) on its folder. It is a hint only: who waits for it reads the file now and then anyway, since a
//! folder may come late, be a link, or be on another host.

use std::{
    ffi::OsString,
    future::pending,
    os::fd::{AsFd as _, AsRawFd, RawFd},
    path::Path,
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
};
use tokio::io::{Interest, unix::AsyncFd};

/// What tells that a file has another content. Half-written files are none of it.
const CHANGES: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_DELETE);
/// What ends the watch.
const ENDS: AddWatchFlags = AddWatchFlags::IN_DELETE_SELF
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_IGNORED);

/// A watch on one file.
pub(super) struct FolderWatch {
    inotify: AsyncFd<Changes>,
    name: OsString,
}

/// The kernel's queue of changes.
struct Changes(Inotify);

impl AsRawFd for Changes {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// What was noticed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Noticed {
    Change,
    /// The folder is not there any more.
    End,
}

impl FolderWatch {
    /// `None`: the folder is not there, or the system has no watch left.
    pub(super) fn of(file: &Path) -> Option<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok()?;
        let kinds = CHANGES | AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
        inotify
            .add_watch(file.parent()?, kinds | AddWatchFlags::IN_ONLYDIR)
            .ok()?;
        // SAFETY: the queue owns its file, and nothing replaces or closes it as long as it is registered.
        let queue =
            unsafe { AsyncFd::register_with_interest(Changes(inotify), Interest::READABLE) };
        Some(Self {
            inotify: queue.ok()?,
            name: file.file_name()?.to_owned(),
        })
    }

    /// Waits for something that has to do with the file.
    pub(super) async fn noticed(&self) -> Noticed {
        loop {
            let Ok(mut ready) = self.inotify.readable().await else {
                return Noticed::End;
            };
            match self.inotify.get_ref().0.read_events() {
                Ok(events) => {
                    if events.iter().any(|event| event.mask.intersects(ENDS)) {
                        return Noticed::End;
                    }
                    let is_overflow =
                        |mask: AddWatchFlags| mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
                    if events.iter().any(|event| {
                        event.name.as_ref() == Some(&self.name) || is_overflow(event.mask)
                    }) {
                        return Noticed::Change;
                    }
                }
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(Errno::EINTR) => {}
                Err(_) => return Noticed::End,
            }
        }
    }
}

/// The same of a watch that may not be there.
pub(super) async fn noticed(watch: Option<&FolderWatch>) -> Noticed {
    match watch {
        Some(watch) => watch.noticed().await,
        None => pending().await,
    }
}
