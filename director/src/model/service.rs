//! One virtual service and its pool.

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use director_common::protocol;

use super::{
    Link, Place, Topology,
    event::{Neighbor, Verdict},
    fate::Fate,
    notice::Notice,
    pool::{Met, Quorum},
    server::RealServer,
};
use crate::{
    config::{
        Failback, Idle, NoFlow, Protocol, Scheduler, SchedulerFlags, Switchover, VirtualServer,
        edit::ServiceName,
    },
    dataplane::{
        expiry::Timeouts,
        tables::{InstanceKey, Persistence, ServiceKey, WantedServer, WantedService},
    },
};

/// Identity of a virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId {
    /// The VIP.
    pub address: IpAddr,
    /// Its port, which the real servers share.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl ServiceId {
    /// Identity of a configured virtual server.
    #[must_use]
    pub const fn of(virtual_server: &VirtualServer) -> Self {
        Self {
            address: virtual_server.address,
            port: virtual_server.port,
            protocol: virtual_server.protocol,
        }
    }

    /// Identity of a service in the tables.
    #[must_use]
    pub fn from_key(key: &ServiceKey) -> Self {
        Self {
            address: key.address,
            port: key.port,
            protocol: match key.protocol {
                protocol::UDP => Protocol::Udp,
                _ => Protocol::Tcp,
            },
        }
    }

    /// Identity of this service in the tables.
    #[must_use]
    pub const fn key(self) -> ServiceKey {
        ServiceKey {
            address: self.address,
            port: self.port,
            protocol: match self.protocol {
                Protocol::Tcp => protocol::TCP,
                Protocol::Udp => protocol::UDP,
            },
        }
    }

    /// A real server of this service, in the notation of keepalived.
    #[must_use]
    pub const fn server(self, address: IpAddr) -> Self {
        Self { address, ..self }
    }
}

impl From<ServiceName> for ServiceId {
    fn from(name: ServiceName) -> Self {
        Self {
            address: name.address,
            port: name.port,
            protocol: name.protocol,
        }
    }
}

/// keepalived's notation: `[192.168.66.251]:tcp:3306`.
impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(f, "[{}]:{protocol}:{}", self.address, self.port)
    }
}

/// One virtual service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its identity.
    pub id: ServiceId,
    /// The instance that holds the VIP.
    pub instance: InstanceKey,
    /// Order of new flows.
    pub scheduler: Scheduler,
    /// Options of the scheduler.
    pub scheduler_flags: SchedulerFlags,
    /// Each datagram is scheduled by itself.
    pub one_packet: bool,
    /// What a TCP segment gets that belongs to no flow.
    pub on_no_flow: NoFlow,
    /// Whether the ends of an idle connection are told that it is over.
    pub on_idle: Idle,
    /// What becomes of its connections when another director takes over.
    pub on_switchover: Switchover,
    /// A client keeps its server.
    pub persistence: Option<Persistence>,
    /// Time that an idle established flow is kept, if it is not the same for all services.
    pub idle_timeout: Option<Duration>,
    /// When the quorum is met.
    pub quorum: Quorum,
    /// Whether it is.
    pub quorum_met: Met,
    /// When the real servers take over from the sorry server again.
    pub failback: Failback,
    /// Since when the quorum is met and the sorry server goes on all the same, as `failback` wants it.
    pub held_back: Option<SystemTime>,
    /// Its real servers.
    pub servers: Vec<RealServer>,
    /// Its sorry server.
    pub sorry: Option<RealServer>,
    /// Servers that are not configured any more and have flows that go on for a while.
    pub leaving: Vec<RealServer>,
}

impl Service {
    /// The service as configured. What is known of it already stays.
    pub(super) fn new(
        now: SystemTime,
        config: &VirtualServer,
        instance: InstanceKey,
        topology: &Topology,
        before: Option<Self>,
        notices: &mut Vec<Notice>,
    ) -> Self {
        let id = ServiceId::of(config);
        // The survey of the host has refused servers that are nowhere.
        let nowhere = Place::OnLink(Link::default());
        let place = |address: IpAddr| topology.servers.get(&address).copied().unwrap_or(nowhere);
        let known = |address: IpAddr| before.as_ref().and_then(|service| service.find(address));
        let farewells = config.farewells;
        let servers: Vec<_> = config
            .real_servers
            .iter()
            .map(|server| {
                let known = known(server.address);
                RealServer::new(now, server, farewells, place(server.address), known)
            })
            .collect();
        let sorry = config.sorry_server.as_ref().map(|sorry| {
            let known = before.as_ref().and_then(|service| service.sorry.as_ref());
            let same = known.filter(|known| known.address == sorry.address);
            RealServer::sorry(now, sorry.address, farewells, place(sorry.address), same)
        });
        let leaving = before
            .iter()
            .flat_map(Self::all)
            .filter(|known| {
                let stays = |server: &RealServer| server.address == known.address;
                !servers.iter().chain(&sorry).any(stays)
            })
            .filter_map(|server| server.clone().removed(now))
            .collect();
        let mut service = Self {
            id,
            instance,
            scheduler: config.scheduler,
            scheduler_flags: config.scheduler_flags,
            one_packet: config.one_packet,
            on_no_flow: config.on_no_flow,
            on_idle: config.on_idle,
            on_switchover: config.on_switchover,
            persistence: config.persistence_timeout.map(|timeout| Persistence {
                timeout,
                prefix_length: config.persistence_prefix,
            }),
            idle_timeout: config.idle_timeout,
            quorum: Quorum {
                quorum: config.quorum,
                hysteresis: config.hysteresis,
            },
            quorum_met: before
                .as_ref()
                .map_or(Met::Yes, |service| service.quorum_met),
            failback: config.failback,
            held_back: before.as_ref().and_then(|service| service.held_back),
            servers,
            sorry,
            leaving,
        };
        service.update_quorum(now, notices);
        // Another wish, or no sorry server any more.
        if service.failback == Failback::Automatic || service.sorry.is_none() {
            service.fail_back(now, notices);
        }
        service
    }

    /// The service was taken out of the configuration. `None`: nothing is left to be done for its flows.
    pub(super) fn removed(mut self, now: SystemTime, instance: InstanceKey) -> Option<Self> {
        let servers = std::mem::take(&mut self.servers).into_iter();
        let all = servers
            .chain(self.sorry.take())
            .chain(std::mem::take(&mut self.leaving));
        let mut leaving: Vec<RealServer> = Vec::new();
        for server in all.filter_map(|server| server.removed(now)) {
            // A real server may be the sorry server too: it is one entry in the tables.
            if !leaving.iter().any(|known| known.address == server.address) {
                leaving.push(server);
            }
        }
        self.leaving = leaving;
        self.instance = instance;
        self.held_back = None;
        (!self.leaving.is_empty()).then_some(self)
    }

    /// The real servers take over from the sorry server, if only `failback` has kept them from it.
    pub(super) fn fail_back(&mut self, now: SystemTime, notices: &mut Vec<Notice>) {
        if self.held_back.take().is_some() {
            self.relieve_sorry(now, notices);
        }
    }

    fn relieve_sorry(&mut self, now: SystemTime, notices: &mut Vec<Notice>) {
        let service = self.id;
        if let Some(sorry) = &mut self.sorry {
            sorry.call(now, false);
            notices.push(Notice::SorryServerRemoved {
                service,
                server: sorry.address,
            });
            notices.push(Notice::AliveServersAdded(service));
        }
    }

    fn failback_due(&self) -> Option<SystemTime> {
        match self.failback {
            Failback::Delay(time) => self.held_back?.checked_add(time),
            Failback::Automatic | Failback::Manual => None,
        }
    }

    /// Every server that may have flows.
    pub fn all(&self) -> impl Iterator<Item = &RealServer> {
        self.servers.iter().chain(&self.sorry).chain(&self.leaving)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut RealServer> {
        let sorry = &mut self.sorry;
        self.servers
            .iter_mut()
            .chain(sorry)
            .chain(&mut self.leaving)
    }

    /// When [`Service::expire`] has an effect.
    pub(super) fn next_deadline(&self) -> Option<SystemTime> {
        let farewells = self.all().filter_map(|server| server.fate.deadline());
        farewells.chain(self.failback_due()).min()
    }

    /// Does what is due: ends the flows whose time is over, and fails back.
    pub(super) fn expire(&mut self, now: SystemTime, notices: &mut Vec<Notice>) {
        if self.failback_due().is_some_and(|due| due <= now) {
            self.fail_back(now, notices);
        }
        self.all_mut().for_each(|server| server.expire(now));
        self.leaving.retain(|server| server.fate != Fate::Over);
    }

    /// A real server, or one that was one and may become one again.
    fn find(&self, address: IpAddr) -> Option<&RealServer> {
        let mut known = self.servers.iter().chain(&self.leaving);
        known.find(|server| server.address == address)
    }

    pub(super) fn start_down(
        &mut self,
        now: SystemTime,
        address: IpAddr,
        notices: &mut Vec<Notice>,
    ) {
        if let Some(server) = self
            .servers
            .iter_mut()
            .find(|server| server.address == address)
        {
            server.start_down(now);
        }
        self.update_quorum(now, notices);
    }

    pub(super) fn take_verdict(
        &mut self,
        now: SystemTime,
        address: IpAddr,
        check: usize,
        verdict: Verdict,
        notices: &mut Vec<Notice>,
    ) {
        let service = self.id;
        let Some(server) = self
            .servers
            .iter_mut()
            .find(|server| server.address == address)
        else {
            return;
        };
        if server.is_told(check, &verdict) {
            server.take_verdict(now, check, verdict);
            return;
        }
        let (told, changed) = match verdict.clone() {
            Verdict::Pass => (
                Notice::CheckPassed {
                    service,
                    server: address,
                },
                Notice::ServerAdded {
                    service,
                    server: address,
                },
            ),
            Verdict::Fail(reason) => (
                Notice::CheckFailed {
                    service,
                    server: address,
                    reason,
                },
                Notice::ServerRemoved {
                    service,
                    server: address,
                },
            ),
        };
        notices.push(told);
        if server.take_verdict(now, check, verdict) {
            notices.push(changed);
        }
        self.update_quorum(now, notices);
    }

    pub(super) fn take_neighbor(
        &mut self,
        now: SystemTime,
        ifindex: u32,
        address: IpAddr,
        neighbor: Neighbor,
        notices: &mut Vec<Notice>,
    ) {
        let service = self.id;
        for server in self.all_mut().filter(|server| {
            server.address == address
                && server
                    .place
                    .link()
                    .is_some_and(|link| link.ifindex == ifindex)
        }) {
            let before = server.neighbor;
            server.take_neighbor(now, neighbor);
            match (before, server.neighbor) {
                (Neighbor::Resolved(_) | Neighbor::Pending, Neighbor::Unresolved(_)) => {
                    notices.push(Notice::NoNeighbor {
                        service,
                        server: address,
                    });
                }
                (Neighbor::Unresolved(_), Neighbor::Resolved(_)) => {
                    notices.push(Notice::NeighborResolved {
                        service,
                        server: address,
                    });
                }
                _ => {}
            }
        }
        self.update_quorum(now, notices);
    }

    fn update_quorum(&mut self, now: SystemTime, notices: &mut Vec<Notice>) {
        let (service, quorum, live) = (self.id, self.quorum, self.live_weight());
        let met = quorum.is_met(self.quorum_met, live);
        if met == self.quorum_met {
            return;
        }
        self.quorum_met = met;
        match met {
            Met::No => {
                notices.push(Notice::QuorumLost {
                    service,
                    quorum,
                    live,
                });
                // It may be at work still, because it was not to be relieved yet.
                if self.held_back.take().is_some() {
                    return;
                }
                if let Some(sorry) = &mut self.sorry {
                    sorry.call(now, true);
                    let server = sorry.address;
                    notices.push(Notice::SorryServerAdded { service, server });
                    notices.push(Notice::AliveServersRemoved(service));
                }
            }
            Met::Yes => {
                notices.push(Notice::QuorumGained {
                    service,
                    quorum,
                    live,
                });
                if self.failback != Failback::Automatic && self.sorry.is_some() {
                    self.held_back = Some(now);
                } else {
                    self.relieve_sorry(now, notices);
                }
            }
        }
    }

    fn live_weight(&self) -> u64 {
        self.servers.iter().map(RealServer::live_weight).sum()
    }

    /// Whether new flows go to the sorry server.
    #[must_use]
    pub fn is_sorry(&self) -> bool {
        (self.quorum_met == Met::No || self.held_back.is_some()) && self.sorry.is_some()
    }

    /// What the packet path should do for it.
    #[must_use]
    pub fn wanted(&self, timeouts: &Timeouts) -> WantedService {
        let is_sorry = self.is_sorry();
        let mut servers: Vec<WantedServer> = self
            .servers
            .iter()
            .map(|server| server.wanted(if is_sorry { 0 } else { server.admin.weight }))
            .collect();
        if let Some(sorry) = &self.sorry {
            let sorry = sorry.wanted(u32::from(is_sorry));
            match servers
                .iter_mut()
                .find(|server| server.address == sorry.address)
            {
                // A real server may be the sorry server too: it is one entry, and serves in either part.
                Some(server) if is_sorry => *server = sorry,
                Some(_) => {}
                None => servers.push(sorry),
            }
        }
        WantedService {
            instance: self.instance,
            scheduler: self.scheduler,
            scheduler_flags: self.scheduler_flags,
            one_packet: self.one_packet,
            on_no_flow: self.on_no_flow,
            persistence: self.persistence,
            idle_timeout: self.idle_timeout.unwrap_or(timeouts.established),
            servers,
            leaving: self.leaving.iter().map(|server| server.wanted(0)).collect(),
        }
    }
}
