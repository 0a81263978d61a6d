//! `cargo xtask fuzz`: packets that hardly any host would send.
//!
//! To the XDP program and to its model in plain Rust, where every verdict, byte, flow and counter must be the same; or to the virtual
//! routers.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::{command, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Who gets the packets
    #[arg(long, value_enum, default_value_t)]
    what: What,
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

#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// The XDP program and its model; needs root
    #[default]
    PacketPath,
    /// The virtual routers: advertisements, whole and damaged
    Vrrp,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.what == What::PacketPath {
        command::need_root("fuzz", "it runs the XDP program in the kernel")?;
    }
    setup::for_build()?;
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seed = options.seed.unwrap_or(clock.as_secs());
    let mut fuzz = command::cargo();
    fuzz.args(["test", "--release", "--package", "director"]);
    fuzz.args(match options.what {
        What::PacketPath => [
            "--test",
            "packet_path",
            "--",
            "--ignored",
            "model::check::fuzz",
        ]
        .as_slice(),
        What::Vrrp => [
            "--lib",
            "--",
            "vrrp::router::fuzz::no_packet_makes_it_panic_or_a_master_fall_silent",
        ]
        .as_slice(),
    });
    fuzz.args(["--exact", "--nocapture"]);
    fuzz.env("DIRECTOR_FUZZ_PACKETS", options.packets.to_string());
    fuzz.env("DIRECTOR_FUZZ_MUTATED", options.mutated.to_string());
    fuzz.env("DIRECTOR_FUZZ_SEED", seed.to_string());
    command::run(&mut fuzz)
}
