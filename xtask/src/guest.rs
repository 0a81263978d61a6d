//! A machine with another kernel: Debian's kernel in QEMU, with this machine's files, for one script.
//!
//! Nothing is installed for it but QEMU: kernel and busybox are unpacked below the target folder. The guest sees this
//! machine's root folder, read only, below a layer of its own that is gone at its end.
//!
//! By software emulation always. `/dev/kvm` proves nothing: machines that are guests themselves have it and cannot run one.

mod initramfs;
mod kernel;
mod machine;

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};

use self::initramfs::Initramfs;
pub(crate) use self::kernel::Kernel;
use crate::{build, debian};

const PROGRAMS: [(&str, &str); 1] = [(EMULATOR, "qemu-system-x86")];
const EMULATOR: &str = "qemu-system-x86_64";

/// How the guest's processor runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Two processors, as fast as they can.
    Real,
    /// One processor whose clock is its own instructions: a nanosecond each.
    Instructions,
}

/// What shall be run, and how.
pub(crate) struct Job<'a> {
    pub(crate) kernel: Kernel,
    pub(crate) clock: Clock,
    /// Kernel modules to load first, with their parameters.
    pub(crate) modules: &'a [&'a str],
    /// For `/bin/sh`. Its exit status is the job's.
    pub(crate) script: &'a str,
    /// A folder of this machine that the script may write to, as [`OUTBOX`].
    pub(crate) outbox: Option<&'a Path>,
    /// How long it may take by this machine's clock, the boot included.
    pub(crate) limit: Duration,
}

/// Where the guest has the job's outbox.
pub(crate) const OUTBOX: &str = "/run/outbox";

/// Installs QEMU if it is not there.
pub(crate) fn set_up() -> Result<()> {
    match debian::missing(&PROGRAMS).as_slice() {
        [] => Ok(()),
        missing => debian::install("emulator", missing),
    }
}

/// Boots the kernel, runs the script, and shows the guest's console meanwhile. An error unless the script ended with 0.
pub(crate) fn run(job: &Job<'_>) -> Result<()> {
    set_up()?;
    let folder = build::target_folder()?.join("guest");
    let kernel = kernel::unpacked(job.kernel, &folder)?;
    let initramfs = Initramfs::write(&folder, &kernel, job)?;
    machine::run(job, &kernel.image, initramfs.path())
}

/// A word as `/bin/sh` reads it back.
pub(crate) fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str();
    let text = text.with_context(|| format!("{} is no UTF-8", path.display()))?;
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}
