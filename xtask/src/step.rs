//! One step of the setup on the terminal: a spinner with the elapsed time while it runs, one line when it is done, and the end
//! of what the program printed if it failed.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use console::style;
use indicatif::{ProgressBar, ProgressStyle};

/// How much of a failed program's output is shown.
const TAIL_LINES: usize = 25;

/// Runs `command` quietly under the heading `what`.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    let began = Instant::now();
    let spinner = spinner(what);
    let outcome = follow(command, |line| spinner.set_message(line.to_owned()));
    spinner.finish_and_clear();
    let (succeeded, tail) =
        outcome.with_context(|| format!("{what}: cannot run {:?}", command.get_program()))?;
    if !succeeded {
        eprintln!(
            "{} {what}, after {}",
            style("✗").red().bold(),
            elapsed(began)
        );
        for line in tail {
            eprintln!("  {} {line}", style("│").dim());
        }
        bail!("{what} failed; the end of its output is above");
    }
    eprintln!(
        "{} {what} {}",
        style("✓").green().bold(),
        style(elapsed(began)).dim()
    );
    Ok(())
}

/// Prints that there was nothing to do.
pub(crate) fn present(what: &str, found: &str) {
    eprintln!(
        "{} {what} {}",
        style("✓").green().bold(),
        style(found).dim()
    );
}

fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_prefix(what.to_owned());
    let template = "{spinner:.cyan} {prefix} {elapsed:.dim} {wide_msg:.dim}";
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(Duration::from_millis(100));
    if bar.is_hidden() {
        eprintln!("… {what}");
    }
    bar
}

/// Runs the command with both outputs in one pipe, tells each line, and keeps the last ones.
fn follow(
    command: &mut Command,
    mut tell: impl FnMut(&str),
) -> io::Result<(bool, VecDeque<String>)> {
    let (output, sink) = io::pipe()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(sink.try_clone()?)
        .stderr(sink)
        .spawn()?;
    // The command keeps its ends of the pipe; without dropping them the pipe would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut tail = VecDeque::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).trim_end().to_owned();
        tell(line.trim());
        tail.push_back(line);
        if tail.len() > TAIL_LINES {
            tail.pop_front();
        }
    }
    Ok((child.wait()?.success(), tail))
}

fn elapsed(began: Instant) -> String {
    format!("{:.1} s", began.elapsed().as_secs_f32())
}
