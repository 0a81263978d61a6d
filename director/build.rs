//! Builds the XDP object with the BPF toolchain that this machine has, and leaves it in `OUT_DIR`.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

#[path = "../xtask/src/toolchain.rs"]
#[allow(
    dead_code,
    reason = "`setup` asks the same file for more than the build needs"
)]
mod toolchain;

fn main() -> Result<()> {
    println!(
        "cargo:rerun-if-env-changed={}",
        toolchain::TOOLCHAIN_VARIABLE
    );
    println!("cargo:rerun-if-changed=../director-common");
    println!("cargo:rerun-if-changed=../xtask/src/toolchain.rs");
    let compiler = toolchain::find()
        .context("no compiler for the XDP program was found: run `cargo xtask setup` once")?;
    let linker = toolchain::linker()
        .context("no `bpf-linker` was found for the XDP program: run `cargo xtask setup` once")?;
    let path = in_front("PATH", &linker)?;
    let libraries = in_front("LD_LIBRARY_PATH", &compiler.llvm)?;
    // SAFETY: a build script has one thread.
    unsafe {
        env::set_var("PATH", path);
        env::set_var("LD_LIBRARY_PATH", libraries);
        // `aya-ebpf` uses unstable features, also where the compiler is a stable one.
        env::set_var("RUSTC_BOOTSTRAP", "aya_ebpf,director_xdp,bench_xdp");
        // What the two tell of their work would come out as warnings.
        env::set_var("CARGO_TERM_QUIET", "true");
        env::set_var("RUSTUP_LOG", "error");
    }
    let package = aya_build::Package {
        name: "director-ebpf",
        root_dir: "../director-ebpf",
        ..Default::default()
    };
    aya_build::build_ebpf([package], aya_build::Toolchain::Custom(&compiler.name))
}

/// The list of folders in a variable, with one more in front.
fn in_front(variable: &str, folder: &Path) -> Result<impl AsRef<OsStr>> {
    let rest = env::var_os(variable).unwrap_or_default();
    let folders = std::iter::once(PathBuf::from(folder)).chain(env::split_paths(&rest));
    Ok(env::join_paths(folders)?)
}
