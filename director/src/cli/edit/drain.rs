//! `director real drain`: no new connections, and a look at those that are left.

use std::{
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    super::{CliError, output},
    Server, ask,
};
use crate::{
    api::{client::Client, response::Problem},
    config::edit::Edit,
};

/// How often the connections that are left are counted.
const LOOK: Duration = Duration::from_millis(500);
/// What the daemon needs to end the last ones.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which server, and how long.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct DrainOptions {
    /// Which one.
    #[command(flatten)]
    pub server: Server,

    /// After so many seconds both ends of what is left are told.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=2_678_400))]
    pub timeout: u32,

    /// Wait until the last connection is gone.
    #[arg(long)]
    pub wait: bool,
}

pub(super) fn run(options: &DrainOptions) -> Result<ExitCode, CliError> {
    let server = &options.server;
    let edit = Edit::DrainServer {
        service: server.service.name(),
        server: server.server,
        timeout_secs: options.timeout,
    };
    let code = ask(&server.service, &edit)?;
    if options.wait {
        output::block_on(wait(options))?;
    }
    Ok(code)
}

/// Shows the connections that are left, until there is none.
async fn wait(options: &DrainOptions) -> Result<(), CliError> {
    let client = options.server.service.socket.client();
    let began = Instant::now();
    let deadline = Duration::from_secs(options.timeout.into());
    let first = left(&client, &options.server).await?;
    let style = ProgressStyle::with_template("{bar:40} {msg}");
    let bar =
        ProgressBar::new(first).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    loop {
        let left = left(&client, &options.server).await?;
        bar.set_position(first.saturating_sub(left));
        if left == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        bar.set_message(outlook(first, left, began.elapsed(), deadline));
        if began.elapsed() > deadline + PATIENCE {
            bar.abandon();
            return Err(Problem::new(format!(
                "{left} connections of {} are left after their time",
                options.server.server
            ))
            .help("see the daemon's log; somebody may have given it a weight again")
            .into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How many connections are left after a time, how fast they go, and when the rest is ended.
fn outlook(first: u64, left: u64, passed: Duration, deadline: Duration) -> String {
    let gone = first.saturating_sub(left) as f64;
    let rate = gone / passed.as_secs_f64().max(LOOK.as_secs_f64());
    let remaining = deadline.saturating_sub(passed).as_secs();
    format!(
        "connections left: {left}, gone in a second: {rate:.1}, the rest is ended in {remaining} s"
    )
}

/// Connections that a server has.
async fn left(client: &Client, server: &Server) -> Result<u64, CliError> {
    let listing = client.listing().await?;
    let wanted = server.service.name();
    let service = listing.services.iter().find(|service| {
        (
            service.protocol,
            SocketAddr::new(service.address, service.port),
        ) == (
            wanted.protocol,
            SocketAddr::new(wanted.address, wanted.port),
        )
    });
    let known = service
        .into_iter()
        .flat_map(|service| &service.servers)
        .find(|known| known.address == server.server);
    Ok(known.map_or(0, |known| known.active + known.inactive))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outlook_has_what_is_left_how_fast_it_goes_and_the_end() {
        let seconds = Duration::from_secs;
        assert_eq!(
            outlook(100, 60, seconds(16), seconds(60)),
            "connections left: 60, gone in a second: 2.5, the rest is ended in 44 s"
        );
        // Nothing is known yet, some came meanwhile, and the time is over.
        assert_eq!(
            outlook(3, 4, Duration::ZERO, Duration::ZERO),
            "connections left: 4, gone in a second: 0.0, the rest is ended in 0 s"
        );
    }
}
