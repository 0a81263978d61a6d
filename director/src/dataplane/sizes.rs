//! How large the tables of the packet path are: as configured, or by the machine's memory.

use std::fs;

use director_common::limits::{DEFAULT_FRAGMENTS, DEFAULT_HALF_OPEN, DEFAULT_TEMPLATES, map};

use crate::config::TableSizes;

/// Entries of each table that has a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Flows, of each address family.
    pub flows: u32,
    /// Flows that were heard once, of each address family.
    pub half_open: u32,
    /// Persistence templates.
    pub templates: u32,
    /// Packets whose fragments are followed.
    pub fragments: u32,
}

/// What a machine has to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// CPUs that may ever be there, among which the kernel divides a table.
    pub possible_cpus: u32,
    /// CPUs that are there.
    pub online_cpus: u32,
}

/// The tables do not fit into this machine.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "tables of this size take {} MiB, more than half of this machine's memory ({} MiB)",
    needed / MIB,
    memory / MIB
)]
pub struct TooLarge {
    needed: u64,
    memory: u64,
}

impl TooLarge {
    /// What the operator can do.
    pub const HELP: &str = "lower `director_flow_table_size` and its like in `global_defs`, or --flow-table-size; without them the memory decides";
}

const MIB: u64 = 1 << 20;
/// Bytes that the kernel takes for an entry beside its key and its value: the element's head (48) and its bucket (16, rounded
/// up to a power of two of buckets).
const ENTRY_OVERHEAD: u64 = 48 + 32;
/// Share of the memory that the two tables of flows take unless told otherwise.
const MEMORY_SHARE: u64 = 128;
const FEWEST_FLOWS: u32 = 65_536;
const MOST_FLOWS: u32 = 4_194_304;
/// A table that is divided among CPUs that are not there is made larger, but not without end.
const MOST_GROWTH: u32 = 16;

impl Sizes {
    /// The sizes that are configured, and the machine's for those that are not.
    #[must_use]
    pub fn of(configured: &TableSizes, machine: &Machine) -> Self {
        let flows = configured
            .flows
            .unwrap_or_else(|| default_flows(machine.memory_bytes));
        Self {
            flows,
            half_open: configured
                .half_open
                .unwrap_or_else(|| DEFAULT_HALF_OPEN.max(flows / 4)),
            templates: configured.persistence.unwrap_or(DEFAULT_TEMPLATES),
            fragments: configured.fragments.unwrap_or(DEFAULT_FRAGMENTS),
        }
    }

    /// Entries that a map is made with. The kernel divides a table among all CPUs that may ever be there: so that those that are
    /// there can fill what was asked for, it is made larger by as much.
    #[must_use]
    pub fn entries(&self, machine: &Machine) -> [(&'static str, u32); 6] {
        let possible = machine.possible_cpus.max(1);
        let growth = (possible / machine.online_cpus.clamp(1, possible)).min(MOST_GROWTH);
        let grown = |entries: u32| entries.saturating_mul(growth);
        [
            (map::FLOWS_V4, grown(self.flows)),
            (map::FLOWS_V6, grown(self.flows)),
            (map::HALF_OPEN_V4, grown(self.half_open)),
            (map::HALF_OPEN_V6, grown(self.half_open)),
            (map::TEMPLATES, grown(self.templates)),
            (map::FRAGMENTS, grown(self.fragments)),
        ]
    }

    /// Bytes of memory that the tables take, about.
    #[must_use]
    pub fn memory_bytes(&self, machine: &Machine) -> u64 {
        const KEYS_AND_VALUES: [u64; 6] = [48, 72, 48, 72, 40, 56];
        self.entries(machine)
            .into_iter()
            .zip(KEYS_AND_VALUES)
            .map(|((_, entries), bytes)| u64::from(entries) * (bytes + ENTRY_OVERHEAD))
            .sum()
    }

    /// Whether the tables leave the machine the better part of its memory.
    ///
    /// # Errors
    ///
    /// [`TooLarge`]: they do not.
    pub fn check(&self, machine: &Machine) -> Result<(), TooLarge> {
        let needed = self.memory_bytes(machine);
        match needed > machine.memory_bytes / 2 {
            true => Err(TooLarge {
                needed,
                memory: machine.memory_bytes,
            }),
            false => Ok(()),
        }
    }
}

/// A power of two, so that a table that is half full has as many buckets as it should.
fn default_flows(memory_bytes: u64) -> u32 {
    let bytes = memory_bytes / MEMORY_SHARE;
    let flows = u32::try_from(bytes / 256).unwrap_or(MOST_FLOWS);
    let power = 1 << flows.max(1).ilog2();
    power.clamp(FEWEST_FLOWS, MOST_FLOWS)
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn this() -> Self {
        let cpus = |which| {
            let text = fs::read_to_string(format!("/sys/devices/system/cpu/{which}"));
            count(text.unwrap_or_default().trim())
        };
        Self {
            memory_bytes: memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
            possible_cpus: cpus("possible").max(1),
            online_cpus: cpus("online").max(1),
        }
    }
}

/// Number of CPUs in a list such as `0-3,8`.
fn count(list: &str) -> u32 {
    let ranges = list.split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    });
    ranges.sum()
}

/// `MemTotal` of `/proc/meminfo`, bytes.
fn memory(text: &str) -> u64 {
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(memory_bytes: u64) -> Machine {
        Machine {
            memory_bytes,
            possible_cpus: 2,
            online_cpus: 2,
        }
    }

    #[test]
    fn a_small_machine_has_small_tables_and_a_large_one_has_large_ones() {
        let flows = |gib: u64| Sizes::of(&TableSizes::default(), &machine(gib << 30)).flows;
        assert_eq!(flows(1), 65_536);
        assert_eq!(flows(24), 524_288);
        assert_eq!(flows(1024), MOST_FLOWS);
    }

    #[test]
    fn the_default_takes_a_few_percent_of_the_memory() {
        for gib in [1, 4, 24, 256] {
            let machine = machine(gib << 30);
            let sizes = Sizes::of(&TableSizes::default(), &machine);
            let share = sizes.memory_bytes(&machine) as f64 / machine.memory_bytes as f64;
            assert!(share < 0.05, "{share} of {gib} GiB");
        }
    }

    #[test]
    fn what_is_configured_counts() {
        let configured = TableSizes {
            flows: Some(5000),
            persistence: Some(2000),
            ..TableSizes::default()
        };
        let sizes = Sizes::of(&configured, &machine(8 << 30));
        assert_eq!((sizes.flows, sizes.templates), (5000, 2000));
        assert_eq!(sizes.fragments, DEFAULT_FRAGMENTS);
    }

    #[test]
    fn tables_larger_than_half_of_the_memory_are_refused() {
        let configured = TableSizes {
            flows: Some(134_217_728),
            ..TableSizes::default()
        };
        let machine = machine(24 << 30);
        let error = Sizes::of(&configured, &machine)
            .check(&machine)
            .expect_err("too large");
        assert!(error.to_string().contains("MiB"), "{error}");
        assert_eq!(
            Sizes::of(&TableSizes::default(), &machine).check(&machine),
            Ok(())
        );
    }

    #[test]
    fn cpus_that_are_not_there_do_not_make_a_table_smaller() {
        let machine = Machine {
            memory_bytes: 8 << 30,
            possible_cpus: 128,
            online_cpus: 32,
        };
        let sizes = Sizes::of(&TableSizes::default(), &machine);
        assert_eq!(sizes.entries(&machine)[0], (map::FLOWS_V4, sizes.flows * 4));
    }

    #[test]
    fn a_list_of_cpus_is_counted() {
        assert_eq!(count("0-3,8"), 5);
        assert_eq!(count("0"), 1);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn the_memory_is_read() {
        assert_eq!(
            memory("MemTotal:       24576 kB\nMemFree: 1 kB\n"),
            24576 * 1024
        );
    }
}
