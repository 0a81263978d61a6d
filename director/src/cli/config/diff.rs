//! `director config diff`: whether two files are those of one pair, or the daemon runs what one of them says.

mod peer;
mod running;

use std::{
    io::{self, Read, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value as Json;

use super::{FAILED, plural, write_json};
use crate::{
    api::client::{Client, ClientError},
    cli::{SocketOptions, output},
    config::{
        self, Color, Config,
        diff::{Comparison, FindingRecord, Gravity},
    },
};

/// Compare the files of two directors of one pair: what must be equal, and what must differ.
///
/// Equal: virtual router ids, versions, paces, passwords, addresses with their masks, virtual servers, real servers, checks. Different:
/// priorities, router ids, sources of advertisements. What each may have as it likes, such as scripts, is not looked at.
/// Exit code: 0 they are a pair, 1 with warnings only, 2 they are none, or one of them has an error.
///
/// With one file: whether the daemon of this host runs what the file says, or with --peer what the director with that address was
/// heard to run: of each object, not of each setting. Exit code: 0 it does, 1 it does not. Passwords are not compared
/// with what comes from a daemon, which does not tell them.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  director config diff /etc/keepalived/keepalived.conf /tmp/keepalived-of-the-other.conf
  director config diff /etc/keepalived/keepalived.conf
  director config diff /etc/keepalived/keepalived.conf --peer 192.168.66.12
  ssh other director config show --running | director config diff /etc/keepalived/keepalived.conf -")]
pub struct DiffArgs {
    /// The file of the one director.
    #[arg(value_name = "FILE")]
    pub a: PathBuf,
    /// The file of the other; `-`: what `director config show --json` prints, on standard input. Without it: what runs here.
    #[arg(value_name = "OTHER")]
    pub b: Option<PathBuf>,
    /// Compare with what the director with this address told the daemon of this host.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "b")]
    pub peer: Option<IpAddr>,
    /// Which daemon to ask, if there is no other file.
    #[command(flatten)]
    pub socket: SocketOptions,
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

/// Compares what was asked for.
pub(super) fn diff(
    args: &DiffArgs,
    output: &mut impl Write,
    errors: &mut impl Write,
    color: Color,
) -> io::Result<u8> {
    match &args.b {
        None => match args.peer {
            Some(peer) => peer::diff(args, peer, output, errors, color),
            None => running::diff(args, output, errors, color),
        },
        Some(other) if other.as_os_str() == "-" => match configuration(io::stdin().lock()) {
            Ok(json) => pair(
                args,
                Comparison::with_json(&args.a, json, color),
                output,
                errors,
                color,
            ),
            Err(why) => {
                writeln!(
                    errors,
                    "error: standard input is not what `director config show --json` prints: {why}"
                )?;
                writeln!(
                    errors,
                    "  help: `ssh OTHER director config show --running` prints it for the director on another host"
                )?;
                Ok(FAILED)
            }
        },
        Some(other) => pair(
            args,
            Comparison::of(&args.a, other, color),
            output,
            errors,
            color,
        ),
    }
}

/// A configuration as JSON. Something else would pass for one in which everything is missing.
fn configuration(input: impl Read) -> Result<Json, String> {
    let json: Json = serde_json::from_reader(input).map_err(|error| error.to_string())?;
    for list in ["vrrp_instances", "virtual_servers"] {
        if !json[list].is_array() {
            return Err(format!("it has no list `{list}`"));
        }
    }
    Ok(json)
}

fn pair(
    args: &DiffArgs,
    comparison: Result<Comparison, String>,
    output: &mut impl Write,
    errors: &mut impl Write,
    color: Color,
) -> io::Result<u8> {
    let comparison = match comparison {
        Ok(comparison) => comparison,
        Err(wrong) => return refuse(&wrong, errors),
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

/// The exit code of a file that is held against what one director runs.
const fn same_or_not(is_same: bool) -> u8 {
    match is_same {
        true => 0,
        false => 1,
    }
}

/// The file, and what the daemon of this host answers. `None`: one of them cannot be had, and `errors` says why.
fn file_and_answer<T>(
    args: &DiffArgs,
    errors: &mut impl Write,
    color: Color,
    ask: impl AsyncFnOnce(Client) -> Result<T, ClientError>,
) -> io::Result<Option<(Config, T)>> {
    let loaded = config::load(&args.a);
    let Some(config) = loaded.config else {
        refuse(&loaded.render(color), errors)?;
        return Ok(None);
    };
    match output::block_on(async { Ok(ask(args.socket.client()).await?) }) {
        Ok(answer) => Ok(Some((config, answer))),
        Err(problem) => {
            writeln!(errors, "{problem}")?;
            Ok(None)
        }
    }
}

/// What has an error cannot be compared.
fn refuse(wrong: &str, errors: &mut impl Write) -> io::Result<u8> {
    write!(errors, "{wrong}")?;
    writeln!(
        errors,
        "nothing is compared: put this right first, `director config check FILE` shows it again"
    )?;
    Ok(FAILED)
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
        args.b.as_deref().unwrap_or(Path::new("-")).display(),
        plural(comparison.count(Gravity::Conflict), "conflict"),
        plural(comparison.count(Gravity::Warning), "warning"),
        plural(comparison.count(Gravity::Note), "note"),
    )
}

#[cfg(test)]
mod tests;
