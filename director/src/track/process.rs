//! Which processes a `vrrp_track_process` counts. Pure.
//!
//! A name is that of `/proc/PID/comm`: the kernel keeps 15 bytes, and so as much of the configured name is compared. A command line is
//! that of `/proc/PID/cmdline`; its first word must be the configured one, letter by letter, as in keepalived.
//!
//! A zombie does not count, since it does nothing any more. The director and what descends from it do not count, so that
//! no script is taken for what it looks after (scenario 1.5).

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{ProcessMatch, TrackProcess};

/// What the kernel keeps of a name (`TASK_COMM_LEN` less the zero at the end).
const LONGEST_NAME_BYTES: usize = 15;

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// The number of the process that it is a child of.
    pub parent: i32,
    /// Its name.
    pub name: Vec<u8>,
    /// Its command line; empty if it was not read, and that of a kernel thread.
    pub command_line: Vec<Vec<u8>>,
}

impl Process {
    /// Reads `/proc/PID/stat` (proc_pid_stat(5)). `None`: it is a zombie, or no such text.
    #[must_use]
    pub fn from_stat(stat: &[u8]) -> Option<Self> {
        let open = stat.iter().position(|&byte| byte == b'(')?;
        // A name may have parentheses of its own.
        let close = stat.iter().rposition(|&byte| byte == b')')?;
        let pid = std::str::from_utf8(stat.get(..open)?).ok()?;
        let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        if matches!(fields.next()?, "Z" | "X" | "x") {
            return None;
        }
        Some(Self {
            pid: pid.trim().parse().ok()?,
            parent: fields.next()?.parse().ok()?,
            name: stat.get(open + 1..close)?.to_vec(),
            command_line: Vec::new(),
        })
    }
}

/// The words of `/proc/PID/cmdline`, each of which ends with a zero.
#[must_use]
pub fn words(command_line: &[u8]) -> Vec<Vec<u8>> {
    let mut words: Vec<_> = command_line
        .split(|&byte| byte == 0)
        .map(<[u8]>::to_vec)
        .collect();
    if words.last().is_some_and(Vec::is_empty) {
        words.pop();
    }
    words
}

/// Whether command lines have to be read for this one.
#[must_use]
pub fn needs_command_line(wanted: &TrackProcess) -> bool {
    wanted.matching != ProcessMatch::Name
}

/// The numbers of all that match, in order; `director` is the number of this process.
#[must_use]
pub fn matching(wanted: &TrackProcess, processes: &[Process], director: i32) -> BTreeSet<i32> {
    let parents: BTreeMap<i32, i32> = processes
        .iter()
        .map(|process| (process.pid, process.parent))
        .collect();
    processes
        .iter()
        .filter(|process| matches(wanted, process))
        .filter(|process| !descends(process.pid, director, &parents))
        .map(|process| process.pid)
        .collect()
}

fn matches(wanted: &TrackProcess, process: &Process) -> bool {
    let Some((name, arguments)) = wanted.process.split_first() else {
        return false;
    };
    let name = name.as_bytes();
    if wanted.matching == ProcessMatch::Name {
        return process.name == name[..name.len().min(LONGEST_NAME_BYTES)];
    }
    let Some((program, found)) = process.command_line.split_first() else {
        return false;
    };
    program == name && arguments_match(wanted.matching, arguments, found)
}

/// keepalived's words: *partial* is as many whole arguments as were given, and with *initial* the last of them may go on.
fn arguments_match(matching: ProcessMatch, wanted: &[String], found: &[Vec<u8>]) -> bool {
    let mut pairs = wanted.iter().zip(found);
    let has_enough = found.len() >= wanted.len();
    let is_equal = |(wanted, found): (&String, &Vec<u8>)| wanted.as_bytes() == found;
    match matching {
        ProcessMatch::Name | ProcessMatch::FullCommand => true,
        ProcessMatch::ExactArguments => found.len() == wanted.len() && pairs.all(is_equal),
        ProcessMatch::PartialArguments => has_enough && pairs.all(is_equal),
        ProcessMatch::InitialArguments => {
            let last = pairs.next_back();
            has_enough
                && pairs.all(is_equal)
                && last.is_none_or(|(wanted, found)| found.starts_with(wanted.as_bytes()))
        }
    }
}

fn descends(mut pid: i32, director: i32, parents: &BTreeMap<i32, i32>) -> bool {
    // The list is read while it changes, so it may even have a ring; it is no longer than itself.
    for _ in 0..=parents.len() {
        if pid == director {
            return true;
        }
        match parents.get(&pid) {
            Some(&parent) => pid = parent,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests;
