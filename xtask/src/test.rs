//! `cargo xtask test`: unit tests, the XDP program on packets, the scenarios in the lab, and the examples in the documentation.

use std::{env, ffi::OsString};

use anyhow::Result;

use crate::{
    build::{self, Profile},
    command, setup,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only the tests whose names contain one of these
    filters: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    command::need_root(
        "test",
        "the tests make network namespaces and load a program into the kernel",
    )?;
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

fn path_with_nextest() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(
        env::split_paths(&path).chain(setup::nextest()),
    )?)
}
