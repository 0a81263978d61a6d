//! `cargo xtask build`: the daemon with the XDP object inside it, one file. `director/build.rs` builds the object.

use std::{env, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, ensure};
use console::style;

use crate::{command, setup};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Optimize the daemon; the XDP program always is
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let profile = if options.release {
        Profile::Release
    } else {
        Profile::Debug
    };
    let binary = director(profile)?;
    eprintln!("{} {}", style("✓").green().bold(), binary.display());
    Ok(())
}

#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Builds the daemon and tells where it is.
pub(crate) fn director(profile: Profile) -> Result<PathBuf> {
    setup::for_build()?;
    let mut build = command::cargo();
    build.args(["build", "--package", "director", "--bin", "director"]);
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => {
            build.arg("--release");
            "release"
        }
    };
    command::run(&mut build)?;
    Ok(target_folder()?.join(folder).join("director"))
}

/// Builds tests or benchmarks (`verb`) without running them, and tells where the one of this name is.
pub(crate) fn executable(verb: &str, options: &[&str], name: &str) -> Result<PathBuf> {
    let mut build = command::cargo();
    build.args([verb, "--no-run"]).args(options);
    build.arg("--message-format=json-render-diagnostics");
    let built = build
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(
        built.status.success(),
        "`{name}` does not compile; why is above"
    );
    let messages = String::from_utf8(built.stdout)?;
    let file = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    file.with_context(|| format!("cargo built no `{name}`"))
}

/// Cargo's target folder, wherever it was told to put it: this program lies in `<target>/debug`.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let own = env::current_exe().context("cannot tell where this program lies")?;
    let folder = own.parent().and_then(|debug| debug.parent());
    Ok(folder
        .context("this program lies outside a target folder; run it by `cargo xtask`")?
        .to_owned())
}
