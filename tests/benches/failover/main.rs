//! For how long a client is not answered when a director fails or goes: ours and keepalived's, in the same lab and run.
//!
//! `cargo xtask bench --failover` runs it. Both only elect and hold an address here, which the kernel of whoever holds it answers, so
//! that nothing but the election is compared.

mod busy;
mod contender;
mod event;
mod figure;
mod holders;
mod pair;
mod speed;

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use nix::unistd::geteuid;

use crate::{
    contender::Contender,
    event::ROUND,
    figure::Figure,
    pair::Pair,
    speed::{SPEEDS, Speed},
};

/// Measures for how long a client is not answered when one of two directors fails.
#[derive(Parser)]
struct Options {
    /// Write the figures to this file too, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often each thing happens.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Measure only at this pace: "v2 1 s", "v3 0.1 s" or "v3 0.01 s".
    #[arg(long = "speed", value_name = "NAME")]
    speeds: Vec<String>,
    /// Instead, let two of a kind run at 10 ms for so many minutes while every core is busy, and count false failovers.
    #[arg(long, value_name = "MINUTES")]
    busy: Option<u64>,
    /// What cargo calls every benchmark with.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    ensure!(
        geteuid().is_root(),
        "needs root: run `cargo xtask bench --failover` as root"
    );
    let (lines, good) = match options.busy {
        Some(minutes) => busy::measure(Duration::from_secs(minutes * 60))?,
        None => failovers(&options)?,
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

/// Every event at every pace for both contenders; whether ours was nowhere the slower one.
fn failovers(options: &Options) -> Result<(Vec<serde_json::Value>, bool)> {
    let speeds = chosen(&options.speeds)?;
    let steps = speeds.len() as u64 * Contender::BOTH.len() as u64 * u64::from(options.rounds);
    let progress = bar(steps * ROUND.len() as u64)?;
    let mut figures = Vec::new();
    for speed in speeds {
        let mut of_speed = Vec::new();
        for contender in Contender::BOTH {
            of_speed.extend(measure(speed, contender, options.rounds, &progress)?);
        }
        progress.suspend(|| figure::print(speed.name, &of_speed));
        figures.extend(of_speed);
    }
    progress.finish_and_clear();
    let good = figure::verdict(&figures);
    Ok((figures.iter().map(Figure::json).collect(), good))
}

/// One contender at one pace: everything that happens, round after round.
fn measure(
    speed: &'static Speed,
    contender: Contender,
    rounds: u32,
    progress: &ProgressBar,
) -> Result<Vec<Figure>> {
    let mut figures: Vec<_> = ROUND
        .iter()
        .map(|&event| Figure::new(speed, contender, event))
        .collect();
    let mut pair = Pair::start(speed, contender)?;
    for round in 1..=rounds {
        for figure in &mut figures {
            progress.set_message(format!(
                "{}, {contender}, round {round}: {}",
                speed.name, figure.event
            ));
            let seen = pair
                .see(figure.event)
                .with_context(|| format!("{contender} at {}: {}", speed.name, figure.event))?;
            figure.add(seen);
            progress.inc(1);
        }
    }
    Ok(figures)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Speed>> {
    for name in names {
        ensure!(
            SPEEDS.iter().any(|speed| speed.name == name),
            "no pace is called `{name}`; there are {}",
            SPEEDS.each_ref().map(|speed| speed.name).join(", ")
        );
    }
    let is_chosen =
        |speed: &&Speed| names.is_empty() || names.iter().any(|name| name == speed.name);
    Ok(SPEEDS.iter().filter(is_chosen).collect())
}

fn bar(steps: u64) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} ({eta} left)")?;
    let bar = ProgressBar::new(steps).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}
