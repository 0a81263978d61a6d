//! The data plane: the one place that loads, pins, fills, reads and sweeps BPF maps.
//!
//! `wanted` (by the model) -> `tables` (the same, with an index for everything) -> `plan` (which writes) -> `apply` (the writes).
//! `schedule` prepares the scheduling tables, `expiry` decides which flows are over and `flows` walks them, `counters`
//! sums what the CPUs counted, `dump` decodes maps straight from the pins.
//!
//! Invariant: nothing outside this folder names `aya::maps`, and nothing in it decides policy.

mod apply;
mod attach;
mod batch;
mod clock;
pub mod counters;
pub mod dump;
pub mod ended;
pub mod expiry;
pub mod flows;
pub mod leases;
pub mod ledger;
mod load;
mod loads;
mod maps;
mod outer;
pub mod pins;
pub mod plan;
pub mod schedule;
mod shared;
pub mod sizes;
pub mod tables;
pub mod wanted;

use std::{collections::BTreeMap, path::Path};

use aya::{
    Ebpf,
    programs::{ProgramFd, TestRun as _, TestRunOptions},
};
use director_common::{
    clock::Reading,
    counters::{Counter, Traffic},
};

pub use self::{
    apply::MapAccessError,
    attach::{AttachError, AttachOutcome, Attached, Interface, XdpMode},
    clock::Clock,
    leases::{LeaseError, Leases, NoClock},
    load::LoadError,
    maps::OpenMapError,
    pins::{DEFAULT_ROOT, Found, Pins, PinsError},
    sizes::{Machine, Sizes, TooLarge},
    tables::{InstanceKey, TableFull, Tables, Wanted},
};
use self::{ended::EndedServers, expiry::Jiffies, load::Part, maps::Maps, plan::MapOp};

/// The loaded program and its maps.
pub struct DataPlane {
    object: Ebpf,
    maps: Maps,
    tables: Tables,
    ended: EndedServers,
    pins: Pins,
    found: Found,
    clock: Clock,
    /// Removes what a failed start has pinned; the daemon disarms it when it is up.
    rollback: Rollback,
}

/// Whether the pins of this start are to stay when the value is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rollback {
    Armed,
    Disarmed,
}

/// The tables could not be brought to what is wanted.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// There is no room.
    #[error(transparent)]
    Full(#[from] TableFull),
    /// A map was not to be read or written.
    #[error(transparent)]
    Access(#[from] MapAccessError),
}

impl DataPlane {
    /// Loads the program below the pin folder `root`, and takes over what an earlier director left there.
    ///
    /// Until [`Self::keep`] is called, dropping the value removes what this call pinned anew: a failed start leaves
    /// nothing behind. `sizes` count for new tables; those that are taken over keep theirs.
    ///
    /// # Errors
    ///
    /// [`LoadError`], with a word of help for the operator.
    pub fn load(root: &Path, sizes: &Sizes) -> Result<Self, LoadError> {
        let (pins, found) = Pins::lock(root)?;
        let loaded = load::load(&pins, found, sizes, &Machine::this());
        let (object, maps, clock) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                if found == Found::Nothing {
                    // The first error is the one to tell.
                    let _second = pins.remove_all();
                }
                return Err(error);
            }
        };
        Ok(Self {
            object,
            maps,
            tables: Tables::default(),
            ended: EndedServers::default(),
            pins,
            found,
            clock,
            rollback: Rollback::Armed,
        })
    }

    /// Whether pins of an earlier director were taken over.
    #[must_use]
    pub const fn found(&self) -> Found {
        self.found
    }

    /// Reads the tables that are in the maps, so that the next [`Self::apply`] changes only what differs.
    ///
    /// # Errors
    ///
    /// [`MapAccessError`] where a map cannot be read.
    pub fn adopt_tables(&mut self) -> Result<(), MapAccessError> {
        self.tables = apply::read(&self.maps)?;
        Ok(())
    }

    /// The tables as they are in the maps.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Index of a VRRP instance in the tables; `None`: it is not in them, or not yet.
    ///
    /// It is the instance's own until an [`Self::apply`] that does not want the instance.
    #[must_use]
    pub fn instance_index(&self, key: InstanceKey) -> Option<u32> {
        self.tables.instance_index(key)
    }

    /// A handle of the leases that is independent of this value: another thread may have it.
    ///
    /// # Errors
    ///
    /// [`LoadError`]: the map or the clock cannot be opened once more.
    pub fn leases(&mut self) -> Result<Leases, LoadError> {
        let clock = Clock::open(&mut self.object, &self.pins)?;
        Ok(Leases::with_clock(&self.pins.folder(), clock)?)
    }

    /// Whether the lease of the instance with this index has not ended yet.
    #[must_use]
    pub fn is_lease_held(&self, index: u32) -> bool {
        self.maps.leases.is_held(index)
    }

    /// Whether packets for any virtual service are forwarded at this moment, by an earlier daemon's tables or by our own.
    #[must_use]
    pub fn is_forwarding(&self) -> bool {
        let mut services = self.tables.services.values();
        services.any(|service| self.is_lease_held(service.instance))
    }

    /// Attaches the program to `interfaces` and to no other, replacing the program on attachments that are there.
    ///
    /// # Errors
    ///
    /// [`AttachError`], with a word of help for the operator.
    pub fn attach(
        &mut self,
        interfaces: &[Interface],
        mode: XdpMode,
    ) -> Result<BTreeMap<u32, AttachOutcome>, AttachOrLoadError> {
        let program = load::program(&mut self.object, Part::PacketPath)?;
        Ok(attach::reconcile(program, &self.pins, interfaces, mode)?)
    }

    /// Brings the maps to what is wanted, without touching what does not change.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Full`] before anything is written; [`ApplyError::Access`] where a write failed, after which the
    /// tables are read anew by the next call.
    pub fn apply(&mut self, wanted: &Wanted) -> Result<Vec<MapOp>, ApplyError> {
        let next = self.tables.follow(wanted, self.jiffies_per_second())?;
        let ops = plan::plan(&self.tables, &next);
        for op in &ops {
            if let Err(error) = apply::apply(&mut self.maps, op) {
                // What is in the maps already has ended servers already.
                let before = self.tables.clone();
                self.adopt_tables()?;
                self.ended.extend(ended::between(&before, &self.tables));
                return Err(error.into());
            }
        }
        self.ended.extend(ended::between(&self.tables, &next));
        self.tables = next;
        Ok(ops)
    }

    /// The real servers that went out of use since this was asked last: their flows are over.
    pub fn take_ended(&mut self) -> EndedServers {
        std::mem::take(&mut self.ended)
    }

    /// From now on the pins stay when this value is dropped.
    pub const fn keep(&mut self) {
        self.rollback = Rollback::Disarmed;
    }

    /// Runs the program on `packet` without an interface (`BPF_PROG_TEST_RUN`), `repeat` times.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn test_run(&mut self, packet: &[u8], repeat: u32) -> Result<TestRun, LoadError> {
        let mut output = vec![0; packet.len() + TEST_RUN_ROOM];
        let result = load::program(&mut self.object, Part::PacketPath)?
            .test_run(TestRunOptions {
                data_in: Some(packet),
                data_out: Some(&mut output),
                repeat,
                ..TestRunOptions::default()
            })
            .map_err(|error| LoadError::Program(Box::new(error)))?;
        output.truncate(result.data_size_out as usize);
        Ok(TestRun {
            action: result.return_value,
            packet: output,
        })
    }

    /// The loaded program, for a benchmark to tail-call it.
    ///
    /// # Errors
    ///
    /// The object has no such program.
    pub fn program_fd(&mut self) -> Result<&ProgramFd, LoadError> {
        load::program(&mut self.object, Part::PacketPath)?
            .fd()
            .map_err(|error| LoadError::Program(Box::new(error)))
    }

    /// Reads the clock that flows are stamped with.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn read_clock(&self) -> Result<Jiffies, LoadError> {
        self.clock.now()
    }

    /// This moment by that clock, and by the one that userspace has.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn moment(&self) -> Result<Reading, LoadError> {
        self.clock.read()
    }

    /// How fast that clock runs.
    #[must_use]
    pub const fn jiffies_per_second(&self) -> u32 {
        self.clock.per_second()
    }

    /// Traffic of a virtual service since it was added, by its index.
    ///
    /// # Errors
    ///
    /// [`MapAccessError`].
    pub fn service_traffic(&self, id: u32) -> Result<Traffic, MapAccessError> {
        counters::service(&self.maps, id)
    }

    /// Traffic of a real server since it was added to its service, by its index.
    ///
    /// # Errors
    ///
    /// [`MapAccessError`].
    pub fn server_traffic(&self, index: u32) -> Result<Traffic, MapAccessError> {
        counters::server(&self.maps, index)
    }

    /// Counts the traffic of the services that are meant, and of their servers, from zero. A packet that comes by in the same moment may
    /// undo it on its CPU.
    ///
    /// # Errors
    ///
    /// [`MapAccessError`].
    pub fn zero_traffic(
        &mut self,
        is_meant: impl Fn(&tables::ServiceKey) -> bool,
    ) -> Result<(), MapAccessError> {
        for (key, service) in &self.tables.services {
            if !is_meant(key) {
                continue;
            }
            apply::apply(&mut self.maps, &MapOp::ZeroServiceTraffic(service.id))?;
            for (index, server) in &self.tables.servers {
                if server.service == service.id {
                    apply::apply(&mut self.maps, &MapOp::ZeroServerTraffic(*index))?;
                }
            }
        }
        Ok(())
    }

    /// How packets left the packet path.
    ///
    /// # Errors
    ///
    /// [`MapAccessError`].
    pub fn counters(&self) -> Result<Vec<(Counter, u64)>, MapAccessError> {
        counters::all(&self.maps)
    }
}

/// Bytes that a program may add to a packet in a test run.
const TEST_RUN_ROOM: usize = 256;

/// What one run of the program gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// The XDP action: 1 drop, 2 pass, 3 transmit.
    pub action: u32,
    /// The packet as the program left it.
    pub packet: Vec<u8>,
}

/// Attaching failed, or pinning the program before it.
#[derive(Debug, thiserror::Error)]
pub enum AttachOrLoadError {
    /// See [`AttachError`].
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// See [`LoadError`].
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl AttachOrLoadError {
    /// What the operator can do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Attach(error) => error.help(),
            Self::Load(error) => error.help(),
        }
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        let failed_start = self.rollback == Rollback::Armed && self.found == Found::Nothing;
        if failed_start && let Err(error) = self.pins.remove_all() {
            tracing::warn!(%error, "a failed start could not remove its pins; `director unload` does");
        }
    }
}
