//! Walking the flow table: counting, expiring, listing.
//!
//! The handle is its own, opened from the pin, so that a long walk needs nothing of the daemon's owner task.

use std::{collections::BTreeMap, io, path::Path, time::Duration};

use aya::maps::{HashMap, Map, MapData, MapError};
use director_common::{
    flow::{Flow, FlowKeyV4},
    limits::map,
    tcp::FlowState,
};

use super::{
    batch::{self, ControlFlow},
    expiry::{self, Jiffies, Timeouts},
    maps::Plain,
};

/// The flow table.
pub struct FlowTable {
    map: MapData,
    handle: HashMap<MapData, Plain<FlowKeyV4>, Plain<Flow>>,
}

/// The flow table cannot be walked.
#[derive(Debug, thiserror::Error)]
pub enum FlowTableError {
    /// It cannot be opened.
    #[error("opening the flow table")]
    Open(#[source] MapError),
    /// It cannot be read.
    #[error("reading the flow table")]
    Read(#[source] io::Error),
}

/// Flows of one real server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCount {
    /// ipvsadm's *ActiveConn*.
    pub active: u32,
    /// ipvsadm's *InActConn*.
    pub inactive: u32,
}

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Flows by the index of their real server. Flows of a server that is gone are not in it.
    pub servers: BTreeMap<u32, FlowCount>,
    /// Flows in the table, after the sweep.
    pub flows: u32,
    /// Flows that were over and were removed.
    pub expired: u32,
}

/// One flow, for a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The tuple.
    pub key: FlowKeyV4,
    /// What is remembered of it.
    pub flow: Flow,
    /// Time until it expires.
    pub remaining: Duration,
    /// Time since the client was last heard.
    pub idle: Duration,
}

impl FlowTable {
    /// Opens the table that is pinned in `folder`.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Open`]: there is none, or it has another layout.
    pub fn open(folder: &Path) -> Result<Self, FlowTableError> {
        let open = || MapData::from_pin(folder.join(map::FLOWS_V4));
        let map = open().map_err(FlowTableError::Open)?;
        let handle = open()
            .and_then(Map::from_map_data)
            .and_then(HashMap::try_from)
            .map_err(FlowTableError::Open)?;
        Ok(Self { map, handle })
    }

    /// Most flows that the table holds.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Open`] where the kernel does not say.
    pub fn capacity(&self) -> Result<u32, FlowTableError> {
        Ok(self.map.info().map_err(FlowTableError::Open)?.max_entries())
    }

    /// Removes the flows that are over, and counts the rest. `generations` are those of the servers in use.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Read`].
    pub fn sweep(
        &mut self,
        now: Jiffies,
        timeouts: &Timeouts,
        generations: &BTreeMap<u32, u32>,
    ) -> Result<Sweep, FlowTableError> {
        let mut over = Vec::new();
        let mut sweep = self.count(now, timeouts, generations, |key| over.push(key))?;
        for key in over {
            sweep.expired += u32::from(self.remove_if_over(key, now, timeouts));
        }
        Ok(sweep)
    }

    /// Counts the flows, and tells `over` of those whose time has run out.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Read`].
    pub fn count(
        &self,
        now: Jiffies,
        timeouts: &Timeouts,
        generations: &BTreeMap<u32, u32>,
        mut over: impl FnMut(FlowKeyV4),
    ) -> Result<Sweep, FlowTableError> {
        let mut sweep = Sweep::default();
        batch::walk(&self.map, |key: &FlowKeyV4, flow: &Flow| {
            if expiry::remaining(flow, now, timeouts).is_zero() {
                over(*key);
            } else {
                sweep.flows += 1;
                if generations.get(&flow.server) == Some(&flow.generation) {
                    sweep
                        .servers
                        .entry(flow.server)
                        .or_default()
                        .add(FlowState(flow.state));
                }
            }
            ControlFlow::Continue(())
        })
        .map_err(FlowTableError::Read)?;
        Ok(sweep)
    }

    /// A flow may have been heard of since it was read, so it is looked at once more.
    fn remove_if_over(&mut self, key: FlowKeyV4, now: Jiffies, timeouts: &Timeouts) -> bool {
        let key = Plain(key);
        let is_over = self
            .handle
            .get(&key, 0)
            .is_ok_and(|flow| expiry::remaining(&flow.0, now, timeouts).is_zero());
        is_over && self.handle.remove(&key).is_ok()
    }

    /// Calls `visit` for every flow until it breaks off; nothing is held in memory.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Read`].
    pub fn visit(
        &self,
        now: Jiffies,
        timeouts: &Timeouts,
        mut visit: impl FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), FlowTableError> {
        batch::walk(&self.map, |key: &FlowKeyV4, flow: &Flow| {
            visit(Entry {
                key: *key,
                flow: *flow,
                remaining: expiry::remaining(flow, now, timeouts),
                idle: now.since(flow.last_seen),
            })
        })
        .map_err(FlowTableError::Read)
    }
}

impl FlowCount {
    const fn add(&mut self, state: FlowState) {
        if state.is_active() {
            self.active += 1;
        } else {
            self.inactive += 1;
        }
    }
}
