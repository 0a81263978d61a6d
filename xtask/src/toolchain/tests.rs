//! Machines with all kinds of compilers, made of shell scripts that answer as `rustc` does.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicU32, Ordering},
};

use super::*;

/// A machine in a temporary folder, removed when dropped.
struct Fake {
    root: PathBuf,
    machine: Machine,
}

impl Fake {
    fn empty() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = env::temp_dir().join(format!("toolchain-{}-{number}", std::process::id()));
        let folder = |name: &str| root.join(name);
        let machine = Machine {
            rustup: folder("rustup"),
            debian: folder("usr"),
            linker: folder("linker"),
        };
        Self { root, machine }
    }

    /// A compiler of rustup: it brings its LLVM.
    fn with_rustup(self, name: &str, llvm: &str) -> Self {
        let root = self.machine.rustup.join(name);
        install(&root, llvm);
        write(&root.join("lib/libLLVM.so"), "");
        self
    }

    fn with_source_of(self, name: &str) -> Self {
        write(
            &self
                .machine
                .rustup
                .join(name)
                .join("lib/rustlib/src/rust/library/Cargo.lock"),
            "",
        );
        self
    }

    fn with_debian(self, llvm: &str) -> Self {
        install(&self.machine.debian, llvm);
        write(
            &self.machine.debian.join("target-libdir/libcore-0123.rlib"),
            "",
        );
        self
    }

    fn with_llvm_beside_the_linker(self) -> Self {
        write(&self.machine.linker.join("lib/libLLVM.so.22.1"), "");
        self
    }

    fn found(&self) -> Option<String> {
        self.machine.find().map(|toolchain| toolchain.name)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn install(root: &Path, llvm: &str) {
    let rustc = root.join("bin/rustc");
    let libdir = root.join("target-libdir");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = -vV ]; then echo 'LLVM version: {llvm}'; else echo '{}'; fi\n",
        libdir.display()
    );
    write(&rustc, &script);
    fs::set_permissions(&rustc, Permissions::from_mode(0o755)).expect("may be made executable");
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().expect("has a folder")).expect("folder can be made");
    fs::write(file, text).expect("file can be written");
}

#[test]
fn a_machine_without_a_compiler_has_none() {
    assert_eq!(Fake::empty().machine.find(), None);
}

#[test]
fn a_nightly_with_the_librarys_source_serves_with_its_own_llvm() {
    let fake = Fake::empty()
        .with_rustup("nightly-x", "22.1.4")
        .with_source_of("nightly-x");
    let llvm = fake.machine.rustup.join("nightly-x/lib");
    assert_eq!(
        fake.machine.find(),
        Some(Toolchain {
            name: "nightly-x".to_owned(),
            llvm
        })
    );
}

#[test]
fn a_nightly_without_source_does_not_serve() {
    assert_eq!(
        Fake::empty().with_rustup("nightly-x", "22.1.4").found(),
        None
    );
}

#[test]
fn a_stable_compiler_does_not_serve_even_with_source() {
    assert_eq!(
        Fake::empty()
            .with_rustup("stable-x", "22.1.2")
            .with_source_of("stable-x")
            .found(),
        None
    );
}

#[test]
fn a_compiler_of_another_llvm_than_the_linkers_does_not_serve() {
    for llvm in ["21.1.0", "23.1.0", "2.2", "220.1"] {
        let fake = Fake::empty()
            .with_rustup("nightly-x", llvm)
            .with_source_of("nightly-x");
        assert_eq!(
            fake.with_debian(llvm).with_llvm_beside_the_linker().found(),
            None,
            "{llvm}"
        );
    }
}

#[test]
fn debians_compiler_serves_once_its_llvm_lies_beside_the_linker() {
    let fake = Fake::empty().with_debian("22.1.8");
    assert_eq!(fake.found(), None);
    let fake = fake.with_llvm_beside_the_linker();
    let name = fake.machine.debian.display().to_string();
    assert_eq!(
        fake.machine.find(),
        Some(Toolchain {
            name,
            llvm: fake.machine.linker.join("lib")
        })
    );
}

#[test]
fn a_nightly_with_source_goes_before_debians_compiler() {
    let fake = Fake::empty()
        .with_debian("22.1.8")
        .with_llvm_beside_the_linker();
    let fake = fake
        .with_rustup("nightly-x", "22.1.4")
        .with_source_of("nightly-x");
    assert_eq!(fake.found().as_deref(), Some("nightly-x"));
}

#[test]
fn a_toolchain_is_named_with_or_without_its_host_or_by_its_folder() {
    let fake = Fake::empty().with_rustup("nightly-2026-05-20-x86_64-unknown-linux-gnu", "22.1.4");
    for name in [
        "nightly-2026-05-20",
        "nightly-2026-05-20-x86_64-unknown-linux-gnu",
    ] {
        assert_eq!(
            fake.machine.named(name).map(|found| found.name).as_deref(),
            Some(name)
        );
    }
    let folder = fake
        .machine
        .rustup
        .join("nightly-2026-05-20-x86_64-unknown-linux-gnu");
    assert!(fake.machine.named(&folder.to_string_lossy()).is_some());
    assert_eq!(fake.machine.named("nightly-2027"), None);
}
