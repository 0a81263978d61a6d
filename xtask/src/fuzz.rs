//! `cargo xtask fuzz`: packets that hardly any host would send, to the XDP program and to its model in plain Rust. Every verdict, byte,
//! flow and counter must be the same.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::{command, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Packets in all
    #[arg(long, default_value_t = 10_000_000)]
    packets: u64,
    /// Of a hundred packets, those with bytes that were changed
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=100))]
    mutated: u32,
    /// The first world; a failure names the one that it came in. Default: by the clock
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    command::need_root("fuzz", "it runs the XDP program in the kernel")?;
    setup::for_build()?;
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seed = options.seed.unwrap_or(clock.as_secs());
    let mut fuzz = command::cargo();
    fuzz.args([
        "test",
        "--release",
        "--package",
        "director",
        "--test",
        "packet_path",
        "--",
    ]);
    fuzz.args(["--ignored", "--exact", "--nocapture", "model::check::fuzz"]);
    fuzz.env("DIRECTOR_FUZZ_PACKETS", options.packets.to_string());
    fuzz.env("DIRECTOR_FUZZ_MUTATED", options.mutated.to_string());
    fuzz.env("DIRECTOR_FUZZ_SEED", seed.to_string());
    command::run(&mut fuzz)
}
