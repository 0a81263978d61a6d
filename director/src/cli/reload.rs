//! `director reload`: make the daemon read its configuration again.

use std::process::ExitCode;

use clap::Args;

use super::{CliError, SocketOptions, output};
use crate::api::response::Reloaded;

/// Make the daemon read its configuration again.
///
/// The new configuration is checked first and refused whole if it has an error; the running one then stays. What did
/// not change keeps its flows, check states and counters. What was changed by hand stays changed, unless the file now says
/// something else of the same thing. SIGHUP does the same, with the answer in the log.
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
    let indented = |sentences: &[String]| -> String {
        let lines = sentences.iter().map(|sentence| format!("  {sentence}\n"));
        lines.collect()
    };
    text.push_str(match reloaded.changes.as_slice() {
        [] => "reloaded; nothing changed\n",
        _ => "reloaded\n",
    });
    text.push_str(&indented(&reloaded.changes));
    if !reloaded.by_hand.is_empty() {
        text.push_str("changed by hand, and still different from the file:\n");
        text.push_str(&indented(&reloaded.by_hand));
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
            ..Reloaded::default()
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
