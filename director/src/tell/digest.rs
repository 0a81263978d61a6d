//! Which records stand in the event log one by one, and which are summed up: a server with 100,000 connections fills no disk. Pure.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::record::Record;

/// Records of one second that stand for themselves.
const WHOLE_PER_SECOND: usize = 1000;
/// Time that is summed up in one line.
const PERIOD: Duration = Duration::from_secs(1);

/// Records that were summed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Summary {
    /// When the last of them was made, as RFC 3339 in UTC.
    at: String,
    /// Why.
    reason: String,
    /// The VIP and its port.
    vip: SocketAddr,
    /// The real server.
    server: IpAddr,
    /// How many connections were ended.
    summarised: u64,
    /// Of how many the client could not be told.
    untold_clients: u64,
    /// Of how many the real server could not be told.
    untold_servers: u64,
}

/// Sums up what comes too fast.
#[derive(Debug, Default)]
pub(super) struct Digest {
    /// When the second began, and how many records of it stand for themselves.
    second: Option<(Instant, usize)>,
    summed: BTreeMap<(String, SocketAddr, IpAddr), Summary>,
}

impl Digest {
    /// Takes a record, and gives it back if it stands for itself. What is due comes first: see [`Digest::settle`].
    pub(super) fn take(&mut self, now: Instant, record: Record) -> Option<Record> {
        let (_, whole) = self.second.get_or_insert((now, 0));
        if *whole < WHOLE_PER_SECOND {
            *whole += 1;
            return Some(record);
        }
        let key = (record.reason.clone(), record.vip, record.server);
        let sum = self.summed.entry(key).or_insert_with(|| Summary {
            at: String::new(),
            reason: record.reason,
            vip: record.vip,
            server: record.server,
            summarised: 0,
            untold_clients: 0,
            untold_servers: 0,
        });
        sum.at = record.at;
        sum.summarised += 1;
        sum.untold_clients += u64::from(!record.client_told);
        sum.untold_servers += u64::from(!record.server_told);
        None
    }

    /// When [`Digest::settle`] has an effect.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.second.map(|(began, _)| began + PERIOD)
    }

    /// The sums of a second that is over.
    pub(super) fn settle(&mut self, now: Instant) -> Vec<Summary> {
        if self.next_deadline().is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.take_all()
    }

    /// All sums, however short their second was.
    pub(super) fn take_all(&mut self) -> Vec<Summary> {
        self.second = None;
        std::mem::take(&mut self.summed).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::record::tests::record, *};

    #[test]
    fn a_thousand_records_of_a_second_stand_for_themselves_and_the_rest_is_summed_up() {
        let (start, mut digest) = (Instant::now(), Digest::default());
        assert_eq!(digest.next_deadline(), None);
        let whole = (0..1500).filter_map(|port| digest.take(start, record(port)));
        assert_eq!(whole.count(), 1000);
        assert_eq!(digest.settle(start + PERIOD / 2), []);
        let untold = Record {
            client_told: false,
            ..record(7)
        };
        assert_eq!(digest.take(start, untold), None);
        let due = digest.next_deadline().expect("sums are waiting");
        let sums = digest.settle(due);
        assert_eq!(sums.len(), 1);
        assert_eq!(
            (
                sums[0].summarised,
                sums[0].untold_clients,
                sums[0].untold_servers
            ),
            (501, 1, 0)
        );
        // The next second begins anew.
        assert_eq!(digest.next_deadline(), None);
        assert!(digest.take(due, record(1)).is_some());
        assert_eq!(digest.settle(due + PERIOD), []);
    }
}
