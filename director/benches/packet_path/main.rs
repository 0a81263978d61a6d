//! What a packet costs: the packet path by `BPF_PROG_TEST_RUN`, as a ratio to the floor of the same run.
//!
//! `cargo xtask bench` runs it. Absolute figures move with the machine and the day; only ratios within one run count.

mod case;
mod cpu;
mod harness;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use nix::unistd::geteuid;

use crate::{
    case::{CASES, Case, EMPTY, FLOOR, HARNESS, Ready, TABLE},
    harness::Harness,
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
    /// CPU to run on.
    #[arg(long, default_value_t = 0)]
    cpu: usize,
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
    // A machine that was busy is given a second chance; a program that is too slow misses its limit again.
    let cpus = cpu::usable()?;
    let mut figures = measure(&options, &cpus)?;
    if figures.iter().any(Figure::misses_its_limit) {
        println!("a limit was missed; measuring once more");
        figures = measure(&options, &cpus)?;
    }
    print(&figures);
    println!("{}", without_empty(&figures));
    if let Some(file) = &options.json {
        let lines: String = figures.iter().map(Figure::json).collect();
        fs::write(file, lines).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(match figures.iter().any(Figure::misses_its_limit) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
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
}

impl Figure {
    fn ratio(&self) -> f64 {
        self.ns[0] / self.floor_ns
    }

    fn misses_its_limit(&self) -> bool {
        self.case.limit.is_some_and(|limit| self.ratio() > limit)
    }

    fn json(&self) -> String {
        let [ns, _, _] = self.ns;
        let line = serde_json::json!({
            "name": self.case.name,
            "ns": ns,
            "floor_ns": self.floor_ns,
            "ratio": self.ratio(),
        });
        format!("{line}\n")
    }
}

/// Measures every case once in each round, so that a busy moment of the machine hits all alike.
fn measure(options: &Options, cpus: &[usize]) -> Result<Vec<Figure>> {
    let mut harness = Harness::load()?;
    let mut ready: Vec<Ready> = [HARNESS, EMPTY, FLOOR]
        .into_iter()
        .chain(CASES)
        .map(|case| Ready::new(case, &mut harness, cpus))
        .collect::<Result<_>>()?;
    cpu::stay_on(options.cpu)?;
    let progress = progress(options.rounds * ready.len())?;
    let mut times = vec![Vec::with_capacity(options.rounds); ready.len()];
    for _ in 0..options.rounds {
        for (ready, times) in ready.iter_mut().zip(&mut times) {
            progress.set_message(ready.case.name);
            times.push(ready.measure(&mut harness, options.packets)?);
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    // The first two are the harness and the empty program: between them lies the harness's own work.
    let harness_work = spread(&times[0])[0] - spread(&times[1])[0];
    let net = |times: &Vec<f64>| spread(times).map(|ns| ns - harness_work);
    let floor_ns = net(&times[2])[0];
    let empty = Figure {
        case: EMPTY,
        ns: spread(&times[1]),
        floor_ns,
    };
    let rest = ready
        .iter()
        .zip(&times)
        .skip(2)
        .map(|(ready, times)| Figure {
            case: ready.case,
            ns: net(times),
            floor_ns,
        });
    Ok(std::iter::once(empty).chain(rest).collect())
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
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "case",
        "what a packet is",
        "flows",
        "ns a packet",
        "least",
        "most",
        "ratio to floor",
        "limit",
    ]);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for figure in figures {
        let [mean, least, most] = figure.ns.map(|ns| format!("{ns:.1}"));
        let limit = figure.case.limit.map_or(String::new(), |limit| {
            let verdict = if figure.misses_its_limit() {
                "missed"
            } else {
                "met"
            };
            format!("{limit} {verdict}")
        });
        table.add_row([
            figure.case.name.to_owned(),
            figure.case.what.to_owned(),
            figure.case.flows.to_owned(),
            mean,
            least,
            most,
            format!("{:.1}", figure.ratio()),
            limit,
        ]);
    }
    println!("{table}");
}
