//! The tables of the schedulers.

use director_common::schedule::{MAGLEV_SLOTS, SLOTS};
use proptest::prelude::*;

use super::*;

/// Servers with these weights, at indexes from 1.
fn servers(weights: &[u32]) -> Vec<Entry> {
    (1..)
        .zip(weights)
        .map(|(index, weight)| Entry {
            index,
            weight: *weight,
            address: IpAddr::from((0x0a00_0000 + index).to_be_bytes()),
        })
        .collect()
}

/// Indexes of the servers in the order of the slots.
fn order(scheduler: Scheduler, weights: &[u32]) -> Vec<u32> {
    let table = table(scheduler, SchedulerFlags::default(), &servers(weights));
    table
        .slots
        .iter()
        .map(|slot| table.candidates[usize::from(*slot)].server)
        .collect()
}

#[test]
fn round_robin_takes_every_server_once_whatever_its_weight() {
    assert_eq!(order(Scheduler::RoundRobin, &[5, 1, 0, 7]), [1, 2, 4]);
}

#[test]
fn weighted_round_robin_keeps_the_order_of_ipvs() {
    assert_eq!(
        order(Scheduler::WeightedRoundRobin, &[4, 3, 2]),
        [1, 1, 2, 1, 2, 3, 1, 2, 3]
    );
}

#[test]
fn weights_with_a_common_divisor_make_a_short_cycle() {
    assert_eq!(
        order(
            Scheduler::WeightedRoundRobin,
            &[2_000_000_000, 1_000_000_000]
        ),
        [1, 1, 2]
    );
}

#[test]
fn no_available_server_makes_an_empty_table() {
    for scheduler in Scheduler::ALL {
        for weights in [&[][..], &[0, 0]] {
            let table = table(scheduler, SchedulerFlags::default(), &servers(weights));
            assert_eq!(table, Table::default(), "{}", scheduler.name());
        }
    }
}

#[test]
fn weights_too_large_for_the_table_keep_their_proportion() {
    let order = order(
        Scheduler::WeightedRoundRobin,
        &[2_147_483_647, 1_000_000_007, 1],
    );
    let turns = |server| order.iter().filter(|slot| **slot == server).count() as f64;
    assert!(order.len() <= SLOTS);
    assert_eq!(turns(3), 1.0);
    let ratio = turns(1) / turns(2);
    let wanted = 2_147_483_647.0 / 1_000_000_007.0;
    assert!(
        (ratio / wanted - 1.0).abs() < 0.01,
        "{ratio} is not {wanted}"
    );
}

#[test]
fn a_quiesced_server_keeps_its_slots_only_where_ipvs_keeps_them() {
    for scheduler in Scheduler::ALL {
        let table = table(scheduler, SchedulerFlags::default(), &servers(&[1, 0]));
        let keeps = matches!(
            scheduler,
            Scheduler::SourceHash | Scheduler::DestinationHash
        );
        assert_eq!(
            table.candidates.len(),
            1 + usize::from(keeps),
            "{}",
            scheduler.name()
        );
    }
}

#[test]
fn removing_one_of_ten_servers_moves_at_most_twelve_percent_of_the_others_keys() {
    let all = servers(&[1; 10]);
    let before = table(Scheduler::Maglev, SchedulerFlags::default(), &all);
    for gone in 0..10 {
        let mut rest = all.clone();
        let removed = rest.remove(gone);
        let after = table(Scheduler::Maglev, SchedulerFlags::default(), &rest);
        let server =
            |table: &Table, slot: usize| table.candidates[usize::from(table.slots[slot])].server;
        let others = (0..MAGLEV_SLOTS).filter(|slot| server(&before, *slot) != removed.index);
        let (kept, moved): (Vec<_>, Vec<_>) =
            others.partition(|slot| server(&before, *slot) == server(&after, *slot));
        let share = moved.len() as f64 / (kept.len() + moved.len()) as f64;
        assert!(
            share <= 0.12,
            "{share} moved without server {}",
            removed.index
        );
    }
}

#[test]
fn maglev_agrees_whatever_the_order_of_the_configuration() {
    let forward = servers(&[1, 2, 3, 4]);
    let backward: Vec<_> = forward.iter().rev().copied().collect();
    let chosen = |servers: &[Entry]| -> Vec<u32> {
        let table = table(Scheduler::Maglev, SchedulerFlags::default(), servers);
        table
            .slots
            .iter()
            .map(|slot| table.candidates[usize::from(*slot)].server)
            .collect()
    };
    assert_eq!(chosen(&forward), chosen(&backward));
}

#[test]
fn maglev_gives_shares_by_weight() {
    let order = order(Scheduler::Maglev, &[3, 1]);
    assert_eq!(order.len(), MAGLEV_SLOTS);
    let first = order.iter().filter(|server| **server == 1).count() as f64;
    let share = first / MAGLEV_SLOTS as f64;
    assert!((share - 0.75).abs() < 0.01, "{share}");
}

#[test]
fn the_map_gives_back_what_was_put_in() {
    for scheduler in Scheduler::ALL {
        let flags = SchedulerFlags {
            port: true,
            fallback: true,
        };
        let table = table(scheduler, flags, &servers(&[3, 1, 2]));
        assert_eq!(Table::from_map(&table.to_map()), table);
    }
}

proptest! {
    #[test]
    fn every_weighted_server_has_a_turn_and_no_other(
        weights in prop::collection::vec(prop_oneof![Just(0), 1..10_u32, 1..=0x7fff_ffff_u32], 1..50),
    ) {
        for scheduler in [Scheduler::WeightedRoundRobin, Scheduler::Maglev, Scheduler::PowerOfTwo] {
            let order = order(scheduler, &weights);
            prop_assert!(order.len() <= SLOTS);
            for (index, weight) in (1..).zip(&weights) {
                prop_assert_eq!(order.contains(&index), *weight > 0);
            }
        }
    }
}
