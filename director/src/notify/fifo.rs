//! A named pipe that changes are written to, and the script that reads it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::PathBuf,
    time::Duration,
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tokio::task::AbortHandle;
use tracing::warn;

use crate::{
    config::Fifo,
    script::{Call, Policy, Runner},
};

/// A reader that has ended is started again after this time.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// A pipe could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum FifoError {
    /// Something else has its name.
    #[error("{} is there and is no named pipe; remove it, or name another path", .path.display())]
    NoPipe {
        /// The path.
        path: PathBuf,
    },
    /// The kernel refused.
    #[error("opening the named pipe {}", .path.display())]
    Open {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An open pipe. One that was made here is removed with it.
#[derive(Debug)]
pub(super) struct Pipe {
    fifo: Fifo,
    file: File,
    origin: Origin,
    reader: Option<AbortHandle>,
    lost: u64,
}

/// Who made the pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Found,
    Made,
}

impl Pipe {
    pub(super) fn open(fifo: &Fifo, policy: &Policy) -> Result<Self, FifoError> {
        let path = fifo.path.clone();
        let failed = |source| FifoError::Open {
            path: path.clone(),
            source,
        };
        let origin = match fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_fifo() => Origin::Found,
            Ok(_) => return Err(FifoError::NoPipe { path }),
            Err(_) => {
                mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)
                    .map_err(|errno| failed(errno.into()))?;
                Origin::Made
            }
        };
        // Open for both, so that it neither waits for a reader nor fails without one.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(&path)
            .map_err(failed)?;
        let reader = fifo.script.clone().map(|script| {
            let call = Call {
                arguments: vec![path.display().to_string()],
                ..Call::new(script, policy.clone())
            };
            tokio::spawn(keep_running(call)).abort_handle()
        });
        Ok(Self {
            fifo: fifo.clone(),
            file,
            origin,
            reader,
            lost: 0,
        })
    }

    pub(super) fn is_of(&self, fifo: &Fifo) -> bool {
        self.fifo == *fifo
    }

    /// A line is shorter than what the kernel writes in one piece, so it is written whole or not at all (pipe(7)).
    pub(super) fn write(&mut self, line: &str) {
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            self.lost += 1;
            warn!(pipe = %self.fifo.path.display(), lost = self.lost, %error, "nobody reads the named pipe; a change was not written");
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
        if self.origin == Origin::Made {
            let _is_gone_already = fs::remove_file(&self.fifo.path);
        }
    }
}

async fn keep_running(call: Call) {
    let mut runner = Runner::default();
    loop {
        let outcome = runner.run(&call, None).await;
        warn!(script = call.shown(), exit = %outcome.exit, output = outcome.output.trim(), "the reader of the named pipe has ended; it is started again");
        tokio::time::sleep(RESTART_AFTER).await;
    }
}
