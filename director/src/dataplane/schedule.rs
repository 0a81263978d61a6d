//! Scheduling tables: the order in which a service's real servers get new flows.
//!
//! Pure. The packet path takes slot after slot of the table, and begins again at its end.

use director_common::schedule::SLOTS;

use crate::config::Scheduler;

/// Indexes of real servers in the order of their turns; empty where no server is available.
pub type Slots = Vec<u32>;

/// The table for servers given as (index, weight). A weight of 0 gets no turn.
#[must_use]
pub fn slots(scheduler: Scheduler, servers: &[(u32, u32)]) -> Slots {
    let available: Vec<_> = servers
        .iter()
        .copied()
        .filter(|(_, weight)| *weight > 0)
        .take(SLOTS)
        .collect();
    match scheduler {
        Scheduler::RoundRobin => available.into_iter().map(|(index, _)| index).collect(),
        // The others have no order of turns of their own; by weight is the nearest to them.
        _ => weighted(&fit(&available)),
    }
}

/// The order of IPVS's wrr (`net/netfilter/ipvs/ip_vs_wrr.c`): a threshold falls from the greatest weight by their
/// greatest common divisor; in each round every server that reaches it gets a turn.
fn weighted(servers: &[(u32, u32)]) -> Slots {
    let step = servers.iter().fold(0, |a, (_, weight)| gcd(a, *weight));
    let greatest = servers.iter().map(|(_, weight)| *weight).max().unwrap_or(0);
    let mut slots = Slots::new();
    let mut threshold = greatest;
    while threshold > 0 {
        let round = servers.iter().filter(|(_, weight)| *weight >= threshold);
        slots.extend(round.map(|(index, _)| *index));
        threshold -= step;
    }
    slots
}

/// Makes the weights small enough for the table: exact where the table has room for a full cycle, else in proportion,
/// with at least one turn for every server.
fn fit(servers: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let step = servers
        .iter()
        .fold(0, |a, (_, weight)| gcd(a, *weight))
        .max(1);
    let reduced: Vec<_> = servers
        .iter()
        .map(|(index, weight)| (*index, weight / step))
        .collect();
    let total: u64 = reduced.iter().map(|(_, weight)| u64::from(*weight)).sum();
    if total <= SLOTS as u64 {
        return reduced;
    }
    // Every server keeps one turn; the rest of the table is shared in proportion, rounded down.
    let room = (SLOTS - reduced.len()) as u64;
    reduced
        .into_iter()
        .map(|(index, weight)| {
            let share = u64::from(weight) * room / total;
            (index, 1 + u32::try_from(share).unwrap_or(0))
        })
        .collect()
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn round_robin_takes_every_server_once_whatever_its_weight() {
        let servers = [(1, 5), (2, 1), (3, 0), (4, 7)];
        assert_eq!(slots(Scheduler::RoundRobin, &servers), [1, 2, 4]);
    }

    #[test]
    fn weighted_round_robin_keeps_the_order_of_ipvs() {
        let servers = [(1, 4), (2, 3), (3, 2)];
        assert_eq!(
            slots(Scheduler::WeightedRoundRobin, &servers),
            [1, 1, 2, 1, 2, 3, 1, 2, 3]
        );
    }

    #[test]
    fn weights_with_a_common_divisor_make_a_short_cycle() {
        let servers = [(1, 2_000_000_000), (2, 1_000_000_000)];
        assert_eq!(slots(Scheduler::WeightedRoundRobin, &servers), [1, 1, 2]);
    }

    #[test]
    fn no_available_server_makes_an_empty_table() {
        assert!(slots(Scheduler::RoundRobin, &[]).is_empty());
        assert!(slots(Scheduler::WeightedRoundRobin, &[(1, 0)]).is_empty());
    }

    #[test]
    fn weights_too_large_for_the_table_keep_their_proportion() {
        let servers = [(1, 2_147_483_647), (2, 1_000_000_007), (3, 1)];
        let slots = slots(Scheduler::WeightedRoundRobin, &servers);
        let turns = |server| slots.iter().filter(|slot| **slot == server).count() as f64;
        assert!(slots.len() <= SLOTS);
        assert_eq!(turns(3), 1.0);
        let ratio = turns(1) / turns(2);
        let wanted = 2_147_483_647.0 / 1_000_000_007.0;
        assert!(
            (ratio / wanted - 1.0).abs() < 0.01,
            "{ratio} is not {wanted}"
        );
    }

    proptest! {
        #[test]
        fn every_weighted_server_has_a_turn_and_no_other(
            weights in prop::collection::vec(prop_oneof![Just(0), 1..10_u32, any::<u32>()], 0..50),
        ) {
            let servers: Vec<_> = (1..).zip(weights).collect();
            let slots = slots(Scheduler::WeightedRoundRobin, &servers);
            prop_assert!(slots.len() <= SLOTS);
            for (index, weight) in servers {
                prop_assert_eq!(slots.contains(&index), weight > 0);
            }
        }
    }
}
