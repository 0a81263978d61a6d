//! `director doctor`: one page that says what is well, what is not, and what to do. [`facts`] looks, [`findings`] judges.

mod facts;
mod findings;
mod page;

use std::{io::IsTerminal as _, process::ExitCode};

use clap::Args;

use self::findings::Level;
use super::{CliError, PinOptions, SocketOptions, output, status::Style};

/// Look at everything that a director depends on, and say what to do where something is wrong.
///
/// Kernel, privileges, XDP mode, virtual IPs, real servers, elections and what the other directors say, scripts, firewall, clock.
/// Most of it needs a running daemon; without one the rest is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Exit codes: 0 all is well, 1 there are warnings, 2 there are problems.

Examples:
  director doctor
  director doctor --json | jq '.[] | select(.level != \"ok\")'")]
pub struct DoctorOptions {
    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Which pins to look at.
    #[command(flatten)]
    pub pins: PinOptions,

    /// Print the findings as JSON.
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(options: &DoctorOptions) -> Result<ExitCode, CliError> {
    let client = options.socket.client();
    let facts = output::block_on(async { Ok(facts::gather(&client, &options.pins.folder).await) })?;
    let findings = findings::judge(&facts);
    let style = match std::io::stdout().is_terminal() {
        true => Style::Colored,
        false => Style::Plain,
    };
    output::print(|out| match options.json {
        true => output::write_json(out, &findings),
        false => Ok(out.write_all(page::render(&findings, style).as_bytes())?),
    })?;
    Ok(match findings.iter().map(|finding| finding.level).max() {
        None | Some(Level::Ok) => ExitCode::SUCCESS,
        Some(Level::Warning) => ExitCode::from(1),
        Some(Level::Problem) => ExitCode::from(2),
    })
}
