//! The daemon as a service of systemd: with the unit's rights and no others, and what systemd is told. systemd itself does not run in
//! the lab.

use std::{
    fs, io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use lab::{Director, Lab, Process, Service, Source, XdpMode, configuration, target, vip, wait};
use nix::sys::signal::Signal;

use crate::{SHORT, SOON};

in_both_modes!(s1_15_the_rights_of_the_unit_are_enough_to_elect_check_and_forward);

/// As the package installs it.
const UNIT: &str = include_str!("../../../packaging/director.service");

/// Seconds of the unit are too long for a test.
const WATCHDOG: Duration = Duration::from_millis(400);

fn s1_15_the_rights_of_the_unit_are_enough_to_elect_check_and_forward(mode: XdpMode) -> Result<()> {
    let lab = Lab::create(mode)?;
    let _web = lab.start_web_server(&lab.real_server)?;
    let service = Service::tcp(vip(80), "rr").real_server(&lab.real_server, "");
    let director = lab.daemon(&configuration(&[service]))?;
    let daemon = Daemon::start(&lab, director, confined)?;

    daemon.await_role("MASTER")?;
    let real_server = lab.real_server.address;
    daemon.director.await_state(80, real_server, "up", SOON)?;
    assert_eq!(
        lab.client.get(Source::ANY, vip(80), "/", SHORT)?.server,
        lab.real_server.name
    );

    // What the kernel grants, and not only what was asked for: bit 21 is CAP_SYS_ADMIN.
    let effective = daemon.fact("status", "CapEff:")?;
    let effective = u64::from_str_radix(&effective, 16).context("no set of capabilities")?;
    ensure!(effective & (1 << 21) == 0, "not confined: {effective:x}");
    let locked = daemon.fact("status", "VmLck:")?;
    ensure!(locked != "0", "the memory is not locked");
    ensure!(
        daemon.has_real_time_thread()?,
        "no thread has a real-time priority"
    );
    let status = daemon.director.status()?;
    ensure!(
        status["warnings"].as_array().is_some_and(Vec::is_empty),
        "something is missing: {status}"
    );
    daemon.stop()
}

#[test]
fn systemd_is_told_of_start_roles_reloads_and_the_stop() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let systemd = Systemd::listen(&lab)?;
    let director = lab.daemon(&configuration(&[]))?;
    let daemon = Daemon::start(&lab, director, |run| {
        run.env("NOTIFY_SOCKET", &systemd.path)
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    })?;

    systemd.await_message("READY=1\nSTATUS=INT ")?;
    systemd.await_message("STATUS=INT MASTER\n")?;
    systemd.await_message("WATCHDOG=1\n")?;
    systemd.await_message("WATCHDOG=1\n")?;

    daemon.director.reload()?;
    systemd.await_message("RELOADING=1\nMONOTONIC_USEC=")?;
    systemd.await_message("READY=1\nSTATUS=INT MASTER\n")?;
    // A configuration that is refused is a reload that is over, too.
    daemon.director.configure("vrrp_instance {")?;
    ensure!(daemon.director.reload().is_err(), "nonsense was taken");
    systemd.await_message("RELOADING=1\nMONOTONIC_USEC=")?;
    systemd.await_message("READY=1\nSTATUS=INT MASTER\n")?;
    daemon.process.signal(Signal::SIGHUP)?;
    systemd.await_message("RELOADING=1\nMONOTONIC_USEC=")?;
    systemd.await_message("READY=1\nSTATUS=INT MASTER\n")?;

    daemon.stop()?;
    systemd.await_message("STOPPING=1\n")?;
    Ok(())
}

#[test]
fn a_socket_of_systemd_that_is_not_there_is_a_warning_and_no_obstacle() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon(&configuration(&[]))?;
    let daemon = Daemon::start(&lab, director, |run| {
        run.env("NOTIFY_SOCKET", "/nonexistent/notify")
            .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    })?;
    daemon.await_role("MASTER")?;
    daemon
        .director
        .await_log("the service manager cannot be told", SOON)?;
    daemon.stop()
}

#[test]
fn systemd_understands_every_line_of_the_unit() -> Result<()> {
    let analyze = Path::new("/usr/bin/systemd-analyze");
    if !analyze.exists() {
        eprintln!("skipped: this machine has no systemd-analyze");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let unit = folder.path().join("director.service");
    // It looks for the program, too, which is not installed here.
    let built = target::director()?;
    fs::write(
        &unit,
        UNIT.replace("/usr/sbin/director", &built.to_string_lossy()),
    )?;
    let mut verify = Command::new(analyze);
    verify.args(["verify", "--man=no", "--recursive-errors=no"]);
    let outcome = verify.arg(&unit).output()?;
    let said = String::from_utf8_lossy(&outcome.stderr).into_owned();
    // A word that is not known is a complaint and no failure.
    ensure!(
        outcome.status.success() && !said.contains("director.service"),
        "{said}"
    );
    Ok(())
}

/// A daemon that was started in another way than the lab's.
struct Daemon {
    director: Director,
    process: Process,
}

impl Daemon {
    fn start(lab: &Lab, director: Director, change: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut run = director.run_command();
        change(&mut run);
        let log = lab.folder().join("director.log");
        let process = Process::start(&lab.director.namespace, &mut run, &log)?;
        let mut daemon = Self { director, process };
        let answers = || {
            if daemon.director.status().is_ok() {
                return Some(true);
            }
            daemon.process.ended().ok()?.map(|_| false)
        };
        ensure!(
            wait::until("the daemon answers", SOON, answers)?,
            "the daemon ended at once:\n{}",
            daemon.process.log()
        );
        Ok(daemon)
    }

    fn await_role(&self, role: &str) -> Result<()> {
        wait::until(&format!("the instance is {role}"), SOON, || {
            let status = self.director.status().ok()?;
            (status["instances"][0]["role"] == role).then_some(())
        })
    }

    /// The first word after `key` in a file of the daemon's own below `/proc`.
    fn fact(&self, file: &str, key: &str) -> Result<String> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.process.pid()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.map(str::to_owned)
            .with_context(|| format!("no {key} in {text}"))
    }

    /// Whether one of its threads is scheduled as `SCHED_RR`, 2 in proc_pid_stat(5).
    fn has_real_time_thread(&self) -> Result<bool> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.pid()))? {
            let stat = fs::read_to_string(thread?.path().join("stat"))?;
            // After the name, which may hold anything, comes the third field; the policy is the 41st.
            let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
            if fields.split_whitespace().nth(38) == Some("2") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn stop(mut self) -> Result<()> {
        let status = self.process.terminate(SOON)?;
        ensure!(status.success(), "{status}:\n{}", self.process.log());
        Ok(())
    }
}

impl Drop for Daemon {
    /// As with [`crate::Scene`].
    fn drop(&mut self) {
        eprintln!("the daemon's log:\n{}", self.director.log());
    }
}

/// Has a command run as root with the capabilities that the unit names, and no others.
fn confined(run: &mut Command) {
    let capabilities = setting_of_the_unit("CapabilityBoundingSet");
    let capabilities = capabilities.split(' ').map(|capability| {
        let name = capability.trim_start_matches("CAP_").to_lowercase();
        format!(",+{name}")
    });
    let bounding_set: String = capabilities.collect();
    let mut confined = Command::new("setpriv");
    confined
        .args(["--inh-caps=-all", "--bounding-set"])
        .arg(format!("-all{bounding_set}"))
        .arg(run.get_program())
        .args(run.get_args());
    *run = confined;
}

/// What the unit sets, which it does once.
fn setting_of_the_unit(name: &str) -> String {
    let mut lines = UNIT.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.expect("the unit sets it").to_owned()
}

/// The socket by which systemd is told.
struct Systemd {
    path: PathBuf,
    socket: UnixDatagram,
}

impl Systemd {
    fn listen(lab: &Lab) -> Result<Self> {
        let path = lab.folder().join("notify.sock");
        let socket = UnixDatagram::bind(&path).context("cannot listen as systemd does")?;
        socket.set_read_timeout(Some(SHORT))?;
        Ok(Self { path, socket })
    }

    /// Waits for a message that begins so; what comes before it is not looked at.
    fn await_message(&self, beginning: &str) -> Result<()> {
        let began = Instant::now();
        let mut heard = Vec::new();
        while began.elapsed() < SOON {
            let mut buffer = [0; 4096];
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    if message.starts_with(beginning) {
                        return Ok(());
                    }
                    heard.push(message);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("cannot hear"),
            }
        }
        bail!("systemd was not told {beginning:?}, but {heard:?}")
    }
}
