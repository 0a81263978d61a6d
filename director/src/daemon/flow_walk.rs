//! Walks of the flow table, off the owner's thread: the sweep at its pace, and the listings that people ask for.

use std::{net::SocketAddr, ops::ControlFlow, path::PathBuf, time::Duration};

use director_common::{flow::Flow, protocol};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::warn;

use super::{Daemon, view};
use crate::{
    api::response::{Connection, Problem},
    config::{Idle, Protocol},
    dataplane::{
        expiry::Jiffies,
        flows::{self, FlowTableError, FlowTables, Place, Row, Sweep},
        ledger::Ledger,
        pins,
    },
};

/// Time between two sweeps.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// What a walk needs to know, taken from the owner at its start.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    folder: PathBuf,
    ledger: Ledger,
}

impl Daemon {
    pub(super) fn walk(&mut self) -> Result<Walk, Problem> {
        let now = self.read_clock()?;
        let tables = self.dataplane.tables();
        let persistence = self.model.services().iter().filter_map(|service| {
            let id = tables.services.get(&service.id.key())?.id;
            Some((id, service.persistence?.timeout))
        });
        let silent = self.model.services().iter().filter_map(|service| {
            let id = tables.services.get(&service.id.key())?.id;
            (service.on_idle == Idle::Silent).then_some(id)
        });
        let ledger = Ledger::new(now, *self.model.timeouts(), tables, &persistence.collect())
            .silent(silent.collect());
        Ok(Walk::new(pins::folder(&self.options.pins), ledger))
    }

    /// Begins a sweep, unless the last one is still going on.
    pub(super) fn begin_sweep(&mut self) {
        if self.sweeping.is_some() {
            return;
        }
        match self.walk() {
            Ok(walk) => self.sweeping = Some(walk.sweep()),
            Err(problem) => warn!(%problem, "flows not swept"),
        }
    }

    pub(super) fn end_sweep(&mut self, result: Result<Sweep, FlowTableError>) {
        match result {
            Ok(mut sweep) => {
                self.tell_idle(std::mem::take(&mut sweep.idle));
                self.sweep = sweep;
            }
            Err(error) => warn!(error = %Problem::from_error(&error), "flows not swept"),
        }
        self.tell_of_full_tables();
    }
}

impl Walk {
    /// A walk over the flows that are pinned in `folder`.
    pub(super) fn new(folder: PathBuf, ledger: Ledger) -> Self {
        Self { folder, ledger }
    }

    /// Removes the flows that are over and counts the rest.
    pub(super) fn sweep(self) -> JoinHandle<Result<Sweep, FlowTableError>> {
        tokio::task::spawn_blocking(move || FlowTables::open(&self.folder)?.sweep(&self.ledger))
    }

    /// Counts the flows, and removes none.
    pub(super) fn count(self) -> JoinHandle<Result<Sweep, FlowTableError>> {
        tokio::task::spawn_blocking(move || FlowTables::open(&self.folder)?.count(&self.ledger))
    }

    /// Sends every flow and every persistence template; ends when nobody listens any more.
    pub(super) fn list(self, to: mpsc::Sender<Result<Connection, Problem>>) {
        tokio::task::spawn_blocking(move || {
            let visited = FlowTables::open(&self.folder).and_then(|tables| {
                tables.visit(&self.ledger, |row| {
                    match to.blocking_send(Ok(self.connection(&row))) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    }
                })
            });
            if let Err(error) = visited {
                // Whoever asked may be gone already.
                let _unheard = to.blocking_send(Err(Problem::from_error(&error)));
            }
        });
    }

    /// The time of the walk.
    pub(super) const fn now(&self) -> Jiffies {
        self.ledger.now
    }

    /// A flow as a listing shows it.
    pub(super) fn connection_at(&self, place: &Place, flow: &Flow) -> Connection {
        self.connection(&flows::row_at(&self.ledger, place, flow))
    }

    fn connection(&self, row: &Row) -> Connection {
        // A flow whose server is gone keeps no address of it.
        let unspecified: SocketAddr = match row.vip {
            SocketAddr::V4(vip) => ([0; 4], vip.port()).into(),
            SocketAddr::V6(vip) => ([0_u16; 8], vip.port()).into(),
        };
        let server = self
            .ledger
            .servers
            .get(&row.server)
            .filter(|server| server.generation == row.generation)
            .map_or(unspecified, |server| {
                SocketAddr::new(view::endpoint(server).ip(), row.vip.port())
            });
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        Connection {
            protocol: if row.protocol == protocol::UDP {
                Protocol::Udp
            } else {
                Protocol::Tcp
            },
            client: row.client,
            vip: row.vip,
            server,
            state: row.state.into(),
            expires_secs: seconds(row.remaining),
            idle_secs: seconds(row.idle),
        }
    }
}
