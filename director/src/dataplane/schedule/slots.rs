//! Orders of candidates: positions in the list of a service's servers, slot after slot.

use std::net::IpAddr;

use director_common::schedule::{NO_CANDIDATE, hash};

use super::{super::tables, Entry};

/// Every candidate once: rr.
pub(super) fn once_each(candidates: usize) -> Vec<u16> {
    (0..candidates).map(position).collect()
}

/// The candidates again and again until the table is full: dh (`ip_vs_dh_reassign`), which knows no weights.
pub(super) fn repeated(candidates: usize, length: usize) -> Vec<u16> {
    (0..candidates).map(position).cycle().take(length).collect()
}

/// Each candidate as often as its weight says, again and again until the table is full: sh (`ip_vs_sh_reassign`). One with
/// weight 0 has a slot, too.
pub(super) fn filled(servers: &[Entry], length: usize) -> Vec<u16> {
    let shares = fit(servers, length);
    let once = shares
        .iter()
        .enumerate()
        .flat_map(|(index, share)| std::iter::repeat_n(position(index), (*share).max(1) as usize));
    once.collect::<Vec<_>>()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

/// The order of IPVS's wrr (`net/netfilter/ipvs/ip_vs_wrr.c`): a threshold falls from the greatest weight by their
/// greatest common divisor; in each round every server that reaches it gets a turn.
pub(super) fn weighted(servers: &[Entry], room: usize) -> Vec<u16> {
    let weights = fit(servers, room);
    let step = weights.iter().fold(0, |a, weight| gcd(a, *weight)).max(1);
    let mut threshold = weights.iter().copied().max().unwrap_or(0);
    let mut slots = Vec::new();
    while threshold > 0 {
        let round = (0..)
            .zip(&weights)
            .filter(|(_, weight)| **weight >= threshold);
        slots.extend(round.map(|(index, _)| position(index)));
        threshold = threshold.saturating_sub(step);
    }
    slots
}

/// Maglev hashing (NSDI 2016, section 3.4), with weights as in IPVS's mh (`ip_vs_mh_populate`): every server has an order of all
/// slots of its own, and takes the next free one of it in its turn, as often as its weight says. Where a server goes, the
/// others keep nearly all of their slots.
///
/// The servers take turns by their addresses, so that two directors agree whatever the order of their configurations.
/// `length` is a prime.
pub(super) fn maglev(servers: &[Entry], length: usize) -> Vec<u16> {
    let shares = fit(servers, length);
    let mut walkers: Vec<Walker> = servers
        .iter()
        .enumerate()
        .map(|(index, server)| Walker::new(server.address, position(index), shares[index], length))
        .collect();
    walkers.sort_by_key(|walker| walker.address);
    let mut slots = vec![NO_CANDIDATE; length];
    let mut free = length;
    while free > 0 {
        let taken = free;
        for walker in &mut walkers {
            for _ in 0..walker.turns.min(free) {
                let slot = walker.next_free(&slots);
                slots[slot] = walker.position;
                free -= 1;
            }
        }
        if taken == free {
            // Nobody takes turns: there is no server.
            return Vec::new();
        }
    }
    slots
}

/// A server on its way through its order of the slots.
struct Walker {
    address: IpAddr,
    position: u16,
    turns: usize,
    next: usize,
    skip: usize,
}

impl Walker {
    fn new(address: IpAddr, position: u16, turns: u32, length: usize) -> Self {
        let bytes = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        // Two hashes, told apart by what is the port elsewhere.
        let number = |which| hash(tables::words(bytes), which, 0) as usize;
        Self {
            address,
            position,
            turns: turns as usize,
            next: number(0) % length,
            skip: number(1) % (length - 1) + 1,
        }
    }

    fn next_free(&mut self, slots: &[u16]) -> usize {
        loop {
            let slot = self.next;
            self.next = (self.next + self.skip) % slots.len();
            if slots[slot] == NO_CANDIDATE {
                return slot;
            }
        }
    }
}

/// The weights, small enough for a table of `room` slots: exact where it has room for a full cycle, else in proportion,
/// with at least one turn for every server that has a weight.
fn fit(servers: &[Entry], room: usize) -> Vec<u32> {
    let step = servers
        .iter()
        .fold(0, |a, server| gcd(a, server.weight))
        .max(1);
    let reduced: Vec<_> = servers.iter().map(|server| server.weight / step).collect();
    let total: u64 = reduced.iter().copied().map(u64::from).sum();
    if total <= room as u64 {
        return reduced;
    }
    // Every server keeps one turn; the rest of the table is shared in proportion, rounded down.
    let rest = room.saturating_sub(reduced.len()) as u64;
    reduced
        .into_iter()
        .map(|weight| {
            let share = u64::from(weight) * rest / total;
            u32::from(weight > 0) + u32::try_from(share).unwrap_or(0)
        })
        .collect()
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A position as a slot holds it. No service has more servers than that has room for.
fn position(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(NO_CANDIDATE)
}
