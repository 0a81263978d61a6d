//! `cargo xtask bench`: what a packet costs, by `director/benches/packet_path.rs`.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};

use crate::{command, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the figures to this file too, one JSON object a line
    #[arg(long)]
    json: Option<PathBuf>,
    /// More options for the benchmark
    #[arg(last = true)]
    more: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    command::need_root("bench", "it runs the XDP program in the kernel")?;
    setup::for_build()?;
    let mut bench = command::cargo();
    bench.args([
        "bench",
        "--package",
        "director",
        "--bench",
        "packet_path",
        "--",
    ]);
    if let Some(file) = &options.json {
        // Cargo runs a benchmark in its package's folder; the file is meant to lie where the caller stands.
        let here = env::current_dir().context("cannot tell the current folder")?;
        bench.arg("--json").arg(here.join(file));
    }
    command::run(bench.args(&options.more))
}
