//! Packages of Debian and its relatives: which ones are missing, and how they are installed.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{command, step};

/// Programs that the lab needs and the package that brings each.
///
/// The `-core` packages of MariaDB bring the programs without the service: a MariaDB that the machine itself runs is neither
/// started nor touched, and none is left behind. `dnsmasq-base` is the program without the service likewise. nginx, iperf3
/// and keepalived have no such packages: see [`SERVICES`].
pub(crate) const LAB: [(&str, &str); 15] = [
    ("ip", "iproute2"),
    ("ethtool", "ethtool"),
    ("mariadbd", "mariadb-server-core"),
    ("mariadb-install-db", "mariadb-server-core"),
    ("mariadb", "mariadb-client-core"),
    ("ping", "iputils-ping"),
    ("ss", "iproute2"),
    ("nginx", "nginx"),
    ("dnsmasq", "dnsmasq-base"),
    ("iperf3", "iperf3"),
    ("traceroute", "traceroute"),
    ("dumpcap", "wireshark-common"),
    ("tshark", "tshark"),
    ("keepalived", "keepalived"),
    ("nft", "nftables"),
];

/// Programs that a Debian package is made with and the package that brings each.
pub(crate) const PACKAGING: [(&str, &str); 3] = [
    ("dpkg-shlibdeps", "dpkg-dev"),
    ("strip", "binutils"),
    ("xz", "xz-utils"),
];

/// Modules of Python that a client of the lab needs, and the package that brings each, and Python with it.
const MODULES: [(&str, &str); 2] = [
    ("sqlalchemy", "python3-sqlalchemy"),
    ("pymysql", "python3-pymysql"),
];

/// Debian's own Python. Another one that comes first in the path may not find Debian's modules.
const PYTHON: &str = "/usr/bin/python3";

/// Services that come with programs of the lab and the benchmark and that nobody asked for. What would start them is not unpacked, so they
/// neither run now nor after a boot; a machine that has the program already has it as it is.
const SERVICES: [&str; 4] = ["nginx", "iperf3", "ipvsadm", "keepalived"];

/// The packages of those programs that are not there.
pub(crate) fn missing(programs: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    let mut packages: Vec<_> = programs
        .iter()
        .filter(|(program, _)| command::find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// The packages of those modules that are not there.
pub(crate) fn missing_modules() -> Vec<&'static str> {
    let modules = MODULES.iter();
    let missing = modules.filter(|(module, _)| !has_module(module));
    missing.map(|(_, package)| *package).collect()
}

/// Looks for a module without importing it, which takes ten times as long.
fn has_module(module: &str) -> bool {
    let find =
        format!("import importlib.util as util, sys; sys.exit(util.find_spec('{module}') is None)");
    let mut python = Command::new(PYTHON);
    python.args(["-I", "-c", &find]);
    python.stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// Installs packages, or fails with the line that would.
pub(crate) fn install(what: &str, packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if command::find("apt-get").is_none() {
        bail!("{what}: this is not a Debian machine; install what Debian calls: {names}");
    }
    if !command::is_root() {
        bail!(
            "{what}: not root; run `sudo apt-get install --no-install-recommends {names}`, then this again"
        );
    }
    if !packages.iter().all(|package| is_known(package)) {
        update()?;
    }
    if let Some(unknown) = packages.iter().find(|package| !is_known(package)) {
        bail!(
            "{what}: apt knows no package `{unknown}`; install what brings it, then run this again"
        );
    }
    step::run(
        &format!("{what} ({names})"),
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(SERVICES.iter().flat_map(|service| without(service)))
            .args(packages),
    )
}

/// Options that keep a service's unit and its init script off the disk.
fn without(service: &str) -> [String; 3] {
    [
        format!("/lib/systemd/system/{service}.service"),
        format!("/usr/lib/systemd/system/{service}.service"),
        format!("/etc/init.d/{service}"),
    ]
    .map(|file| format!("--option=Dpkg::Options::=--path-exclude={file}"))
}

/// The first of several lists of packages of which apt knows every name, refreshing its lists if it knows none.
pub(crate) fn first_known<'a>(choices: &[&'a [&'a str]]) -> Result<Option<&'a [&'a str]>> {
    let known = || {
        choices
            .iter()
            .copied()
            .find(|packages| packages.iter().all(|package| is_known(package)))
    };
    if known().is_none() && command::is_root() {
        update()?;
    }
    Ok(known())
}

/// Names that begin so, refreshing apt's lists if `enough` finds the known ones wanting.
pub(crate) fn names(prefix: &str, enough: impl Fn(&[String]) -> bool) -> Result<Vec<String>> {
    let known = || -> Result<Vec<String>> {
        let mut list = Command::new("apt-cache");
        let output = list.args(["pkgnames", prefix]).output();
        let output = output.context("cannot run apt-cache; this task needs a Debian machine")?;
        let names = String::from_utf8_lossy(&output.stdout);
        Ok(names.lines().map(str::to_owned).collect())
    };
    let names = known()?;
    if enough(&names) || !command::is_root() {
        return Ok(names);
    }
    update()?;
    known()
}

/// The command that downloads packages into its current folder and installs nothing.
pub(crate) fn download(packages: &[&str]) -> Command {
    let mut download = apt_get();
    // Root's folders are closed to the user that apt would download as.
    download
        .args(["--option", "APT::Sandbox::User=root", "download"])
        .args(packages);
    download
}

pub(crate) fn is_debian() -> bool {
    command::find("apt-get").is_some()
}

fn update() -> Result<()> {
    step::run("package lists", apt_get().arg("update"))
}

fn is_known(package: &str) -> bool {
    let mut show = Command::new("apt-cache");
    show.args(["show", package])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    show.status().is_ok_and(|status| status.success())
}

fn apt_get() -> Command {
    let mut apt_get = Command::new("apt-get");
    apt_get.env("DEBIAN_FRONTEND", "noninteractive");
    apt_get
}
