//! Tables that have no room: what the status says of them, and when the log says it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use director_common::counters::Counter;
use tracing::warn;

use super::Daemon;
use crate::dataplane::flows::Sweep;

/// The log says no more of full tables for so long.
const PAUSE: Duration = Duration::from_mins(1);

/// What the log has said so far.
#[derive(Debug, Default)]
pub(super) struct FullTables {
    /// How often each table had no room when the log last spoke of it, by its name.
    told: BTreeMap<&'static str, u64>,
    next: Option<Instant>,
}

impl FullTables {
    /// Begins with what is counted already, of which an earlier daemon has spoken.
    pub(super) fn since(counters: &[(Counter, u64)]) -> Self {
        let told = full(counters).map(|(counter, _, times)| (counter.name(), times));
        Self {
            told: told.collect(),
            next: None,
        }
    }

    /// What the log shall say now: of tables that had no room since it last spoke, and of a flow table that is nearly full.
    pub(super) fn news(
        &mut self,
        now: Instant,
        counters: &[(Counter, u64)],
        sweep: &Sweep,
        flow_table_size: u32,
    ) -> Vec<String> {
        if self.next.is_some_and(|next| now < next) {
            return Vec::new();
        }
        let mut news = Vec::new();
        for (counter, table, times) in full(counters) {
            let told = self.told.insert(counter.name(), times).unwrap_or_default();
            if times > told {
                news.push(sentence(table, times - told));
            }
        }
        news.extend(nearly_full(sweep, flow_table_size));
        if !news.is_empty() {
            self.next = Some(now + PAUSE);
        }
        news
    }
}

impl Daemon {
    /// Says in the log what is new.
    pub(super) fn tell_of_full_tables(&mut self) {
        let Ok(counters) = self.dataplane.counters() else {
            return;
        };
        let (now, size) = (Instant::now(), self.flow_table_size);
        for warning in self.full_tables.news(now, &counters, &self.sweep, size) {
            warn!("{warning}");
        }
    }
}

/// What the status says: of tables that ever had no room, and of a flow table that is nearly full.
pub(super) fn warnings(
    counters: &[(Counter, u64)],
    sweep: &Sweep,
    flow_table_size: u32,
) -> Vec<String> {
    full(counters)
        .map(|(_, table, times)| sentence(table, times))
        .chain(nearly_full(sweep, flow_table_size))
        .collect()
}

fn sentence(table: &str, times: u64) -> String {
    format!("the table of {table} in `global_defs`: it could not take an entry {times} times")
}

/// The counters that speak of a table without room, with what makes it larger.
fn full(counters: &[(Counter, u64)]) -> impl Iterator<Item = (Counter, &'static str, u64)> {
    counters
        .iter()
        .filter(|(_, times)| *times > 0)
        .filter_map(|(counter, times)| Some((*counter, table(*counter)?, *times)))
}

const fn table(counter: Counter) -> Option<&'static str> {
    match counter {
        Counter::FlowTableFull => Some("flows is full; raise director_flow_table_size"),
        Counter::HalfOpenTableFull => {
            Some("half-open flows is full; raise director_half_open_table_size")
        }
        Counter::TemplateTableFull => {
            Some("persistence templates is full; raise director_persistence_table_size")
        }
        Counter::FragmentTableFull => Some("fragments is full; raise director_fragment_table_size"),
        _ => None,
    }
}

fn nearly_full(sweep: &Sweep, size: u32) -> Option<String> {
    let flows = sweep.flows - sweep.half_open;
    (flows > size / 10 * 9).then(|| {
        format!(
            "the flow table is nearly full ({flows} of {size}): new connections push out those that were silent longest; raise \
             director_flow_table_size"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: [(Counter, u64); 2] = [
        (Counter::ForwardFlow, 1_000_000),
        (Counter::FlowTableFull, 3),
    ];
    const FULL: [(Counter, u64); 2] = [
        (Counter::FlowTableFull, 10),
        (Counter::TemplateTableFull, 1),
    ];

    fn sweep(flows: u32) -> Sweep {
        Sweep {
            flows,
            ..Sweep::default()
        }
    }

    #[test]
    fn the_log_tells_what_is_new_once_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut tables = FullTables::since(&QUIET);
        assert!(tables.news(at(0), &QUIET, &sweep(0), 100).is_empty());
        let news = tables.news(at(5), &FULL, &sweep(0), 100);
        assert_eq!(news.len(), 2, "{news:?}");
        assert!(news[0].contains("flows is full") && news[0].ends_with("7 times"));
        assert!(news[1].contains("templates is full") && news[1].ends_with("1 times"));
        let more = [(Counter::FlowTableFull, 20)];
        assert!(tables.news(at(64), &more, &sweep(0), 100).is_empty());
        let news = tables.news(at(65), &more, &sweep(0), 100);
        assert!(news[0].ends_with("10 times"), "{news:?}");
        assert!(tables.news(at(200), &more, &sweep(0), 100).is_empty());
    }

    #[test]
    fn a_flow_table_is_nearly_full_above_nine_tenths() {
        let mut tables = FullTables::default();
        let start = Instant::now();
        assert!(tables.news(start, &[], &sweep(90), 100).is_empty());
        let news = tables.news(start, &[], &sweep(91), 100);
        assert!(news[0].contains("(91 of 100)"), "{news:?}");
        assert_eq!(warnings(&[], &sweep(91), 100), news);
    }

    #[test]
    fn the_status_tells_what_ever_was() {
        let warnings = warnings(&QUIET, &sweep(0), 100);
        assert_eq!(
            warnings,
            [
                "the table of flows is full; raise director_flow_table_size in `global_defs`: it could not take an entry 3 times"
            ]
        );
    }
}
