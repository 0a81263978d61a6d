//! `director_event_log`: the record of ended connections as a file, one JSON object a line.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Instant,
};

use serde::Serialize;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::JoinHandle,
    time::sleep_until,
};
use tracing::warn;

use super::{
    digest::Digest,
    record::{Record, Records},
};

/// Who has had which connection is not everybody's business.
const MODE: u32 = 0o640;

/// A log that is written for as long as this lives.
#[derive(Debug)]
pub struct EventLog {
    writer: JoinHandle<()>,
}

/// What is lost where records come faster than the disk takes them.
#[derive(Serialize)]
struct Missed {
    missed: u64,
}

impl EventLog {
    /// Opens a file, or makes it, and adds each record from now on. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The file cannot be opened.
    pub fn start(path: &Path, records: &Records) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(MODE).open(path)?;
        let (_, live) = records.read();
        let path = path.to_owned();
        let writer = tokio::spawn(async move { write_all(file, path, live).await });
        Ok(Self { writer })
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

async fn write_all(mut file: File, path: PathBuf, mut live: Receiver<Record>) {
    let mut digest = Digest::default();
    let mut is_writable = true;
    loop {
        let mut lines = Vec::new();
        tokio::select! {
            event = live.recv() => match event {
                Ok(record) => {
                    add_all(&mut lines, digest.settle(Instant::now()));
                    add_all(&mut lines, digest.take(Instant::now(), record));
                }
                Err(RecvError::Lagged(missed)) => add_all(&mut lines, [Missed { missed }]),
                Err(RecvError::Closed) => return,
            },
            () = due(digest.next_deadline()) => add_all(&mut lines, digest.settle(Instant::now())),
        }
        let written = file.write_all(&lines);
        if let Err(error) = &written
            && is_writable
        {
            warn!(file = %path.display(), %error, "ended connections cannot be recorded; `director events` has the latest");
        }
        // Told once for each time that it fails.
        is_writable = written.is_ok();
    }
}

async fn due(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

fn add_all<T: Serialize>(lines: &mut Vec<u8>, values: impl IntoIterator<Item = T>) {
    for value in values {
        // Nothing in a record cannot be JSON, and memory takes every byte.
        if serde_json::to_writer(&mut *lines, &value).is_ok() {
            lines.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::record::tests::record, *};

    #[tokio::test]
    async fn each_record_is_a_line_of_the_file_after_those_that_were_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events");
        fs::write(&path, "{}\n").expect("a file");
        let records = Records::default();
        let log = EventLog::start(&path, &records).expect("a log");
        records.add(record(1));
        records.add(record(2));
        let lines = loop {
            let text = fs::read_to_string(&path).expect("text");
            if text.lines().count() == 3 {
                break text;
            }
            tokio::task::yield_now().await;
        };
        let ports: Vec<_> = lines
            .lines()
            .skip(1)
            .map(|line| {
                serde_json::from_str::<Record>(line)
                    .expect("a record")
                    .client
                    .port()
            })
            .collect();
        assert_eq!(ports, [1, 2]);
        drop(log);
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error() {
        let error = EventLog::start(Path::new("/nowhere/events"), &Records::default());
        assert!(error.is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    }
}
