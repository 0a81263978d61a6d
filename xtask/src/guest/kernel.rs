//! Kernels for guests: found by apt, downloaded, and unpacked below the target folder. Never installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{debian, step};

/// A kernel to try things on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kernel {
    /// Linux 6.1 as Debian 12 has it
    Debian12,
}

impl Kernel {
    fn name(self) -> &'static str {
        match self {
            Self::Debian12 => "debian12",
        }
    }

    /// What the names of its packages begin with; a number and [`FLAVOR`] follow. The number grows with every change that
    /// modules would notice, so the greatest is the newest.
    fn package(self) -> &'static str {
        match self {
            Self::Debian12 => "linux-image-6.1.0-",
        }
    }
}

/// Not the cloud flavor, which has no IPVS.
const FLAVOR: &str = "-amd64";

/// A kernel that is ready to boot.
pub(crate) struct Unpacked {
    pub(crate) image: PathBuf,
    /// `lib/modules/<release>`, with `modules.dep` in it.
    pub(crate) modules: PathBuf,
    /// A busybox that needs no libraries.
    pub(crate) busybox: PathBuf,
}

/// The kernel of that name below `folder`; downloads it if it is not there. Remove the folder to get a newer one.
pub(crate) fn unpacked(kernel: Kernel, folder: &Path) -> Result<Unpacked> {
    let root = folder.join(kernel.name());
    if !root.exists() {
        download(kernel, folder, &root)?;
    }
    let found = Unpacked {
        image: only(&root.join("boot"), "vmlinuz-")?,
        modules: only(&root.join("lib/modules"), "")?,
        busybox: busybox(&root),
    };
    Ok(found)
}

fn download(kernel: Kernel, folder: &Path, root: &Path) -> Result<()> {
    let package = newest(kernel)?;
    // Made under another name: a download that was interrupted is never taken for a kernel.
    let unfinished = folder.join(format!("{}-{}", kernel.name(), std::process::id()));
    let packages = unfinished.join("packages");
    fs::create_dir_all(&packages).with_context(|| format!("cannot make {}", packages.display()))?;
    step::run(
        &format!("kernel for the guest ({package})"),
        debian::download(&[package.as_str(), "busybox-static"]).current_dir(&packages),
    )?;
    for file in fs::read_dir(&packages)?.flatten() {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(file.path()).arg(&unfinished);
        step::run(
            &format!("unpacking {}", file.file_name().display()),
            &mut unpack,
        )?;
    }
    fs::remove_dir_all(&packages)?;
    index_modules(&unfinished)?;
    fs::rename(&unfinished, root)
        .with_context(|| format!("cannot move {} to its place", unfinished.display()))
}

/// The newest package that apt knows.
fn newest(kernel: Kernel) -> Result<String> {
    let number = |name: &String| -> Option<u32> {
        let rest = name.strip_prefix(kernel.package())?;
        rest.strip_suffix(FLAVOR)?.parse().ok()
    };
    let names = debian::names(kernel.package(), |names| {
        names.iter().any(|name| number(name).is_some())
    })?;
    let newest = names
        .into_iter()
        .max_by_key(number)
        .filter(|name| number(name).is_some());
    newest.with_context(|| {
        format!(
            "apt knows no package `{prefix}<number>{FLAVOR}`, the kernel of {name}; add that release of Debian to apt's sources \
             (`deb http://deb.debian.org/debian bookworm main`), run `apt-get update`, then this again",
            prefix = kernel.package(),
            name = kernel.name(),
        )
    })
}

/// Writes `modules.dep`, which a package leaves to its installation.
fn index_modules(root: &Path) -> Result<()> {
    let modules = only(&root.join("lib/modules"), "")?;
    let release = modules.file_name().context("a folder without a name")?;
    let mut depmod = Command::new(busybox(root));
    depmod.args(["depmod", "-b"]).arg(root).arg(release);
    step::run("index of the kernel's modules", &mut depmod)
}

fn busybox(root: &Path) -> PathBuf {
    let places = ["bin/busybox", "usr/bin/busybox"].map(|place| root.join(place));
    let found = places.iter().find(|place| place.is_file());
    found.unwrap_or(&places[0]).clone()
}

/// The one entry of a folder whose name begins so.
fn only(folder: &Path, prefix: &str) -> Result<PathBuf> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    ensure!(
        found.len() == 1,
        "{} holds {} of `{prefix}*`, not one; remove the folder of this kernel, it is made anew",
        folder.display(),
        found.len()
    );
    Ok(found.remove(0))
}
