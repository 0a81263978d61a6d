//! Reads a `track_file` when it changes, and every half second in case nobody said so.

use std::{
    fs::OpenOptions,
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{errno::Errno, libc};
use tokio::{task::spawn_blocking, time::sleep_until};
use tracing::{info, warn};

use super::{
    super::{
        file::{FileTracker, Reading},
        view::Found,
    },
    Occasion, Sight, Voice, Why,
    folder::{FolderWatch, Noticed, noticed},
};
use crate::{
    config::{InitFile, TrackFile},
    vrrp::Status,
};

/// How long a change may go unnoticed at most.
const PERIOD: Duration = Duration::from_millis(500);
/// As much as keepalived reads of a file.
const MOST_BYTES: u64 = 127;

pub(super) async fn run(file: TrackFile, occasion: Occasion, voice: Voice) {
    let number = match voice.believed() {
        Some(Status::Number(number)) => Some(number),
        Some(Status::Well | Status::Failed) | None => None,
    };
    let mut core = FileTracker::new(number);
    initialize(&file, occasion).await;
    let mut watch = None;
    let mut last = None;
    loop {
        // Before it is read: a change after that is noticed.
        watch = watch.or_else(|| FolderWatch::of(&file.file));
        let reading = read_apart(file.file.clone()).await;
        let now = Instant::now();
        let news = core.read(now, reading);
        warn_of(&voice, &file.file, last.replace(reading), reading);
        let sight = Sight {
            why: Why::File(reading),
            broken: !reading.is_sound(),
            found: Found::File {
                path: file.file.clone(),
            },
        };
        let Ok(()) = voice.tell(now, sight, news).await else {
            return;
        };
        let due = core.next_deadline().unwrap_or(now + PERIOD);
        tokio::select! {
            noticed = noticed(watch.as_ref()) => if noticed == Noticed::End {
                watch = None;
                // A folder that cannot be watched for long must not be asked in a circle.
                sleep_until(due.into()).await;
            },
            () = sleep_until(due.into()) => {}
        }
    }
}

fn warn_of(voice: &Voice, path: &Path, before: Option<Reading>, reading: Reading) {
    let was_sound = before.is_none_or(Reading::is_sound);
    let (name, path) = (voice.name(), path.display());
    match (was_sound, reading.is_sound()) {
        (true, false) => {
            warn!("file {name} ({path}) says nothing: {reading}; write a number into it, such as 0")
        }
        (false, true) => info!("file {name} ({path}) can be read again: {reading}"),
        (true, true) | (false, false) => {}
    }
}

/// Disks may not answer, so this has a thread of its own.
async fn read_apart(path: PathBuf) -> Reading {
    let reading = spawn_blocking(move || read(&path)).await;
    reading.unwrap_or(Reading::Unreadable(Errno::ECANCELED))
}

fn read(path: &Path) -> Reading {
    match beginning(path) {
        Ok(bytes) => Reading::of(&bytes),
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENOTDIR) => Reading::Missing,
            errno => Reading::Unreadable(errno.unwrap_or(Errno::EIO)),
        },
    }
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    // A named pipe without a writer must not hold it up.
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn initialize(file: &TrackFile, occasion: Occasion) {
    let Some(init) = file.init else { return };
    let path = file.file.clone();
    let written = spawn_blocking(move || write(&path, init, occasion)).await;
    if let Ok(Err(error)) = written {
        warn!(
            %error,
            "`init_file` of file {} cannot be written to {}; look whether its folder is there",
            file.name,
            file.file.display()
        );
    }
}

/// A file that is there is left alone, unless it shall be overwritten and the daemon has just started.
fn write(path: &Path, init: InitFile, occasion: Occasion) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .mode(0o644)
        .custom_flags(libc::O_NONBLOCK);
    let opened = match (init.overwrite, occasion) {
        (true, Occasion::Start) => options.create(true).truncate(true).open(path),
        (true, Occasion::Reload) | (false, _) => options.create_new(true).open(path),
    };
    match opened {
        Ok(mut file) => writeln!(file, "{}", init.value),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
