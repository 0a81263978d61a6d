//! Removing a lab, knowing nothing of it but its name. So the same few lines serve the orderly end, a panic, a signal, and
//! what a killed run has left behind.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{self, Command},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    id::LabId,
    namespace::{self, NAMESPACES},
    wait,
};

pub(crate) const BPF_FILE_SYSTEM: &str = "/sys/fs/bpf";

/// A file of this name in a lab's folder says that the lab shall outlive its run.
const KEEP: &str = "keep";

/// Removes a lab: its processes, its pins, its namespaces, its files. What is already gone is no error, and what cannot be
/// removed does not keep the rest.
pub fn remove(id: &LabId) {
    let namespaces: Vec<_> = names(NAMESPACES)
        .filter(|name| LabId::of(name).as_ref() == Some(id))
        .collect();
    for name in &namespaces {
        end_processes(&Path::new(NAMESPACES).join(name));
    }
    // Unpinning the link is what detaches the program.
    let _ = fs::remove_dir_all(id.pins());
    for name in &namespaces {
        let _ = namespace::run(Command::new("ip").args(["netns", "delete", name]));
    }
    let _ = fs::remove_dir_all(id.folder());
}

/// Removes every lab of this process.
pub fn remove_own() {
    all().iter().filter(|id| id.is_own()).for_each(remove);
}

/// Removes what killed runs have left behind. A lab that was kept on purpose stays.
pub fn remove_of_dead_runs() {
    all()
        .iter()
        .filter(|id| !id.is_alive() && !is_kept(id))
        .for_each(remove);
}

/// The labs that outlived their run on purpose.
pub fn kept() -> Vec<LabId> {
    all()
        .into_iter()
        .filter(|id| !id.is_alive() && is_kept(id))
        .collect()
}

/// Lets a lab outlive its run.
pub fn keep(id: &LabId) -> std::io::Result<()> {
    fs::write(id.folder().join(KEEP), "")
}

fn is_kept(id: &LabId) -> bool {
    id.folder().join(KEEP).exists()
}

/// Every lab of which anything is left.
fn all() -> Vec<LabId> {
    let temporary = std::env::temp_dir();
    let places = [
        Path::new(NAMESPACES),
        Path::new(BPF_FILE_SYSTEM),
        &temporary,
    ];
    let names: BTreeSet<_> = places.into_iter().flat_map(names).collect();
    let mut labs: Vec<_> = names.iter().filter_map(|name| LabId::of(name)).collect();
    labs.dedup();
    labs
}

/// Kills whatever runs in a namespace and waits until it is gone.
fn end_processes(namespace: &Path) {
    let Ok(namespace) = fs::metadata(namespace) else {
        return;
    };
    let inside = |pid: &String| {
        let own = Path::new("/proc").join(pid).join("ns/net");
        fs::metadata(own)
            .is_ok_and(|own| (own.dev(), own.ino()) == (namespace.dev(), namespace.ino()))
    };
    let _ = wait::until(
        "the lab's processes have ended",
        Duration::from_secs(5),
        || {
            let mut pids = names("/proc")
                .filter(|name| name.parse::<u32>().is_ok_and(|pid| pid != process::id()));
            let mut gone = true;
            for pid in pids.by_ref().filter(inside) {
                gone = false;
                if let Ok(pid) = pid.parse() {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
            }
            gone.then_some(())
        },
    );
}

fn names(folder: impl AsRef<Path>) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}
