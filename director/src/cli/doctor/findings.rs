//! What the facts mean, and what to do. Pure.

mod tracked;

use serde::Serialize;

use super::facts::{Daemon, Facts, Rules};
use crate::{
    api::response::{
        AttachMode, InstanceStatus, PairView, Role, ServerState, Status, VrrpInstanceStatus,
        VrrpStatus,
    },
    pair::PairStanding,
};

/// Linux before this lacks what the XDP program needs.
const OLDEST_KERNEL: (u32, u32) = (6, 1);

/// One line of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What it is about.
    pub(super) area: &'static str,
    pub(super) text: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warning,
    Problem,
}

fn ok(area: &'static str, text: impl Into<String>) -> Finding {
    Finding {
        level: Level::Ok,
        area,
        text: text.into(),
        help: None,
    }
}

fn warning(area: &'static str, text: impl Into<String>, help: impl Into<String>) -> Finding {
    Finding {
        level: Level::Warning,
        area,
        text: text.into(),
        help: Some(help.into()),
    }
}

fn problem(area: &'static str, text: impl Into<String>, help: impl Into<String>) -> Finding {
    Finding {
        level: Level::Problem,
        ..warning(area, text, help)
    }
}

/// Everything that can be said.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![kernel(facts), privileges(facts)];
    if let Daemon::Answers(answer) = &facts.daemon {
        let (status, vrrp) = &**answer;
        findings.push(ok(
            "daemon",
            format!("director {} runs, pid {}", status.version, status.pid),
        ));
        findings.extend(xdp(status));
        findings.extend(addresses(status, facts));
        findings.extend(servers(status));
        findings.extend(elections(vrrp));
        findings.extend(tracked::findings(vrrp));
        findings.extend(
            status
                .warnings
                .iter()
                .map(|text| warning("daemon", text, "see above, and the daemon's log")),
        );
    } else {
        findings.push(no_daemon(&facts.daemon));
    }
    findings.push(firewall(&facts.rules));
    findings.push(clock(facts.is_clock_synchronized));
    findings
}

fn kernel(facts: &Facts) -> Finding {
    let version = version(&facts.kernel);
    let text = format!("Linux {}", facts.kernel);
    if version.is_some_and(|version| version < OLDEST_KERNEL) {
        let (major, minor) = OLDEST_KERNEL;
        return problem(
            "kernel",
            format!("{text} is too old"),
            format!("run Linux {major}.{minor} or later"),
        );
    }
    if !facts.has_btf {
        return problem(
            "kernel",
            format!("{text} has no type information (/sys/kernel/btf/vmlinux)"),
            "run a kernel that is built with CONFIG_DEBUG_INFO_BTF, as those of Debian are",
        );
    }
    if !facts.has_bpf_file_system {
        return warning(
            "kernel",
            format!("{text}; the pin folder is on no BPF file system yet"),
            "the daemon mounts it below /sys/fs/bpf; for another place: `mount -t bpf bpf FOLDER`",
        );
    }
    ok("kernel", text)
}

/// Major and minor.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-']);
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

fn privileges(facts: &Facts) -> Finding {
    if facts.missing.is_empty() {
        return ok("privileges", "every capability is there");
    }
    let missing: Vec<_> = facts.missing.iter().map(ToString::to_string).collect();
    problem(
        "privileges",
        format!("missing: {}", missing.join(", ")),
        "run it as root, or give the service these capabilities (AmbientCapabilities=)",
    )
}

fn no_daemon(daemon: &Daemon) -> Finding {
    match daemon {
        Daemon::Silent(why) => problem(
            "daemon",
            format!("it does not answer: {why}"),
            "run this command as root; look into the daemon's log",
        ),
        Daemon::Absent | Daemon::Answers(_) => problem(
            "daemon",
            "no director runs here",
            "start it: `systemctl start director`, or `director run`; its elections and servers cannot be looked at",
        ),
    }
}

fn xdp(status: &Status) -> Vec<Finding> {
    let finding = |instance: &InstanceStatus| {
        let place = format!("{} ({})", instance.interface, instance.name);
        match instance.xdp_mode {
            Some(AttachMode::Native) => ok("xdp", format!("native on {place}")),
            Some(AttachMode::Generic) => warning(
                "xdp",
                format!("generic on {place}, which is slower"),
                "use a driver that has XDP; `director status` says what it refused",
            ),
            None => ok("xdp", format!("not needed on {place}: no virtual server")),
        }
    };
    status.instances.iter().map(finding).collect()
}

fn addresses(status: &Status, facts: &Facts) -> Vec<Finding> {
    let Some(present) = &facts.addresses else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for instance in &status.instances {
        let is_master = instance.role == Role::Master;
        let is_present = |shown: &&String| {
            let address = shown.split('/').next().unwrap_or_default().parse();
            address.is_ok_and(|address| present.contains(&address))
        };
        let (here, gone): (Vec<_>, Vec<_>) = instance.addresses.iter().partition(is_present);
        let list = |addresses: &[&String]| {
            let addresses: Vec<_> = addresses.iter().map(|one| one.as_str()).collect();
            addresses.join(", ")
        };
        let name = &instance.name;
        findings.push(match (is_master, here.is_empty(), gone.is_empty()) {
            (true, _, true) => ok("addresses", format!("{name} is MASTER and has {}", list(&here))),
            (true, _, false) => problem(
                "addresses",
                format!("{name} is MASTER without {}", list(&gone)),
                "the daemon's log says why they cannot be added",
            ),
            (false, true, _) => ok(
                "addresses",
                format!("{name} is {} and has none, as it should", instance.role),
            ),
            (false, false, _) => problem(
                "addresses",
                format!("{name} is {}, and this host has {} all the same", instance.role, list(&here)),
                "somebody else has added them: remove them with `ip address del`, and from the network configuration",
            ),
        });
    }
    findings
}

fn servers(status: &Status) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut well = 0;
    for service in &status.services {
        for server in &service.servers {
            let place = format!("{} of {}", server.endpoint(), service.endpoint());
            match server.state {
                ServerState::NoNeighbor => findings.push(problem(
                    "servers",
                    format!("{place} does not answer ARP or neighbor discovery"),
                    "is it switched on, and on the link of this director? `ip neighbour` shows what the kernel knows",
                )),
                ServerState::Down => findings.push(problem(
                    "servers",
                    format!("{place} is down: {}", server.reason),
                    "look at the service on that host",
                )),
                ServerState::Up
                | ServerState::Quiesced
                | ServerState::Standby
                | ServerState::Draining
                | ServerState::Held => well += 1,
            }
        }
    }
    if findings.is_empty() && well > 0 {
        findings.push(ok("servers", format!("all {well} answer")));
    }
    findings
}

fn elections(vrrp: &VrrpStatus) -> Vec<Finding> {
    let instances = vrrp.instances.iter().flat_map(election);
    instances.chain(vrrp.pair.iter().map(pair)).collect()
}

/// Scenario 1.16.
fn pair(view: &PairView) -> Finding {
    let peer = view.peer;
    match &view.standing {
        PairStanding::Equal => ok(
            "pair",
            format!(
                "{peer} is configured as this director is, as far as both must be alike; passwords are not compared"
            ),
        ),
        PairStanding::Different(differences) => warning(
            "pair",
            format!("{peer} is configured in another way: {differences}"),
            "make both files alike: `ssh OTHER director config show --running | director config diff FILE -` shows each setting, and `director status` what was changed by hand on either",
        ),
        PairStanding::OtherVersion => warning(
            "pair",
            format!("{peer} runs another version of director: the configurations are not compared"),
            "upgrade it, too",
        ),
        PairStanding::Incomplete => ok("pair", format!("{peer} is telling its configuration")),
    }
}

fn election(instance: &VrrpInstanceStatus) -> Vec<Finding> {
    let report = &instance.report;
    let mut findings = Vec::new();
    let text = format!(
        "{} is {} with priority {}: {}",
        report.name, report.role, report.priority, report.reason
    );
    findings.push(match report.role {
        Role::Fault => problem(
            "election",
            text,
            format!("put right: {}", report.faults.join(", ")),
        ),
        Role::Initialize => warning("election", text, "it has not started; see the daemon's log"),
        Role::Backup | Role::Master => ok("election", text),
    });
    let counters = &report.counters;
    if counters.unsent > 0 {
        findings.push(warning(
            "adverts out",
            format!("{}: {} could not be sent", report.name, counters.unsent),
            format!(
                "is {} up? `ip -s link show {}`",
                instance.interface, instance.interface
            ),
        ));
    }
    if counters.late > 0 {
        findings.push(warning(
            "adverts out",
            format!("{}: {} left late, at most by {} ms", report.name, counters.late, counters.latest_micros / 1000),
            "the host was overloaded or stood still; with CAP_SYS_NICE the daemon goes before other work",
        ));
    }
    for peer in &report.peers {
        if let Some(theirs) = &peer.other_addresses {
            let theirs: Vec<_> = theirs.iter().map(ToString::to_string).collect();
            findings.push(problem(
                "peers",
                format!(
                    "{}: {} advertises {}, and we {}",
                    report.name,
                    peer.address,
                    theirs.join(", "),
                    instance.addresses.join(", ")
                ),
                "make `virtual_ipaddress` the same on both directors (`director config diff A B` shows it); keepalived before 2.3.3 would be MASTER twice",
            ));
        }
        if let Some(why) = &peer.rejected {
            findings.push(problem(
                "peers",
                format!(
                    "{}: what {} sends does not count: {why} ({} packets)",
                    report.name, peer.address, peer.rejections
                ),
                "put the differing setting right on one of the two; until then each takes the other for gone",
            ));
        }
        if peer.other_addresses.is_none() && peer.rejected.is_none() {
            let priority = peer
                .priority
                .map_or_else(|| "?".to_owned(), |priority| priority.to_string());
            findings.push(ok(
                "peers",
                format!(
                    "{}: {} agrees with us, priority {priority}",
                    report.name, peer.address
                ),
            ));
        }
    }
    for claim in &report.claims {
        findings.push(problem(
            "peers",
            format!(
                "{}: {} advertises {} under VRID {}, and we under {}",
                report.name, claim.peer, claim.address, claim.virtual_router_id, report.virtual_router_id
            ),
            "write the same `virtual_router_id` on both directors: until then both hold the address",
        ));
    }
    if report.peers.is_empty() {
        findings.push(match report.role {
            // A BACKUP says nothing while it hears us.
            Role::Master => ok(
                "peers",
                format!("{}: nobody else claims to be MASTER", report.name),
            ),
            Role::Initialize | Role::Backup | Role::Fault => warning(
                "peers",
                format!("{}: no other director was heard", report.name),
                "does the other one run, on the same link, and does its firewall let protocol 112 out?",
            ),
        });
    }
    findings
}

/// Advertisements come in before the packet filter, and to a group they leave past it. What is left are unicast peers, and the other
/// director, which may be keepalived and look at the same rules.
fn firewall(rules: &Rules) -> Finding {
    let Rules::Listed(rules) = rules else {
        return ok(
            "firewall",
            "`nft` is not here or may not look; VRRP does not depend on it",
        );
    };
    let drops = rules
        .lines()
        .map(str::trim)
        .find(|line| speaks_of_vrrp(line) && (line.contains("drop") || line.contains("reject")));
    match drops {
        Some(rule) => warning(
            "firewall",
            format!("a rule drops VRRP: {rule}"),
            "this director hears and speaks past it, but advertisements to unicast peers are dropped, and a keepalived with the same rules would be MASTER, too: let IP protocol 112 through",
        ),
        None => ok("firewall", "no rule drops VRRP"),
    }
}

fn speaks_of_vrrp(rule: &str) -> bool {
    rule.contains("vrrp") || rule.contains("224.0.0.18") || {
        let mut words = rule.split_whitespace().peekable();
        let mut found = false;
        while let Some(word) = words.next() {
            found |= word == "protocol" && words.peek() == Some(&"112");
            found |= word == "l4proto" && words.peek() == Some(&"112");
        }
        found
    }
}

fn clock(is_synchronized: Option<bool>) -> Finding {
    match is_synchronized {
        Some(true) => ok("clock", "synchronized"),
        Some(false) => warning(
            "clock",
            "not synchronized: the logs of two directors cannot be laid side by side",
            "run systemd-timesyncd, chrony or ntpd",
        ),
        None => ok(
            "clock",
            "nobody here says whether it is synchronized; elections do not depend on it",
        ),
    }
}

#[cfg(test)]
mod tests;
