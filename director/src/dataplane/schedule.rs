//! Scheduling tables: how a service's real servers get new flows.
//!
//! Pure. `director-ebpf/src/schedule.rs` chooses by what is prepared here; `slots` makes the orders that some schedulers follow.

mod slots;

use std::net::IpAddr;

use director_common::schedule::{Algorithm, Candidate, HASH_SLOTS, MAGLEV_SLOTS, SLOTS, Schedule};

use crate::config::{Scheduler, SchedulerFlags};

/// A real server that may get new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its index.
    pub index: u32,
    /// Its weight, 0 to 2^31 - 1.
    pub weight: u32,
    /// Its address, by which Maglev tells it from others.
    pub address: IpAddr,
}

/// A scheduling table as the daemon keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// How a server is chosen.
    pub algorithm: Algorithm,
    /// See [`Schedule::flags`].
    pub flags: u32,
    /// The servers.
    pub candidates: Vec<Candidate>,
    /// Positions of candidates, for the schedulers that follow an order.
    pub slots: Vec<u16>,
}

/// The table for servers in the order of the configuration.
#[must_use]
pub fn table(scheduler: Scheduler, flags: SchedulerFlags, servers: &[Entry]) -> Table {
    if servers.iter().all(|server| server.weight == 0) {
        return Table::default();
    }
    // IPVS keeps a quiesced server in the tables of sh and dh: what hashes to it is refused, unless there is a fallback.
    let keeps_quiesced = matches!(
        scheduler,
        Scheduler::SourceHash | Scheduler::DestinationHash
    );
    let servers: Vec<_> = servers
        .iter()
        .copied()
        .filter(|server| server.weight > 0 || keeps_quiesced)
        .collect();
    let (algorithm, slots) = match scheduler {
        Scheduler::RoundRobin => (Algorithm::NEXT_SLOT, slots::once_each(servers.len())),
        Scheduler::WeightedRoundRobin => (Algorithm::NEXT_SLOT, slots::weighted(&servers, SLOTS)),
        Scheduler::SourceHash => (Algorithm::SOURCE_HASH, slots::filled(&servers, HASH_SLOTS)),
        Scheduler::Maglev => (
            Algorithm::SOURCE_HASH,
            slots::maglev(&servers, MAGLEV_SLOTS),
        ),
        Scheduler::DestinationHash => (
            Algorithm::DESTINATION_HASH,
            slots::repeated(servers.len(), HASH_SLOTS),
        ),
        Scheduler::PowerOfTwo => (Algorithm::POWER_OF_TWO, slots::weighted(&servers, SLOTS)),
        Scheduler::LeastConnection => (Algorithm::LEAST_CONNECTION, Vec::new()),
        Scheduler::WeightedLeastConnection => (Algorithm::WEIGHTED_LEAST_CONNECTION, Vec::new()),
        Scheduler::ShortestExpectedDelay => (Algorithm::SHORTEST_EXPECTED_DELAY, Vec::new()),
        Scheduler::NeverQueue => (Algorithm::NEVER_QUEUE, Vec::new()),
        Scheduler::WeightedFailover => (Algorithm::WEIGHTED_FAILOVER, Vec::new()),
        Scheduler::WeightedOverflow => (Algorithm::WEIGHTED_OVERFLOW, Vec::new()),
        Scheduler::LocalityBasedLeastConnection => (Algorithm::LOCALITY, Vec::new()),
        Scheduler::LocalityBasedLeastConnectionWithReplication => {
            (Algorithm::LOCALITY_WITH_REPLICATION, Vec::new())
        }
    };
    Table {
        algorithm,
        flags: bits(flags),
        candidates: servers
            .iter()
            .map(|server| Candidate {
                server: server.index,
                weight: server.weight,
            })
            .collect(),
        slots,
    }
}

fn bits(flags: SchedulerFlags) -> u32 {
    let port = if flags.port { Schedule::PORT } else { 0 };
    port | if flags.fallback {
        Schedule::FALLBACK
    } else {
        0
    }
}

impl Table {
    /// The table as it is in the map.
    #[must_use]
    pub fn to_map(&self) -> Schedule {
        let mut schedule = Schedule {
            algorithm: self.algorithm,
            flags: self.flags,
            ..Schedule::EMPTY
        };
        for (place, candidate) in schedule.candidates.iter_mut().zip(&self.candidates) {
            *place = *candidate;
            schedule.candidates_length += 1;
        }
        for (place, slot) in schedule.slots.iter_mut().zip(&self.slots) {
            *place = *slot;
            schedule.slots_length += 1;
        }
        schedule
    }

    /// The table that is in the map.
    #[must_use]
    pub fn from_map(schedule: &Schedule) -> Self {
        let length = |length: u32| usize::try_from(length).unwrap_or(usize::MAX);
        Self {
            algorithm: schedule.algorithm,
            flags: schedule.flags,
            candidates: schedule
                .candidates
                .iter()
                .copied()
                .take(length(schedule.candidates_length))
                .collect(),
            slots: schedule
                .slots
                .iter()
                .copied()
                .take(length(schedule.slots_length))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
