//! `cargo xtask bench`: what a packet costs, by `director/benches/packet_path`. With `--ipvs`: what it costs IPVS, too, in a guest that
//! counts instructions. With `--failover`: what a client sees when one of two directors fails, by `tests/benches/failover`.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    build::{self, Profile},
    command, debian,
    guest::{self, Clock, Job, Kernel, OUTBOX},
    setup,
};

const BENCH: &str = "packet_path";
const FAILOVER: &str = "failover";
/// What the guest is told to compare with, and the package that brings it.
const IPVSADM: [(&str, &str); 1] = [("ipvsadm", "ipvsadm")];
/// What IPVS is made of, and the wire.
const MODULES: [&str; 3] = ["veth", "ip_vs", "ip_vs_rr"];
/// A good run takes two minutes; the emulator slows down with everything else on the machine.
const GUEST_LIMIT: Duration = Duration::from_mins(20);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the figures to this file too, one JSON object a line
    #[arg(long)]
    json: Option<PathBuf>,
    /// Count packets a second instead, on one core and on two: frames that really leave by an interface
    #[arg(long)]
    pps: bool,
    /// Measure how soon both ends of a server's connections are told instead, and the hit path while that and a sweep go on
    #[arg(long, conflicts_with_all = ["pps", "ipvs"])]
    reset: bool,
    /// Compare with IPVS instead, on Debian 12's kernel in an emulated machine whose clock is its instructions
    #[arg(long, conflicts_with = "pps")]
    ipvs: bool,
    /// Measure for how long a client is not answered when one of two directors fails or goes instead, ours and keepalived's
    #[arg(long, conflicts_with_all = ["pps", "reset", "ipvs"])]
    failover: bool,
    /// More options for the benchmark
    #[arg(last = true)]
    more: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    command::need_root("bench", "it runs the XDP program in the kernel")?;
    // Cargo runs a benchmark in its package's folder; the file is meant to lie where the caller stands.
    let here = env::current_dir().context("cannot tell the current folder")?;
    let json = options.json.as_ref().map(|file| here.join(file));
    if options.failover {
        return failover(json.as_deref(), &options.more);
    }
    setup::for_build()?;
    if options.ipvs {
        return against_ipvs(json.as_deref(), &options.more);
    }
    let mut bench = command::cargo();
    bench.args(["bench", "--package", "director", "--bench", BENCH, "--"]);
    for (wanted, option) in [(options.pps, "--pps"), (options.reset, "--reset")] {
        if wanted {
            bench.arg(option);
        }
    }
    if let Some(file) = json {
        bench.arg("--json").arg(file);
    }
    command::run(bench.args(&options.more))
}

/// With the daemon as it is installed: optimized.
fn failover(json: Option<&Path>, more: &[String]) -> Result<()> {
    setup::for_lab()?;
    let director = build::director(Profile::Release)?;
    let mut bench = command::cargo();
    bench.args(["bench", "--package", "director-tests", "--bench", FAILOVER]);
    bench.arg("--").env("DIRECTOR_BIN", director);
    if let Some(file) = json {
        bench.arg("--json").arg(file);
    }
    command::run(bench.args(more))
}

fn against_ipvs(json: Option<&Path>, more: &[String]) -> Result<()> {
    guest::set_up()?;
    match debian::missing(&IPVSADM).as_slice() {
        [] => {}
        missing => debian::install("IPVS's own tool", missing)?,
    }
    let options = ["--package", "director", "--bench", BENCH];
    let bench = build::executable("bench", &options, BENCH)?;
    let mut script = format!("exec {} --ipvs", guest::quoted(&bench)?);
    if let Some(name) = json.and_then(Path::file_name) {
        let inside = Path::new(OUTBOX).join(name);
        script += &format!(" --json {}", guest::quoted(&inside)?);
    }
    for word in more {
        script += &format!(" {}", guest::quoted(word.as_ref())?);
    }
    guest::run(&Job {
        kernel: Kernel::Debian12,
        clock: Clock::Instructions,
        modules: &MODULES,
        script: &script,
        outbox: json.and_then(Path::parent),
        limit: GUEST_LIMIT,
    })
}
