//! What ipvsadm would show, put into the words of the API. Nothing is decided here.

use crate::{
    api::response::{Forwarding, ListedServer, ListedService, ListedTimeouts, Listing, Rate, Role},
    config::{VrrpInstance, address::host_prefix},
    daemon::Daemon,
    dataplane::{self, MapAccessError, flows::Sweep, tables::Path},
    model::Service,
};

/// `GET /v1/listing`, without the numbers of flows, which [`count`] adds.
pub(in crate::daemon) fn listing(daemon: &Daemon) -> Result<Indexed, MapAccessError> {
    let services = daemon
        .model
        .services()
        .iter()
        .filter_map(|service| {
            let id = daemon
                .dataplane
                .tables()
                .services
                .get(&service.id.key())?
                .id;
            Some(listed_service(daemon, service, id))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let timeouts = daemon.model.timeouts();
    Ok(Indexed {
        flow_table_size: daemon.flow_table_size,
        timeouts: ListedTimeouts {
            tcp_secs: timeouts.established.as_secs(),
            tcp_fin_secs: timeouts.fin_wait.as_secs(),
            udp_secs: timeouts.udp.as_secs(),
        },
        services,
    })
}

/// A listing whose servers still have their indexes.
#[derive(Debug)]
pub(in crate::daemon) struct Indexed {
    flow_table_size: u32,
    timeouts: ListedTimeouts,
    services: Vec<(ListedService, Vec<u32>)>,
}

impl Indexed {
    /// Puts in the numbers of flows.
    pub(in crate::daemon) fn count(self, sweep: &Sweep) -> Listing {
        let services = self.services.into_iter().map(|(mut service, indexes)| {
            for (server, index) in service.servers.iter_mut().zip(indexes) {
                let count = sweep.servers.get(&index).copied().unwrap_or_default();
                let number = |count: i64| u64::try_from(count).unwrap_or_default();
                server.active = number(count.active);
                server.inactive = number(count.inactive);
                server.persistent =
                    number(sweep.templates.get(&index).copied().unwrap_or_default());
            }
            service
        });
        Listing {
            flow_table_size: self.flow_table_size,
            timeouts: self.timeouts,
            services: services.collect(),
        }
    }
}

fn listed_service(
    daemon: &Daemon,
    service: &Service,
    id: u32,
) -> Result<(ListedService, Vec<u32>), MapAccessError> {
    let (dataplane, rates) = (&daemon.dataplane, &daemon.rates);
    let instance = holder(daemon, service);
    let wanted_service = service.wanted(daemon.model.timeouts());
    let mut indexes = Vec::new();
    let mut servers = Vec::new();
    // As in IPVS a listing has the servers that the pool has now: failed ones are not in it, nor is an idle sorry server.
    for wanted in wanted_service.servers {
        let is_idle_sorry = !service.is_sorry()
            && !service
                .servers
                .iter()
                .any(|server| server.address == wanted.address);
        let index = dataplane.tables().server_index(id, wanted.address);
        let (Some(index), Some(_), false) = (index, wanted.path, is_idle_sorry) else {
            continue;
        };
        servers.push(ListedServer {
            address: wanted.address,
            port: service.id.port,
            forwarding: match wanted.path {
                Some(Path::Local) => Forwarding::Local,
                _ => Forwarding::Route,
            },
            weight: wanted.weight,
            active: 0,
            inactive: 0,
            persistent: 0,
            upper_threshold: wanted.upper_threshold,
            lower_threshold: wanted.lower_threshold,
            traffic: dataplane.server_traffic(index)?.into(),
            rate: rate(rates.server(index)),
        });
        indexes.push(index);
    }
    let listed = ListedService {
        instance: instance.map(|instance| instance.name.clone()),
        role: instance.map(|instance| {
            let standing = daemon.elections.standing(&instance.name);
            standing.map_or(Role::Initialize, |standing| standing.role)
        }),
        address: service.id.address,
        port: service.id.port,
        protocol: service.id.protocol,
        scheduler: service.scheduler,
        scheduler_flags: service
            .scheduler_flags
            .names(service.scheduler)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        persistence_timeout_secs: service
            .persistence
            .map(|known| u32::try_from(known.timeout.as_secs()).unwrap_or(u32::MAX)),
        persistence_prefix: service
            .persistence
            .map_or(host_prefix(service.id.address), |known| known.prefix_length),
        one_packet: service.one_packet,
        idle_timeout_secs: wanted_service.idle_timeout.as_secs(),
        traffic: dataplane.service_traffic(id)?.into(),
        rate: rate(rates.service(id)),
        servers,
    };
    Ok((listed, indexes))
}

/// The instance that holds the address of a service.
fn holder<'a>(daemon: &'a Daemon, service: &Service) -> Option<&'a VrrpInstance> {
    let mut instances = daemon.config.vrrp_instances.iter();
    instances.find(|instance| {
        let mut addresses = instance.addresses();
        addresses.any(|vip| vip.address == service.id.address)
    })
}

fn rate(rate: dataplane::counters::Rate) -> Rate {
    // The estimates are small, positive and only shown.
    let whole = |value: f64| value.round() as u64;
    Rate {
        connections_per_second: whole(rate.connections),
        packets_per_second: whole(rate.packets),
        bytes_per_second: whole(rate.bytes),
    }
}
