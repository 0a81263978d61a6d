//! A real MariaDB server on one port of a host.

use std::{
    fmt, fs,
    fs::File,
    io::Read,
    net::{Ipv4Addr, SocketAddrV4},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};

use crate::{host::Host, namespace, process::Process, target, wait};

/// The schema and the user that every server of the lab has. The user needs no password and may come from anywhere.
pub(crate) const SCHEMA: &str = "lab";
pub(crate) const USER: &str = "lab";

/// Starting takes a tenth of a second, on a busy machine several.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What tells the servers of the lab apart: `@@server_id`, made of the last byte of the address and the port, so that
/// 2533306 is the one on 192.168.66.253, port 3306.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerId(pub u32);

impl ServerId {
    /// The id of the server on this address and port.
    pub fn at(address: Ipv4Addr, port: u16) -> Self {
        Self(u32::from(address.octets()[3]) * 10_000 + u32::from(port))
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".{}:{}", self.0 / 10_000, self.0 % 10_000)
    }
}

/// A server that has a data folder of its own and runs, or was killed and may be started again.
#[derive(Debug)]
pub struct MariaDb {
    host: Host,
    port: u16,
    folder: PathBuf,
    process: Process,
}

impl MariaDb {
    /// Makes a data folder below `lab_folder` and starts a server on it.
    pub(crate) fn create(host: &Host, port: u16, lab_folder: &Path) -> Result<Self> {
        let folder = lab_folder.join(format!("mariadb-{}-{port}", host.address));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut copy = Command::new("cp");
        copy.args(["--recursive", "--sparse=always", "--reflink=auto"])
            .arg(template()?)
            .arg(folder.join("data"));
        namespace::run(&mut copy)?;
        fs::write(folder.join("init.sql"), init_sql())?;
        let process = launch(host, port, &folder)?;
        Ok(Self {
            host: host.clone(),
            port,
            folder,
            process,
        })
    }

    /// What `@@server_id` is.
    pub fn id(&self) -> ServerId {
        ServerId::at(self.host.address, self.port)
    }

    /// Address and port on its host's own address.
    pub fn address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.host.address, self.port)
    }

    /// `kill -9`. Its host's TCP then refuses connections and resets the open ones.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on the same data.
    pub fn start(&mut self) -> Result<()> {
        self.process = launch(&self.host, self.port, &self.folder)?;
        Ok(())
    }
}

fn launch(host: &Host, port: u16, folder: &Path) -> Result<Process> {
    let log = folder.join("log");
    let mut process = Process::start(
        &host.namespace,
        &mut server(ServerId::at(host.address, port), port, folder),
        &log,
    )?;
    let what = format!(
        "MariaDB on {}:{port} answers (its log is {})",
        host.address,
        log.display()
    );
    let alive = || {
        if speaks(&folder.join("socket")) {
            Some(true)
        } else {
            process.ended().ok()?.map(|_| false)
        }
    };
    let answers = wait::until(&what, START_LIMIT, alive)?;
    anyhow::ensure!(
        answers,
        "MariaDB on {}:{port} ended at once:\n{}",
        host.address,
        process.log()
    );
    Ok(process)
}

/// The server speaks first, so a byte from its socket says that it is ready.
fn speaks(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return false;
    };
    let patient = stream.set_read_timeout(Some(Duration::from_secs(1)));
    patient.and_then(|()| stream.read_exact(&mut [0])).is_ok()
}

/// `--no-defaults` keeps the machine's own configuration out; the sizes keep four servers small and quick to start.
fn server(id: ServerId, port: u16, folder: &Path) -> Command {
    let mut server = Command::new("mariadbd");
    server.args([
        "--no-defaults",
        "--user=root",
        // Every address of every family.
        "--bind-address=*",
        "--skip-name-resolve",
    ]);
    server.args([format!("--server-id={}", id.0), format!("--port={port}")]);
    for (option, file) in [
        ("--datadir", "data"),
        ("--socket", "socket"),
        ("--pid-file", "pid"),
        ("--init-file", "init.sql"),
        ("--tmpdir", "data"),
    ] {
        server.arg(format!("{option}={}", folder.join(file).display()));
    }
    // The greeting carries the version, so a bare TCP client reads in it who answered. SQLAlchemy reads in it what it may ask for.
    server.arg(format!("--version=10.11.0-MariaDB-lab-{}", id.0));
    server.args(SMALL);
    server
}

const SMALL: [&str; 10] = [
    "--innodb-buffer-pool-size=8M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-load-at-startup=off",
    "--innodb-buffer-pool-dump-at-shutdown=off",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--performance-schema=off",
    // Small in all but this: a whole pool may move to one server.
    "--max-connections=1200",
    "--table-open-cache=100",
];

fn init_sql() -> String {
    format!(
        "create database if not exists {SCHEMA};\n\
         create user if not exists {USER}@'%';\n\
         grant all on {SCHEMA}.* to {USER}@'%';\n"
    )
}

/// An empty data folder that is made once for each version of MariaDB and copied for each server.
fn template() -> Result<PathBuf> {
    let version = namespace::run(Command::new("mariadbd").args(["--no-defaults", "--version"]))?;
    let version = version
        .split_whitespace()
        .nth(2)
        .context("mariadbd tells no version")?
        .to_owned();
    let lab = target::lab_folder()?;
    fs::create_dir_all(&lab).with_context(|| format!("cannot make {}", lab.display()))?;
    let lock = File::create(lab.join("mariadb.lock")).context("cannot make a lock file")?;
    let _lock = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .context("cannot lock")?;
    let template = lab.join(format!("mariadb-{version}"));
    if !template.exists() {
        make_template(&template)?;
    }
    Ok(template)
}

fn make_template(template: &Path) -> Result<()> {
    // Made under another name, so that an interrupted attempt is not taken for a template.
    let unfinished = template.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    let mut install = Command::new("mariadb-install-db");
    install.args([
        "--no-defaults",
        "--user=root",
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ]);
    install
        .args(["--innodb-log-file-size=4M"])
        .arg(format!("--datadir={}", unfinished.display()));
    namespace::run(&mut install)?;
    fs::rename(&unfinished, template).with_context(|| format!("cannot make {}", template.display()))
}
