//! The whole lab, up in a moment and removed when dropped.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4},
    panic,
    path::PathBuf,
    process::Command,
    thread,
};

use anyhow::{Context, Result, ensure};

use crate::{
    client::Client,
    director::Director,
    host::{Bridge, Host},
    id::LabId,
    mariadb::MariaDb,
    mode::XdpMode,
    remnants, target, termination,
};

/// The virtual address of the example configuration.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 251);

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 10);
const DIRECTOR: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 6);
const REAL_SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 253);
const SORRY_SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 254);

/// A port of the VIP.
pub const fn vip(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(VIP, port)
}

/// Four hosts on a bridge. No program runs on them yet.
#[derive(Debug)]
pub struct Lab {
    pub id: LabId,
    pub mode: XdpMode,
    pub client: Client,
    pub director: Host,
    pub real_server: Host,
    pub sorry_server: Host,
    bridge: Bridge,
}

/// The two servers on each of the two server hosts.
#[derive(Debug)]
pub struct Databases {
    pub real_3306: MariaDb,
    pub real_3308: MariaDb,
    pub sorry_3306: MariaDb,
    pub sorry_3308: MariaDb,
}

impl Lab {
    /// Makes a lab in which the XDP program works in `mode`.
    pub fn create(mode: XdpMode) -> Result<Self> {
        ensure!(
            nix::unistd::geteuid().is_root(),
            "the lab needs root, because it makes network namespaces"
        );
        termination::watch()?;
        remnants::remove_of_dead_runs();
        let id = LabId::next();
        let lab = Self::build(id.clone(), mode);
        if lab.is_err() {
            remnants::remove(&id);
        }
        lab
    }

    fn build(id: LabId, mode: XdpMode) -> Result<Self> {
        fs::create_dir_all(id.folder())
            .with_context(|| format!("cannot make {}", id.folder().display()))?;
        let bridge = Bridge::create(&id)?;
        let join = |name, address| Host::join(&id, &bridge, name, address);
        let client = Client {
            host: join("client", CLIENT)?,
        };
        let director = join("director", DIRECTOR)?;
        let real_server = join("real", REAL_SERVER)?;
        let sorry_server = join("sorry", SORRY_SERVER)?;
        real_server.serve(VIP)?;
        sorry_server.serve(VIP)?;
        let lab = Self {
            id,
            mode,
            client,
            director,
            real_server,
            sorry_server,
            bridge,
        };
        if mode == XdpMode::Native {
            for host in [&lab.client.host, &lab.real_server, &lab.sorry_server] {
                host.compute_checksums()?;
            }
        }
        Ok(lab)
    }

    /// Makes the director's interface one whose driver refuses XDP: a veth takes no program while its far end sends by more
    /// queues than it receives by.
    pub fn refuse_native_mode(&self) -> Result<()> {
        self.bridge
            .namespace
            .run(Command::new("ethtool").args(["-L", "director", "tx", "2"]))
            .map(drop)
    }

    /// The lab's temporary folder.
    pub fn folder(&self) -> PathBuf {
        self.id.folder()
    }

    /// Starts MariaDB on ports 3306 and 3308 of both servers.
    pub fn start_databases(&self) -> Result<Databases> {
        let folder = &self.folder();
        // Mostly waiting, so they come up side by side.
        thread::scope(|scope| {
            let start = |host, port| scope.spawn(move || MariaDb::create(host, port, folder));
            let starting = [
                start(&self.real_server, 3306),
                start(&self.real_server, 3308),
                start(&self.sorry_server, 3306),
                start(&self.sorry_server, 3308),
            ];
            let [real_3306, real_3308, sorry_3306, sorry_3308] = starting.map(|starting| {
                starting
                    .join()
                    .unwrap_or_else(|panicked| panic::resume_unwind(panicked))
            });
            Ok(Databases {
                real_3306: real_3306?,
                real_3308: real_3308?,
                sorry_3306: sorry_3306?,
                sorry_3308: sorry_3308?,
            })
        })
    }

    /// A daemon of the director host with this configuration, not yet running.
    pub fn daemon(&self, config: &str) -> Result<Director> {
        if self.mode == XdpMode::Native {
            self.pass_at_the_far_end()?;
        }
        Director::new(self, config)
    }

    /// Attaches a program to the bridge's end of the director's cable, by which everything passes.
    ///
    /// A veth takes bounced frames only from a driver whose peer has an XDP program too; without one they vanish. The
    /// director's own program knows no services there, so it passes everything.
    fn pass_at_the_far_end(&self) -> Result<()> {
        let pins = self.id.pins().join("far-end");
        if pins.exists() {
            return Ok(());
        }
        let mut load = Command::new(target::director()?);
        load.args([
            "load",
            "--interface",
            "director",
            "--xdp-mode",
            "native",
            "--pins",
        ])
        .arg(pins);
        self.bridge.namespace.run(&mut load).map(drop)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        termination::stop_here_if_ending();
        remnants::remove(&self.id);
    }
}
