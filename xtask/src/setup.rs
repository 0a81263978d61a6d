//! `cargo xtask setup`: finds what is missing and installs it, or says in one line what to install. Every other task calls
//! it for what that task needs, so nobody has to know of it. With nothing missing it only looks, and takes well under a second.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{command, debian, step, toolchain};

/// Pinned, because `bpf-linker` must be of the LLVM that the compiler is of: this is rustc 1.97 with LLVM 22.
const NIGHTLY: &str = "nightly-2026-05-20";
const LINKER_VERSION: &str = "~0.10";
const CARGO_DEB_VERSION: &str = "~3.8";

/// Sets up everything and tells what there is.
pub(crate) fn run() -> Result<()> {
    for_tests()?;
    let toolchain =
        toolchain::find().context("the toolchain was found a moment ago and is gone")?;
    step::present("BPF toolchain", &toolchain.name);
    step::present(
        "bpf-linker",
        &toolchain::linker_home().display().to_string(),
    );
    step::present(
        "programs of the lab",
        &debian::LAB.map(|(program, _)| program).join(" "),
    );
    if let Some(folder) = nextest() {
        step::present("cargo-nextest", &folder.display().to_string());
    }
    Ok(())
}

/// What `build` needs: a compiler for the XDP program, and its linker.
pub(crate) fn for_build() -> Result<()> {
    if toolchain::find().is_none() {
        install_toolchain()?;
    }
    if toolchain::linker().is_none() {
        install_linker()?;
    }
    Ok(())
}

/// What the demo needs: the programs that the lab is made of.
pub(crate) fn for_lab() -> Result<()> {
    for_build()?;
    let programs = debian::missing(&debian::LAB);
    match [programs, debian::missing_modules()].concat().as_slice() {
        [] => Ok(()),
        missing => debian::install("programs of the lab", missing),
    }
}

/// What the tests need: the lab, and the runner that gives every test a process of its own.
pub(crate) fn for_tests() -> Result<()> {
    for_lab()?;
    if nextest().is_none() {
        // Without the part that updates itself, which brings half a web client, and not optimized: a runner mostly waits.
        let mut install = cargo_install("cargo-nextest", &nextest_home());
        install.args(["--locked", "--debug", "--no-default-features"]);
        install.args(["--features", "default-no-update"]);
        install.env("CARGO_PROFILE_DEV_DEBUG", "0");
        step::run(
            "cargo-nextest, compiled from source: two minutes",
            &mut install,
        )?;
    }
    Ok(())
}

/// What `package` needs: the build, and what makes a Debian package of it.
pub(crate) fn for_package() -> Result<()> {
    for_build()?;
    match debian::missing(&debian::PACKAGING).as_slice() {
        [] => {}
        missing => debian::install("programs that make packages", missing)?,
    }
    if cargo_deb().is_none() {
        // Without its own xz, which would be built from C: the program `xz` does as well.
        let mut install = cargo_install("cargo-deb", &cargo_deb_home());
        install.args(["--version", CARGO_DEB_VERSION, "--locked", "--debug"]);
        install.arg("--no-default-features");
        install.env("CARGO_PROFILE_DEV_DEBUG", "0");
        step::run("cargo-deb, compiled from source: a minute", &mut install)?;
    }
    Ok(())
}

/// `cargo-deb`, if it is installed for this project.
pub(crate) fn cargo_deb() -> Option<PathBuf> {
    let own = cargo_deb_home().join("bin/cargo-deb");
    own.is_file().then_some(own)
}

fn cargo_deb_home() -> PathBuf {
    toolchain::tools_home().join("cargo-deb")
}

/// The folder with `cargo-nextest`, if it is installed.
pub(crate) fn nextest() -> Option<PathBuf> {
    let own = nextest_home().join("bin/cargo-nextest");
    let program = command::find("cargo-nextest").or_else(|| own.is_file().then_some(own))?;
    program.parent().map(Path::to_owned)
}

fn nextest_home() -> PathBuf {
    toolchain::tools_home().join("cargo-nextest")
}

fn install_toolchain() -> Result<()> {
    if let Some(name) = env::var_os(toolchain::TOOLCHAIN_VARIABLE) {
        let variable = toolchain::TOOLCHAIN_VARIABLE;
        bail!(
            "{variable}={} cannot build for BPF; name a toolchain of LLVM 22 or unset it",
            name.display()
        );
    }
    if !toolchain::debian_has_core() && !install_debian_toolchain()? {
        return install_nightly();
    }
    link_llvm()
}

/// Debian's compiler comes with `core` for BPF ready made. Tells whether Debian has one that is new enough.
fn install_debian_toolchain() -> Result<bool> {
    if !debian::is_debian() || !command::is_root() {
        return Ok(false);
    }
    // Debian 12 has the newer compiler beside its own under the first names; later releases have it under the second.
    // An older one under the second names has no BPF library, so a known `libstd-rust-dev-bpf` vouches for its `rustc`.
    let choices: [&[&str]; 2] = [
        &["rustc-web", "libstd-rust-web-dev-bpf"],
        &["rustc", "libstd-rust-dev-bpf"],
    ];
    let Some(packages) = debian::first_known(&choices)? else {
        return Ok(false);
    };
    debian::install("BPF toolchain", packages)?;
    Ok(true)
}

/// Puts the LLVM of Debian's compiler beside the linker, which loads the first LLVM that it finds there.
fn link_llvm() -> Result<()> {
    let ldd = Command::new("ldd")
        .arg("/usr/bin/rustc")
        .output()
        .context("cannot run ldd")?;
    let ldd = String::from_utf8_lossy(&ldd.stdout).into_owned();
    let Some(library) = ldd
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .find(|path| path.contains("/libLLVM"))
    else {
        return install_nightly();
    };
    let folder = toolchain::linker_home().join("lib");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let link = folder.join(
        Path::new(library)
            .file_name()
            .context("a library without a name")?,
    );
    if link.symlink_metadata().is_err() {
        symlink(library, &link).with_context(|| format!("cannot link {}", link.display()))?;
    }
    if toolchain::find().is_none() {
        install_nightly()
    } else {
        Ok(())
    }
}

fn install_nightly() -> Result<()> {
    let advice =
        format!("rustup toolchain install {NIGHTLY} --profile minimal --component rust-src");
    if command::find("rustup").is_none() {
        bail!(
            "no compiler for BPF and no rustup; install rustup (https://rustup.rs), then run `{advice}`"
        );
    }
    let mut words = advice.split(' ');
    step::run(
        "BPF toolchain",
        Command::new(words.next().unwrap_or_default()).args(words),
    )?;
    if toolchain::find().is_none() {
        bail!(
            "{NIGHTLY} is installed, but has no LLVM 22 or no rust-src; `{advice} --force` may mend it"
        );
    }
    Ok(())
}

fn install_linker() -> Result<()> {
    let mut install = cargo_install("bpf-linker", &toolchain::linker_home());
    step::run(
        "bpf-linker, compiled from source: about a minute",
        install.args(["--version", LINKER_VERSION, "--locked"]),
    )
}

/// `cargo install` outside the workspace, whose target folder would keep what is only needed once.
fn cargo_install(name: &str, root: &Path) -> Command {
    let mut install = command::cargo();
    install
        .args(["install", name, "--force", "--root"])
        .arg(root)
        .current_dir("/");
    for variable in ["CARGO_TARGET_DIR", "RUSTFLAGS"] {
        install.env_remove(variable);
    }
    install
}
