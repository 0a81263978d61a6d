//! Cargo's target folder: where the daemon was built, and where the lab keeps what is worth keeping between runs.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// The daemon's binary: `DIRECTOR_BIN`, else the one that was built beside this program.
pub fn director() -> Result<PathBuf> {
    if let Some(binary) = env::var_os("DIRECTOR_BIN").map(PathBuf::from) {
        if !binary.is_file() {
            bail!(
                "DIRECTOR_BIN={} is not a file; build it by `cargo xtask build`",
                binary.display()
            );
        }
        return Ok(binary);
    }
    let own = env::current_exe().context("cannot tell where this program lies")?;
    let beside = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("director"))
        .find(|file| file.is_file());
    beside.context("no `director` beside this program; build it by `cargo xtask build`, or name it by DIRECTOR_BIN")
}

/// The lab's own folder below the target folder. May not exist.
pub(crate) fn lab_folder() -> Result<PathBuf> {
    let own = env::current_exe().context("cannot tell where this program lies")?;
    let target = own
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    let folder = target.map_or_else(env::temp_dir, Path::to_owned);
    Ok(folder.join("lab"))
}
