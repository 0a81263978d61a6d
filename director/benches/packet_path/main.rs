//! What a packet costs: the packet path by `BPF_PROG_TEST_RUN`, as a ratio to the floor of the same run.
//!
//! `cargo xtask bench` runs it. Absolute figures move with the machine and the day; only ratios within one run count.

mod beside;
mod case;
mod cpu;
mod frames;
mod harness;
mod ipvs;
mod programs;
mod rate;
mod resets;
mod rig;
mod setup;
mod table;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use nix::unistd::geteuid;

use crate::{
    case::{CASES, Case, EMPTY, FLOOR, HARNESSES, HIT, Limit, Ready},
    harness::Harness,
    setup::TABLE,
};

/// Measures the packet path.
#[derive(Parser)]
struct Options {
    /// Write the figures to this file too, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds; the middle half of them counts.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Packets of a case in one round.
    #[arg(long, default_value_t = 1_000_000)]
    packets: u32,
    /// Measure only these cases, and what they are compared with.
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// CPU to run on.
    #[arg(long, default_value_t = 0)]
    cpu: usize,
    /// Count packets a second instead, on one core and on two: frames that really leave by an interface.
    #[arg(long)]
    pps: bool,
    /// Measure how soon both ends of a server's connections are told instead, and the hit path while that and a sweep go on.
    #[arg(long, conflicts_with_all = ["pps", "ipvs"])]
    reset: bool,
    /// Compare with IPVS instead, which this machine's kernel must have.
    #[arg(long, conflicts_with = "pps")]
    ipvs: bool,
    /// What cargo calls every benchmark with.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    ensure!(
        geteuid().is_root(),
        "needs root: run `cargo xtask bench` as root"
    );
    println!("{}", machine(&options));
    let (lines, good) = if options.pps {
        (rate::measure()?, true)
    } else if options.reset {
        (resets::measure()?, true)
    } else if options.ipvs {
        ipvs::measure()?
    } else {
        cases(&options)?
    };
    if let Some(file) = &options.json {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Every case as a ratio to the floor; whether all kept their limits.
fn cases(options: &Options) -> Result<(Vec<serde_json::Value>, bool)> {
    // A machine that was busy is given a second chance; a program that is too slow misses its limit again.
    let cpus = cpu::usable()?;
    let mut figures = measure(options, &cpus)?;
    if figures.iter().any(Figure::misses_its_limit) {
        println!("a limit was missed; measuring once more");
        figures = measure(options, &cpus)?;
    }
    print(&figures);
    println!("{}", without_empty(&figures));
    let good = !figures.iter().any(Figure::misses_its_limit);
    Ok((figures.iter().map(Figure::json).collect(), good))
}

/// What the figures are of.
fn machine(options: &Options) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "Linux {}, {}, CPU {}; tables of {TABLE} flows; {} rounds of {} packets",
        kernel.trim(),
        cpu::model(),
        options.cpu,
        options.rounds,
        options.packets
    )
}

/// What a case cost.
struct Figure {
    case: Case,
    /// Nanoseconds a packet, without the harness's own work: mean of the middle half, least, most.
    ns: [f64; 3],
    floor_ns: f64,
    hit_ns: f64,
}

impl Figure {
    fn ratio(&self) -> f64 {
        self.ns[0] / self.floor_ns
    }

    fn misses_its_limit(&self) -> bool {
        match self.case.limit {
            None => false,
            Some(Limit::Floors(limit)) => self.ratio() > limit,
            Some(Limit::Hits(limit)) => self.ns[0] / self.hit_ns > limit,
        }
    }

    fn limit(&self) -> String {
        let limit = match self.case.limit {
            None => return String::new(),
            Some(Limit::Floors(limit)) => limit.to_string(),
            Some(Limit::Hits(limit)) => format!("{limit} x {HIT}"),
        };
        let verdict = if self.misses_its_limit() {
            "missed"
        } else {
            "met"
        };
        format!("{limit} {verdict}")
    }

    fn json(&self) -> serde_json::Value {
        let [ns, _, _] = self.ns;
        serde_json::json!({
            "name": self.case.name,
            "ns": ns,
            "floor_ns": self.floor_ns,
            "ratio": self.ratio(),
        })
    }
}

/// Measures every case once in each round, so that a busy moment of the machine hits all alike.
fn measure(options: &Options, cpus: &[usize]) -> Result<Vec<Figure>> {
    let mut harness = Harness::load()?;
    let chosen = |case: &Case| {
        options.cases.is_empty()
            || options
                .cases
                .iter()
                .any(|name| name == case.name || case.name == HIT)
    };
    let cases: Vec<Case> = HARNESSES
        .into_iter()
        .chain([EMPTY, FLOOR])
        .chain(CASES.into_iter().filter(chosen))
        .collect();
    let progress = progress(cases.len() * (options.rounds + 1))?;
    let mut ready = Vec::new();
    for case in &cases {
        progress.set_message(format!("preparing {}", case.name));
        ready.push(Ready::new(*case, &mut harness, cpus)?);
        progress.inc(1);
    }
    cpu::stay_on(options.cpu)?;
    let mut times = vec![Vec::with_capacity(options.rounds); ready.len()];
    for _ in 0..options.rounds {
        for (ready, times) in ready.iter_mut().zip(&mut times) {
            progress.set_message(ready.case.name);
            times.push(ready.measure(&mut harness, options.packets)?);
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    println!("{}", programs::describe()?);
    Ok(figures(&cases, &times))
}

/// Takes the harness's own work out of what was measured: what the harness for the case's kind of frame costs beyond the empty
/// program.
fn figures(cases: &[Case], times: &[Vec<f64>]) -> Vec<Figure> {
    let empty_ns = cases
        .iter()
        .zip(times)
        .find(|(case, _)| case.name == EMPTY.name)
        .map_or(0.0, |(_, times)| spread(times)[0]);
    let harness_work = |case: &Case| {
        let harness = HARNESSES
            .iter()
            .position(|harness| harness.wire() == case.wire());
        harness.map_or(0.0, |index| spread(&times[index])[0] - empty_ns)
    };
    let net = |case: &Case, times: &[f64]| match case.name == EMPTY.name {
        true => spread(times),
        false => spread(times).map(|ns| ns - harness_work(case)),
    };
    let of = |name: &str| {
        let found = cases.iter().zip(times).find(|(case, _)| case.name == name);
        found.map_or(0.0, |(case, times)| net(case, times)[0])
    };
    let (floor_ns, hit_ns) = (of(FLOOR.name), of(HIT));
    cases
        .iter()
        .zip(times)
        .skip(HARNESSES.len())
        .map(|(case, times)| Figure {
            case: *case,
            ns: net(case, times),
            floor_ns,
            hit_ns,
        })
        .collect()
}

/// Mean of the middle half, least, and most. The middle half leaves out what a busy machine did; its mean is finer than the whole
/// nanoseconds that the kernel gives.
fn spread(times: &[f64]) -> [f64; 3] {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = &sorted[sorted.len() / 4..sorted.len() - sorted.len() / 4];
    let mean = middle.iter().sum::<f64>() / middle.len() as f64;
    [mean, sorted[0], sorted[sorted.len() - 1]]
}

fn progress(steps: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg} {elapsed}")?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}

/// The other way to count: without what any program costs. Both are told, because the kernel's part makes a ratio smaller.
fn without_empty(figures: &[Figure]) -> String {
    let [empty, floor, hit, ..] = figures else {
        return String::new();
    };
    let beyond = |figure: &Figure| figure.ns[0] - empty.ns[0];
    format!(
        "`empty`, what the kernel needs to run any program, is part of every figure. Without it: floor {:.1} ns, {} {:.1} ns, \
         ratio {:.1} (rough: the kernel counts in whole nanoseconds).",
        beyond(floor),
        hit.case.name,
        beyond(hit),
        beyond(hit) / beyond(floor),
    )
}

fn print(figures: &[Figure]) {
    let mut table = table::titled(
        &[
            "case",
            "what a packet is",
            "ns a packet",
            "least",
            "most",
            "ratio to floor",
            "limit",
        ],
        2,
    );
    for figure in figures {
        let [mean, least, most] = figure.ns.map(|ns| format!("{ns:.1}"));
        table.add_row([
            figure.case.name.to_owned(),
            figure.case.what.to_owned(),
            mean,
            least,
            most,
            format!("{:.1}", figure.ratio()),
            figure.limit(),
        ]);
    }
    println!("{table}");
}
