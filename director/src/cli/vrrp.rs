//! `director vrrp show`: the elections of this director, and what it heard of others. Rendering is in [`page`].

mod page;

use std::{process::ExitCode, time::SystemTime};

use clap::{Args, Subcommand};

use super::{CliError, SocketOptions, output};

/// What there is to know of elections.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum VrrpCommand {
    /// Show what each instance is, why, and everything that was heard of others.
    ///
    /// For each instance: what it and its sync group track, how that stands, and what it does to the priority. For each other director:
    /// its priority, and the value in which it differs from this one. Advertisements that do not count are counted by reason.
    Show(ShowOptions),
}

/// Options of `vrrp show`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  director vrrp show
  director vrrp show --json | jq '.instances[] | {name, role, peers}'
  director vrrp show --json | jq '.instances[].tracked[] | {name, status, broken, why, effect}'")]
pub struct ShowOptions {
    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Print it as JSON.
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(command: &VrrpCommand) -> Result<ExitCode, CliError> {
    let VrrpCommand::Show(options) = command;
    let client = options.socket.client();
    let status = output::block_on(async { Ok(client.vrrp().await?) })?;
    output::print(|out| match options.json {
        true => output::write_json(out, &status),
        false => Ok(out.write_all(page::render(&status, SystemTime::now()).as_bytes())?),
    })
}
