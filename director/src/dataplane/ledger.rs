//! What a walk of the tables of flows needs to know: the time, the timeouts, and which servers live. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use director_common::{
    flow::Flow,
    persistence::{Template, TemplateKey},
    server::RealServer,
    service::Service,
    tcp::FlowState,
};

use super::{
    expiry::{self, Jiffies, Timeouts},
    tables::{ServiceKey, Tables, mapped},
};

/// What a walk needs to know of the tables, taken at its start.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The time of the walk.
    pub now: Jiffies,
    /// How long flows are kept.
    pub timeouts: Timeouts,
    /// The servers by index.
    pub servers: BTreeMap<u32, RealServer>,
    /// The services by index.
    services: BTreeMap<u32, LedgerService>,
    /// The servers in use, for a look at each flow: index to generation and idle timeout.
    in_use: Vec<Option<(u32, Duration)>>,
    /// Services whose idle connections are forgotten in silence, by index.
    silent: BTreeSet<u32>,
}

/// One service in a ledger.
#[derive(Clone, Debug)]
struct LedgerService {
    key: ServiceKey,
    service: Service,
    persistence_timeout: Duration,
}

impl Ledger {
    /// One more than the greatest index of a server.
    pub(super) fn servers_length(&self) -> usize {
        self.in_use.len()
    }

    /// Key of a service, by its index.
    pub(super) fn service(&self, id: u32) -> Option<&ServiceKey> {
        self.services.get(&id).map(|known| &known.key)
    }

    /// The ledger of these tables. `persistence_timeouts` are those of the services that have one, by index.
    #[must_use]
    pub fn new(
        now: Jiffies,
        timeouts: Timeouts,
        tables: &Tables,
        persistence_timeouts: &BTreeMap<u32, Duration>,
    ) -> Self {
        let services: BTreeMap<_, _> = tables
            .services
            .iter()
            .map(|(key, service)| {
                let persistence_timeout = persistence_timeouts
                    .get(&service.id)
                    .copied()
                    .unwrap_or_default();
                let known = LedgerService {
                    key: *key,
                    service: *service,
                    persistence_timeout,
                };
                (service.id, known)
            })
            .collect();
        let last = tables
            .servers
            .keys()
            .next_back()
            .map_or(0, |index| index + 1);
        let mut in_use = vec![None; last as usize];
        for (index, server) in &tables.servers {
            let idle = services
                .get(&server.service)
                .map_or(timeouts.established, |known| {
                    now.length(known.service.idle_timeout)
                });
            if server.flags & RealServer::IN_USE != 0 {
                in_use[*index as usize] = Some((server.generation, idle));
            }
        }
        Self {
            now,
            timeouts,
            servers: tables.servers.clone(),
            services,
            in_use,
            silent: BTreeSet::new(),
        }
    }

    /// The same, with services whose idle connections are forgotten in silence.
    #[must_use]
    pub fn silent(self, silent: BTreeSet<u32>) -> Self {
        Self { silent, ..self }
    }

    /// The server of an established connection that is over by its idleness, if both are to be told.
    pub(super) fn end_of_idle(&self, flow: &Flow) -> Option<RealServer> {
        self.living(flow.server, flow.generation)?;
        let server = self.servers.get(&flow.server)?;
        let is_told = FlowState(flow.state) == FlowState::ESTABLISHED
            && !self.silent.contains(&server.service);
        is_told.then_some(*server)
    }

    /// Idle timeout of a flow's server, if that is still the one that the flow was made with.
    pub(super) fn living(&self, server: u32, generation: u32) -> Option<Duration> {
        let (current, idle) = self.in_use.get(server as usize).copied().flatten()?;
        (current == generation).then_some(idle)
    }

    /// Time that a flow has left; zero: it is over.
    pub(super) fn remaining(&self, flow: &Flow) -> Duration {
        let idle = self.living(flow.server, flow.generation);
        expiry::remaining(flow, self.now, &self.timeouts, idle)
    }

    /// Time until a template is forgotten if no flow is made from it and none is left; `None`: its service or server is gone.
    pub(super) fn template_remaining(
        &self,
        key: &TemplateKey,
        template: &Template,
    ) -> Option<Duration> {
        let service = self.services.get(&key.service)?;
        self.living(template.server, template.generation)?;
        let age = self.now.since(template.last_seen);
        Some(service.persistence_timeout.saturating_sub(age))
    }

    /// Key of the template that a flow was made from.
    pub(super) fn template_of(&self, client: IpAddr, flow: &Flow) -> Option<TemplateKey> {
        let service = self.servers.get(&flow.server)?.service;
        let known = &self.services.get(&service)?.service;
        if known.flags & Service::PERSISTENT == 0 {
            return None;
        }
        let mut masked = mapped(client);
        for (byte, mask) in masked.iter_mut().zip(known.client_mask) {
            *byte &= mask;
        }
        Some(TemplateKey {
            client: masked,
            service,
        })
    }
}
