//! Walks of the flow table, off the owner's thread: the sweep at its pace, and the listings that people ask for.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    ops::ControlFlow,
    path::PathBuf,
    time::Duration,
};

use director_common::{protocol, server::RealServer, tcp::FlowState};
use tokio::{sync::mpsc, task::JoinHandle};

use super::view;
use crate::{
    api::response::{Connection, Problem},
    config::Protocol,
    dataplane::{
        expiry::{Jiffies, Timeouts},
        flows::{Entry, FlowTable, FlowTableError, Sweep},
        tables::Tables,
    },
};

/// Time between two sweeps.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// What a walk needs to know, taken from the owner at its start.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) folder: PathBuf,
    pub(super) now: Jiffies,
    pub(super) timeouts: Timeouts,
    pub(super) servers: BTreeMap<u32, RealServer>,
}

impl Walk {
    /// A walk over the flows of these tables.
    pub(super) fn new(folder: PathBuf, now: Jiffies, tables: &Tables) -> Self {
        Self {
            folder,
            now,
            timeouts: Timeouts::default(),
            servers: tables.servers.clone(),
        }
    }

    /// Removes the flows that are over and counts the rest.
    pub(super) fn sweep(self) -> JoinHandle<Result<Sweep, FlowTableError>> {
        tokio::task::spawn_blocking(move || {
            let generations = self.generations();
            FlowTable::open(&self.folder)?.sweep(self.now, &self.timeouts, &generations)
        })
    }

    /// Counts the flows, and removes none.
    pub(super) fn count(self) -> JoinHandle<Result<Sweep, FlowTableError>> {
        tokio::task::spawn_blocking(move || {
            let generations = self.generations();
            FlowTable::open(&self.folder)?.count(self.now, &self.timeouts, &generations, drop)
        })
    }

    /// Generations of the servers in use.
    fn generations(&self) -> BTreeMap<u32, u32> {
        self.servers
            .iter()
            .filter(|(_, server)| server.flags & RealServer::IN_USE != 0)
            .map(|(index, server)| (*index, server.generation))
            .collect()
    }

    /// Sends every flow; ends when nobody listens any more.
    pub(super) fn list(self, to: mpsc::Sender<Result<Connection, Problem>>) {
        tokio::task::spawn_blocking(move || {
            let visited = FlowTable::open(&self.folder).and_then(|table| {
                table.visit(self.now, &self.timeouts, |entry| {
                    match to.blocking_send(Ok(self.connection(&entry))) {
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

    fn connection(&self, entry: &Entry) -> Connection {
        let key = &entry.key;
        let endpoint =
            |address: [u8; 4], port: u16| -> SocketAddr { (IpAddr::from(address), port).into() };
        let vip = endpoint(key.destination, key.destination_port());
        // A flow whose server is gone keeps no address of it.
        let unspecified = || (IpAddr::from([0; 4]), vip.port()).into();
        let server = self
            .servers
            .get(&entry.flow.server)
            .filter(|server| server.generation == entry.flow.generation)
            .map_or_else(unspecified, view::endpoint);
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        Connection {
            protocol: if key.protocol == u32::from(protocol::UDP) {
                Protocol::Udp
            } else {
                Protocol::Tcp
            },
            client: endpoint(key.source, key.source_port()),
            vip,
            server,
            state: FlowState(entry.flow.state).into(),
            expires_secs: seconds(entry.remaining),
            idle_secs: seconds(entry.idle),
        }
    }
}
