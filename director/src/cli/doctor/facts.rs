//! What there is to see on this host. Nothing is judged here, and nothing is changed.

use std::{collections::BTreeSet, fs, net::IpAddr, path::Path, process::Command};

use caps::{CapSet, Capability};

use crate::{
    api::{
        client::{Client, ClientError},
        response::{Status, VrrpStatus},
    },
    host::Host,
};

/// Capabilities that the daemon has a use for.
pub(super) const WANTED: [Capability; 6] = [
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_RAW,
    Capability::CAP_BPF,
    Capability::CAP_PERFMON,
    Capability::CAP_SYS_NICE,
    Capability::CAP_IPC_LOCK,
];

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// `uname -r`.
    pub(super) kernel: String,
    /// Type information of the kernel, which the loader needs.
    pub(super) has_btf: bool,
    /// Whether the pin folder is on a BPF file system.
    pub(super) has_bpf_file_system: bool,
    /// Capabilities of the daemon, or of this process where there is none.
    pub(super) missing: Vec<Capability>,
    /// What the daemon says; or why it does not.
    pub(super) daemon: Daemon,
    /// Addresses on interfaces now; `None`: not to be had.
    pub(super) addresses: Option<BTreeSet<IpAddr>>,
    /// `nft list ruleset`.
    pub(super) rules: Rules,
    /// Whether the kernel's clock follows another one (adjtimex(2)); `None`: not to be had.
    pub(super) is_clock_synchronized: Option<bool>,
}

/// What the daemon says.
#[derive(Clone, Debug, Default)]
pub(super) enum Daemon {
    /// There is none.
    #[default]
    Absent,
    /// It does not answer.
    Silent(String),
    /// All of it.
    Answers(Box<(Status, VrrpStatus)>),
}

/// The packet filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Rules {
    /// There is no `nft` here, or it may not look.
    #[default]
    Unknown,
    /// As `nft` lists them.
    Listed(String),
}

/// Looks.
pub(super) async fn gather(client: &Client, pins: &Path) -> Facts {
    let daemon = ask(client).await;
    Facts {
        kernel: read("/proc/sys/kernel/osrelease"),
        has_btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
        has_bpf_file_system: is_bpf(pins),
        missing: missing(&daemon),
        addresses: addresses(&daemon).await,
        daemon,
        rules: rules(),
        is_clock_synchronized: clock(),
    }
}

async fn ask(client: &Client) -> Daemon {
    let status = match client.status().await {
        Ok(status) => status,
        Err(ClientError::NotRunning { .. }) => return Daemon::Absent,
        Err(error) => return Daemon::Silent(error.to_string()),
    };
    match client.vrrp().await {
        Ok(vrrp) => Daemon::Answers(Box::new((status, vrrp))),
        Err(error) => Daemon::Silent(error.to_string()),
    }
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

fn is_bpf(pins: &Path) -> bool {
    use nix::sys::statfs::{BPF_FS_MAGIC, statfs};
    let existing = pins.ancestors().find(|folder| folder.exists());
    existing.is_some_and(|folder| {
        statfs(folder).is_ok_and(|found| found.filesystem_type() == BPF_FS_MAGIC)
    })
}

fn missing(daemon: &Daemon) -> Vec<Capability> {
    let process = match daemon {
        Daemon::Answers(answer) => i32::try_from(answer.0.pid).ok(),
        Daemon::Absent | Daemon::Silent(_) => None,
    };
    let Ok(has) = caps::read(process, CapSet::Effective) else {
        return Vec::new();
    };
    let stands_in = has.contains(&Capability::CAP_SYS_ADMIN);
    let is_missing = |wanted: &Capability| {
        let is_bpf = matches!(wanted, Capability::CAP_BPF | Capability::CAP_PERFMON);
        !(has.contains(wanted) || is_bpf && stands_in)
    };
    WANTED.into_iter().filter(is_missing).collect()
}

/// The addresses of all interfaces but `lo`, where a director that is a real server, too, has the VIP.
async fn addresses(daemon: &Daemon) -> Option<BTreeSet<IpAddr>> {
    let Daemon::Answers(_) = daemon else {
        return None;
    };
    let host = Host::connect().ok()?;
    let links = host.links().await.ok()?;
    let mut addresses = BTreeSet::new();
    for link in links.iter().filter(|link| link.name != "lo") {
        let found = host.addresses(link.index).await.ok()?;
        addresses.extend(found.into_iter().map(|one| one.address));
    }
    Some(addresses)
}

fn rules() -> Rules {
    match Command::new("nft").args(["list", "ruleset"]).output() {
        Ok(output) if output.status.success() => {
            Rules::Listed(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(_) | Err(_) => Rules::Unknown,
    }
}

/// Whether the kernel's clock is disciplined by another one.
fn clock() -> Option<bool> {
    // `timedatectl` asks the kernel, and is there wherever systemd is.
    let output = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .output()
        .ok()?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}
