//! The pin folder: where maps, program and links outlive the daemon.
//!
//! `<root>/v<ABI version>/` holds one file for each map, `program`, and `link_<ifindex>_<mode>` for each attachment.
//! A lock on `<root>` keeps a second director out; the kernel drops it with the process.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use director_common::ABI_VERSION;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MsFlags, mount},
    sys::statfs::{BPF_FS_MAGIC, statfs},
};

/// Where pins are kept unless told otherwise.
pub const DEFAULT_ROOT: &str = "/sys/fs/bpf/director";
/// Where a BPF file system belongs (systemd mounts it there).
const BPF_FILE_SYSTEM: &str = "/sys/fs/bpf";

/// The pin folder, locked for as long as this value lives.
#[derive(Debug)]
pub struct Pins {
    root: PathBuf,
    _lock: Flock<File>,
}

/// The pin folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PinsError {
    /// Another process holds the lock.
    #[error("another director holds the pins in {root}")]
    Locked {
        /// The pin folder.
        root: PathBuf,
    },
    /// Pins with other layouts lie there.
    #[error(
        "{root} holds the pins of another version of director ({found}; this is v{ABI_VERSION})"
    )]
    OtherVersion {
        /// The pin folder.
        root: PathBuf,
        /// Name of the other version's folder.
        found: String,
    },
    /// Something lies there that no director has pinned.
    #[error("{root} is not a pin folder of director: {found} lies in it")]
    Foreign {
        /// The pin folder.
        root: PathBuf,
        /// Name of what lies there.
        found: String,
    },
    /// The folder is not on a BPF file system, and mounting one there is not ours to decide.
    #[error("{root} is not on a BPF file system")]
    NotBpf {
        /// The pin folder.
        root: PathBuf,
    },
    /// The BPF file system could not be mounted.
    #[error("mounting a BPF file system on {BPF_FILE_SYSTEM}")]
    Mount(#[source] Errno),
    /// The folder could not be made, opened, read or cleared.
    #[error("{what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl PinsError {
    /// What the operator can do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Locked { .. } => "`director status` shows the running one; stop it first, or give this one its own --pins and --socket".to_owned(),
            Self::OtherVersion { root, .. } => format!(
                "to upgrade with an interruption: `director unload --pins {}`, then start again; established connections are forgotten by it",
                root.display()
            ),
            Self::Foreign { .. } => "give --pins a folder of director's own".to_owned(),
            Self::NotBpf { .. } => format!("choose a folder below {BPF_FILE_SYSTEM}, or mount one: mount -t bpf bpf {BPF_FILE_SYSTEM}"),
            Self::Mount(_) => format!("run as root, or mount it yourself: mount -t bpf bpf {BPF_FILE_SYSTEM}"),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => "run as root".to_owned(),
            Self::Io { .. } => "look at the folder and its file system".to_owned(),
        }
    }

    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// Whether an earlier director left its pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing is pinned.
    Nothing,
    /// Pins of this version, to be taken over.
    Ours,
}

impl Pins {
    /// Locks the folder `root`, which is made where it is missing, and says what lies in it.
    ///
    /// # Errors
    ///
    /// See [`PinsError`]. Nothing is left behind by an error but perhaps an empty folder.
    pub fn lock(root: &Path) -> Result<(Self, Found), PinsError> {
        mount_bpf_below(root)?;
        fs::create_dir_all(root).map_err(PinsError::io("making the folder", root))?;
        if !is_bpf(root) {
            // An empty folder that we just made on another file system must not stay.
            let _still_in_use = fs::remove_dir(root);
            return Err(PinsError::NotBpf {
                root: root.to_owned(),
            });
        }
        let pins = Self {
            root: root.to_owned(),
            _lock: lock(root)?,
        };
        let found = pins.look()?;
        Ok((pins, found))
    }

    fn look(&self) -> Result<Found, PinsError> {
        for name in self.entries(&self.root)? {
            if !is_version(&name) {
                return Err(PinsError::Foreign {
                    root: self.root.clone(),
                    found: name,
                });
            }
            if name != version_name() {
                return Err(PinsError::OtherVersion {
                    root: self.root.clone(),
                    found: name,
                });
            }
        }
        if !self.folder().exists() {
            return Ok(Found::Nothing);
        }
        if self.program().exists() {
            return Ok(Found::Ours);
        }
        // The program is pinned last: without it the start was killed in the middle, and nothing of it is in use. The root
        // stays, because the lock is on it: a new folder of that name could be locked by another director.
        let folder = self.folder();
        fs::remove_dir_all(&folder).map_err(PinsError::io("removing the pins in", &folder))?;
        Ok(Found::Nothing)
    }

    /// Folder of this version's pins.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        folder(&self.root)
    }

    /// Path of the program's pin.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.folder().join("program")
    }

    /// Where a program is pinned before it takes the place of [`Self::program`].
    pub(super) fn next_program(&self) -> PathBuf {
        self.folder().join("program_next")
    }

    /// Where the clock program is pinned for the moment in which it is opened.
    pub(super) fn clock(&self) -> PathBuf {
        self.folder().join("clock")
    }

    /// Puts the pin of the next program in the place of the earlier one, in one step.
    pub(super) fn replace_program(&self) -> Result<(), PinsError> {
        let path = self.program();
        fs::rename(self.next_program(), &path).map_err(PinsError::io("replacing the pin", &path))
    }

    /// Makes this version's folder.
    pub(super) fn make_folder(&self) -> Result<(), PinsError> {
        let folder = self.folder();
        fs::create_dir_all(&folder).map_err(PinsError::io("making the folder", &folder))
    }

    /// Names of the pins of this version.
    pub(super) fn names(&self) -> Result<Vec<String>, PinsError> {
        self.entries(&self.folder())
    }

    fn entries(&self, folder: &Path) -> Result<Vec<String>, PinsError> {
        fs::read_dir(folder)
            .and_then(|entries| {
                entries
                    .map(|entry| {
                        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
                    })
                    .collect()
            })
            .map_err(PinsError::io("reading the folder", folder))
    }

    /// Removes every pin and the folder: programs are detached and flows are forgotten.
    pub(super) fn remove_all(&self) -> Result<(), PinsError> {
        fs::remove_dir_all(&self.root).map_err(PinsError::io("removing the pins in", &self.root))
    }

    /// Removes one pin.
    pub(super) fn remove_file(&self, path: &Path) -> Result<(), PinsError> {
        fs::remove_file(path).map_err(PinsError::io("removing the pin", path))
    }
}

/// Folder of this version's pins below `root`.
#[must_use]
pub fn folder(root: &Path) -> PathBuf {
    root.join(version_name())
}

/// Removes the pins of every version below `root`.
///
/// # Errors
///
/// [`PinsError::Locked`] while a director runs on them; [`PinsError::Io`] where a pin cannot be removed.
pub fn unload(root: &Path) -> Result<Unloaded, PinsError> {
    if !root.exists() {
        return Ok(Unloaded::NothingThere);
    }
    if !is_bpf(root) {
        return Err(PinsError::NotBpf {
            root: root.to_owned(),
        });
    }
    let pins = Pins {
        root: root.to_owned(),
        _lock: lock(root)?,
    };
    if let Some(found) = pins
        .entries(root)?
        .into_iter()
        .find(|name| !is_version(name))
    {
        return Err(PinsError::Foreign {
            root: root.to_owned(),
            found,
        });
    }
    pins.remove_all()?;
    Ok(Unloaded::Removed)
}

/// What [`unload`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unloaded {
    /// There was no pin folder.
    NothingThere,
    /// Programs are detached, maps are gone.
    Removed,
}

/// Whether a name is that of a version's folder.
fn is_version(name: &str) -> bool {
    name.strip_prefix('v')
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

fn version_name() -> String {
    format!("v{ABI_VERSION}")
}

fn lock(root: &Path) -> Result<Flock<File>, PinsError> {
    let folder = File::open(root).map_err(PinsError::io("opening the folder", root))?;
    Flock::lock(folder, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => PinsError::Locked {
            root: root.to_owned(),
        },
        errno => PinsError::io("locking the folder", root)(errno.into()),
    })
}

/// The process of the director that holds the lock on a pin folder. It is not touched by asking: a lock held for a moment could refuse a
/// director that starts. proc_locks(5).
#[must_use]
pub fn lock_holder(root: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = fs::metadata(root).ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let device = folder.dev();
    let place = format!(
        "{:02x}:{:02x}:{}",
        nix::sys::stat::major(device),
        nix::sys::stat::minor(device),
        folder.ino()
    );
    locks.lines().find_map(|line| holder(line, &place))
}

/// The process of a line such as `1: FLOCK  ADVISORY  WRITE 4711 00:1c:10245 0 EOF`, if it is about this place.
fn holder(line: &str, place: &str) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let is_held = words.next() == Some("FLOCK");
    let process = words.nth(2)?;
    (is_held && words.next() == Some(place)).then(|| process.parse().ok())?
}

fn is_bpf(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type() == BPF_FS_MAGIC)
}

/// Mounts the BPF file system in its usual place where that is missing and `root` wants it.
fn mount_bpf_below(root: &Path) -> Result<(), PinsError> {
    let place = Path::new(BPF_FILE_SYSTEM);
    if !root.starts_with(place) || is_bpf(place) {
        return Ok(());
    }
    mount(
        Some("bpf"),
        place,
        Some("bpf"),
        MsFlags::empty(),
        Some("mode=0700"),
    )
    .map_err(PinsError::Mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_says_who_holds_the_lock() {
        let place = "00:1c:10245";
        let held = "1: FLOCK  ADVISORY  WRITE 4711 00:1c:10245 0 EOF";
        assert_eq!(holder(held, place), Some(4711));
        for other in [
            "1: POSIX  ADVISORY  WRITE 4711 00:1c:10245 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 4711 00:1c:10246 0 EOF",
            "1: -> FLOCK  ADVISORY  WRITE 4711 00:1c:10245 0 EOF",
            "",
        ] {
            assert_eq!(holder(other, place), None, "{other}");
        }
    }
}
