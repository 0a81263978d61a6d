//! The thread that speaks VRRP. It does nothing else: no file, no name lookup, no child, no log.
//!
//! ```text
//!   daemon -- Command --> thread: Router <--> Sockets
//!          <-- Said ----               `--> Leases
//! ```
//!
//! It is woken by packets, by commands and by the next deadline. A packet that waits is heard before a Master is taken for gone,
//! since after a standstill of this host its silence may be our own deafness. A flood is taken in pieces, so that advertisements
//! leave in time.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::AsFd as _,
    sync::{Arc, mpsc as commands},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        eventfd::{EfdFlags, EventFd},
        time::TimeSpec,
    },
};
use tokio::sync::{mpsc, oneshot};

use super::{
    Effect, Family, LeaseEffect, News, Notice, Profile, Router, Status, Tracker, Verdict,
    real_time,
    router::InstanceReport,
    sockets::{Drained, Place, Sockets},
};
use crate::dataplane::{LeaseError, Leases};

/// Packets of each socket that are heard before deadlines are looked at again.
const PACKETS_A_TURN: usize = 128;
/// Turns that a Backup hears before it takes the Master for gone, whatever still waits.
const MOST_TURNS: usize = 64;

/// An instance, and where it is on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its settings.
    pub profile: Profile,
    /// MAC address that its advertisements come from.
    pub mac: [u8; 6],
    /// Frames that tell the link where its addresses are: sent the moment that it becomes Master, whatever the daemon is doing.
    pub announcements: Vec<Vec<u8>>,
    /// Index of its lease.
    pub lease: Option<u32>,
}

/// What the daemon wants.
#[derive(Debug)]
pub enum Command {
    /// These instances, and no others.
    Configure {
        /// In the order of the configuration.
        instances: Vec<Placed>,
        /// Those of the new ones that go on as Master, see [`super::Event::Resume`].
        resumable: BTreeSet<Arc<str>>,
    },
    /// Something tracked is like this now.
    Track(Tracker, Status),
    /// What the witnesses of an instance said.
    Witnesses(Arc<str>, Verdict),
    /// Tell what everything is.
    Report(oneshot::Sender<Vec<InstanceReport>>),
    /// Leave all elections. [`Said::Left`] comes when nobody is waited for any more.
    Leave,
    /// End all instances, and the thread.
    Stop,
}

/// What the thread has to say.
#[derive(Debug)]
pub enum Said {
    /// Of an instance.
    Notice(Notice),
    /// The witnesses of this instance must be asked.
    AskWitnesses(Arc<str>),
    /// Every instance that was Master has a successor, or will have none: its addresses can go.
    Left,
    /// Something that should be so is not: no real-time priority, a socket that could not be opened.
    Trouble(Trouble),
}

/// What the thread has to do without.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Others' work may come first.
    #[error(
        "the thread that sends advertisements has no real-time priority: they may leave late on a busy host; run as root, or with CAP_SYS_NICE"
    )]
    Priority(#[source] io::Error),
    /// It may have to wait for a disk.
    #[error(
        "the memory of this process may be swapped out, and advertisements leave late then; run as root, or with CAP_IPC_LOCK"
    )]
    Memory(#[source] io::Error),
    /// No advertisement is heard or sent there.
    #[error("no socket for VRRP on interface {ifindex}: no advertisement is heard or sent there")]
    Socket {
        /// The interface.
        ifindex: u32,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The packet path could not be told that it may forward.
    #[error("the lease of instance {instance} could not be written")]
    Lease {
        /// Which one.
        instance: Arc<str>,
        /// Why.
        #[source]
        error: LeaseError,
    },
}

/// The daemon's end. The thread ends when it is told to, or when this is dropped: as a crash would end it.
#[derive(Debug)]
pub struct Speaker {
    remote: Remote,
    thread: Option<JoinHandle<()>>,
}

/// By which the thread is told what is wanted, from anywhere.
#[derive(Clone, Debug)]
pub struct Remote {
    commands: commands::Sender<Command>,
    wake: Arc<EventFd>,
}

impl Remote {
    /// Tells the thread what is wanted. It never waits.
    pub fn command(&self, command: Command) {
        // Without the thread nothing is MASTER any more, and the leases end: there is nobody to tell.
        if self.commands.send(command).is_ok() {
            let _is_awake_already = self.wake.write(1);
        }
    }
}

impl Speaker {
    /// Starts the thread, in the network namespace of the caller. `priority` 0: an ordinary thread.
    ///
    /// # Errors
    ///
    /// There can be no more threads.
    pub fn start(
        leases: Leases,
        priority: u8,
    ) -> io::Result<(Self, mpsc::UnboundedReceiver<Said>)> {
        let (to_thread, from_daemon) = commands::channel();
        // Unbounded, as no change of role may get lost; what others' packets can cause is told at most once a minute.
        let (to_daemon, from_thread) = mpsc::unbounded_channel();
        let wake = Arc::new(EventFd::from_flags(
            EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC,
        )?);
        let worker = Worker {
            router: Router::default(),
            sockets: Sockets::default(),
            leases,
            places: BTreeMap::new(),
            commands: from_daemon,
            wake: Arc::clone(&wake),
            said: to_daemon,
            leaving: Leaving::No,
        };
        let thread = thread::Builder::new()
            .name("vrrp".to_owned())
            .spawn(move || worker.run(priority))?;
        let speaker = Self {
            remote: Remote {
                commands: to_thread,
                wake,
            },
            thread: Some(thread),
        };
        Ok((speaker, from_thread))
    }

    /// Tells the thread what is wanted. It never waits.
    pub fn command(&self, command: Command) {
        self.remote.command(command);
    }

    /// For those who have something to tell the thread later.
    #[must_use]
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Asks what everything is. The answer does not come if the thread is gone.
    #[must_use]
    pub fn report(&self) -> oneshot::Receiver<Vec<InstanceReport>> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Report(reply));
        answer
    }

    /// Ends all instances, and their leases.
    pub async fn stop(&mut self) {
        self.command(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // It is over in a moment; a panic of it has been told on its way.
            let _panicked = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

struct Worker {
    router: Router,
    sockets: Sockets,
    leases: Leases,
    places: BTreeMap<Arc<str>, Placed>,
    commands: commands::Receiver<Command>,
    wake: Arc<EventFd>,
    said: mpsc::UnboundedSender<Said>,
    leaving: Leaving,
}

/// Whether all elections are to be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// Not all Masters have handed over.
    Begun,
    Told,
}

/// Whether the thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Over,
}

impl Worker {
    fn run(mut self, priority: u8) {
        if let Err(error) = real_time::lock_memory() {
            self.say(Said::Trouble(Trouble::Memory(error)));
        }
        if priority > 0
            && let Err(error) = real_time::raise(priority)
        {
            self.say(Said::Trouble(Trouble::Priority(error)));
        }
        loop {
            self.wait();
            if self.obey() == Flow::Over {
                return;
            }
            self.hear();
            let effects = self.router.act(Instant::now());
            self.perform(effects);
            if self.leaving == Leaving::Begun && self.router.has_left() {
                self.leaving = Leaving::Told;
                self.say(Said::Left);
            }
        }
    }

    /// Until something comes, or is due.
    fn wait(&self) {
        let mut fds: Vec<_> = std::iter::once(self.wake.as_fd())
            .chain(self.sockets.fds())
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let left = self
            .router
            .next_deadline()
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // What woke it is found out by looking everywhere; an interrupted wait is as good as one that is over.
        let _woken = ppoll(&mut fds, left.map(TimeSpec::from_duration), None);
        let _was_not_set = self.wake.read();
    }

    fn obey(&mut self) -> Flow {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Stop) => {
                    let effects = self.router.stop(Instant::now());
                    self.perform(effects);
                    return Flow::Over;
                }
                Ok(command) => self.obey_one(command),
                Err(commands::TryRecvError::Empty) => return Flow::On,
                Err(commands::TryRecvError::Disconnected) => return Flow::Over,
            }
        }
    }

    fn obey_one(&mut self, command: Command) {
        let now = Instant::now();
        let effects = match command {
            Command::Configure {
                instances,
                resumable,
            } => self.configure(now, instances, &resumable),
            Command::Track(tracker, status) => self.router.track(now, &tracker, status),
            Command::Witnesses(instance, verdict) => {
                self.router.hear_witnesses(now, &instance, verdict)
            }
            Command::Report(reply) => {
                // Whoever asked may have hung up.
                let _hung_up = reply.send(self.router.report(now));
                Vec::new()
            }
            Command::Leave => {
                self.leaving = Leaving::Begun;
                self.router.leave(now)
            }
            Command::Stop => Vec::new(),
        };
        self.perform(effects);
    }

    fn configure(
        &mut self,
        now: Instant,
        instances: Vec<Placed>,
        resumable: &BTreeSet<Arc<str>>,
    ) -> Vec<Effect> {
        let profiles: Vec<_> = instances
            .iter()
            .map(|placed| placed.profile.clone())
            .collect();
        let places: Vec<Place> = profiles
            .iter()
            .map(|profile| (profile.key.ifindex, profile.key.family))
            .filter(|(ifindex, _)| *ifindex != 0)
            .collect();
        let unicast: Vec<Family> = profiles
            .iter()
            .filter(|profile| matches!(profile.delivery, super::Delivery::Unicast { .. }))
            .map(|profile| profile.key.family)
            .collect();
        // Instances that go must say so while their sockets and leases are still there.
        let staying = |profile: &Profile| profiles.iter().any(|new| new.goes_on_as(profile));
        let stay: Vec<_> = self
            .places
            .values()
            .map(|placed| placed.profile.clone())
            .filter(staying)
            .collect();
        let effects = self.router.configure(now, stay, &BTreeSet::new());
        self.perform(effects);
        self.places = instances
            .into_iter()
            .map(|placed| (Arc::clone(&placed.profile.name), placed))
            .collect();
        for ((ifindex, _), error) in self.sockets.settle(&places, &unicast) {
            self.say(Said::Trouble(Trouble::Socket { ifindex, error }));
        }
        self.router.configure(now, profiles, resumable)
    }

    fn hear(&mut self) {
        for _ in 0..MOST_TURNS {
            let mut heard = Vec::new();
            let router = &mut self.router;
            let drained = self.sockets.drain(PACKETS_A_TURN, |ifindex, packet| {
                heard.extend(router.hear(Instant::now(), ifindex, packet));
            });
            self.perform(heard);
            if drained == Drained::All || !self.router.is_about_to_take_over(Instant::now()) {
                return;
            }
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Transmit {
                    instance,
                    messages,
                    lease,
                } => {
                    let before = Instant::now();
                    let mut has_left = false;
                    for (endpoints, message) in &messages {
                        match self.send(&instance, *endpoints, message) {
                            Ok(()) => has_left = true,
                            Err(error) => self.unsent(&instance, &error),
                        }
                    }
                    // Others count from when they hear it, and that is later.
                    if let (true, LeaseEffect::Renew(length)) = (has_left, lease) {
                        self.hold(&instance, length.saturating_sub(before.elapsed()));
                    }
                }
                Effect::EndLease { instance } => self.end(&instance),
                Effect::AskWitnesses { instance } => self.say(Said::AskWitnesses(instance)),
                Effect::Tell(notice) => {
                    if notice.news == News::AnnounceAddresses {
                        self.announce(&notice.instance);
                    }
                    self.say(Said::Notice(notice));
                }
            }
        }
    }

    fn send(&self, instance: &str, endpoints: super::Endpoints, message: &[u8]) -> io::Result<()> {
        let Some(placed) = self.places.get(instance) else {
            return Ok(());
        };
        let Profile {
            key, unicast_ttl, ..
        } = &placed.profile;
        self.sockets
            .send(key.ifindex, placed.mac, endpoints, *unicast_ttl, message)
    }

    /// The first of several announcements. That it left is nobody's condition for anything; the daemon's own ones say if none can.
    fn announce(&self, instance: &str) {
        if let Some(placed) = self.places.get(instance) {
            let key = placed.profile.key;
            for frame in &placed.announcements {
                let _next_ones_follow = self.sockets.send_frame((key.ifindex, key.family), frame);
            }
        }
    }

    fn unsent(&mut self, instance: &str, error: &io::Error) {
        // Its interface's fault is told when netlink tells it.
        if error.kind() == io::ErrorKind::NetworkDown {
            return;
        }
        let effects = self
            .router
            .take_unsent(Instant::now(), instance, error.to_string());
        self.perform(effects);
    }

    fn hold(&self, instance: &Arc<str>, length: Duration) {
        if let Some(index) = self.lease_of(instance)
            && let Err(error) = self.leases.hold(index, length)
        {
            self.say(Said::Trouble(Trouble::Lease {
                instance: Arc::clone(instance),
                error,
            }));
        }
    }

    fn end(&self, instance: &Arc<str>) {
        if let Some(index) = self.lease_of(instance) {
            self.leases.end(index);
        }
    }

    fn lease_of(&self, instance: &str) -> Option<u32> {
        self.places.get(instance)?.lease
    }

    fn say(&self, said: Said) {
        // A daemon that is gone needs to know nothing.
        let _gone = self.said.send(said);
    }
}
