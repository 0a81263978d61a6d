//! Packets a second: the kernel's own generator on one core and on two, the director and the floor, counted at the far end.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    cpu,
    frames::Frame,
    harness::Flows,
    rig::Rig,
    setup::{self, Setup},
    table,
};

/// Known flows that the packets are of, in turn.
const FLOWS: u32 = 4096;
const ROUNDS: usize = 5;
const PACKETS: u32 = 2_000_000;

/// What forwards.
#[derive(Clone, Copy)]
enum Forwarder {
    Floor,
    Director,
}

/// One row: packets that arrived in a second, of each round.
struct Row {
    name: &'static str,
    cores: usize,
    rates: Vec<f64>,
}

/// Measures, prints, and gives the lines for a file.
pub(crate) fn measure() -> Result<Vec<Value>> {
    let cpus = cpu::usable()?;
    let cpus = &cpus[..cpus.len().min(2)];
    let mut rig = Rig::lay(cpus.len())?;
    let mut dataplane = setup::dataplane("rate", Setup::ONE_SERVICE.behind(rig.near))?;
    rig.harness.put(Some(dataplane.program_fd()?))?;
    for frame in Frame::ACK.opening() {
        let flows = Flows::in_turn(FLOWS);
        rig.harness
            .send(&frame.bytes(), flows, FLOWS, rig.near, &cpus[..1])?;
    }
    let mut rows: Vec<_> = [
        ("floor", Forwarder::Floor),
        ("director", Forwarder::Director),
    ]
    .into_iter()
    .flat_map(|(name, forwarder)| (1..=cpus.len()).map(move |cores| (name, forwarder, cores)))
    .map(|(name, forwarder, cores)| {
        let row = Row {
            name,
            cores,
            rates: Vec::new(),
        };
        (forwarder, row)
    })
    .collect();
    // Side by side in each round, so that a busy moment of the machine hits all alike.
    for _ in 0..ROUNDS {
        for (forwarder, row) in &mut rows {
            match forwarder {
                Forwarder::Floor => rig.harness.put_own("floor")?,
                Forwarder::Director => rig.harness.put(Some(dataplane.program_fd()?))?,
            }
            row.rates.push(rate(&mut rig, &cpus[..row.cores])?);
        }
    }
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    print(&rows);
    Ok(rows.iter().map(Row::json).collect())
}

/// Packets that arrive in a second.
fn rate(rig: &mut Rig, cpus: &[usize]) -> Result<f64> {
    let before = rig.harness.arrived()?;
    let began = Instant::now();
    let flows = Flows::in_turn(FLOWS);
    rig.harness
        .send(&Frame::ACK.bytes(), flows, PACKETS, rig.near, cpus)
        .context("sending")?;
    let took = began.elapsed().as_secs_f64();
    Ok((rig.harness.arrived()? - before) as f64 / took)
}

impl Row {
    fn median(&self) -> f64 {
        let mut sorted = self.rates.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    fn json(&self) -> Value {
        let (name, cores) = (self.name, self.cores);
        json!({"name": format!("live_{name}_{cores}"), "packets_per_second": self.median().round()})
    }
}

fn print(rows: &[Row]) {
    let mut table = table::titled(
        &["forwarder", "cores", "packets a second", "least", "most"],
        1,
    );
    for row in rows {
        let spread = |choose: fn(f64, f64) -> f64| row.rates.iter().copied().reduce(choose);
        let rounded = |rate: f64| format!("{:.2} million", rate / 1e6);
        table.add_row([
            row.name.to_owned(),
            row.cores.to_string(),
            rounded(row.median()),
            rounded(spread(f64::min).unwrap_or_default()),
            rounded(spread(f64::max).unwrap_or_default()),
        ]);
    }
    println!("{table}");
}
