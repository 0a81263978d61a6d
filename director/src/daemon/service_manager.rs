//! What the service manager is told: that the daemon is up, what it is doing, and that its owner lives. sd_notify(3), systemd.service(5).
//!
//! The owner says it, a thread of its own sends it: a manager that does not read for hours, as a systemd that has frozen, must not
//! keep the owner waiting. Without `NOTIFY_SOCKET` in the environment there is no thread, and nothing is said.

use std::{
    env, fmt, future, io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use sd_notify::NotifyState;
use tokio::time::Interval;
use tracing::warn;

use super::{Daemon, ticks};
use crate::{
    api::response::{Problem, Reloaded},
    vrrp::Role,
};

/// Where systemd listens.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";
/// So much waits for a manager that is slow. What comes then is lost: it is of no use to a manager that has not read the rest.
const QUEUE_DEPTH: usize = 64;
/// No pulse is quicker, whatever the environment says.
const SHORTEST_PULSE: Duration = Duration::from_millis(10);

/// The service manager that has started this daemon, if one has.
#[derive(Debug)]
pub(super) struct ServiceManager {
    line: Option<SyncSender<Message>>,
    pulse: Option<Interval>,
    /// The sentence that it has now.
    status: String,
}

/// What is said at once.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    /// The daemon is up, or has read its configuration again, and does this.
    Ready(String),
    Reloading,
    Status(String),
    /// The owner lives.
    Alive,
    Stopping,
}

impl ServiceManager {
    /// The one that the environment names. Must be called within a tokio runtime.
    pub(super) fn of_environment() -> Self {
        let line = env::var_os(SOCKET_VARIABLE).and_then(|_| match start() {
            Ok(line) => Some(line),
            Err(error) => {
                warn!(%error, "the service manager cannot be told anything: no thread for it");
                None
            }
        });
        Self::over(line, sd_notify::watchdog_enabled())
    }

    /// `watchdog`: the manager ends a daemon that is silent for so long.
    fn over(line: Option<SyncSender<Message>>, watchdog: Option<Duration>) -> Self {
        let period = line.as_ref().and(watchdog).and_then(pulse);
        Self {
            line,
            pulse: period.map(ticks),
            status: String::new(),
        }
    }

    /// Waits until the owner shall show that it lives; for ever where nobody watches. May be dropped and called again.
    pub(super) async fn pulse_due(&mut self) {
        match &mut self.pulse {
            Some(pulse) => drop(pulse.tick().await),
            None => future::pending().await,
        }
    }

    /// The owner lives. Nobody else may say so.
    pub(super) fn tell_alive(&self) {
        self.tell(Message::Alive);
    }

    /// The daemon ends in order.
    pub(super) fn tell_stopping(&self) {
        self.tell(Message::Stopping);
    }

    fn tell_status(&mut self, status: String) {
        if status != self.status {
            self.status.clone_from(&status);
            self.tell(Message::Status(status));
        }
    }

    fn tell_ready(&mut self, status: String) {
        self.status.clone_from(&status);
        self.tell(Message::Ready(status));
    }

    fn tell(&self, message: Message) {
        if let Some(line) = &self.line {
            // Full: see the queue's depth. The thread that reads it does not end.
            let _full = line.try_send(message);
        }
    }
}

impl Daemon {
    /// Everything is up, and what each instance is.
    pub(super) fn tell_ready(&mut self) {
        let status = self.roles();
        self.service_manager.tell_ready(status);
    }

    /// What each instance is, if that is another thing than was told.
    pub(super) fn tell_roles(&mut self) {
        if self.service_manager.line.is_some() {
            let status = self.roles();
            self.service_manager.tell_status(status);
        }
    }

    /// Reads the configuration again. The manager knows when that begins, and that it is over before anybody who asked for it knows.
    ///
    /// # Errors
    ///
    /// As [`Daemon::reload`]: everything goes on as it was, and the manager is told so.
    pub(super) async fn reload_and_tell(&mut self) -> Result<Reloaded, Problem> {
        self.service_manager.tell(Message::Reloading);
        let reloaded = self.reload().await;
        self.tell_ready();
        reloaded
    }

    fn roles(&self) -> String {
        let names = self.config.vrrp_instances.iter();
        sentence(names.map(|instance| {
            let standing = self.elections.standing(&instance.name);
            let role = standing.map_or(Role::Initialize, |standing| standing.role);
            (instance.name.as_str(), role)
        }))
    }
}

/// `VI_1 MASTER, VI_2 BACKUP`: a line of `systemctl status`.
fn sentence<'name>(roles: impl IntoIterator<Item = (&'name str, Role)>) -> String {
    let roles = roles
        .into_iter()
        .map(|(name, role)| format!("{name} {role}"));
    let roles: Vec<_> = roles.collect();
    match roles.as_slice() {
        [] => "no VRRP instance".to_owned(),
        roles => roles.join(", "),
    }
}

/// Twice in the time that the manager waits at most, as sd_watchdog_enabled(3) recommends. Zero means that nobody watches.
fn pulse(watchdog: Duration) -> Option<Duration> {
    (!watchdog.is_zero()).then(|| (watchdog / 2).max(SHORTEST_PULSE))
}

fn start() -> io::Result<SyncSender<Message>> {
    let (line, messages) = sync_channel(QUEUE_DEPTH);
    thread::Builder::new()
        .name("service-manager".to_owned())
        .spawn(move || send_all(&messages))?;
    Ok(line)
}

/// Sends what there is to send until the daemon ends. A manager that cannot be reached is worth one line, not one for each message.
fn send_all(messages: &Receiver<Message>) {
    let mut is_heard = true;
    for message in messages {
        match send(&message) {
            Ok(()) => is_heard = true,
            Err(error) if is_heard => {
                is_heard = false;
                warn!(%error, "the service manager cannot be told \"{message}\"; {SOCKET_VARIABLE} names a socket that does not take it");
            }
            Err(_said_already) => {}
        }
    }
}

fn send(message: &Message) -> io::Result<()> {
    match message {
        Message::Ready(status) => {
            sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)])
        }
        // The two must come together: systemd 253 ends a service that says one without the other.
        Message::Reloading => sd_notify::notify(&[
            NotifyState::Reloading,
            NotifyState::monotonic_usec_now()?,
            NotifyState::Status("reading the configuration again"),
        ]),
        Message::Status(status) => sd_notify::notify(&[NotifyState::Status(status)]),
        Message::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
        Message::Stopping => sd_notify::notify(&[
            NotifyState::Stopping,
            NotifyState::Status("giving the virtual IPs up"),
        ]),
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready(_) => "ready",
            Self::Reloading => "reloading",
            Self::Status(_) => "status",
            Self::Alive => "alive",
            Self::Stopping => "stopping",
        })
    }
}

#[cfg(test)]
mod tests;
