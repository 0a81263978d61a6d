//! The real keepalived on a host, as the peer that directors live with.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{host::Host, lab::Lab, namespace::Namespace, process::Process, wait};

const START_LIMIT: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How each change of an instance ends in the log: `(INT) Entering MASTER STATE`.
const ENTERING: &str = "Entering ";

/// keepalived with its VRRP process only (`-P`): its files lie in the lab's folder. Killed when dropped, and nobody else's with it.
#[derive(Debug)]
pub struct Keepalived {
    namespace: Namespace,
    config: PathBuf,
    pid_file: PathBuf,
    vrrp_pid_file: PathBuf,
    log: PathBuf,
    parent: Option<Process>,
}

impl Lab {
    /// keepalived on a host with this configuration, not yet running.
    pub fn keepalived_on(&self, host: &Host, config: &str) -> Result<Keepalived> {
        let folder = self.folder().join(format!("keepalived-{}", host.name));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let keepalived = Keepalived {
            namespace: host.namespace.clone(),
            config: folder.join("keepalived.conf"),
            pid_file: folder.join("keepalived.pid"),
            vrrp_pid_file: folder.join("vrrp.pid"),
            log: folder.join("keepalived.log"),
            parent: None,
        };
        keepalived.configure(config)?;
        Ok(keepalived)
    }
}

impl Keepalived {
    /// Writes the configuration file.
    pub fn configure(&self, config: &str) -> Result<()> {
        fs::write(&self.config, config)
            .with_context(|| format!("cannot write {}", self.config.display()))
    }

    /// Starts it and waits until its instances take part in elections.
    pub fn start(&mut self) -> Result<()> {
        let mut run = Command::new("keepalived");
        run.args(["--vrrp", "--dont-fork", "--log-console", "--log-detail"]);
        run.arg("--no-syslog").arg("--use-file").arg(&self.config);
        run.arg("--pid").arg(&self.pid_file);
        run.arg("--vrrp_pid").arg(&self.vrrp_pid_file);
        let already_said = self.log().len();
        let mut parent = Process::start(&self.namespace, &mut run, &self.log)?;
        let takes_part = || match self.log().get(already_said..)?.contains(ENTERING) {
            true => Some(true),
            false => parent.ended().ok()?.map(|_| false),
        };
        if !wait::until("keepalived takes part", START_LIMIT, takes_part)? {
            bail!("keepalived ended at once:\n{}", parent.log());
        }
        self.parent = Some(parent);
        Ok(())
    }

    /// SIGTERM, and waits for the orderly end: priority 0 is sent, addresses are removed.
    pub fn terminate(&mut self) -> Result<()> {
        let mut parent = self.parent.take().context("keepalived was not started")?;
        let status = parent.terminate(STOP_LIMIT)?;
        ensure!(
            status.success(),
            "keepalived ended with {status} after SIGTERM:\n{}",
            parent.log()
        );
        Ok(())
    }

    /// `kill -9` of both of its processes at once. Its addresses stay where they are.
    pub fn kill_9(&mut self) -> Result<()> {
        let [parent, child] = self.processes()?;
        // A parent that stands still neither starts its child again nor tells it to end in order. Were it killed first, the kernel would
        // have the child go on (an orphaned process group, setpgid(2)) and ask it to end.
        signal([parent, child], Signal::SIGSTOP)?;
        signal([child, parent], Signal::SIGKILL)?;
        let mut parent = self.parent.take().context("keepalived was not started")?;
        parent.kill()?;
        // Its orphan is waited for by somebody else. Until then another keepalived would take it for one that runs.
        let child = format!("/proc/{child}");
        wait::until("keepalived's child is gone", STOP_LIMIT, || {
            (!Path::new(&child).exists()).then_some(())
        })
    }

    /// Has both of its processes stand still, as on a host that hangs.
    pub fn freeze(&self) -> Result<()> {
        signal(self.processes()?, Signal::SIGSTOP)
    }

    /// Has them go on.
    pub fn thaw(&self) -> Result<()> {
        signal(self.processes()?, Signal::SIGCONT)
    }

    /// The parent, and its child that speaks VRRP.
    fn processes(&self) -> Result<[Pid; 2]> {
        let parent = self.parent.as_ref().context("keepalived was not started")?;
        let parent = Pid::from_raw(parent.pid().try_into()?);
        let child = pid_in(&self.vrrp_pid_file)?;
        // A file that outlived its process may name somebody else's by now.
        ensure!(
            parent_of(child)? == parent,
            "process {child} is none of keepalived's on {}",
            self.namespace.name()
        );
        Ok([parent, child])
    }

    /// What it has said of each of its instances last: `MASTER`, `BACKUP` or `FAULT`.
    pub fn roles(&self) -> BTreeMap<String, String> {
        roles_in(&self.log())
    }

    /// Waits until all of its instances have this role.
    pub fn await_role(&self, role: &str, limit: Duration) -> Result<()> {
        let what = format!("keepalived on {} is {role}", self.namespace.name());
        let seen = || {
            let roles = self.roles();
            let is_it = !roles.is_empty() && roles.values().all(|known| known == role);
            is_it.then_some(())
        };
        wait::until(&what, limit, seen).with_context(|| format!("{:?}", self.roles()))
    }

    /// Everything that was logged since the lab was made.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        if self.parent.is_some() {
            let _ = self.kill_9();
        }
    }
}

/// The last role of each instance that a log speaks of.
fn roles_in(log: &str) -> BTreeMap<String, String> {
    let entered = log.lines().filter_map(|line| {
        let (before, after) = line.split_once(&format!(") {ENTERING}"))?;
        let (_, instance) = before.rsplit_once('(')?;
        let role = after.split_whitespace().next()?;
        Some((instance.to_owned(), role.to_owned()))
    });
    // A later one replaces an earlier one.
    entered.collect()
}

fn signal(processes: [Pid; 2], signal: Signal) -> Result<()> {
    for process in processes {
        kill(process, signal)
            .with_context(|| format!("cannot send {signal} to keepalived's process {process}"))?;
    }
    Ok(())
}

/// By proc(5): the fourth word, after a name in parentheses.
fn parent_of(process: Pid) -> Result<Pid> {
    let file = format!("/proc/{process}/stat");
    let read = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let after_name = read.rsplit_once(") ").map_or("", |(_, after)| after);
    let parent = after_name.split(' ').nth(1).unwrap_or_default().parse();
    Ok(Pid::from_raw(
        parent.with_context(|| format!("no parent in {file}: {read}"))?,
    ))
}

fn pid_in(file: &Path) -> Result<Pid> {
    let read = fs::read_to_string(file);
    let read = read.with_context(|| format!("cannot read {}", file.display()))?;
    let pid = read.trim().parse();
    let pid = pid.with_context(|| format!("no process id in {}: {read}", file.display()))?;
    Ok(Pid::from_raw(pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_of_an_instance_is_the_last_one_that_it_entered() {
        let log = "Thu Nov 26 (INT) Entering BACKUP STATE (init)\n(EXT) Entering BACKUP STATE (init)\n\
                   (INT) Receive advertisement timeout\n(INT) Entering MASTER STATE\n(INT) setting VIPs.\n";
        let roles = [("EXT", "BACKUP"), ("INT", "MASTER")];
        let roles = roles.map(|(instance, role)| (instance.to_owned(), role.to_owned()));
        assert_eq!(roles_in(log), BTreeMap::from(roles));
        assert!(roles_in("Opening file\n").is_empty());
    }
}
