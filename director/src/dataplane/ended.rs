//! Real servers whose flows are over, as they were. Pure.

use std::collections::HashMap;

use director_common::{flow::Flow, server::RealServer};

use super::tables::{ServiceKey, Tables};

/// A real server that goes out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its service.
    pub service: ServiceKey,
    /// Its entry until now; its flows have this generation.
    pub server: RealServer,
}

/// The real servers whose flows one edit of the tables ends, by their index.
pub type EndedServers = HashMap<u32, Ended>;

/// The real servers that go out of use between two states of the tables.
#[must_use]
pub fn between(before: &Tables, after: &Tables) -> EndedServers {
    let services: HashMap<u32, ServiceKey> = before
        .services
        .iter()
        .map(|(key, service)| (service.id, *key))
        .collect();
    let ended = before.servers.iter().filter_map(|(index, server)| {
        let lives_on = after
            .servers
            .get(index)
            .is_some_and(|after| after.generation == server.generation);
        let is_over = server.flags & (RealServer::IN_USE | RealServer::HELD) != 0 && !lives_on;
        let service = *services.get(&server.service)?;
        is_over.then_some((
            *index,
            Ended {
                service,
                server: *server,
            },
        ))
    });
    ended.collect()
}

/// The real servers that are in use.
#[must_use]
pub fn all_in_use(tables: &Tables) -> EndedServers {
    // With nothing left afterwards all of them would end.
    between(tables, &Tables::default())
}

/// The server of a flow, if it is one of those that have ended.
#[must_use]
pub fn server_of<'a>(ended: &'a EndedServers, flow: &Flow) -> Option<&'a Ended> {
    ended
        .get(&flow.server)
        .filter(|ended| ended.server.generation == flow.generation)
}
