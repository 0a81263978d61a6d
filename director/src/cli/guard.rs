//! `director guard`: the process that gives up in the daemon's stead. The daemon starts it; see [`crate::guardian`].

use std::process::ExitCode;

use clap::Args;

use super::{CliError, PinOptions};
use crate::guardian;

/// Watch over a daemon, which tells by standard input what there is to watch. The daemon starts this by itself.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct GuardOptions {
    /// Which pins to use.
    #[command(flatten)]
    pub pins: PinOptions,
}

pub(super) fn run(options: &GuardOptions) -> Result<ExitCode, CliError> {
    guardian::run(&options.pins.folder)?;
    Ok(ExitCode::SUCCESS)
}
