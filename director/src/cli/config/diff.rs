//! `director config diff`: whether two files are those of one pair.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use serde::Serialize;

use super::{FAILED, plural, write_json};
use crate::config::{
    Color,
    diff::{Comparison, FindingRecord, Gravity},
};

/// Compare the files of two directors of one pair: what must be equal, and what must differ.
///
/// Equal: virtual router ids, versions, paces, passwords, addresses with their masks, virtual servers, real servers, checks. Different:
/// priorities, router ids, sources of advertisements. What each may have as it likes, such as scripts, is not looked at.
/// Exit code: 0 they are a pair, 1 with warnings only, 2 they are none, or one of them has an error.
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Example: director config diff /etc/keepalived/keepalived.conf /tmp/keepalived-of-the-other.conf"
)]
pub struct DiffArgs {
    /// The file of the one director.
    #[arg(value_name = "FILE")]
    pub a: PathBuf,
    /// The file of the other.
    #[arg(value_name = "OTHER")]
    pub b: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Report {
    conflicts: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<FindingRecord>,
}

pub(super) fn diff(
    args: &DiffArgs,
    output: &mut impl Write,
    errors: &mut impl Write,
    color: Color,
) -> io::Result<u8> {
    let comparison = match Comparison::of(&args.a, &args.b, color) {
        Ok(comparison) => comparison,
        Err(wrong) => {
            write!(errors, "{wrong}")?;
            writeln!(
                errors,
                "nothing is compared: put this right first, `director config check FILE` shows it again"
            )?;
            return Ok(FAILED);
        }
    };
    if args.json {
        let report = Report {
            conflicts: comparison.count(Gravity::Conflict),
            warnings: comparison.count(Gravity::Warning),
            notes: comparison.count(Gravity::Note),
            findings: comparison.records(),
        };
        write_json(output, &report)?;
    } else {
        write!(output, "{}", comparison.render(color))?;
        writeln!(output, "{}", summary(args, &comparison))?;
    }
    Ok(comparison.exit_code())
}

/// One line: whether the two are a pair.
fn summary(args: &DiffArgs, comparison: &Comparison) -> String {
    let verdict = match comparison.exit_code() {
        0 => "they are a pair",
        1 => "they are a pair, perhaps not as meant",
        _ => "they are no pair",
    };
    format!(
        "{} and {}: {}, {}, {}: {verdict}",
        args.a.display(),
        args.b.display(),
        plural(comparison.count(Gravity::Conflict), "conflict"),
        plural(comparison.count(Gravity::Warning), "warning"),
        plural(comparison.count(Gravity::Note), "note"),
    )
}

#[cfg(test)]
mod tests;
