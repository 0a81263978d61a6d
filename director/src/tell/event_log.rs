//! `director_event_log`: the record of ended connections as a file, one JSON object a line.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Instant,
};

use serde::Serialize;
use tokio::{
    fs::File,
    io::AsyncWriteExt as _,
    sync::{
        broadcast::{
            Receiver,
            error::{RecvError, TryRecvError},
        },
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
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

/// A file that is open for records.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    path: PathBuf,
}

impl LogFile {
    /// Opens a file to add to it, or makes it.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(MODE).open(path)?;
        Ok(Self {
            file: file.into(),
            path: path.to_owned(),
        })
    }
}

/// The one writer of records. It goes on when the file is another one, so that each record is written once.
#[derive(Debug)]
pub struct EventLog {
    files: UnboundedSender<Option<LogFile>>,
    writer: JoinHandle<()>,
}

/// What is lost where records come faster than the disk takes them.
#[derive(Serialize)]
struct Missed {
    missed: u64,
}

impl EventLog {
    /// Listens to records, and writes none yet. Must be called within a tokio runtime.
    #[must_use]
    pub fn start(records: &Records) -> Self {
        let (_, live) = records.read();
        let (files, changes) = unbounded_channel();
        let writer = tokio::spawn(Writer::default().work(live, changes));
        Self { files, writer }
    }

    /// Has what comes from now on written to this file; `None`: to no file.
    pub fn write_to(&self, file: Option<LogFile>) {
        // The writer ends after this only.
        let _gone = self.files.send(file);
    }

    /// Waits until everything that is known is written.
    pub async fn finish(self) {
        drop(self.files);
        if let Err(error) = self.writer.await {
            warn!(%error, "the event log did not end well");
        }
    }
}

#[derive(Default)]
struct Writer {
    log: Option<LogFile>,
    digest: Digest,
    /// Told once for each time that it fails.
    is_failing: bool,
}

impl Writer {
    async fn work(
        mut self,
        mut live: Receiver<Record>,
        mut changes: UnboundedReceiver<Option<LogFile>>,
    ) {
        loop {
            let mut lines = Vec::new();
            tokio::select! {
                event = live.recv() => match event {
                    Ok(record) => self.add(&mut lines, record),
                    Err(RecvError::Lagged(missed)) => add_all(&mut lines, [Missed { missed }]),
                    Err(RecvError::Closed) => break,
                },
                () = due(self.digest.next_deadline()) => {
                    add_all(&mut lines, self.digest.settle(Instant::now()));
                }
                change = changes.recv() => match change {
                    Some(log) => self.log = log,
                    None => break,
                },
            }
            self.write(&lines).await;
        }
        let mut lines = Vec::new();
        loop {
            match live.try_recv() {
                Ok(record) => self.add(&mut lines, record),
                Err(TryRecvError::Lagged(missed)) => add_all(&mut lines, [Missed { missed }]),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        add_all(&mut lines, self.digest.take_all());
        self.write(&lines).await;
    }

    fn add(&mut self, lines: &mut Vec<u8>, record: Record) {
        let now = Instant::now();
        add_all(lines, self.digest.settle(now));
        add_all(lines, self.digest.take(now, record));
    }

    async fn write(&mut self, lines: &[u8]) {
        let Some(LogFile { file, path }) = &mut self.log else {
            return;
        };
        // The file buffers, and says of a write that failed only at the next one or when it is flushed.
        let written = match file.write_all(lines).await {
            Ok(()) => file.flush().await,
            Err(error) => Err(error),
        };
        if let (Err(error), false) = (&written, self.is_failing) {
            warn!(file = %path.display(), %error, "ended connections cannot be recorded; `director events` has the latest");
        }
        self.is_failing = written.is_err();
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

    fn ports(path: &Path) -> Vec<u16> {
        let text = fs::read_to_string(path).expect("text");
        let records = text.lines().map(serde_json::from_str::<Record>);
        let ports = records.map(|record| record.expect("a record").client.port());
        ports.collect()
    }

    #[tokio::test]
    async fn each_record_is_a_line_after_those_that_were_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events");
        let records = Records::default();
        for (first, known) in [(1, vec![1, 2]), (3, vec![1, 2, 3, 4])] {
            let log = EventLog::start(&records);
            log.write_to(Some(LogFile::open(&path).expect("a file")));
            tokio::task::yield_now().await;
            records.add("a test", record(first));
            records.add("a test", record(first + 1));
            log.finish().await;
            assert_eq!(ports(&path), known);
        }
    }

    #[tokio::test]
    async fn a_record_is_in_one_file_only_when_the_file_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::default();
        let log = EventLog::start(&records);
        let paths = ["old", "new"].map(|name| folder.path().join(name));
        for (port, path) in (1..).zip(&paths) {
            log.write_to(Some(LogFile::open(path).expect("a file")));
            // The writer takes the file first.
            tokio::task::yield_now().await;
            records.add("a test", record(port));
            while ports(path).is_empty() {
                tokio::task::yield_now().await;
            }
        }
        log.write_to(None);
        tokio::task::yield_now().await;
        records.add("a test", record(3));
        log.finish().await;
        assert_eq!(paths.map(|path| ports(&path)), [[1], [2]]);
    }

    #[tokio::test]
    async fn what_was_summed_up_is_written_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events");
        let records = Records::default();
        let log = EventLog::start(&records);
        log.write_to(Some(LogFile::open(&path).expect("a file")));
        tokio::task::yield_now().await;
        (0..1200).for_each(|port| records.add("a test", record(port)));
        log.finish().await;
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().count(), 1001);
        let last = text.lines().next_back().expect("a sum");
        let sum: serde_json::Value = serde_json::from_str(last).expect("JSON");
        assert_eq!(sum["summarised"], 200);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let error = LogFile::open(Path::new("/nowhere/events"));
        assert!(error.is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    }
}
