//! Where this machine keeps what builds the XDP program: a compiler for `bpfel-unknown-none` and `bpf-linker`.
//!
//! Detection only: nothing is installed here (`setup.rs` does that) and nothing but `std` is used, because `director/build.rs`
//! includes this very file, so that both always agree on what they found.
//!
//! Two compilers serve. A rustup nightly with the component `rust-src` builds `core` for the target by itself; Debian's own
//! compiler has `core` for the target ready made. Either must be of the LLVM that `bpf-linker` was made for, because the linker
//! loads the compiler's LLVM at run time.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Names a toolchain that shall be taken instead of the one that would be found.
pub(crate) const TOOLCHAIN_VARIABLE: &str = "DIRECTOR_EBPF_TOOLCHAIN";

const TARGET: &str = "bpfel-unknown-none";
/// The versions that fit together: `bpf-linker` 0.10 reads the bitcode of LLVM 22 (rustc 1.95 to 1.97).
const LLVM_MAJOR: &str = "22";
const LINKER_SERIES: &str = "0.10";

/// A compiler that can build the XDP program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// What `rustup run` and `aya_build::Toolchain::Custom` take: a toolchain's name, or the folder that has `bin/rustc`.
    pub(crate) name: String,
    /// Folder whose `libLLVM` the linker must load; belongs in front of `LD_LIBRARY_PATH` in the build.
    pub(crate) llvm: PathBuf,
}

/// The toolchain for the XDP program: the one that `DIRECTOR_EBPF_TOOLCHAIN` names, else a nightly with the library's source,
/// else a compiler that has `core` for the target ready made.
///
/// `None` if the machine has neither, or if the linker's folder has no LLVM yet for Debian's compiler.
#[must_use]
pub(crate) fn find() -> Option<Toolchain> {
    let machine = Machine::this();
    match env::var(TOOLCHAIN_VARIABLE) {
        Ok(name) => machine.named(&name),
        Err(_) => machine.find(),
    }
}

/// Whether Debian's compiler can build the XDP program, apart from the LLVM that the linker needs beside it.
#[must_use]
pub(crate) fn debian_has_core() -> bool {
    let machine = Machine::this();
    machine
        .candidate(&machine.debian.to_string_lossy())
        .has_prebuilt_core()
}

/// The folder that holds a `bpf-linker` of the right version; belongs in front of `PATH` in the build.
#[must_use]
pub(crate) fn linker() -> Option<PathBuf> {
    let folder = linker_home().join("bin");
    let version = output(Command::new(folder.join("bpf-linker")).arg("--version"))?;
    let number = version.trim().strip_prefix("bpf-linker ")?;
    number
        .starts_with(&format!("{LINKER_SERIES}."))
        .then_some(folder)
}

/// Where `bpf-linker` is installed for this project alone, so that a fresh clone finds it again and another version that the
/// user has is never touched. May not exist.
#[must_use]
pub(crate) fn linker_home() -> PathBuf {
    tools_home().join(format!("bpf-linker-{LINKER_SERIES}"))
}

/// The user's folder for this project's own tools. May not exist.
#[must_use]
pub(crate) fn tools_home() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.filter(|path| path.is_absolute());
    cache
        .unwrap_or_else(|| home().join(".cache"))
        .join("director")
}

fn home() -> PathBuf {
    env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from)
}

/// The places where compilers may be.
#[derive(Debug)]
struct Machine {
    /// Holds a folder for each of rustup's toolchains.
    rustup: PathBuf,
    /// Has `bin/rustc` if Debian's compiler is installed.
    debian: PathBuf,
    /// Has `lib/libLLVM*` if `setup` put it there for Debian's compiler.
    linker: PathBuf,
}

impl Machine {
    fn this() -> Self {
        let rustup =
            env::var_os("RUSTUP_HOME").map_or_else(|| home().join(".rustup"), PathBuf::from);
        Self {
            rustup: rustup.join("toolchains"),
            debian: PathBuf::from("/usr"),
            linker: linker_home(),
        }
    }

    fn find(&self) -> Option<Toolchain> {
        let mut names: Vec<_> = entries(&self.rustup).collect();
        names.sort();
        names.push(self.debian.to_string_lossy().into_owned());
        let candidates: Vec<_> = names.iter().map(|name| self.candidate(name)).collect();
        let from_source = candidates
            .iter()
            .filter(|candidate| candidate.is_nightly_with_source());
        let ready_made = candidates
            .iter()
            .filter(|candidate| candidate.has_prebuilt_core());
        from_source
            .chain(ready_made)
            .find_map(|candidate| self.toolchain(candidate))
    }

    fn named(&self, name: &str) -> Option<Toolchain> {
        self.toolchain(&self.candidate(name))
    }

    fn candidate(&self, name: &str) -> Candidate {
        // `nightly` is installed as `nightly-x86_64-unknown-linux-gnu`; an absolute path replaces the folder in `join`.
        let is_full = |entry: &String| {
            entry
                .strip_prefix(name)
                .is_some_and(|host| host.starts_with('-'))
        };
        let full = entries(&self.rustup).find(is_full);
        let folder = if self.rustup.join(name).exists() {
            name
        } else {
            full.as_deref().unwrap_or(name)
        };
        Candidate {
            name: name.to_owned(),
            root: self.rustup.join(folder),
        }
    }

    fn toolchain(&self, candidate: &Candidate) -> Option<Toolchain> {
        if candidate.llvm_major()? != LLVM_MAJOR {
            return None;
        }
        // `<root>/lib` of a rustup toolchain holds exactly one LLVM. Debian's `/usr/lib` has those of other packages too, and
        // the linker would take any of them, so `setup` puts a link to the right one beside the linker.
        let folders = [candidate.root.join("lib"), self.linker.join("lib")];
        let llvm = folders.into_iter().find(|folder| holds_llvm(folder))?;
        Some(Toolchain {
            name: candidate.name.clone(),
            llvm,
        })
    }
}

/// A compiler that is there and may or may not do.
#[derive(Debug)]
struct Candidate {
    name: String,
    root: PathBuf,
}

impl Candidate {
    fn rustc(&self) -> Command {
        Command::new(self.root.join("bin/rustc"))
    }

    fn llvm_major(&self) -> Option<String> {
        let version = output(self.rustc().arg("-vV"))?;
        let llvm = version
            .lines()
            .find_map(|line| line.strip_prefix("LLVM version: "))?;
        llvm.split('.').next().map(str::to_owned)
    }

    fn is_nightly_with_source(&self) -> bool {
        let lock_file = self.root.join("lib/rustlib/src/rust/library/Cargo.lock");
        self.name.starts_with("nightly") && lock_file.is_file()
    }

    fn has_prebuilt_core(&self) -> bool {
        let folder = output(
            self.rustc()
                .args(["--print", "target-libdir", "--target", TARGET]),
        );
        folder.is_some_and(|folder| entries(Path::new(folder.trim())).any(|name| is_core(&name)))
    }
}

fn holds_llvm(folder: &Path) -> bool {
    entries(folder).any(|name| name.starts_with("libLLVM"))
}

fn is_core(name: &str) -> bool {
    name.starts_with("libcore-") && name.ends_with(".rlib")
}

fn entries(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

fn output(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
#[path = "toolchain/tests.rs"]
mod tests;
