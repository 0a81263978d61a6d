//! Since when and until when each of the two hosts had the address: told by its kernel, not asked for.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use lab::{Duo, Host, SHARED};

/// Follows the addresses of both hosts until it is finished or dropped.
pub(crate) struct Holders {
    /// Who had the address in the beginning.
    had: [bool; 2],
    watching: [Child; 2],
    changes: Receiver<Change>,
}

/// A host has got the address, or lost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// Since midnight.
    at: Duration,
    host: usize,
    has: bool,
}

/// For how long two hosts had the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BothHeld {
    For(Duration),
    /// They had it still when everything was over: it stays until somebody takes it away.
    Still,
}

impl Holders {
    pub(crate) fn follow(duo: &Duo) -> Result<Self> {
        let (sender, changes) = channel();
        let hosts = [&duo.first, &duo.second];
        let watching = [
            watch(0, hosts[0], sender.clone())?,
            watch(1, hosts[1], sender)?,
        ];
        Ok(Self {
            had: [hosts[0].has(SHARED.into())?, hosts[1].has(SHARED.into())?],
            watching,
            changes,
        })
    }

    /// For how long both had it at the same time, until now.
    pub(crate) fn finish(mut self) -> BothHeld {
        self.end();
        let changes: Vec<_> = self.changes.iter().collect();
        both_held(self.had, &changes)
    }

    fn end(&mut self) {
        for child in &mut self.watching {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        self.end();
    }
}

/// With real-time priority: the time of a change is when `ip` is told of it, and the host may be busy.
fn watch(index: usize, host: &Host, changes: Sender<Change>) -> Result<Child> {
    let mut monitor = Command::new("chrt");
    monitor.args(["--rr", "60", "ip", "-tshort", "-4", "-oneline"]);
    monitor.args(["monitor", "address", "dev", "eth0"]);
    monitor.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = host.namespace.spawn(&mut monitor)?;
    let lines = child.stdout.take().context("no output of `ip monitor`")?;
    thread::spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            if let Some(change) = change(index, &line) {
                let _nobody_asks_any_more = changes.send(change);
            }
        }
    });
    Ok(child)
}

/// `[2026-11-26T13:53:05.766300] Deleted 2: eth0    inet 192.168.66.240/23 scope global secondary eth0\ ...`
fn change(host: usize, line: &str) -> Option<Change> {
    let (time, what) = line.strip_prefix('[')?.split_once("] ")?;
    what.contains(&format!(" {SHARED}/")).then_some(Change {
        at: since_midnight(time)?,
        host,
        has: !what.starts_with("Deleted"),
    })
}

fn since_midnight(time: &str) -> Option<Duration> {
    let (_, clock) = time.split_once('T')?;
    let mut parts = clock.split(':');
    let mut whole = || parts.next()?.parse::<u64>().ok();
    let minutes = whole()? * 60 + whole()?;
    let seconds = parts.next()?.parse().ok()?;
    Some(Duration::from_secs(minutes * 60) + Duration::try_from_secs_f64(seconds).ok()?)
}

fn both_held(had: [bool; 2], changes: &[Change]) -> BothHeld {
    let mut changes = changes.to_vec();
    changes.sort_by_key(|change| change.at);
    let (mut has, mut since, mut total) = (had, Duration::ZERO, Duration::ZERO);
    for change in changes {
        if has == [true; 2] {
            total += change.at - since;
        }
        has[change.host] = change.has;
        since = change.at;
    }
    match has {
        [true, true] => BothHeld::Still,
        _ => BothHeld::For(total),
    }
}
