//! The wiring: tasks, channels, and the order of start, reload and stop.
//!
//! ```text
//!   checks (a task each) --------- CheckEvent ---+
//!   host monitor (netlink) ------- HostEvent ----+
//!   thread that speaks VRRP ------ Said ---------+
//!   links (a task each) ---------- Claim --------+
//!   other directors (a task a way)  Heard -------+
//!   API server (a task a client) - Request ------+--> owner (this file) --> model --> data plane (maps)
//!   signals: TERM INT HUP -----------------------+         |
//!   clock: announcements, neighbors, rates, sweep -+       +--> walks of the flow table (blocking threads)
//!                                                          `--> service manager (systemd)
//! ```
//!
//! The owner has the model, the data plane, the addresses and everything else that changes; nothing of it is shared.
//! Every event ends in [`Daemon::settle`]: the tables are brought to what the model wants.

mod addresses;
mod admission;
mod answers;
mod changes;
mod conflicts;
mod elections;
mod first_results;
mod flow_walk;
mod full_tables;
mod guarding;
mod host_events;
mod limits;
mod neighbors;
mod pairing;
mod placing;
mod privileges;
mod reload;
mod service_manager;
mod start;
mod survey;
mod telling;
mod tracked;
mod tracking;
mod traffic;
mod view;
mod virtual_macs;
mod witnesses;

use std::{
    collections::{BTreeMap, VecDeque},
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
    conflicts::Conflicts,
    elections::Elections,
    first_results::FirstResults,
    flow_walk::SWEEP_INTERVAL,
    full_tables::FullTables,
    neighbors::Neighbors,
    pairing::Pairing,
    service_manager::ServiceManager,
    survey::Survey,
    traffic::{LOOK_INTERVAL, Rates},
    virtual_macs::VirtualMacs,
};
use crate::{
    api::{request::Request, response::Problem},
    check::{CheckEvent, Checks, Health, Report},
    config::{Color, Config},
    dataplane::{
        Attached, DataPlane, XdpMode,
        expiry::Jiffies,
        flows::{FlowTableError, Sweep},
    },
    guardian::Guardian,
    host::{
        Host, HostEvent, Monitor,
        claim_watch::{Claim, ClaimWatch},
    },
    model::{Event, Model, Notice, event::Verdict, notice::Severity},
    notify::{Notifier, State},
    pair,
    tell::{EventLog, Teller},
    track::{TrackEvent, Trackers},
    vrrp::Said,
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
    /// What changed while the owner waited for something else.
    postponed: VecDeque<HostEvent>,
    /// As the file says.
    file: Config,
    /// What is in force: the file, and what was changed by hand.
    config: Config,
    survey: Survey,
    model: Model,
    dataplane: DataPlane,
    attached: BTreeMap<u32, Attached>,
    addresses: Addresses,
    virtual_macs: VirtualMacs,
    elections: Elections,
    first_results: FirstResults,
    trackers: Trackers,
    tracked: mpsc::Receiver<TrackEvent>,
    notifier: Notifier,
    /// What each sync group was told to be last.
    group_states: BTreeMap<String, State>,
    conflicts: Conflicts,
    claim_watch: ClaimWatch,
    claims: mpsc::Receiver<Claim>,
    pairing: Pairing,
    /// Gives up in this daemon's stead.
    guardian: Option<Guardian>,
    /// Is told how this daemon does.
    service_manager: ServiceManager,
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
    daemon.tell_ready();
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
    Said(Said),
    Claim(Claim),
    Digest(pair::channel::Heard),
    Tracked(TrackEvent),
    Request(Request),
    Deadline,
    Look,
    SweepDue,
    Swept(Result<Sweep, FlowTableError>),
    PulseDue,
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
                Wake::Said(said) => {
                    self.take_said(said).await;
                    self.tell_roles();
                }
                Wake::Claim(claim) => self.take_claim(claim),
                Wake::Digest(heard) => self.take_digest(heard),
                Wake::Tracked(event) => self.take_tracked(event),
                Wake::Request(request) => self.answer(request).await,
                Wake::Deadline => self.act_on_deadlines().await,
                Wake::Look => self.look().await,
                Wake::SweepDue => self.begin_sweep(),
                Wake::Swept(result) => self.end_sweep(result),
                Wake::PulseDue => self.service_manager.tell_alive(),
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
        if let Some(event) = self.postponed.pop_front() {
            return Wake::Host(Some(event));
        }
        let deadline = self
            .addresses
            .next_deadline()
            .into_iter()
            .chain(self.neighbors.next_deadline())
            .chain(self.next_farewell())
            .chain(self.conflicts.next_question())
            .chain(self.elections.next_deadline())
            .chain(self.first_results.next_deadline())
            .chain(Some(self.pairing.next_deadline()))
            .min();
        tokio::select! {
            _ = signals.terminate.recv() => Wake::Stop,
            _ = signals.interrupt.recv() => Wake::Stop,
            _ = signals.hangup.recv() => Wake::Reload,
            Some(event) = self.check_events.recv() => Wake::Check(event),
            Some(said) = self.elections.next() => Wake::Said(said),
            Some(claim) = self.claims.recv() => Wake::Claim(claim),
            Some(heard) = self.pairing.next() => Wake::Digest(heard),
            Some(event) = self.tracked.recv() => Wake::Tracked(event),
            event = self.monitor.next() => Wake::Host(event),
            Some(request) = self.requests.recv() => Wake::Request(request),
            () = until(deadline) => Wake::Deadline,
            _ = look.tick() => Wake::Look,
            result = finished(&mut self.sweeping) => Wake::Swept(result),
            _ = sweep.tick() => Wake::SweepDue,
            () = self.service_manager.pulse_due() => Wake::PulseDue,
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
        self.ask_for_conflicts();
        self.tell_digest(now);
        let has_waited = self
            .first_results
            .next_deadline()
            .is_some_and(|at| now >= at);
        if self.elections.is_delay_over(now) || has_waited {
            self.settle_elections_again();
        }
    }

    async fn look(&mut self) {
        if !self.is_settled {
            self.settle();
        }
        self.hold_all_addresses().await;
        self.revive_guardian();
        if let Err(error) = self.rates.look(&self.dataplane, Instant::now()) {
            warn!(error = %Problem::from_error(&error), "counters not read");
        }
    }

    fn read_clock(&self) -> Result<Jiffies, Problem> {
        self.dataplane
            .read_clock()
            .map_err(|error| Problem::from_error(&error))
    }

    async fn reload_on_signal(&mut self) {
        match self.reload_and_tell().await {
            Ok(reloaded) if reloaded.changes.is_empty() => {
                info!("configuration read again: nothing changed")
            }
            Ok(_) => {}
            Err(problem) => error!("{problem}"),
        }
    }

    /// Stops claiming the VIPs, in the order that loses the fewest packets: first the others are told and one of them takes over, then
    /// the addresses go, then the forwarding. Maps, program and links stay pinned.
    async fn stop(mut self) {
        info!("stopping");
        self.service_manager.tell_stopping();
        self.elections.leave();
        while let Some(said) = self.elections.said_while_leaving().await {
            self.take_said(said).await;
        }
        self.addresses.release_all(&self.host).await;
        for said in self.elections.stop().await {
            self.take_said(said).await;
        }
        if let Some(guardian) = self.guardian.take() {
            guardian.dismiss();
        }
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
        self.remove_virtual_macs().await;
        drop(self.api.take());
        if let Err(error) = self.api_task.await {
            warn!(%error, "the API did not end well");
        }
        telling::finish(self.teller).await;
        self.notifier.finish().await;
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
