//! How the demo is told: one line for each step, with what it was, what came of it, and how long it took. On a terminal the
//! line turns until the step is done; elsewhere only the finished lines are printed.

use std::time::{Duration, Instant};

use anyhow::Result;
use console::{measure_text_width, style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lab::termination;

const WHAT_WIDTH: usize = 47;
const RESULT_WIDTH: usize = 43;
/// How much of the daemon's log is shown when something went wrong.
const LOG_LINES: usize = 15;

/// A finished step: what came of it, and what the story goes on with.
pub(crate) struct Done<T> {
    pub(crate) result: String,
    /// Where the time of interest is not that of the step itself.
    pub(crate) took: Option<Duration>,
    pub(crate) value: T,
}

impl<T> Done<T> {
    pub(crate) fn new(result: impl Into<String>, value: T) -> Self {
        Self {
            result: result.into(),
            took: None,
            value,
        }
    }

    pub(crate) fn after(mut self, took: Duration) -> Self {
        self.took = Some(took);
        self
    }
}

pub(crate) fn title() {
    println!(
        "\n  {}  MySQL behind one address, forwarded by XDP\n",
        style("director").bold().cyan()
    );
    println!(
        "  {}",
        style("   client             director            real server         sorry server").dim()
    );
    println!(
        "  {}",
        style("192.168.66.10       192.168.66.6       192.168.66.253       192.168.66.254").dim()
    );
    println!(
        "  {}",
        style("      └───────────────────┴───────────────────┴────────────────────┘").dim()
    );
    println!(
        "  {}\n",
        style("           one segment; the address that clients know is 192.168.66.251").dim()
    );
}

pub(crate) fn chapter(title: &str) {
    println!("\n  {}", style(title).bold());
}

/// One paragraph of explanation.
pub(crate) fn aside(text: &str) {
    println!("    {}", style(text).dim());
}

/// Text that a program printed, indented.
pub(crate) fn quote(heading: &str, text: &str) {
    println!("    {}", style(format!("$ {heading}")).cyan());
    for line in text.lines() {
        println!("    {}", style(line.trim_end()).dim());
    }
}

/// A command that is about to run, and draws for itself.
pub(crate) fn command(words: &str) {
    println!("    {}", style(format!("$ director {words}")).cyan());
}

/// Does one step and tells it.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<Done<T>>) -> Result<T> {
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout())
        .with_message(what.to_owned());
    if let Ok(looks) = ProgressStyle::with_template("  {spinner:.cyan} {msg} {elapsed:.dim}") {
        spinner.set_style(looks);
    }
    spinner.enable_steady_tick(Duration::from_millis(80));
    let began = Instant::now();
    let outcome = work();
    spinner.finish_and_clear();
    match outcome {
        Ok(done) => {
            let took = done.took.unwrap_or_else(|| began.elapsed());
            println!(
                "  {} {}{}{:>7}",
                style("✓").green(),
                padded(what, WHAT_WIDTH),
                padded(&done.result, RESULT_WIDTH),
                style(readable(took)).cyan()
            );
            Ok(done.value)
        }
        Err(error) => {
            termination::stop_here_if_ending();
            println!("  {} {what}", style("✗").red());
            Err(error)
        }
    }
}

pub(crate) fn end(took: Duration) {
    let verdict = style("Everything was as it should be").green().bold();
    println!("\n  {verdict}, in {}.\n", readable(took));
}

pub(crate) fn failure(error: &anyhow::Error, log: Option<&str>) {
    eprintln!(
        "\n  {} {error:#}\n",
        style("This is not as it should be:").red().bold()
    );
    let lines: Vec<_> = log.unwrap_or_default().lines().collect();
    if !lines.is_empty() {
        eprintln!("  The end of the daemon's log:");
        lines
            .iter()
            .skip(lines.len().saturating_sub(LOG_LINES))
            .for_each(|line| eprintln!("    {line}"));
    }
}

/// Commands that the reader may type, each with what it is for.
pub(crate) fn commands(heading: &str, commands: &[(&str, String)]) {
    println!("  {}", style(heading).bold());
    for (what, command) in commands {
        println!("    {}{command}", style(padded(what, 26)).dim());
    }
    println!();
}

/// A duration as a person says it.
pub(crate) fn readable(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{:.0} ms", duration.as_secs_f64() * 1000.0)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(measure_text_width(text)).max(1);
    format!("{text}{}", " ".repeat(missing))
}
