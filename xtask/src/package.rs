//! `cargo xtask package`: the Debian package. What is in it stands in `director/Cargo.toml`, and what installing it does in
//! `packaging/debian/`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    build::{self, Profile},
    command, setup, step,
};

/// Shells that Debian has a folder of completions for.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

pub(crate) fn run() -> Result<()> {
    setup::for_package()?;
    let director = build::director(Profile::Release)?;
    let target = build::target_folder()?;
    write_documents(&director, &target.join("release/package"))?;
    let package = pack(&target.join("debian"))?;
    let size = fs::metadata(&package)
        .with_context(|| format!("cannot look at {}", package.display()))?
        .len();
    let told = format!("{} ({:.1} MB)", package.display(), size as f64 / 1e6);
    step::present("package", &told);
    eprintln!("  to install it: apt install {}", package.display());
    Ok(())
}

/// Manual pages and completions, which the binary makes of its own commands.
fn write_documents(director: &Path, folder: &Path) -> Result<()> {
    // Pages of commands that are gone must not stay.
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let completions = folder.join("completions");
    fs::create_dir_all(&completions)
        .with_context(|| format!("cannot make {}", completions.display()))?;
    let manual = folder.join("man");
    command::run(Command::new(director).args(["man", "--out"]).arg(&manual))?;
    // As Debian wants them, without name and time, so that the same pages are the same file.
    let mut compress = Command::new("gzip");
    command::run(
        compress
            .args(["-9", "--no-name", "--recursive"])
            .arg(&manual),
    )?;
    for shell in SHELLS {
        let path = completions.join(format!("director.{shell}"));
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut complete = Command::new(director);
        command::run(complete.args(["completions", shell]).stdout(file))?;
    }
    Ok(())
}

/// Makes the package and tells where it is.
fn pack(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let program = setup::cargo_deb().context("cargo-deb was there a moment ago and is gone")?;
    let mut deb = Command::new(program);
    deb.current_dir(command::workspace());
    deb.args(["deb", "--package", "director", "--no-build", "--output"]);
    step::run("Debian package", deb.arg(folder))?;
    let files = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    // Those of earlier versions lie there, too.
    let modified = |path: &PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    files
        .max_by_key(modified)
        .context("cargo-deb made no package")
}
