//! `director events`: each connection that was ended, and why.

use std::{io::Write, process::ExitCode};

use clap::Args;

use super::{CliError, SocketOptions, output};
use crate::{api::response::EventLine, tell::Record};

/// Show connections that were ended: which, when, why, and who was told.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  director events                 the latest thousand
  director events --follow --json one JSON object a line, for as long as it runs")]
pub struct EventsOptions {
    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,

    /// Go on with those that are to come.
    #[arg(short, long)]
    pub follow: bool,

    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(options: &EventsOptions) -> Result<ExitCode, CliError> {
    let client = options.socket.client();
    output::print(|out| output::block_on(write(&client, options, out)))
}

async fn write(
    client: &crate::api::client::Client,
    options: &EventsOptions,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let mut events = client.events(options.follow).await?;
    while let Some(event) = events.next().await? {
        match (&event, options.json) {
            (event, true) => output::write_json_line(out, event)?,
            (EventLine::Record(record), false) => writeln!(out, "{}", sentence(record))?,
            (EventLine::Missed { missed }, false) => {
                writeln!(out, "{missed} more, which came faster than they were read")?;
            }
        }
        if options.follow {
            // Whoever follows wants it now.
            out.flush()?;
        }
    }
    Ok(())
}

fn sentence(record: &Record) -> String {
    let told = match (record.client_told, record.server_told) {
        (true, true) => "both ends told",
        (true, false) => "client told, server not",
        (false, true) => "server told, client not",
        (false, false) => "nobody could be told",
    };
    format!(
        "{} {} -> {} at {}: {}; {} s old, idle for {} s; {told}",
        record.at,
        record.client,
        record.vip,
        record.server,
        record.reason,
        record.age_secs,
        record.idle_secs
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let record = Record {
            at: "2026-11-26T03:00:00.000Z".to_owned(),
            reason: "a check failed: connection refused".to_owned(),
            client: ([10, 0, 0, 1], 40_000).into(),
            vip: ([192, 168, 66, 251], 3306).into(),
            server: [192, 168, 66, 253].into(),
            age_secs: 100,
            idle_secs: 7,
            client_told: true,
            server_told: false,
        };
        assert_eq!(
            sentence(&record),
            "2026-11-26T03:00:00.000Z 10.0.0.1:40000 -> 192.168.66.251:3306 at 192.168.66.253: a check failed: connection refused; \
             100 s old, idle for 7 s; client told, server not"
        );
    }
}
