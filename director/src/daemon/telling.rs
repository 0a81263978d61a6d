//! When a real server goes out of use: its connections are told, with the reason.

use std::{
    collections::{BTreeSet, HashSet},
    time::{Duration, Instant, SystemTime},
};

use tokio::{sync::oneshot, time::timeout};
use tracing::{error, warn};

use super::{Daemon, tell, view};
use crate::{
    api::{
        filter::FlowFilter,
        request::Reply,
        response::{Problem, Told},
    },
    config::{Config, Switchover},
    dataplane::{
        ended::{self, Ended, EndedServers},
        expiry::Jiffies,
        flows::IdleFlow,
        pins, tables,
    },
    model::{Model, Neighbor, RealServer, Service, State},
    tell::{DEFAULT_RATE, EndedJob, Job, LogFile, Reason, Teller, pace::Pace},
};

/// What is left of the time that a service manager gives a stop, when all else is done.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

impl Daemon {
    /// When the time to drain of the next server is over.
    pub(super) fn next_farewell(&self) -> Option<Instant> {
        let deadline = self.model.next_deadline()?;
        // The model keeps the time of day, as people read it; one that has passed is due now.
        let left = deadline.duration_since(SystemTime::now());
        Some(Instant::now() + left.unwrap_or_default())
    }

    /// Ends the flows of servers whose time to drain is over, and fails back.
    pub(super) fn end_what_has_drained(&mut self) {
        let now = SystemTime::now();
        if self.model.next_deadline().is_some_and(|due| due <= now) {
            tell(&self.model.expire(now));
            self.settle();
        }
    }

    /// Has both ends of the connections told whose real servers went out of use by the last edits of the tables.
    pub(super) fn tell_ended(&mut self) {
        let ended = self.dataplane.take_ended();
        if ended.is_empty() {
            return;
        }
        let reasons = ended
            .iter()
            .map(|(index, ended)| (*index, reason(&self.model, ended)))
            .collect();
        let unreachable = ended
            .iter()
            .filter(|(_, ended)| {
                let known = find(&self.model, ended);
                known.is_some_and(|server| matches!(server.neighbor, Neighbor::Unresolved(_)))
            })
            .map(|(index, _)| *index)
            .collect();
        let now = self.clock_now();
        self.teller.tell(Job::Ended(EndedJob {
            folder: pins::folder(&self.options.pins),
            ended,
            reasons,
            unreachable,
            pace: self.pace(),
            now,
        }));
    }

    /// Has both ends of the connections told that a sweep found idle for too long.
    pub(super) fn tell_idle(&mut self, idle: Vec<IdleFlow>) {
        if !idle.is_empty() {
            let now = self.clock_now();
            self.teller.tell(Job::Idle(idle, self.pace(), now));
        }
    }

    /// Ends the flows that somebody has chosen, and answers when both ends of all of them were told.
    pub(super) fn reset_flows(&mut self, filter: FlowFilter, reply: Reply<Told>) {
        let walk = match self.walk() {
            Ok(walk) => walk,
            // Whoever asked may have hung up; that is no error.
            Err(problem) => return drop(reply.send(Err(problem))),
        };
        let ended = ended::all_in_use(self.dataplane.tables());
        self.teller.tell(Job::Chosen {
            servers: self.living(ended, &Reason::ByHand, walk.now()),
            choice: Box::new(move |place, flow| filter.matches(&walk.connection_at(place, flow))),
            reply: Box::new(move |outcome| {
                let told = outcome.map(view::told);
                drop(reply.send(told.map_err(|error| Problem::from_error(&error))));
            }),
        });
    }

    /// Ends the connections of an instance that another director has taken over, which knows none of them (scenario 0.2).
    pub(super) fn tell_of_switchover(&mut self, instance: &str) {
        let Some(instance) = self.instance_key(instance) else {
            return;
        };
        let dead: BTreeSet<_> = self
            .model
            .services()
            .iter()
            .filter(|service| {
                service.instance == instance && service.on_switchover == Switchover::Reset
            })
            .map(|service| service.id.key())
            .collect();
        let mut ended = ended::all_in_use(self.dataplane.tables());
        ended.retain(|_, ended| dead.contains(&ended.service));
        if ended.is_empty() {
            return;
        }
        self.teller.tell(Job::Chosen {
            servers: self.living(ended, &Reason::Switchover, self.clock_now()),
            choice: Box::new(|_, _| true),
            reply: Box::new(|outcome| {
                if let Err(error) = outcome {
                    error!(%error, "the flows could not be read; their connections learn it when they speak");
                }
            }),
        });
    }

    /// Servers that live on, of which flows end for one reason.
    fn living(&self, ended: EndedServers, reason: &Reason, now: Jiffies) -> EndedJob {
        EndedJob {
            folder: pins::folder(&self.options.pins),
            reasons: ended.keys().map(|index| (*index, reason.clone())).collect(),
            ended,
            unreachable: HashSet::new(),
            pace: self.pace(),
            now,
        }
    }

    /// The flows' clock, for their ages. One that cannot be read makes them all young.
    fn clock_now(&self) -> Jiffies {
        self.read_clock().unwrap_or_default()
    }

    fn pace(&self) -> Pace {
        Pace::new(self.config.global.reset_rate.unwrap_or(DEFAULT_RATE))
    }
}

/// Waits until everybody has been told, but for no longer than a stop may take: whoever was not learns it when he speaks.
pub(super) async fn finish(teller: Teller) {
    let (done, is_done) = oneshot::channel();
    // No task of the runtime, which would wait for it in the end.
    std::thread::spawn(move || {
        teller.finish();
        done.send(())
    });
    if timeout(LONGEST_FAREWELL, is_done).await.is_err() {
        warn!(
            "not all connections could be told within {} s; the others learn it when they speak",
            LONGEST_FAREWELL.as_secs()
        );
    }
}

/// Opens the file that ended connections are recorded in, also anew: it may have been moved away.
pub(super) fn open_event_log(config: &Config) -> Result<Option<LogFile>, Problem> {
    let Some(path) = &config.global.event_log else {
        return Ok(None);
    };
    LogFile::open(path).map(Some).map_err(|error| {
        Problem::new(format!("the event log {} cannot be opened", path.display()))
            .because(error.to_string())
            .help("make its folder, or write another path after `director_event_log`")
    })
}

/// Why a real server went out of use.
fn reason(model: &Model, ended: &Ended) -> Reason {
    if service_of(model, ended).is_none() {
        return Reason::ServiceRemoved;
    }
    match find(model, ended).map(RealServer::state) {
        Some(State::Down(reason)) => Reason::CheckFailed(reason),
        Some(State::Quiesced) => Reason::WeightZero,
        Some(_) => Reason::NotNeeded,
        None => Reason::Removed,
    }
}

fn service_of<'a>(model: &'a Model, ended: &Ended) -> Option<&'a Service> {
    let mut services = model.services().iter();
    services.find(|service| service.id.key() == ended.service)
}

/// What the model knows of a server that ended.
fn find<'a>(model: &'a Model, ended: &Ended) -> Option<&'a RealServer> {
    let address = tables::server_address(&ended.server);
    let mut servers = service_of(model, ended)?.all();
    servers.find(|server| server.address == address)
}
