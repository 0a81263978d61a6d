//! The record: what became of each connection, for whoever wants to know later or now.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// Records that are kept.
const RECENT: usize = 1000;
/// Records that may wait for a reader; one that is slower misses some, and is told how many.
const WAITING: usize = 4096;

/// One connection that was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, as RFC 3339 in UTC.
    pub at: String,
    /// Why.
    pub reason: String,
    /// The client and its port.
    pub client: SocketAddr,
    /// The VIP and its port.
    pub vip: SocketAddr,
    /// The real server.
    pub server: IpAddr,
    /// Time since it began, seconds.
    pub age_secs: u64,
    /// Time since the client was last heard, seconds.
    pub idle_secs: u64,
    /// Whether a reset for the client has left this host.
    pub client_told: bool,
    /// Whether a reset for the real server has left this host, to a MAC address that somebody answers for.
    pub server_told: bool,
}

impl Record {
    /// A time as a record has it.
    pub(super) fn time(at: SystemTime) -> String {
        humantime::format_rfc3339_millis(at).to_string()
    }
}

/// The latest records, and those that are to come.
#[derive(Debug)]
pub struct Records {
    kept: Mutex<Kept>,
    live: broadcast::Sender<Record>,
}

#[derive(Debug, Default)]
struct Kept {
    recent: VecDeque<Record>,
    /// Connections by what ended them.
    by_cause: BTreeMap<&'static str, u64>,
}

impl Default for Records {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            live: broadcast::Sender::new(WAITING),
        }
    }
}

impl Records {
    /// Takes a record, to be counted by [`Reason::cause`](super::Reason::cause).
    pub(super) fn add(&self, cause: &'static str, record: Record) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.recent.len() == RECENT {
            kept.recent.pop_front();
        }
        kept.recent.push_back(record.clone());
        *kept.by_cause.entry(cause).or_default() += 1;
        // While the lock is held, so that a reader gets each record once. Nobody may listen.
        let _unheard = self.live.send(record);
    }

    /// The latest records, and a receiver of all that follow them.
    pub fn read(&self) -> (Vec<Record>, broadcast::Receiver<Record>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.recent.iter().cloned().collect(), self.live.subscribe())
    }

    /// Connections that were ended since the start, by [`Reason::cause`](super::Reason::cause).
    #[must_use]
    pub fn by_cause(&self) -> BTreeMap<String, u64> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = kept.by_cause.iter();
        counts
            .map(|(cause, count)| ((*cause).to_owned(), *count))
            .collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::Reason, *};

    pub(in super::super) fn record(port: u16) -> Record {
        Record {
            at: Record::time(SystemTime::UNIX_EPOCH),
            reason: "a test".to_owned(),
            client: ([10, 0, 0, 1], port).into(),
            vip: ([10, 0, 0, 2], 80).into(),
            server: [10, 0, 0, 3].into(),
            age_secs: 1,
            idle_secs: 0,
            client_told: true,
            server_told: true,
        }
    }

    #[test]
    fn a_reader_gets_the_latest_and_then_what_follows() {
        let records = Records::default();
        for port in 0..1010 {
            records.add("a test", record(port));
        }
        let (recent, mut live) = records.read();
        let ports: Vec<_> = recent.iter().map(|record| record.client.port()).collect();
        assert_eq!(ports, (10..1010).collect::<Vec<_>>());
        records.add("a test", record(2000));
        assert_eq!(live.try_recv().map(|record| record.client.port()), Ok(2000));
        assert!(live.try_recv().is_err());
        assert_eq!(recent[0].at, "1970-01-01T00:00:00.000Z");
        let failed = Reason::CheckFailed("connection refused".to_owned());
        assert_eq!(failed.to_string(), "a check failed: connection refused");
        records.add(failed.cause(), record(1));
        let causes = [
            ("a check failed".to_owned(), 1),
            ("a test".to_owned(), 1011),
        ];
        assert_eq!(records.by_cause(), BTreeMap::from(causes));
    }
}
