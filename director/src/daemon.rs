//! The wiring: tasks, channels, and the order of start, reload and stop.
//!
//! ```text
//!   checks (a task each) --------- CheckEvent ---+
//!   host monitor (netlink) ------- HostEvent ----+
//!   API server (a task a client) - Request ------+--> owner (this file) --> model --> data plane (maps)
//!   signals: TERM INT HUP -----------------------+         |
//!   clock: announcements, neighbors, rates, sweep -+       +--> walks of the flow table (blocking threads)
//! ```
//!
//! The owner has the model, the data plane, the addresses and everything else that changes; nothing of it is shared.
//! Every event ends in [`Daemon::settle`]: the tables are brought to what the model wants.

mod addresses;
mod admission;
mod changes;
mod flow_walk;
mod full_tables;
mod limits;
mod neighbors;
mod privileges;
mod reload;
mod start;
mod survey;
mod telling;
mod traffic;
mod view;

use std::{
    collections::BTreeMap,
    future,
    path::PathBuf,
    time::{Instant, SystemTime},
};

use director_common::instance::Role;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval, sleep_until},
};
use tracing::{error, info, warn};

use self::{
    addresses::Addresses,
    flow_walk::SWEEP_INTERVAL,
    full_tables::FullTables,
    neighbors::Neighbors,
    survey::Survey,
    traffic::{LOOK_INTERVAL, Rates},
};
use crate::{
    api::{
        request::{CONNECTION_QUEUE_DEPTH, Reply, Request},
        response::{Connection, Listing, Problem},
    },
    check::{CheckEvent, Checks, Health, Report},
    config::{Color, Config},
    dataplane::{
        Attached, DataPlane, XdpMode,
        expiry::Jiffies,
        flows::{FlowTableError, Sweep},
    },
    host::{Host, HostEvent, Monitor},
    model::{Event, Model, Notice, event::Verdict, notice::Severity},
    tell::{EventLog, Teller},
};

/// What the daemon is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration.
    pub config: PathBuf,
    /// What if that file is not there.
    pub absence: Absence,
    /// Interfaces to attach the program to, beside those that the configuration implies.
    pub interfaces: Vec<String>,
    /// How to attach it.
    pub xdp_mode: XdpMode,
    /// The pin folder.
    pub pins: PathBuf,
    /// The API's socket.
    pub socket: PathBuf,
    /// Most flows of a new flow table; goes before the configuration.
    pub flow_table_size: Option<u32>,
}

/// What a configuration file that is not there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// A mistake: somebody named it.
    Refused,
    /// Nothing is configured; all is added by hand.
    Empty,
}

/// The owner of everything that changes.
struct Daemon {
    options: Options,
    started: SystemTime,
    host: Host,
    monitor: Monitor,
    /// As the file says.
    file: Config,
    /// What is in force: the file, and what was changed by hand.
    config: Config,
    survey: Survey,
    model: Model,
    dataplane: DataPlane,
    attached: BTreeMap<u32, Attached>,
    addresses: Addresses,
    neighbors: Neighbors,
    checks: Checks,
    check_events: mpsc::Receiver<CheckEvent>,
    requests: mpsc::Receiver<Request>,
    /// Ends the API server when it is dropped.
    api: Option<oneshot::Sender<()>>,
    api_task: JoinHandle<()>,
    rates: Rates,
    sweep: Sweep,
    sweeping: Option<JoinHandle<Result<Sweep, FlowTableError>>>,
    flow_table_size: u32,
    full_tables: FullTables,
    teller: Teller,
    event_log: EventLog,
    /// What an operator should know until the next reload.
    warnings: Vec<String>,
    /// Interfaces that run the program in generic mode, and why.
    mode_warnings: Vec<String>,
    /// Whether the tables are what the model wants.
    is_settled: bool,
}

/// Runs until a signal ends it.
///
/// # Errors
///
/// The daemon cannot start: nothing is left attached, pinned or bound.
pub async fn run(options: Options) -> Result<(), Problem> {
    // Signals first: one that comes while the daemon starts is not lost.
    let signals = Signals::new()?;
    limits::raise_open_files();
    let mut daemon = Daemon::start(options).await?;
    daemon.serve(signals).await;
    daemon.stop().await;
    Ok(())
}

/// The signals that the daemon obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Problem> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Problem::new("listening for signals").because(error.to_string()))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }
}

/// What woke the owner.
enum Wake {
    Check(CheckEvent),
    Host(Option<HostEvent>),
    Request(Request),
    Deadline,
    Look,
    SweepDue,
    Swept(Result<Sweep, FlowTableError>),
    Reload,
    Stop,
}

impl Daemon {
    async fn serve(&mut self, mut signals: Signals) {
        let mut look = ticks(LOOK_INTERVAL);
        let mut sweep = ticks(SWEEP_INTERVAL);
        loop {
            match self.next(&mut signals, &mut look, &mut sweep).await {
                Wake::Check(event) => self.take_check(event),
                Wake::Host(event) => self.take_host_event(event).await,
                Wake::Request(request) => self.answer(request).await,
                Wake::Deadline => self.act_on_deadlines().await,
                Wake::Look => self.look(),
                Wake::SweepDue => self.begin_sweep(),
                Wake::Swept(result) => self.end_sweep(result),
                Wake::Reload => self.reload_on_signal().await,
                Wake::Stop => return,
            }
        }
    }

    /// Waits for whatever comes first. Every branch may be dropped and waited for again.
    async fn next(
        &mut self,
        signals: &mut Signals,
        look: &mut Interval,
        sweep: &mut Interval,
    ) -> Wake {
        let deadline = self
            .addresses
            .next_deadline()
            .into_iter()
            .chain(self.neighbors.next_deadline())
            .chain(self.next_farewell())
            .min();
        tokio::select! {
            _ = signals.terminate.recv() => Wake::Stop,
            _ = signals.interrupt.recv() => Wake::Stop,
            _ = signals.hangup.recv() => Wake::Reload,
            Some(event) = self.check_events.recv() => Wake::Check(event),
            event = self.monitor.next() => Wake::Host(event),
            Some(request) = self.requests.recv() => Wake::Request(request),
            () = until(deadline) => Wake::Deadline,
            _ = look.tick() => Wake::Look,
            result = finished(&mut self.sweeping) => Wake::Swept(result),
            _ = sweep.tick() => Wake::SweepDue,
        }
    }

    fn take_check(&mut self, event: CheckEvent) {
        let id = event.id;
        match event.report {
            Report::Broken { errno } => {
                warn!(server = %id.service.server(id.server.ip()), reason = %errno, "the check itself is broken; the server's state stays");
            }
            // No change for the model, but the first pass is worth a line: until then the server was only assumed to be up.
            Report::Confirmed => tell(&[Notice::CheckPassed {
                service: id.service,
                server: id.server.ip(),
            }]),
            Report::Retrying {
                attempt,
                attempts,
                reason,
            } => {
                info!(server = %id.service.server(id.server.ip()), %reason, "check failed, attempt {attempt} of {attempts}");
            }
            _ => {}
        }
        let verdict = match (event.health, event.reason()) {
            (Health::Up, _) => Verdict::Pass,
            (Health::Down, Some(reason)) => Verdict::Fail(reason.to_string()),
            // A check that is broken or has not run says nothing new of a server that is down.
            (Health::Down, None) => return,
        };
        self.handle(Event::Check {
            service: id.service,
            server: id.server.ip(),
            check: id.index,
            verdict,
        });
    }

    async fn take_host_event(&mut self, event: Option<HostEvent>) {
        match event {
            Some(HostEvent::NeighborChanged(neighbor)) => {
                if let Some(event) = self.neighbors.learn(neighbor) {
                    self.handle(event);
                }
            }
            Some(HostEvent::AddressRemoved { ifindex, address }) => {
                self.addresses
                    .put_back(&self.host, (ifindex, address))
                    .await;
            }
            Some(HostEvent::LinkChanged(link)) => self.take_link(link),
            Some(HostEvent::LinkRemoved { index }) => {
                if let Some(link) = self.survey.links.get(&index) {
                    warn!(interface = link.name, "the interface is gone");
                }
            }
            Some(HostEvent::AddressAdded { .. }) => {}
            Some(HostEvent::Lost) => self.read_anew().await,
            None => self.monitor_again().await,
        }
    }

    /// A new MAC address of ours must be in the frames that we send.
    fn take_link(&mut self, link: crate::host::Link) {
        let known = self.survey.links.get(&link.index);
        if let Some(known) = known.filter(|known| known.up != link.up) {
            warn!(interface = known.name, up = link.up, "the link changed");
        }
        if known.is_some_and(|known| known.mac != link.mac) {
            info!(
                interface = link.name,
                "the interface has another MAC address"
            );
            self.addresses.take_link(&link, Instant::now());
            self.handle(Event::OwnAddress {
                ifindex: link.index,
                mac: link.mac,
            });
        }
        self.survey.links.insert(link.index, link);
    }

    /// Events were lost: everything that they may have told is read anew.
    async fn read_anew(&mut self) {
        match self.host.links().await {
            Ok(links) => links.into_iter().for_each(|link| self.take_link(link)),
            Err(error) => warn!(error = %Problem::from_error(&error), "links not read"),
        }
        self.addresses.put_back_all(&self.host).await;
        for event in self.neighbors.read(&self.host).await {
            self.handle(event);
        }
    }

    /// The subscription failed: another one, and everything is read anew.
    async fn monitor_again(&mut self) {
        match self.host.monitor() {
            Ok(monitor) => {
                self.monitor = monitor;
                self.read_anew().await;
            }
            Err(error) => {
                error!(error = %Problem::from_error(&error), "changes of links and neighbors are not seen; trying again");
                // The owner must go on, but not spin.
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        }
    }

    /// Lets the model take an event, tells what it says, and makes it so.
    fn handle(&mut self, event: Event) {
        let notices = self.model.handle(SystemTime::now(), event);
        tell(&notices);
        self.settle();
    }

    /// Brings the tables to what the model wants. What fails is tried again with the next event, and at the next look.
    fn settle(&mut self) {
        match self.dataplane.apply(&self.model.wanted()) {
            Ok(_) => {
                self.is_settled = true;
                self.tell_ended();
            }
            Err(error) => {
                self.is_settled = false;
                error!(error = %Problem::from_error(&error), "the data plane could not be brought up to date; trying again");
            }
        }
    }

    async fn act_on_deadlines(&mut self) {
        let now = Instant::now();
        self.addresses.announce_due(&self.host, now);
        self.neighbors.ask_due(&self.host, now).await;
        self.end_what_has_drained();
    }

    fn look(&mut self) {
        if !self.is_settled {
            self.settle();
        }
        if let Err(error) = self.rates.look(&self.dataplane, Instant::now()) {
            warn!(error = %Problem::from_error(&error), "counters not read");
        }
    }

    fn read_clock(&mut self, at: Instant) -> Result<Jiffies, Problem> {
        self.dataplane
            .read_clock(at)
            .map_err(|error| Problem::from_error(&error))
    }

    async fn answer(&mut self, request: Request) {
        // Whoever asked may have hung up; that is no error.
        match request {
            Request::Status(reply) => drop(reply.send(view::status(self))),
            Request::Listing(reply) => self.answer_listing(reply),
            Request::Connections(reply) => drop(reply.send(self.connections())),
            Request::Reload(reply) => drop(reply.send(self.reload().await)),
            Request::Events(reply) => drop(reply.send(Ok(self.teller.records()))),
            Request::Reset(filter, reply) => self.reset_flows(filter, reply),
            Request::Edit(edit, reply) => drop(reply.send(self.edit(&edit).await)),
        }
    }

    /// The flows are counted for this answer, so that it is true now and not at the last sweep.
    fn answer_listing(&mut self, reply: Reply<Listing>) {
        let counted = view::listing(self)
            .map_err(|error| Problem::from_error(&error))
            .and_then(|listing| Ok((listing, self.walk()?.count())));
        tokio::spawn(async move {
            let listing = match counted {
                Ok((listing, walk)) => match walk.await {
                    Ok(Ok(sweep)) => Ok(listing.count(&sweep)),
                    Ok(Err(error)) => Err(Problem::from_error(&error)),
                    Err(error) => Err(Problem::from_error(&error)),
                },
                Err(problem) => Err(problem),
            };
            let _hung_up = reply.send(listing);
        });
    }

    fn connections(&mut self) -> Result<mpsc::Receiver<Result<Connection, Problem>>, Problem> {
        let (to, from) = mpsc::channel(CONNECTION_QUEUE_DEPTH);
        self.walk()?.list(to);
        Ok(from)
    }

    async fn reload_on_signal(&mut self) {
        match self.reload().await {
            Ok(reloaded) if reloaded.changes.is_empty() => {
                info!("configuration read again: nothing changed")
            }
            Ok(_) => {}
            Err(problem) => error!("{problem}"),
        }
    }

    /// Stops claiming the VIPs, in the order that loses the fewest packets: first the addresses go, then the forwarding.
    /// Maps, program and links stay pinned.
    async fn stop(mut self) {
        info!("stopping");
        self.addresses.release_all(&self.host).await;
        let keys: Vec<_> = self
            .model
            .instances()
            .iter()
            .map(|instance| instance.key)
            .collect();
        for instance in keys {
            self.handle(Event::Role {
                instance,
                role: Role::INITIALIZE,
            });
        }
        drop(self.api.take());
        if let Err(error) = self.api_task.await {
            warn!(%error, "the API did not end well");
        }
        self.event_log.finish().await;
        info!(
            "stopped; the XDP program stays attached and passes every packet (`director unload` removes it)"
        );
    }
}

/// Writes notices to the log.
fn tell(notices: &[Notice]) {
    for notice in notices {
        match notice.severity() {
            Severity::Warning => warn!("{notice}"),
            Severity::Info => info!("{notice}"),
        }
    }
}

fn ticks(period: std::time::Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => future::pending().await,
    }
}

/// Waits for a sweep under way, and takes it away when it has ended.
async fn finished(
    sweeping: &mut Option<JoinHandle<Result<Sweep, FlowTableError>>>,
) -> Result<Sweep, FlowTableError> {
    let Some(task) = sweeping else {
        return future::pending().await;
    };
    let result = task.await;
    *sweeping = None;
    // A walk does not panic; were it to, the next one tells.
    result.unwrap_or_else(|_| Ok(Sweep::default()))
}

/// The report of a configuration's diagnostics, in color where the log is a terminal.
fn color() -> Color {
    Color::for_stream(&std::io::stderr())
}
