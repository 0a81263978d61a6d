//! The whole lab, up in a moment and removed when dropped.

use std::{fs, panic, path::PathBuf, process::Command, thread};

use anyhow::{Context, Result, ensure};

use crate::{
    bridge::{Bridge, Reach},
    client::Client,
    director::Director,
    host::Host,
    id::LabId,
    mariadb::MariaDb,
    mode::XdpMode,
    place::{CLIENT, DIRECTOR, Families, Place, REAL_SERVER, SORRY_SERVER},
    remnants, target, termination,
};

/// Four hosts on a bridge. No program runs on them yet.
#[derive(Debug)]
pub struct Lab {
    pub id: LabId,
    pub mode: XdpMode,
    pub client: Client,
    pub director: Host,
    pub real_server: Host,
    pub sorry_server: Host,
    pub(crate) families: Families,
    pub(crate) bridge: Bridge,
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
    /// Makes a lab of IPv4 in which the XDP program works in `mode`.
    pub fn create(mode: XdpMode) -> Result<Self> {
        Self::create_for(Families::V4, mode)
    }

    /// Makes a lab of IPv4 and IPv6.
    pub fn create_dual(mode: XdpMode) -> Result<Self> {
        Self::create_for(Families::Both, mode)
    }

    fn create_for(families: Families, mode: XdpMode) -> Result<Self> {
        ensure!(
            nix::unistd::geteuid().is_root(),
            "the lab needs root, because it makes network namespaces"
        );
        termination::watch()?;
        remnants::remove_of_dead_runs();
        let id = LabId::next();
        let lab = Self::build(id.clone(), families, mode);
        if lab.is_err() {
            remnants::remove(&id);
        }
        lab
    }

    fn build(id: LabId, families: Families, mode: XdpMode) -> Result<Self> {
        fs::create_dir_all(id.folder())
            .with_context(|| format!("cannot make {}", id.folder().display()))?;
        let bridge = Bridge::create(&id, "bridge", 23)?;
        let join = |place| Host::join(&id, &bridge, families, place);
        let client = Client {
            host: join(CLIENT)?,
        };
        let director = join(DIRECTOR)?;
        let real_server = join(REAL_SERVER)?;
        let sorry_server = join(SORRY_SERVER)?;
        real_server.serve()?;
        sorry_server.serve()?;
        let lab = Self {
            id,
            mode,
            client,
            director,
            real_server,
            sorry_server,
            families,
            bridge,
        };
        for host in [&lab.client.host, &lab.real_server, &lab.sorry_server] {
            lab.prepare_to_be_bounced(host)?;
        }
        Ok(lab)
    }

    /// Adds a host to the segment, whose packets a director may bounce.
    pub(crate) fn join(&self, place: Place) -> Result<Host> {
        let host = Host::join(&self.id, &self.bridge, self.families, place)?;
        self.prepare_to_be_bounced(&host)?;
        Ok(host)
    }

    /// In native mode, has a host's packets carry their checksums.
    pub(crate) fn prepare_to_be_bounced(&self, host: &Host) -> Result<()> {
        match self.mode {
            XdpMode::Native => host.compute_checksums("eth0"),
            XdpMode::Generic => Ok(()),
        }
    }

    /// How many frames have been sent on the segment since it was made.
    pub fn frames(&self) -> Result<u64> {
        self.bridge.frames()
    }

    /// Cuts a host off from the segment, or lets it in again, while its interface stays up.
    pub fn let_reach(&self, host: &Host, reach: Reach) -> Result<()> {
        self.bridge.reach(host, reach)
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
        self.daemon_on(&self.director, config)
    }

    /// A daemon of another director host.
    pub fn daemon_on(&self, host: &Host, config: &str) -> Result<Director> {
        self.pass_at_the_far_end(&self.bridge, host)?;
        Director::new(self, host, config)
    }

    /// In native mode, attaches a program to the bridge's end of a director's cable, by which everything passes.
    ///
    /// A veth takes bounced and redirected frames only from a driver whose peer has an XDP program too; without one they
    /// vanish. The director's own program knows no services there, so it passes everything.
    pub(crate) fn pass_at_the_far_end(&self, bridge: &Bridge, host: &Host) -> Result<()> {
        let far_end = format!("far-end-{}-{}", bridge.namespace.name(), host.name);
        let pins = self.id.pins().join(far_end);
        if self.mode == XdpMode::Generic || pins.exists() {
            return Ok(());
        }
        let mut load = Command::new(target::director()?);
        load.args(["load", "--interface", host.name, "--xdp-mode", "native"])
            .arg("--pins")
            .arg(pins);
        bridge.namespace.run(&mut load).map(drop)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        termination::stop_here_if_ending();
        remnants::remove(&self.id);
    }
}
