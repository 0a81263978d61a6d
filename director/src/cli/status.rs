//! `director status`: everything on one calm page. Rendering is in [`page`].

mod page;

use std::{io::IsTerminal, process::ExitCode, time::SystemTime};

use clap::Args;

use super::{CliError, SocketOptions, output};
pub use page::{Style, render};

/// Show roles, virtual IPs, services, real servers and warnings on one page.
///
/// For every real server: whether it gets new connections, why not, and since when. Counters that are zero are left
/// out; --json has them all.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  director status
  director status --json | jq '.services[].servers[] | select(.state != \"up\")'")]
pub struct StatusOptions {
    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Print the status as JSON.
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(options: &StatusOptions) -> Result<ExitCode, CliError> {
    let client = options.socket.client();
    let status = output::block_on(async { Ok(client.status().await?) })?;
    output::print(|out| {
        if options.json {
            return output::write_json(out, &status);
        }
        let page = render(&status, SystemTime::now(), style());
        Ok(out.write_all(page.as_bytes())?)
    })
}

/// Colors on a terminal, unless the user wants none (<https://no-color.org>).
fn style() -> Style {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && std::io::stdout().is_terminal() {
        Style::Colored
    } else {
        Style::Plain
    }
}
