//! The thread that tells: it takes the flows of servers that have ended out of the tables, one by one, and sends the resets.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use director_common::{flow::Flow, protocol, server::RealServer, tcp::FlowState};
use tracing::{error, info, warn};

use super::{
    pace::Pace,
    reason::Reason,
    record::{Record, Records},
    reset::Connection,
    sender::Sender,
};
use crate::dataplane::{
    ended::EndedServers,
    expiry::Jiffies,
    flows::{FlowTableError, FlowTables, IdleFlow, Place},
    tables,
};

/// Connections to be told.
pub enum Job {
    /// Those of servers that have ended.
    Ended(EndedJob),
    /// Those that were idle for too long and are in no table any more.
    Idle(Vec<IdleFlow>, Pace, Jiffies),
    /// Those of servers that live, which somebody has chosen; who asked for it is answered.
    Chosen {
        /// Their servers.
        servers: EndedJob,
        /// Which ones.
        choice: Choice,
        /// Where the answer goes.
        reply: Reply,
    },
}

/// Whether a flow is meant.
pub type Choice = Box<dyn Fn(&Place, &Flow) -> bool + Send>;

/// Where the answer goes; the asker may be gone.
pub type Reply = Box<dyn FnOnce(Result<Counts, FlowTableError>) + Send>;

/// Servers that have ended, and how their connections are to be told.
#[derive(Clone, Debug)]
pub struct EndedJob {
    /// Where the tables are pinned.
    pub folder: PathBuf,
    /// The servers, by index.
    pub ended: EndedServers,
    /// Why, by index: for the log.
    pub reasons: BTreeMap<u32, Reason>,
    /// Those that nothing can be sent to, because their MAC addresses lead nowhere.
    pub unreachable: HashSet<u32>,
    /// How fast.
    pub pace: Pace,
    /// The time of the flows' clock.
    pub now: Jiffies,
}

/// What became of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were ended.
    pub connections: u64,
    /// Clients that could not be told.
    pub untold_clients: u64,
    /// Real servers that could not be told of a connection.
    pub untold_servers: u64,
    /// Flows of datagrams, of which nobody is told: the next one is scheduled afresh.
    pub datagram_flows: u64,
}

/// The same since the start, shared with the thread.
#[derive(Debug, Default)]
struct Totals {
    connections: AtomicU64,
    untold_clients: AtomicU64,
    untold_servers: AtomicU64,
    datagram_flows: AtomicU64,
}

/// Hands jobs to the thread. The thread ends when this is dropped and its jobs are done.
#[derive(Debug)]
pub struct Teller {
    thread: thread::JoinHandle<()>,
    jobs: mpsc::Sender<Job>,
    totals: Arc<Totals>,
    records: Arc<Records>,
}

impl Teller {
    /// Starts the thread. It opens its sockets in the network namespace of the caller.
    ///
    /// # Errors
    ///
    /// CAP_NET_RAW is missing, or there can be no more threads.
    pub fn start() -> io::Result<Self> {
        let sender = Sender::open()?;
        let (jobs, queue) = mpsc::channel();
        let totals = Arc::new(Totals::default());
        let records = Arc::new(Records::default());
        let mut worker = Worker {
            sender,
            totals: Arc::clone(&totals),
            records: Arc::clone(&records),
        };
        let thread = thread::Builder::new()
            .name("teller".to_owned())
            .spawn(move || queue.iter().for_each(|job| worker.work(job)))?;
        Ok(Self {
            thread,
            jobs,
            totals,
            records,
        })
    }

    /// Waits until all its jobs are done.
    pub fn finish(self) {
        drop(self.jobs);
        // A panic of it has been told on its way.
        let _panicked = self.thread.join();
    }

    /// Has a job done, after those before it.
    pub fn tell(&self, job: Job) {
        if self.jobs.send(job).is_err() {
            error!("the thread that tells connections is gone; they learn it when they speak");
        }
    }

    /// The record of each connection.
    #[must_use]
    pub fn records(&self) -> Arc<Records> {
        Arc::clone(&self.records)
    }

    /// What became of connections since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let of = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Counts {
            connections: of(&self.totals.connections),
            untold_clients: of(&self.totals.untold_clients),
            untold_servers: of(&self.totals.untold_servers),
            datagram_flows: of(&self.totals.datagram_flows),
        }
    }
}

struct Worker {
    sender: Sender,
    totals: Arc<Totals>,
    records: Arc<Records>,
}

/// A connection that is to be told, with what its record needs.
struct Case<'a> {
    connection: Connection,
    flow: &'a Flow,
    server: &'a RealServer,
    reason: &'a Reason,
    /// Whether anything can be sent to the server.
    reach: Reach,
    now: Jiffies,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Reachable,
    Unreachable,
}

/// What became of the connections of one server, with the first thing that went wrong.
#[derive(Default)]
struct Outcome {
    counts: Counts,
    first_error: Option<io::Error>,
}

impl Worker {
    fn work(&mut self, job: Job) {
        match job {
            Job::Ended(job) => self.work_ended(&job),
            Job::Idle(flows, pace, now) => self.work_idle(&flows, pace, now),
            Job::Chosen {
                servers,
                choice,
                reply,
            } => {
                let began = Instant::now();
                let outcomes = self.tell_all(&servers, choice, began);
                if let Ok(outcomes) = &outcomes {
                    report(&servers, outcomes, began.elapsed());
                }
                reply(outcomes.map(|outcomes| sum(&outcomes)));
            }
        }
    }

    fn work_idle(&mut self, flows: &[IdleFlow], pace: Pace, now: Jiffies) {
        let began = Instant::now();
        let mut outcome = Outcome::default();
        for (told, idle) in (1..).zip(flows) {
            let case = Case {
                connection: Connection::of(idle.client, idle.vip, &idle.flow),
                flow: &idle.flow,
                server: &idle.server,
                reason: &Reason::Idle,
                reach: Reach::Reachable,
                now,
            };
            self.tell_both(&case, &mut outcome);
            if let Some(pause) = pace.pause(told, began.elapsed()) {
                thread::sleep(pause);
            }
        }
        let connections = outcome.counts.connections;
        info!(
            connections,
            "both ends of connections that were idle for too long were told"
        );
        if let Some(error) = &outcome.first_error {
            warn!(%error, "not every end of an idle connection could be told");
        }
    }

    fn work_ended(&mut self, job: &EndedJob) {
        let began = Instant::now();
        match self.tell_all(job, |_, _| true, began) {
            Ok(outcomes) => report(job, &outcomes, began.elapsed()),
            Err(error) => error!(
                %error,
                "the flows of servers that are gone could not be read; their connections learn it when they speak"
            ),
        }
    }

    fn tell_all(
        &mut self,
        job: &EndedJob,
        is_meant: impl Fn(&Place, &Flow) -> bool,
        began: Instant,
    ) -> Result<BTreeMap<u32, Outcome>, FlowTableError> {
        let mut tables = FlowTables::open(&job.folder)?;
        let mut outcomes: BTreeMap<u32, Outcome> = BTreeMap::new();
        let mut told = 0;
        for place in tables.find_ended(&job.ended, is_meant)? {
            let Some((flow, ended)) = tables.take_ended(&place, &job.ended) else {
                continue;
            };
            let outcome = outcomes.entry(flow.server).or_default();
            if place.protocol() != protocol::TCP {
                outcome.counts.datagram_flows += 1;
                self.totals.datagram_flows.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if is_over(FlowState(flow.state)) {
                continue;
            }
            let case = Case {
                connection: Connection::of(place.client(), place.vip(), &flow),
                flow: &flow,
                server: &ended.server,
                reason: job.reason(flow.server),
                reach: match job.unreachable.contains(&flow.server) {
                    true => Reach::Unreachable,
                    false => Reach::Reachable,
                },
                now: job.now,
            };
            self.tell_both(&case, outcome);
            told += 1;
            if let Some(pause) = job.pace.pause(told, began.elapsed()) {
                thread::sleep(pause);
            }
        }
        Ok(outcomes)
    }

    fn tell_both(&mut self, case: &Case<'_>, outcome: &mut Outcome) {
        let connection = &case.connection;
        let client = self.sender.tell_client(connection);
        let server = match case.reach {
            Reach::Reachable => self.sender.tell_server(connection, case.server),
            Reach::Unreachable => Err(io::ErrorKind::HostUnreachable.into()),
        };
        let record = Record {
            at: Record::time(SystemTime::now()),
            reason: case.reason.to_string(),
            client: connection.client,
            vip: connection.vip,
            server: tables::server_address(case.server),
            age_secs: case.now.since(case.flow.created).as_secs(),
            idle_secs: case.now.since(case.flow.last_seen).as_secs(),
            client_told: client.is_ok(),
            server_told: server.is_ok(),
        };
        self.records.add(case.reason.cause(), record);
        let counts = &mut outcome.counts;
        counts.connections += 1;
        self.totals.connections.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = client {
            counts.untold_clients += 1;
            self.totals.untold_clients.fetch_add(1, Ordering::Relaxed);
            outcome.first_error.get_or_insert(error);
        }
        if let Err(error) = server {
            counts.untold_servers += 1;
            self.totals.untold_servers.fetch_add(1, Ordering::Relaxed);
            outcome.first_error.get_or_insert(error);
        }
    }
}

impl EndedJob {
    /// Why a server's connections are told.
    fn reason(&self, server: u32) -> &Reason {
        self.reasons.get(&server).unwrap_or(&Reason::Gone)
    }
}

/// All servers' together.
fn sum(outcomes: &BTreeMap<u32, Outcome>) -> Counts {
    outcomes
        .values()
        .fold(Counts::default(), |sum, Outcome { counts, .. }| Counts {
            connections: sum.connections + counts.connections,
            untold_clients: sum.untold_clients + counts.untold_clients,
            untold_servers: sum.untold_servers + counts.untold_servers,
            datagram_flows: sum.datagram_flows + counts.datagram_flows,
        })
}

/// Nobody waits for anything any more.
const fn is_over(state: FlowState) -> bool {
    matches!(state, FlowState::CLOSE | FlowState::TIME_WAIT)
}

/// One line for each server that had connections.
fn report(job: &EndedJob, outcomes: &BTreeMap<u32, Outcome>, took: Duration) {
    for (index, outcome) in outcomes {
        let Some(ended) = job.ended.get(index) else {
            continue;
        };
        let server: IpAddr = tables::server_address(&ended.server);
        let port = ended.service.port;
        let reason = job.reason(*index);
        let Counts {
            connections,
            untold_clients,
            untold_servers,
            datagram_flows,
        } = outcome.counts;
        info!(
            %server, port, vip = %ended.service.address, %reason, connections, datagram_flows, ?took,
            "both ends of its connections were told"
        );
        if let Some(error) = &outcome.first_error {
            warn!(
                %server, port, untold_clients, untold_servers, %error,
                "not every end could be told; the rest learns it when it speaks"
            );
        }
    }
}
