//! The real daemon on the director host, and its command line.

use std::{
    fs,
    io::ErrorKind,
    net::IpAddr,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    host::Host, lab::Lab, mode::XdpMode, namespace::Namespace, process::Process, target, wait,
};

/// Starting loads and verifies the XDP program; a debug build on a busy machine takes its time.
const START_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A daemon of the lab: its configuration file, its pins, its socket, and the process while it runs.
#[derive(Debug)]
pub struct Director {
    binary: PathBuf,
    namespace: Namespace,
    mode: XdpMode,
    pub config: PathBuf,
    pub pins: PathBuf,
    pub socket: PathBuf,
    log: PathBuf,
    process: Option<Process>,
}

impl Director {
    pub(crate) fn new(lab: &Lab, host: &Host, config: &str) -> Result<Self> {
        // The files of the first lie in the lab's folder itself, where a person looks for them.
        let mut folder = lab.folder();
        if host.name != lab.director.name {
            folder.push(host.name);
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let director = Self {
            binary: target::director()?,
            namespace: host.namespace.clone(),
            mode: lab.mode,
            config: folder.join("keepalived.conf"),
            pins: lab.id.pins().join(host.name),
            socket: folder.join("director.sock"),
            log: folder.join("director.log"),
            process: None,
        };
        director.configure(config)?;
        Ok(director)
    }

    /// Writes the configuration file.
    pub fn configure(&self, config: &str) -> Result<()> {
        fs::write(&self.config, config)
            .with_context(|| format!("cannot write {}", self.config.display()))
    }

    /// Starts the daemon in the lab's mode and waits until it answers, and its elections are over.
    pub fn start(&mut self) -> Result<()> {
        self.start_in(&self.mode.to_string())
    }

    /// Starts the daemon beside another one, and waits until its instances have this role.
    pub fn start_as(&mut self, role: &str) -> Result<()> {
        let xdp_mode = self.mode.to_string();
        self.start_until(&xdp_mode, |status| all_are(status, &[role]))
    }

    /// Starts the daemon with this `--xdp-mode` and waits until it answers.
    pub fn start_in(&mut self, xdp_mode: &str) -> Result<()> {
        self.start_until(xdp_mode, |status| all_are(status, &["MASTER", "FAULT"]))
    }

    fn start_until(&mut self, xdp_mode: &str, is_up: impl Fn(&Value) -> bool) -> Result<()> {
        let mut run = self.run_command_in(xdp_mode);
        let mut process = Process::start(&self.namespace, &mut run, &self.log)?;
        let what = format!("the daemon answers (its log is {})", self.log.display());
        let answers = || {
            if self.status().is_ok_and(|status| is_up(&status)) {
                return Some(true);
            }
            process.ended().ok()?.map(|_| false)
        };
        if !wait::until(&what, START_LIMIT, answers)? {
            bail!("the daemon ended at once:\n{}", process.log());
        }
        self.process = Some(process);
        Ok(())
    }

    /// The command that starts the daemon as this lab wants it.
    pub fn run_command(&self) -> Command {
        self.run_command_in(&self.mode.to_string())
    }

    /// The same with another `--xdp-mode`.
    pub fn run_command_in(&self, xdp_mode: &str) -> Command {
        let mut run = self.command("run");
        run.arg("-c")
            .arg(&self.config)
            .args(["--xdp-mode", xdp_mode]);
        // Where the memory decides, no listing looks the same on two machines.
        run.args(["--flow-table-size", "262144"]);
        run.arg("--pins")
            .arg(&self.pins)
            .arg("--socket")
            .arg(&self.socket);
        run
    }

    /// A command of the director's command line, without options.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(verb);
        command
    }

    /// Runs a command on the director host to its end, whatever that is, and returns what it printed.
    ///
    /// # Errors
    ///
    /// Names the command if it is still running after ten seconds, which a command that should have failed must not be.
    pub fn outcome(&self, command: &mut Command) -> Result<Output> {
        let mut child = self.namespace.spawn(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        )?;
        let ended = wait::until(&format!("{command:?} ends"), STOP_LIMIT, || {
            child.try_wait().transpose()
        });
        if ended.is_err() {
            let _ = child.kill();
        }
        let output = child
            .wait_with_output()
            .context("cannot read a command's output");
        ended.and(output)
    }

    /// Runs a command that asks the daemon and draws its progress on this process's own terminal, if there is one.
    pub fn watch(&self, words: &[&str]) -> Result<()> {
        let (verb, options) = words.split_first().context("no command")?;
        let mut command = self.command(verb);
        command.args(options).arg("--socket").arg(&self.socket);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let status = self.namespace.spawn(&mut command)?.wait()?;
        ensure!(status.success(), "{command:?}: {status}");
        Ok(())
    }

    /// Runs a command that asks the daemon and returns what it printed; an error if it failed.
    pub fn ask(&self, words: &[&str]) -> Result<String> {
        let (verb, options) = words.split_first().context("no command")?;
        let mut command = self.command(verb);
        command.args(options).arg("--socket").arg(&self.socket);
        self.namespace.run(&mut command)
    }

    /// `director status --json`.
    pub fn status(&self) -> Result<Value> {
        serde_json::from_str(&self.ask(&["status", "--json"])?).context("the status is not JSON")
    }

    /// `director vrrp show --json`.
    pub fn vrrp(&self) -> Result<Value> {
        let shown = self.ask(&["vrrp", "show", "--json"])?;
        serde_json::from_str(&shown).context("the elections are not JSON")
    }

    /// What `director vrrp show` says of one instance.
    pub fn election(&self, instance: &str) -> Result<Value> {
        let shown = self.vrrp()?;
        let mut instances = shown["instances"].as_array().into_iter().flatten();
        instances
            .find(|known| known["name"] == instance)
            .cloned()
            .with_context(|| format!("no instance {instance}: {shown}"))
    }

    /// Waits until all of its instances are `MASTER`, `BACKUP` or what else the status calls it.
    pub fn await_role(&self, role: &str, limit: Duration) -> Result<()> {
        let what = format!("the daemon on {} is {role}", self.namespace.name());
        let seen = || {
            self.status()
                .is_ok_and(|status| all_are(&status, &[role]))
                .then_some(())
        };
        wait::until(&what, limit, seen)
    }

    /// Waits until a warning of the status has these words.
    pub fn await_warning(&self, words: &str, limit: Duration) -> Result<String> {
        let seen = || {
            let status = self.status().ok()?;
            let mut warnings = status["warnings"].as_array().into_iter().flatten();
            warnings.find_map(|warning| {
                let warning = warning.as_str()?;
                warning.contains(words).then(|| warning.to_owned())
            })
        };
        wait::until(&format!("a warning has `{words}`"), limit, seen)
    }

    /// What the status says of one server of the service on this port of the VIP.
    pub fn server(&self, port: u16, address: impl Into<IpAddr>) -> Result<Value> {
        let address = address.into();
        let status = self.status()?;
        // Of one port there may be a service of each family.
        let services = status["services"].as_array().into_iter().flatten();
        let server = services
            .filter(|service| service["port"] == port)
            .flat_map(|service| service["servers"].as_array().into_iter().flatten())
            .find(|server| server["address"] == address.to_string());
        server
            .cloned()
            .with_context(|| format!("the status has no server {address} on port {port}: {status}"))
    }

    /// Waits until a server is `up`, `down`, `standby` or what else the status calls it.
    pub fn await_state(
        &self,
        port: u16,
        address: impl Into<IpAddr>,
        state: &str,
        limit: Duration,
    ) -> Result<()> {
        let address = address.into();
        let what = format!("the daemon calls {address}, port {port}, {state}");
        let seen = || {
            self.server(port, address)
                .is_ok_and(|server| server["state"] == state)
                .then_some(())
        };
        wait::until(&what, limit, seen)
    }

    /// `director list`, with options.
    pub fn list(&self, options: &[&str]) -> Result<String> {
        self.ask(&[&["list"], options].concat())
    }

    /// Whether anything is pinned.
    pub fn is_pinned(&self) -> Result<bool> {
        match fs::read_dir(&self.pins) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", self.pins.display()))
            }
        }
    }

    /// Has the daemon read its configuration again, by SIGHUP.
    pub fn hang_up(&self) -> Result<()> {
        self.signal(Signal::SIGHUP)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        self.process
            .as_ref()
            .context("the daemon was not started")?
            .signal(signal)
    }

    /// Has the daemon read its configuration again.
    pub fn reload(&self) -> Result<String> {
        self.ask(&["reload"])
    }

    /// Removes what the daemon left in the kernel.
    pub fn unload(&self) -> Result<String> {
        let mut unload = self.command("unload");
        self.namespace.run(unload.arg("--pins").arg(&self.pins))
    }

    /// `kill -9`: packets go on.
    pub fn kill_9(&mut self) -> Result<()> {
        self.process
            .take()
            .context("the daemon was not started")?
            .kill()
    }

    /// Has the daemon stand still, as one that hangs. Its guardian is a process of its own and goes on.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Has it go on.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// SIGTERM, and waits for the orderly end.
    pub fn terminate(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the daemon was not started")?;
        let status = process.terminate(STOP_LIMIT)?;
        ensure!(
            status.success(),
            "the daemon ended with {status} after SIGTERM:\n{}",
            process.log()
        );
        Ok(())
    }

    /// Everything that was logged since the lab was made.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the log has `phrase`.
    pub fn await_log(&self, phrase: &str, limit: Duration) -> Result<()> {
        let what = format!("the daemon has logged `{phrase}`");
        wait::until(&what, limit, || self.log().contains(phrase).then_some(()))
    }
}

/// Whether each instance has one of these roles.
fn all_are(status: &Value, roles: &[&str]) -> bool {
    let instances = status["instances"].as_array();
    instances.is_some_and(|instances| {
        let mut each = instances.iter().map(|instance| instance["role"].as_str());
        each.all(|role| role.is_some_and(|role| roles.contains(&role)))
    })
}
