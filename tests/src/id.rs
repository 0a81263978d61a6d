//! The name of a lab, which everything that the lab makes carries.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

const PREFIX: &str = "dlab-";

/// Name of one lab: the process that made it, and which of that process's labs it is. Written `dlab-4711-0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabId {
    pid: u32,
    number: u32,
}

impl LabId {
    /// A name that no other lab of this machine has.
    pub fn next() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        Self {
            pid: process::id(),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The lab that a namespace, a pin folder or a temporary folder of this name belongs to.
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.split('-');
        let (pid, number) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { pid, number })
    }

    /// Whether the process that made the lab still runs.
    pub fn is_alive(&self) -> bool {
        Path::new("/proc").join(self.pid.to_string()).exists()
    }

    /// Whether this process made the lab.
    pub fn is_own(&self) -> bool {
        self.pid == process::id()
    }

    /// Name of the namespace of one of the lab's hosts.
    pub fn namespace(&self, host: &str) -> String {
        format!("{self}-{host}")
    }

    /// The lab's temporary folder: data of the servers, logs, sockets.
    pub fn folder(&self) -> PathBuf {
        env::temp_dir().join(self.to_string())
    }

    /// The lab's folder in the BPF file system.
    pub fn pins(&self) -> PathBuf {
        Path::new(super::remnants::BPF_FILE_SYSTEM).join(self.to_string())
    }
}

impl fmt::Display for LabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{}", self.pid, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_is_known_by_the_name_of_anything_it_made() {
        let id = LabId::next();
        assert_eq!(LabId::of(&id.to_string()), Some(id.clone()));
        assert_eq!(LabId::of(&id.namespace("client")), Some(id));
    }

    #[test]
    fn other_names_belong_to_no_lab() {
        for name in [
            "",
            "dlab-",
            "dlab-12",
            "dlab-x-0",
            "lab-12-0",
            "director",
            "dlab-12-y",
        ] {
            assert_eq!(LabId::of(name), None, "{name}");
        }
    }

    #[test]
    fn two_labs_of_one_process_differ() {
        assert_ne!(LabId::next(), LabId::next());
    }
}
