//! `cargo xtask test`: unit tests, the XDP program on packets, the scenarios in the lab, and the examples in the documentation.
//! With `--kernel`: the XDP program on packets, on another kernel.

use std::{env, ffi::OsString, time::Duration};

use anyhow::Result;

use crate::{
    build::{self, Profile},
    command,
    guest::{self, Clock, Job, Kernel},
    setup,
};

/// The suite that runs packets through the XDP program.
const PACKET_PATH: &str = "packet_path";
/// A good run takes half a minute on two processors; the emulator slows down with everything else on the machine.
const GUEST_LIMIT: Duration = Duration::from_mins(10);
/// Fewer packets of each of the model's worlds and of the flood there, and fewer cases, where every one of them costs a hundred times as much.
const GUEST_PACKETS: &str =
    "DIRECTOR_MODEL_PACKETS=5000 DIRECTOR_FLOOD_PACKETS=200000 DIRECTOR_ENDED_CASES=1";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only the tests whose names contain one of these
    filters: Vec<String>,
    /// Run the XDP program's own suite, and only that, on another kernel in an emulated machine
    #[arg(long, value_enum)]
    kernel: Option<Kernel>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    command::need_root(
        "test",
        "the tests make network namespaces and load a program into the kernel",
    )?;
    if let Some(kernel) = options.kernel {
        return on(kernel, &options.filters);
    }
    setup::for_tests()?;
    let director = build::director(Profile::Debug)?;
    if options.filters.is_empty() {
        // nextest does not run the examples in the documentation, so cargo does.
        command::run(command::cargo().args([
            "test",
            "--quiet",
            "--doc",
            "--workspace",
            "--exclude",
            "director-ebpf",
        ]))?;
    }
    let mut nextest = command::cargo();
    nextest
        .args([
            "nextest",
            "run",
            "--workspace",
            "--exclude",
            "director-ebpf",
        ])
        .args(&options.filters);
    nextest
        .env("DIRECTOR_BIN", director)
        .env("PATH", path_with_nextest()?);
    command::run(&mut nextest)
}

/// Runs the XDP program's suite on another kernel. It is built here, by the compilers that this machine has.
fn on(kernel: Kernel, filters: &[String]) -> Result<()> {
    setup::for_build()?;
    guest::set_up()?;
    let suite = build::executable(
        "test",
        &["--package", "director", "--test", PACKET_PATH],
        PACKET_PATH,
    )?;
    let mut script = format!("export {GUEST_PACKETS}\nexec {}", guest::quoted(&suite)?);
    for filter in filters {
        script += &format!(" {}", guest::quoted(filter.as_ref())?);
    }
    guest::run(&Job {
        kernel,
        clock: Clock::Real,
        modules: &[],
        script: &script,
        outbox: None,
        limit: GUEST_LIMIT,
    })
}

fn path_with_nextest() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(
        env::split_paths(&path).chain(setup::nextest()),
    )?)
}
