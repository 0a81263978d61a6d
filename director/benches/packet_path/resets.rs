//! How soon both ends are told: from the edit that ends a server to the last reset on the wire, for idle flows of its. And what
//! the hit path pays meanwhile, see `beside`.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use director::{
    dataplane::{DataPlane, ended::EndedServers, expiry::Jiffies, flows::FlowTables, pins},
    tell::{EndedJob, Job, Teller, pace::Pace},
};
use serde_json::{Value, json};

use crate::{
    beside, cpu,
    frames::Frame,
    harness::Flows,
    rig::Rig,
    setup::{self, Setup},
    table,
};

/// Flows of the server that ends, and how many are told in a second; 0: as fast as it goes.
const CASES: [(u32, u32); 4] = [(1, 50_000), (1000, 50_000), (100_000, 50_000), (100_000, 0)];
/// Flows of other servers, which the ended ones are found among.
const OTHERS: u32 = 1_000_000;
const PATIENCE: Duration = Duration::from_secs(30);
/// Half-open flows are made and completed in portions that their table has room for.
const PORTION: u32 = 16_384;

/// One case.
struct Row {
    flows: u32,
    pace: u32,
    /// Until the first, the middle, the 99th and the last of a hundred resets were on the wire.
    told: [Duration; 4],
}

/// Measures, prints, and gives the lines for a file.
pub(crate) fn measure() -> Result<Vec<Value>> {
    let mut rig = Rig::lay(1)?;
    rig.give_addresses()?;
    let rows = CASES
        .into_iter()
        .map(|(flows, pace)| told(&mut rig, flows, pace))
        .collect::<Result<Vec<_>>>()?;
    print(&rows);
    let (found, swept) = among_a_million(&mut rig)?;
    println!(
        "among {OTHERS} other flows the 100 of a server that ended were found in {found:.0?}; a sweep over all took {swept:.0?}"
    );
    let mut lines: Vec<_> = rows.iter().map(Row::json).collect();
    lines.push(json!({
        "name": "find_among_1m",
        "seconds": found.as_secs_f64(),
        "sweep_seconds": swept.as_secs_f64(),
    }));
    lines.extend(beside::measure(&mut rig.harness)?);
    Ok(lines)
}

/// Makes flows known, from a first one on.
fn open(rig: &mut Rig, dataplane: &mut DataPlane, first: u32, flows: u32) -> Result<()> {
    rig.harness.put(Some(dataplane.program_fd()?))?;
    let end = first + flows;
    let mut next = first;
    // The CPUs take turns, as the table shares its room between them.
    for cpu in cpu::usable()?.into_iter().cycle() {
        if next >= end {
            break;
        }
        let portion = PORTION.min(end - next);
        for frame in Frame::ACK.opening() {
            rig.harness
                .send(&frame.bytes(), Flows::from(next), portion, rig.near, &[cpu])?;
        }
        next += portion;
    }
    Ok(())
}

/// Ends the only server, and watches the wire.
fn told(rig: &mut Rig, flows: u32, pace: u32) -> Result<Row> {
    let teller = Teller::start().context("the thread that tells")?;
    let setup = Setup::ONE_SERVER.behind(rig.near);
    let mut dataplane = setup::dataplane("resets", setup)?;
    open(rig, &mut dataplane, 0, flows)?;
    let before = rig.harness.arrived()?;
    let began = Instant::now();
    setup::end_servers(&mut dataplane, setup)?;
    let ended = dataplane.take_ended();
    ensure!(!ended.is_empty(), "no server ended");
    teller.tell(job("resets", ended, pace));
    // Of each connection two resets leave.
    let resets = u64::from(flows) * 2;
    let marks = [1, resets / 2, resets * 99 / 100, resets].map(|mark| mark.max(1));
    let mut times = [Duration::ZERO; 4];
    for (mark, time) in marks.into_iter().zip(&mut times) {
        while rig.harness.arrived()? - before < mark {
            ensure!(began.elapsed() < PATIENCE, "not all resets were sent");
            thread::sleep(Duration::from_micros(50));
        }
        *time = began.elapsed();
    }
    Ok(Row {
        flows,
        pace,
        told: times,
    })
}

fn job(name: &str, ended: EndedServers, pace: u32) -> Job {
    Job::Ended(EndedJob {
        folder: pins::folder(&setup::pins(name)),
        ended,
        reasons: std::collections::BTreeMap::new(),
        unreachable: std::collections::HashSet::new(),
        pace: Pace::new(pace),
        now: Jiffies::default(),
    })
}

/// How long it takes to find a hundred flows among a million, and to sweep all.
fn among_a_million(rig: &mut Rig) -> Result<(Duration, Duration)> {
    let setup = Setup::HUGE_TABLE.behind(rig.near);
    let mut dataplane = setup::dataplane("million", setup)?;
    open(rig, &mut dataplane, 0, OTHERS)?;
    let folder = pins::folder(&setup::pins("million"));
    let mut tables = FlowTables::open(&folder)?;
    let ended = director::dataplane::ended::all_in_use(dataplane.tables());
    let began = Instant::now();
    let hundred = std::cell::Cell::new(0_u32);
    let found = tables.find_ended(&ended, |_, _| {
        hundred.set(hundred.get() + 1);
        hundred.get().is_multiple_of(OTHERS / 100)
    })?;
    let finding = began.elapsed();
    ensure!(found.len() >= 90, "only {} flows were found", found.len());
    let now = dataplane.read_clock()?;
    let ledger = director::dataplane::ledger::Ledger::new(
        now,
        director::dataplane::expiry::Timeouts::default(),
        dataplane.tables(),
        &std::collections::BTreeMap::new(),
    );
    let began = Instant::now();
    tables.sweep(&ledger)?;
    Ok((finding, began.elapsed()))
}

impl Row {
    fn json(&self) -> Value {
        let [first, middle, late, last] = self.told.map(|time| time.as_secs_f64());
        json!({
            "name": format!("reset_{}_at_{}", self.flows, self.pace),
            "first_seconds": first,
            "p50_seconds": middle,
            "p99_seconds": late,
            "last_seconds": last,
        })
    }
}

fn print(rows: &[Row]) {
    let mut table = table::titled(
        &[
            "idle flows of a server that ends",
            "pace, a second",
            "first reset after",
            "half of them",
            "99 %",
            "all",
        ],
        0,
    );
    for row in rows {
        let pace = match row.pace {
            0 => "none".to_owned(),
            pace => pace.to_string(),
        };
        let [first, middle, late, last] = row
            .told
            .map(|time| format!("{:.1} ms", time.as_secs_f64() * 1e3));
        table.add_row([row.flows.to_string(), pace, first, middle, late, last]);
    }
    println!("{table}");
}
