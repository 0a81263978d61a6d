//! `director reload`: make the daemon read its configuration again.

use std::process::ExitCode;

use clap::Args;

use super::{CliError, SocketOptions, output};
use crate::api::response::Reloaded;

/// Make the daemon read its configuration again.
///
/// The new configuration is checked first and refused whole if it has an error; the running one then stays. What did
/// not change keeps its flows, check states and counters. SIGHUP does the same, with the answer in the log.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Example:
  director config check && director reload")]
pub struct ReloadOptions {
    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Print the answer as JSON.
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(options: &ReloadOptions) -> Result<ExitCode, CliError> {
    let client = options.socket.client();
    let reloaded = output::block_on(async { Ok(client.reload().await?) })?;
    output::print(|out| match options.json {
        true => output::write_json(out, &reloaded),
        false => Ok(out.write_all(render(&reloaded).as_bytes())?),
    })
}

fn render(reloaded: &Reloaded) -> String {
    let mut text = reloaded.warnings.clone();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if reloaded.changes.is_empty() {
        text.push_str("reloaded; nothing changed\n");
        return text;
    }
    text.push_str("reloaded\n");
    for change in &reloaded.changes {
        text.push_str("  ");
        text.push_str(change);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_tells_warnings_first_and_then_what_changed() {
        let reloaded = Reloaded {
            changes: vec![
                "TCP 192.168.66.251:3306: real server 192.168.66.254:3306 was added".into(),
            ],
            warnings: "warning: this is odd".into(),
        };
        assert_eq!(
            render(&reloaded),
            "warning: this is odd\nreloaded\n  TCP 192.168.66.251:3306: real server 192.168.66.254:3306 was added\n"
        );
    }

    #[test]
    fn a_reload_without_effect_says_so() {
        assert_eq!(render(&Reloaded::default()), "reloaded; nothing changed\n");
    }
}
