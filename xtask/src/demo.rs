//! `cargo xtask demo`: builds what the demo needs and becomes it. The demo itself is `tests/src/bin/demo.rs`.

use std::process::Command;

use anyhow::Result;

use crate::{
    build::{self, Profile},
    command, setup,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave the lab up, and tell how to enter it
    #[arg(long)]
    keep: bool,
    /// Remove the labs that `--keep` left, and do nothing else
    #[arg(long, conflicts_with = "keep")]
    remove: bool,
    /// How the XDP program is attached: native or generic
    #[arg(long, value_name = "MODE")]
    xdp_mode: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    command::need_root(
        "demo",
        "it makes network namespaces and loads a program into the kernel",
    )?;
    setup::for_lab()?;
    let director = build::director(Profile::Debug)?;
    command::run(command::cargo().args(["build", "--package", "director-tests", "--bin", "demo"]))?;
    let mut demo = Command::new(build::target_folder()?.join("debug/demo"));
    demo.env("DIRECTOR_BIN", director);
    demo.args(options.keep.then_some("--keep"))
        .args(options.remove.then_some("--remove"));
    if let Some(mode) = &options.xdp_mode {
        demo.args(["--xdp-mode", mode]);
    }
    command::replace(&mut demo)
}
