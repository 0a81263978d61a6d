//! `cargo xtask load`: attaches the XDP program without the daemon, for development.

use std::process::Command;

use anyhow::Result;

use crate::{
    build::{self, Profile},
    command,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Interface to attach to
    #[arg(long)]
    interface: String,
    /// More options for `director load`
    #[arg(last = true)]
    more: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    command::need_root("load", "it loads a program into the kernel")?;
    let director = build::director(Profile::Debug)?;
    command::replace(
        Command::new(director)
            .args(["load", "--interface", &options.interface])
            .args(&options.more),
    )
}
