//! What the hit path costs beside the daemon's own work: while a sweep walks a million flows on another core, and while a hundred
//! thousand connections are taken out of the same table and told.
//!
//! A figure says what a packet waits for. A walk copies one bucket after the other under that bucket's lock, and a known flow is looked up
//! without it; so what remains are the lines of memory that both cores want. One flow alone stays in the core's own cache and shows next to
//! nothing of it; of 65,536 in turn most come from the memory that the walk reads, too. The floor is measured beside the same work: it
//! touches no table, and what it loses is the machine's doing.

use std::{
    collections::{BTreeMap, HashSet},
    net::Ipv4Addr,
    panic,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use director::{
    dataplane::{
        DataPlane, ended,
        expiry::{Jiffies, Timeouts},
        flows::FlowTables,
        ledger::Ledger,
        pins,
    },
    tell::{Counts, DEFAULT_RATE, EndedJob, Job, Teller, pace::Pace},
};
use serde_json::{Value, json};

use crate::{
    case::HIT,
    cpu,
    frames::Frame,
    harness::{Flows, Harness},
    progress,
    setup::{self, Setup},
    spread, table,
};

const NAME: &str = "beside";
/// Flows in the table, all the time.
const KNOWN: u32 = 1_048_576;
/// Flows beyond them, which are opened and told in each round.
const TOLD: u32 = 100_000;
/// Half-open flows are made and completed in portions that their table has room for on one CPU.
const PORTION: u32 = 16_384;
const ROUNDS: usize = 11;
/// Packets of a figure in one round: few enough for all figures to be done before the last connection is told.
const PACKETS: u32 = 1_000_000;
const XDP_TX: u32 = 3;

/// What goes on at the same time on another core.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Nothing,
    Sweeping,
    Telling,
}

const WORKS: [Work; 3] = [Work::Nothing, Work::Sweeping, Work::Telling];

/// What is measured beside it.
#[derive(Clone, Copy)]
enum Subject {
    Floor,
    /// This many of the known flows in turn.
    Hit(u32),
}

const SUBJECTS: [(&str, Subject); 3] = [
    ("floor", Subject::Floor),
    (HIT, Subject::Hit(1)),
    ("hit_v4_64k", Subject::Hit(65_536)),
];

/// One figure.
struct Row {
    name: &'static str,
    work: Work,
    /// Nanoseconds a packet without the harness's own work, of each round.
    times: Vec<f64>,
}

/// Measures, prints, and gives the lines for a file. `harness` is in a network namespace whose loopback interface is up.
pub(crate) fn measure(harness: &mut Harness) -> Result<Vec<Value>> {
    let cpus = cpu::usable()?;
    let [here, there, ..] = cpus[..] else {
        println!("one core: nothing can go on beside the hit path");
        return Ok(Vec::new());
    };
    let progress = progress(1 + ROUNDS * WORKS.len())?;
    progress.set_message(format!("opening {KNOWN} flows"));
    let mut million = Million::open(harness, &cpus)?;
    progress.inc(1);
    let mut rows: Vec<Row> = SUBJECTS
        .iter()
        .flat_map(|(name, _)| WORKS.map(|work| Row::of(name, work)))
        .collect();
    let mut sweeps = Vec::new();
    // Side by side in each round, so that a busy moment of the machine hits all alike.
    for _ in 0..ROUNDS {
        cpu::stay_on(here)?;
        let own = own_work(harness)?;
        for work in WORKS {
            progress.set_message(work.name());
            let times = match work {
                Work::Nothing => million.figures(harness)?,
                Work::Sweeping => million.while_sweeping(harness, there, &mut sweeps)?,
                Work::Telling => million.while_telling(harness, [here, there])?,
            };
            for ((name, _), time) in SUBJECTS.iter().zip(times) {
                let row = rows
                    .iter_mut()
                    .find(|row| (row.name, row.work) == (name, work));
                row.context("a row for each figure")?.times.push(time - own);
            }
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    print(&rows);
    println!(
        "{} sweeps over the {KNOWN} flows went on beside; the middle one took {:.0?}",
        sweeps.len(),
        median(&mut sweeps)
    );
    Ok(rows.iter().map(|row| row.json(&rows)).collect())
}

/// What the harness adds to each figure beyond what any program costs.
fn own_work(harness: &mut Harness) -> Result<f64> {
    let frame = Frame::ACK.bytes();
    harness.put(None)?;
    let alone = harness.run(&frame, Flows::in_turn(1), PACKETS, XDP_TX)?;
    Ok(alone - harness.run_empty(&frame, PACKETS, XDP_TX)?)
}

/// A data plane whose table holds a million flows.
struct Million {
    dataplane: DataPlane,
}

impl Million {
    fn open(harness: &mut Harness, cpus: &[usize]) -> Result<Self> {
        let mut million = Self {
            dataplane: setup::dataplane(NAME, Setup::HUGE_TABLE)?,
        };
        million.make_known(harness, 0, KNOWN, cpus)?;
        Ok(million)
    }

    /// Opens flows from a first one on. The CPUs take turns, as the table shares its room between them.
    fn make_known(
        &mut self,
        harness: &mut Harness,
        first: u32,
        flows: u32,
        cpus: &[usize],
    ) -> Result<()> {
        harness.put(Some(self.dataplane.program_fd()?))?;
        let end = first + flows;
        let portions = (first..end).step_by(PORTION as usize);
        for (first, cpu) in portions.zip(cpus.iter().cycle()) {
            cpu::stay_on(*cpu)?;
            for frame in Frame::ACK.opening() {
                let packets = PORTION.min(end - first);
                harness.run(&frame.bytes(), Flows::from(first), packets, XDP_TX)?;
            }
        }
        Ok(())
    }

    /// A figure of each subject, the harness's own work included.
    fn figures(&mut self, harness: &mut Harness) -> Result<Vec<f64>> {
        let frame = Frame::ACK.bytes();
        let figure = |(name, subject): &(&str, Subject)| {
            let flows = match subject {
                Subject::Floor => {
                    harness.put_own("floor")?;
                    1
                }
                Subject::Hit(flows) => {
                    harness.put(Some(self.dataplane.program_fd()?))?;
                    *flows
                }
            };
            let time = harness.run(&frame, Flows::in_turn(flows), PACKETS, XDP_TX);
            time.with_context(|| format!("case {name}"))
        };
        SUBJECTS.iter().map(figure).collect()
    }

    /// The figures while the table is swept over and over on another core, as the daemon does it. `sweeps` gets how long each took.
    fn while_sweeping(
        &mut self,
        harness: &mut Harness,
        there: usize,
        sweeps: &mut Vec<Duration>,
    ) -> Result<Vec<f64>> {
        let now = self.dataplane.read_clock()?;
        let timeouts = Timeouts::default();
        let ledger = Ledger::new(now, timeouts, self.dataplane.tables(), &BTreeMap::new());
        let is_done = AtomicBool::new(false);
        let (begins, begun) = mpsc::channel();
        let sweep = || {
            cpu::stay_on(there)?;
            let mut took = Vec::new();
            while !is_done.load(Ordering::Relaxed) {
                let began = Instant::now();
                let mut tables = FlowTables::open(&pins::folder(&setup::pins(NAME)))?;
                begins.send(()).context("nobody measures")?;
                let found = tables.sweep(&ledger)?;
                ensure!(found.flows >= KNOWN, "only {} flows are left", found.flows);
                took.push(began.elapsed());
            }
            anyhow::Ok(took)
        };
        thread::scope(|scope| {
            let sweeper = scope.spawn(sweep);
            // Where the sweeper could not begin, it says why below.
            let _begun = begun.recv_timeout(Duration::from_secs(10));
            let figures = self.figures(harness);
            is_done.store(true, Ordering::Relaxed);
            let took = sweeper
                .join()
                .unwrap_or_else(|panicked| panic::resume_unwind(panicked));
            sweeps.extend(took?);
            figures
        })
    }

    /// The figures while a hundred thousand other connections of the table are taken out and told, at the pace that is the default.
    ///
    /// They are chosen as `director flows reset` does it: the thread finds, takes and tells them as it does those of a server that ended.
    fn while_telling(
        &mut self,
        harness: &mut Harness,
        [here, there]: [usize; 2],
    ) -> Result<Vec<f64>> {
        self.make_known(harness, KNOWN, TOLD, &[here, there])?;
        // The thread stays where it was started.
        cpu::stay_on(there)?;
        let teller = Teller::start().context("the thread that tells")?;
        cpu::stay_on(here)?;
        // The harness puts 65,536 flows on each address, from 10.0.0.0 on.
        let others = Ipv4Addr::from(0x0a00_0000 | (KNOWN >> 16));
        let (answers, answer) = mpsc::channel();
        teller.tell(Job::Chosen {
            servers: EndedJob {
                folder: pins::folder(&setup::pins(NAME)),
                ended: ended::all_in_use(self.dataplane.tables()),
                reasons: BTreeMap::new(),
                unreachable: HashSet::new(),
                pace: Pace::new(DEFAULT_RATE),
                now: Jiffies::default(),
            },
            choice: Box::new(move |place, _| place.client().ip() >= others),
            reply: Box::new(move |told| drop(answers.send(told))),
        });
        let figures = self.figures(harness)?;
        ensure!(
            matches!(answer.try_recv(), Err(mpsc::TryRecvError::Empty)),
            "the connections were told before the figures were done"
        );
        let told = answer.recv().context("the thread that tells is gone")??;
        let all = Counts {
            connections: TOLD.into(),
            ..Counts::default()
        };
        ensure!(told == all, "not all were told: {told:?}");
        Ok(figures)
    }
}

impl Work {
    const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "alone",
            Self::Sweeping => "while a sweep runs",
            Self::Telling => "while 100,000 are told",
        }
    }

    /// What its rows are called in JSON.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Nothing => "alone",
            Self::Sweeping => "sweeping",
            Self::Telling => "telling",
        }
    }
}

impl Row {
    const fn of(name: &'static str, work: Work) -> Self {
        Self {
            name,
            work,
            times: Vec::new(),
        }
    }

    fn ns(&self) -> f64 {
        spread(&self.times)[0]
    }

    /// Times the floor of the same run, with nothing beside it.
    fn to_floor(&self, rows: &[Self]) -> f64 {
        self.ns() / ns_alone(rows, SUBJECTS[0].0)
    }

    /// Times the same with nothing beside it.
    fn to_alone(&self, rows: &[Self]) -> f64 {
        self.ns() / ns_alone(rows, self.name)
    }

    fn json(&self, rows: &[Self]) -> Value {
        json!({
            "name": format!("{}_{}", self.name, self.work.suffix()),
            "ns": self.ns(),
            "floor_ns": ns_alone(rows, SUBJECTS[0].0),
            "ratio": self.to_floor(rows),
            "to_alone": self.to_alone(rows),
        })
    }
}

fn ns_alone(rows: &[Row], name: &str) -> f64 {
    rows.iter()
        .find(|row| (row.name, row.work) == (name, Work::Nothing))
        .map_or(f64::NAN, Row::ns)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn print(rows: &[Row]) {
    let mut table = table::titled(
        &[
            "case",
            "among 1,048,576 flows",
            "ns a packet",
            "least",
            "most",
            "ratio to floor",
            "to alone",
        ],
        2,
    );
    for row in rows {
        let [mean, least, most] = spread(&row.times).map(|ns| format!("{ns:.1}"));
        table.add_row([
            row.name.to_owned(),
            row.work.name().to_owned(),
            mean,
            least,
            most,
            format!("{:.1}", row.to_floor(rows)),
            format!("{:.2}", row.to_alone(rows)),
        ]);
    }
    println!("{table}");
}
