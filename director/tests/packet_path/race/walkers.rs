//! Who walks the tables of flows: the teller takes those of ended servers, as `tell/teller.rs` does it, and the sweeper sweeps.

use std::{path::Path, sync::mpsc::Receiver};

use director::dataplane::{ended::EndedServers, flows::FlowTables, ledger::Ledger};

use super::{
    clients,
    history::{Span, Sweep, Take, Ticks},
};

/// Flows that are told without a pause.
const PACE: usize = 5;

/// A sweep that is due.
pub(super) struct Due {
    pub(super) ledger: Ledger,
    /// When the clock was read.
    pub(super) told: u64,
}

/// Finds the flows of ended servers, and takes them out one by one.
pub(super) fn tell(
    folder: &Path,
    ticks: &Ticks,
    queue: Receiver<EndedServers>,
) -> (Vec<Take>, Vec<Span>) {
    let (mut takes, mut jobs) = (Vec::new(), Vec::new());
    for ended in queue {
        let (span, ()) = ticks.span(|| {
            let mut tables = FlowTables::open(folder).expect("the tables");
            let found = tables.find_ended(&ended, |_, _| true).expect("a walk");
            for (number, place) in found.iter().enumerate() {
                if number % PACE == PACE - 1 {
                    ticks.pause();
                }
                let (span, taken) = ticks.span(|| tables.take_ended(place, &ended));
                takes.push(Take {
                    client: clients::client_at(place.client()),
                    span,
                    flow: taken.map(|(flow, _)| flow),
                });
            }
        });
        jobs.push(span);
    }
    (takes, jobs)
}

/// Sweeps whenever it is due.
pub(super) fn sweep(folder: &Path, ticks: &Ticks, due: Receiver<Due>) -> Vec<Sweep> {
    due.into_iter()
        .map(|Due { ledger, told }| {
            let (span, sweep) = ticks.span(|| {
                let mut tables = FlowTables::open(folder).expect("the tables");
                tables.sweep(&ledger).expect("a sweep")
            });
            Sweep {
                told,
                span,
                idle: sweep.idle,
            }
        })
        .collect()
}
