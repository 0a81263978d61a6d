//! A wire for frames that really leave: two interfaces in a network namespace of the benchmark's own, which goes with it.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};
use nix::{
    net::if_::if_nametoindex,
    sched::{CloneFlags, unshare},
};

use crate::{harness::Harness, setup::VIP};

/// Where frames come in and go out: the director's interface.
const NEAR: &str = "near";
/// The other end of its cable, where they are counted.
const FAR: &str = "far";

/// The two interfaces, and the harness's programs on them.
pub(crate) struct Rig {
    pub(crate) harness: Harness,
    /// Index of the interface that frames come in and go out by.
    pub(crate) near: u32,
}

impl Rig {
    /// Lays the cable, with as many queues as CPUs will send. This process is in a namespace of its own from here on.
    pub(crate) fn lay(queues: usize) -> Result<Self> {
        unshare(CloneFlags::CLONE_NEWNET).context("making a network namespace")?;
        let count = format!("numtxqueues {queues} numrxqueues {queues}");
        ip(&format!(
            "link add {NEAR} {count} address 02:00:00:00:00:06 type veth peer name {FAR} {count}"
        ))?;
        for interface in [NEAR, FAR] {
            // Nothing is to be said on the wire that nobody asked for.
            let file = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
            if fs::exists(&file)? {
                fs::write(&file, "1").with_context(|| format!("writing {file}"))?;
            }
            ip(&format!("link set {interface} up"))?;
        }
        let mut harness = Harness::load()?;
        harness.attach("pass", NEAR)?;
        harness.attach("sink", FAR)?;
        let near =
            if_nametoindex(NEAR).context("the interface was made a moment ago and is gone")?;
        Ok(Self { harness, near })
    }

    /// Makes the near end an interface that the kernel forwards by: it has the VIP, and knows the real servers, whoever asks.
    pub(crate) fn give_addresses(&self) -> Result<()> {
        for scope in ["all", NEAR] {
            let file = format!("/proc/sys/net/ipv4/conf/{scope}/rp_filter");
            fs::write(&file, "0").with_context(|| format!("writing {file}"))?;
        }
        // What is sent to a server behind it has to be taken.
        ip("link set lo up")?;
        ip(&format!("address add 192.168.66.6/23 dev {NEAR}"))?;
        ip(&format!("address add {VIP}/32 dev {NEAR}"))?;
        for last in [1, 2, 10] {
            ip(&format!(
                "neighbor add 192.168.66.{last} lladdr 02:00:00:00:00:{last:02x} nud permanent dev {NEAR}"
            ))?;
        }
        ip(&format!("route add default via 192.168.66.10 dev {NEAR}"))
    }
}

fn ip(words: &str) -> Result<()> {
    run(Command::new("ip").args(words.split_whitespace()))
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
