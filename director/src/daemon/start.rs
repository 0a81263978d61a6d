//! Starting: every step that can fail comes before the first one that others can see.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::{Duration, Instant, SystemTime},
};

use director_common::server::RealServer;
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep_until,
};
use tracing::{info, warn};

use super::{
    Daemon, Options, addresses::Addresses, admission, conflicts::Conflicts, elections::Elections,
    first_results::FirstResults, full_tables::FullTables, guarding, neighbors::Neighbors,
    pairing::Pairing, privileges, service_manager::ServiceManager, survey::Survey, tell,
    telling::open_event_log, traffic::Rates, virtual_macs::VirtualMacs,
};
use crate::{
    api::{request::QUEUE_DEPTH, response::Problem, server::Server},
    check::{CheckId, CheckSpec, Checks},
    config::{Config, Loaded},
    dataplane::{
        AttachOutcome, DataPlane, Found, Interface,
        flows::{FlowTables, Sweep},
        pins, tables,
    },
    host::{Host, HostEvent, claim_watch::ClaimWatch},
    model::{Event, Model, Neighbor, Place, ServiceId, Topology},
    notify::Notifier,
    tell::{EventLog, Teller},
    track::Trackers,
    vrrp::real_time,
};

/// How long the start waits for the real servers' MAC addresses. The kernel gives up after three questions, one a second.
const NEIGHBOR_PATIENCE: Duration = Duration::from_secs(4);

impl Daemon {
    /// Brings everything up.
    pub(super) async fn start(options: Options) -> Result<Self, Problem> {
        let loaded = admission::read(&options);
        privileges_after(&loaded)?;
        let host = Host::connect().map_err(|error| Problem::from_error(&error))?;
        // The subscription comes before the first look, so that nothing falls between the two.
        let monitor = host
            .monitor()
            .map_err(|error| Problem::from_error(&error))?;
        let (config, survey) = admission::accept(loaded, &host, &options).await?;
        let server = Server::bind(&options.socket)?;
        let mut dataplane = load(&options, &config)?;
        dataplane
            .adopt_tables()
            .map_err(|error| Problem::from_error(&error))?;
        refuse_to_forget(&dataplane, &config, &options)?;
        let (checks, check_events) = Checks::new();
        let (ask, requests) = mpsc::channel(QUEUE_DEPTH);
        let (api, ended) = oneshot::channel();
        let api_task = tokio::spawn(async move {
            let end = async { drop(ended.await) };
            if let Err(error) = server.serve(ask, end).await {
                warn!(%error, "the API ended");
            }
        });
        let counters = dataplane.counters().unwrap_or_default();
        let full_tables = FullTables::since(&counters);
        let teller = teller()?;
        let (claim_watch, claims) = ClaimWatch::new();
        let (trackers, tracked) = Trackers::new();
        let elections = elections(&mut dataplane, &config)?;
        let mut daemon = Self {
            flow_table_size: flow_table_size(&options)?,
            options,
            started: SystemTime::now(),
            host,
            monitor,
            postponed: VecDeque::new(),
            file: Config::default(),
            config: Config::default(),
            survey: Survey::default(),
            model: Model::default(),
            dataplane,
            attached: BTreeMap::new(),
            addresses: Addresses::default(),
            virtual_macs: VirtualMacs::default(),
            elections,
            first_results: FirstResults::default(),
            guardian: None,
            service_manager: ServiceManager::of_environment(),
            trackers,
            tracked,
            notifier: Notifier::default(),
            group_states: BTreeMap::new(),
            conflicts: Conflicts::default(),
            claim_watch,
            claims,
            pairing: Pairing::new(Instant::now()),
            neighbors: Neighbors::default(),
            checks,
            check_events,
            requests,
            api: Some(api),
            api_task,
            rates: Rates::default(),
            sweep: Sweep::default(),
            sweeping: None,
            full_tables,
            event_log: EventLog::start(&teller.records()),
            teller,
            warnings: Vec::new(),
            mode_warnings: Vec::new(),
            is_settled: true,
        };
        if let Err(problem) = daemon.bring_up(config, survey).await {
            daemon.remove_virtual_macs().await;
            return Err(problem);
        }
        Ok(daemon)
    }

    async fn bring_up(&mut self, config: Config, mut survey: Survey) -> Result<(), Problem> {
        self.event_log.write_to(open_event_log(&config)?);
        let down = self.servers_left_down();
        tell(
            &self
                .model
                .configure(SystemTime::now(), &config, &survey.topology),
        );
        tell(&self.model.start_down(SystemTime::now(), &down));
        self.remember_neighbors(&survey.topology);
        // Instances that an earlier daemon was MASTER of a moment ago cannot wait; others do not need to hurry.
        let resumable = self.resumable();
        let is_new = resumable.is_empty();
        if is_new {
            self.learn_neighbors(&survey.topology).await;
        }
        self.virtual_macs
            .make(&self.host, &config, &mut survey)
            .await?;
        // Nothing that packets depend on has changed so far, and a refusal here leaves it so.
        self.attach(&survey)?;
        let topology = survey.topology.clone();
        self.file = config.clone();
        self.config = config;
        self.survey = survey;
        self.dataplane
            .apply(&self.model.wanted())
            .map_err(|error| Problem::from_error(&error))?;
        let goes_on = |name: &str| resumable.contains(name);
        self.addresses
            .remove_left_over(&self.host, &self.config, &self.survey, goes_on)
            .await;
        self.guardian = guarding::start(&self.options.pins);
        self.settle_tracking();
        // Those that go on are MASTER already: to wait would end that.
        if let (true, Some(delay)) = (is_new, self.config.global.vrrp_startup_delay) {
            self.elections.delay(Instant::now(), delay);
        }
        self.settle_elections(resumable);
        if !is_new {
            self.learn_neighbors(&topology).await;
        }
        self.dataplane.keep();
        self.reconcile_checks(&down);
        self.settle();
        info!(
            config = %self.options.config.display(),
            services = self.model.services().len(),
            "director is up"
        );
        Ok(())
    }

    /// The maps still know the MAC addresses that an earlier daemon learned: known flows go on by them, whatever the kernel has
    /// forgotten.
    fn remember_neighbors(&mut self, topology: &Topology) {
        let now = SystemTime::now();
        for server in self.dataplane.tables().servers.values() {
            let address = tables::server_address(server);
            let link = topology.servers.get(&address).and_then(Place::link);
            if let (false, Some(link)) = (server.mac == [0; 6], link) {
                let event = Event::Neighbor {
                    ifindex: link.ifindex,
                    address,
                    neighbor: Neighbor::Resolved(server.mac),
                };
                tell(&self.model.handle(now, event));
            }
        }
    }

    /// Servers that an earlier daemon left out of use: they start as down, so that a restart in the middle of a failure
    /// does not send anybody to them.
    fn servers_left_down(&self) -> Vec<(ServiceId, IpAddr)> {
        let tables = self.dataplane.tables();
        tables
            .services
            .iter()
            .flat_map(|(key, service)| {
                let servers = tables.servers.values().filter(|server| {
                    server.service == service.id && server.flags & RealServer::IN_USE == 0
                });
                servers.map(|server| (ServiceId::from_key(key), tables::server_address(server)))
            })
            .collect()
    }

    /// Waits until the kernel has an answer for every real server, or patience ends: a server that it has no answer for does not
    /// answer.
    pub(super) async fn learn_neighbors(&mut self, topology: &Topology) {
        let now = Instant::now();
        self.neighbors.watch(topology, now);
        self.neighbors.ask_due(&self.host, now).await;
        let mut events = self.neighbors.read(&self.host).await;
        let deadline = tokio::time::Instant::from_std(now + NEIGHBOR_PATIENCE);
        while !self.neighbors.is_settled() {
            tokio::select! {
                event = self.monitor.next() => match event {
                    Some(HostEvent::NeighborChanged(neighbor)) => {
                        events.extend(self.neighbors.learn(neighbor));
                    }
                    Some(HostEvent::Lost) => events.extend(self.neighbors.read(&self.host).await),
                    Some(other) => self.postponed.push_back(other),
                    None => break,
                },
                // An election does not wait for a server that does not answer.
                Some(said) = self.elections.next() => self.take_said(said).await,
                () = sleep_until(deadline) => break,
            }
        }
        events.extend(self.neighbors.give_up());
        let now = SystemTime::now();
        for event in events {
            tell(&self.model.handle(now, event));
        }
    }

    /// Attaches the program where the configuration and the options want it.
    pub(super) fn attach(&mut self, survey: &Survey) -> Result<(), Problem> {
        let mut interfaces = survey.interfaces();
        for name in &self.options.interfaces {
            let link = survey
                .link_named(name)
                .ok_or_else(|| no_interface(name, survey))?;
            let interface = Interface {
                index: link.index,
                name: link.name.clone(),
            };
            if !interfaces.contains(&interface) {
                interfaces.push(interface);
            }
        }
        interfaces.sort_by_key(|interface| interface.index);
        // An attachment that is there already has this daemon's program.
        if self
            .attached
            .keys()
            .copied()
            .eq(interfaces.iter().map(|interface| interface.index))
        {
            return Ok(());
        }
        let outcomes = self
            .dataplane
            .attach(&interfaces, self.options.xdp_mode)
            .map_err(|error| Problem::from_error(&error).help(error.help()))?;
        self.mode_warnings.clear();
        for interface in &interfaces {
            if let Some(outcome) = outcomes.get(&interface.index) {
                self.tell_attached(interface, outcome);
            }
        }
        self.attached = outcomes
            .iter()
            .map(|(index, outcome)| (*index, outcome.mode()))
            .collect();
        Ok(())
    }

    fn tell_attached(&mut self, interface: &Interface, outcome: &AttachOutcome) {
        let name = interface.name.as_str();
        match outcome {
            AttachOutcome::Adopted(mode) if self.attached.get(&interface.index) == Some(mode) => {}
            AttachOutcome::Adopted(mode) => {
                info!(
                    interface = name,
                    mode = mode.name(),
                    "XDP program replaced in place; connections go on"
                );
            }
            AttachOutcome::New(mode) => {
                info!(interface = name, mode = mode.name(), "XDP program attached")
            }
            AttachOutcome::Fallback(refused) => {
                let warning = format!(
                    "{name} runs the XDP program in generic mode, which is slower: {}",
                    Problem::from_error(refused).why.join(": ")
                );
                warn!("{warning}");
                self.mode_warnings.push(warning);
            }
        }
    }

    /// Starts, stops and changes checks. A server that starts as down is in `down`.
    pub(super) fn reconcile_checks(&mut self, down: &[(ServiceId, IpAddr)]) {
        let specs = self
            .config
            .virtual_servers
            .iter()
            .flat_map(|virtual_server| {
                let service = ServiceId::of(virtual_server);
                virtual_server.real_servers.iter().flat_map(move |server| {
                    let alpha = server.alpha || down.contains(&(service, server.address));
                    server
                        .checks
                        .iter()
                        .enumerate()
                        .map(move |(index, check)| CheckSpec {
                            id: CheckId {
                                service,
                                server: (server.address, server.port).into(),
                                index,
                            },
                            check: check.clone(),
                            alpha,
                        })
                })
            });
        self.checks.reconcile(specs.collect());
    }
}

/// A file that got lost must not end what an earlier daemon forwards.
fn refuse_to_forget(
    dataplane: &DataPlane,
    config: &Config,
    options: &Options,
) -> Result<(), Problem> {
    let services = dataplane.tables().services.len();
    // A daemon that was stopped forwards nothing any more, nor does one whose leases have ended.
    if !dataplane.is_forwarding() || !config.is_empty() {
        return Ok(());
    }
    let file = options.config.display();
    Err(Problem::new(format!("there is no configuration {file}"))
        .because(format!(
            "an earlier daemon has left virtual servers ({services}) that are forwarded for now; without a configuration they would end"
        ))
        .help("put the file back, or name another one with --config; `director unload` ends them, and then a start without a file is possible"))
}

/// Prints what is wrong with a configuration, and with this process's rights, before anything is touched.
fn privileges_after(loaded: &Loaded) -> Result<(), Problem> {
    if loaded.errors() > 0 {
        return Err(admission::refused(loaded));
    }
    privileges::check()
}

fn no_interface(name: &str, survey: &Survey) -> Problem {
    let names: Vec<_> = survey
        .links
        .values()
        .map(|link| link.name.as_str())
        .collect();
    Problem::new(format!("this host has no interface {name}"))
        .help(format!("the interfaces here are: {}", names.join(", ")))
}

fn load(options: &Options, config: &Config) -> Result<DataPlane, Problem> {
    let dataplane = DataPlane::load(&options.pins, &admission::sizes(options, config)?)
        .map_err(|error| Problem::from_error(&error).help(error.help()))?;
    if dataplane.found() == Found::Ours {
        info!(pins = %options.pins.display(), "taking over the pins of an earlier daemon");
    }
    Ok(dataplane)
}

fn teller() -> Result<Teller, Problem> {
    Teller::start().map_err(|error| {
        Problem::from_error(&error).help("the resets that end connections are sent by raw sockets; run as root, or with CAP_NET_RAW")
    })
}

fn elections(dataplane: &mut DataPlane, config: &Config) -> Result<Elections, Problem> {
    let leases = dataplane
        .leases()
        .map_err(|error| Problem::from_error(&error).help(error.help()))?;
    let priority = config
        .global
        .vrrp_rt_priority
        .unwrap_or(real_time::DEFAULT_PRIORITY);
    Elections::start(leases, priority).map_err(|error| {
        Problem::new("starting the thread that speaks VRRP").because(error.to_string())
    })
}

/// The size that the flow tables have, which is an earlier daemon's where its pins were taken over.
fn flow_table_size(options: &Options) -> Result<u32, Problem> {
    let size = FlowTables::open(&pins::folder(&options.pins))
        .and_then(|tables| tables.capacity())
        .map_err(|error| Problem::from_error(&error))?;
    Ok(size)
}
