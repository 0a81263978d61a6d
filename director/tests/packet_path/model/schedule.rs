//! IPVS's schedulers, one after the other, each as its manual says.

use std::{collections::BTreeMap, net::IpAddr};

use director::dataplane::{schedule::Table, tables::Tables};
use director_common::{
    load::Load,
    schedule::{Algorithm, Candidate, FALLBACK_ROUNDS, LOCALITY_SERVERS, Schedule, hash},
    server::RealServer,
};

/// What the schedulers remember.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Turns that were taken, by service.
    pub(super) cursors: BTreeMap<u32, u64>,
    /// Servers that lblc and lblcr keep together, by service.
    pub(super) localities: BTreeMap<u32, Vec<u32>>,
    /// Flows of each server.
    pub(super) loads: BTreeMap<u32, Load>,
}

/// Who asks for a server.
pub(super) struct Asker {
    pub(super) client: IpAddr,
    pub(super) vip: IpAddr,
    pub(super) port: u16,
    pub(super) service: u32,
}

fn words(address: IpAddr) -> [u32; 4] {
    let bytes = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    director::dataplane::tables::words(bytes)
}

impl Memory {
    pub(super) fn load(&self, server: u32) -> Load {
        self.loads.get(&server).copied().unwrap_or_default()
    }

    /// Whether a server may get a flow. What its thresholds say is remembered, as they say it until the lower one is passed.
    fn is_available(&mut self, tables: &Tables, candidate: Candidate) -> bool {
        let Some(server) = tables.servers.get(&candidate.server) else {
            return false;
        };
        if candidate.weight == 0 || server.flags & RealServer::ACCEPTS_NEW == 0 {
            return false;
        }
        !self.is_overloaded(candidate.server, server)
    }

    pub(super) fn is_overloaded(&mut self, index: u32, server: &RealServer) -> bool {
        if server.upper_threshold == 0 {
            return false;
        }
        let load = self.loads.entry(index).or_default();
        let is_overloaded = load.is_overloaded(server.upper_threshold, server.lower_threshold);
        load.overloaded = is_overloaded.into();
        is_overloaded
    }

    /// The server for a new flow.
    pub(super) fn choose(&mut self, tables: &Tables, asker: &Asker) -> Option<u32> {
        let table = tables.schedules.get(&asker.service)?;
        match table.algorithm {
            Algorithm::NEXT_SLOT => {
                let turn = self.turn(asker.service);
                let place = slot(table, turn)?;
                self.at(tables, table, place)
                    .or_else(|| self.next_after(tables, table, place))
            }
            Algorithm::SOURCE_HASH => self.by_hash(tables, table, asker.client, asker.port),
            Algorithm::DESTINATION_HASH => self.by_hash(tables, table, asker.vip, 0),
            Algorithm::POWER_OF_TWO => self.power_of_two(tables, table, asker),
            Algorithm::LOCALITY | Algorithm::LOCALITY_WITH_REPLICATION => {
                self.locality(tables, table, asker.service)
            }
            Algorithm::NONE => None,
            algorithm => self.best(tables, algorithm, &table.candidates),
        }
    }

    fn turn(&mut self, service: u32) -> u32 {
        let cursor = self.cursors.entry(service).or_default();
        *cursor += 1;
        (*cursor - 1) as u32
    }

    fn at(&mut self, tables: &Tables, table: &Table, place: usize) -> Option<u32> {
        let candidate = *table.candidates.get(place)?;
        self.is_available(tables, candidate)
            .then_some(candidate.server)
    }

    /// The first available candidate after a place, all round.
    fn next_after(&mut self, tables: &Tables, table: &Table, place: usize) -> Option<u32> {
        let count = table.candidates.len();
        let first = if place < count { place + 1 } else { 0 };
        (0..count).find_map(|step| self.at(tables, table, (first + step) % count))
    }

    fn by_hash(
        &mut self,
        tables: &Tables,
        table: &Table,
        address: IpAddr,
        port: u16,
    ) -> Option<u32> {
        let port = if table.flags & Schedule::PORT != 0 {
            port
        } else {
            0
        };
        let place = |round| slot(table, hash(words(address), port.into(), round));
        let first = place(0)?;
        if let Some(server) = self.at(tables, table, first) {
            return Some(server);
        }
        if table.flags & Schedule::FALLBACK == 0 {
            return None;
        }
        (1..=FALLBACK_ROUNDS)
            .find_map(|round| self.at(tables, table, place(round)?))
            .or_else(|| self.next_after(tables, table, first))
    }

    fn power_of_two(&mut self, tables: &Tables, table: &Table, asker: &Asker) -> Option<u32> {
        let turn = self.turn(asker.service);
        let place = |round| slot(table, hash(words(asker.client), asker.port.into(), round));
        let (first, second) = (place(turn)?, place(!turn)?);
        let one = self.at(tables, table, first);
        let two = self.at(tables, table, second);
        match (one, two) {
            (None, None) => self.next_after(tables, table, first),
            (None, Some(only)) | (Some(only), None) => Some(only),
            (Some(_), Some(_)) => {
                let pair = [table.candidates[first], table.candidates[second]];
                self.best(tables, Algorithm::WEIGHTED_LEAST_CONNECTION, &pair)
            }
        }
    }

    /// The available candidate with the least load for its weight; of equals the first. They are asked one after the other, as
    /// what is asked may be remembered.
    fn best(
        &mut self,
        tables: &Tables,
        algorithm: Algorithm,
        candidates: &[Candidate],
    ) -> Option<u32> {
        let mut best: Option<(u64, u64, u32)> = None;
        for candidate in candidates {
            if !self.is_available(tables, *candidate) {
                continue;
            }
            let load = self.load(candidate.server);
            let active = u64::from(load.active());
            let weight = u64::from(candidate.weight);
            let (cost, share) = match algorithm {
                Algorithm::LEAST_CONNECTION => (load.overhead(), 1),
                Algorithm::WEIGHTED_LEAST_CONNECTION => (load.overhead(), weight),
                Algorithm::NEVER_QUEUE if active == 0 => return Some(candidate.server),
                Algorithm::NEVER_QUEUE | Algorithm::SHORTEST_EXPECTED_DELAY => (active + 1, weight),
                Algorithm::WEIGHTED_OVERFLOW if active > weight => continue,
                _ => (1, weight),
            };
            // cost / share is less than that of the best so far.
            if best.is_none_or(|(best_cost, best_share, _)| cost * best_share < best_cost * share) {
                best = Some((cost, share, candidate.server));
            }
        }
        best.map(|(_, _, server)| server)
    }

    fn locality(&mut self, tables: &Tables, table: &Table, service: u32) -> Option<u32> {
        let set = self.localities.get(&service).cloned().unwrap_or_default();
        let members: Vec<_> = table
            .candidates
            .iter()
            .copied()
            .filter(|candidate| set.contains(&candidate.server))
            .collect();
        let known = self.best(tables, Algorithm::WEIGHTED_LEAST_CONNECTION, &members);
        if let Some(known) = known.filter(|known| !self.is_too_much(table, *known)) {
            return Some(known);
        }
        let new = self.best(
            tables,
            Algorithm::WEIGHTED_LEAST_CONNECTION,
            &table.candidates,
        )?;
        let mut set = match table.algorithm {
            Algorithm::LOCALITY => Vec::new(),
            _ => set,
        };
        if !set.contains(&new) {
            if set.len() >= LOCALITY_SERVERS {
                set.clear();
            }
            set.push(new);
        }
        self.localities.insert(service, set);
        Some(new)
    }

    /// More active flows than the server's weight, while another one has less than half of its own.
    fn is_too_much(&self, table: &Table, server: u32) -> bool {
        let of = |candidate: &Candidate| u64::from(self.load(candidate.server).active());
        let known = table
            .candidates
            .iter()
            .find(|candidate| candidate.server == server);
        known.is_some_and(|known| of(known) > known.weight.into())
            && table
                .candidates
                .iter()
                .any(|candidate| of(candidate) * 2 < candidate.weight.into())
    }
}

fn slot(table: &Table, number: u32) -> Option<usize> {
    let number = number.checked_rem(table.slots.len() as u32)?;
    Some(table.slots[number as usize].into())
}
