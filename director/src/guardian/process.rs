//! The guardian itself: `director guard`, started by the daemon.

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
    os::fd::AsFd as _,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        signal::{SigSet, SigmaskHow, Signal, sigprocmask},
        time::TimeSpec,
    },
};

use super::{
    charge::{Charge, Ward},
    watch::{Step, Watch},
};
use crate::{
    api::response::Problem,
    dataplane::{Leases, NoClock, leases, pins},
    host::Host,
    vrrp::{Endpoints, Family, real_time, sockets::Sockets},
};

/// After a daemon that hangs has lost an instance, it is looked for its return so often.
const LOOK_AFTER: Duration = Duration::from_millis(10);
/// To ask who has the lock takes a while, as the kernel waits until nobody changes any lock (`locks_start` in fs/locks.c): 12 ms. That
/// must be over when an instance is to be given up.
const ASKING: Duration = Duration::from_millis(20);
/// How soon another daemon is noticed. To get ready takes it longer.
const ASK_AFTER: Duration = Duration::from_millis(50);

/// Watches until the daemon ends and nothing is left to do, or another daemon is there.
///
/// # Errors
///
/// The leases of these pins cannot be opened, or there is no netlink socket: nothing is watched.
pub fn run(pins: &Path) -> Result<(), Problem> {
    let leases = Leases::open(pins).map_err(|error| Problem::from_error(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::from_error(&error))?;
    let host = {
        let _context = runtime.enter();
        Host::connect().map_err(|error| Problem::from_error(&error))?
    };
    ignore_signals();
    // It must be in time when the host is busy, as the thread that it stands in for is. The daemon has said what is missing.
    let _needs_privileges = real_time::raise(real_time::DEFAULT_PRIORITY);
    let _needs_privileges = real_time::lock_memory();
    let mut guardian = Process {
        charge: Charge::default(),
        watches: BTreeMap::new(),
        sockets: Sockets::default(),
        line: Vec::new(),
        daemon: Daemon::Alive,
        has_successor: false,
        ward_of: std::os::unix::process::parent_id(),
    };
    loop {
        let pause = guardian.look(&leases, |held| {
            let removed = runtime.block_on(host.remove_address(
                held.ifindex,
                held.address,
                held.prefix_length,
            ));
            if let Err(error) = removed {
                tell(&Problem::from_error(&error).to_string());
            }
        });
        match guardian.daemon {
            Daemon::Alive => {
                guardian.listen(pause);
                if guardian.daemon == Daemon::Gone {
                    guardian.look_for_successor(pins);
                }
            }
            Daemon::Gone if guardian.has_nothing_to_do(&leases) => return Ok(()),
            Daemon::Gone if pause > ASKING => {
                let due = Instant::now() + pause;
                guardian.look_for_successor(pins);
                let left = due.saturating_duration_since(Instant::now());
                std::thread::sleep(left.min(ASK_AFTER));
            }
            Daemon::Gone => std::thread::sleep(pause),
        }
    }
}

struct Process {
    charge: Charge,
    /// By the index of the lease.
    watches: BTreeMap<u32, Watch>,
    sockets: Sockets,
    /// What has come of the next line.
    line: Vec<u8>,
    daemon: Daemon,
    /// Whether another daemon has come after it. As long as it lives none can.
    has_successor: bool,
    /// Its process.
    ward_of: u32,
}

/// Whether the daemon's end of the pipe is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Daemon {
    Alive,
    Gone,
}

impl Process {
    /// Does what is due, and says when to look again.
    fn look(&mut self, leases: &Leases<NoClock>, mut remove: impl FnMut(&super::Held)) -> Duration {
        let mut pause = Duration::from_secs(1);
        for ward in &self.charge.wards {
            let until = leases.read(ward.lease).until_monotonic_ns;
            let watch = self.watches.entry(ward.lease).or_default();
            match watch.look(leases::monotonic_ns(), until, ward.margin) {
                Step::Idle(length) | Step::Wait(length) => pause = pause.min(length),
                // A daemon that is back, and not yet as far as to renew it, decides for itself.
                Step::GiveUp if self.has_successor => pause = LOOK_AFTER,
                Step::GiveUp => {
                    give_up(ward, leases, &self.sockets, &mut remove);
                    pause = LOOK_AFTER;
                }
            }
        }
        pause
    }

    /// The kernel takes a while to end a process: the lock may be that of the dead one.
    fn look_for_successor(&mut self, pins: &Path) {
        self.has_successor = pins::lock_holder(pins).is_some_and(|holder| holder != self.ward_of);
    }

    /// Once the daemon is gone: whether all is given up, or another daemon has it.
    fn has_nothing_to_do(&self, leases: &Leases<NoClock>) -> bool {
        let is_held = |ward: &Ward| leases.read(ward.lease).until_monotonic_ns != 0;
        self.has_successor || !self.charge.wards.iter().any(is_held)
    }

    /// Takes what the daemon says, for so long at most.
    fn listen(&mut self, pause: Duration) {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut fds, Some(TimeSpec::from_duration(pause)), None) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut buffer = [0; 16 * 1024];
        match stdin.lock().read(&mut buffer) {
            Ok(0) | Err(_) => self.daemon = Daemon::Gone,
            Ok(length) => {
                self.line
                    .extend_from_slice(buffer.get(..length).unwrap_or_default());
                self.take_lines();
            }
        }
    }

    fn take_lines(&mut self) {
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(charge) => self.take(charge),
                Err(error) => tell(&format!("the daemon said what is no charge: {error}")),
            }
        }
    }

    fn take(&mut self, charge: Charge) {
        let family = |ward: &Ward| ward.release.first().map(|one| Family::of(one.source));
        let places: Vec<_> = charge
            .wards
            .iter()
            .filter_map(|ward| Some((ward.ifindex, family(ward)?)))
            .collect();
        let unicast: Vec<_> = charge
            .wards
            .iter()
            .flat_map(|ward| &ward.release)
            .filter(|release| !release.destination.is_multicast())
            .map(|release| Family::of(release.destination))
            .collect();
        // The daemon has the same sockets, and has said what is wrong with them.
        let _told_by_the_daemon = self.sockets.settle(&places, &unicast);
        let is_watched = |lease: u32| charge.wards.iter().any(|ward| ward.lease == lease);
        self.watches.retain(|lease, _| is_watched(*lease));
        self.charge = charge;
    }
}

/// First the forwarding ends, then the addresses go, then the others are told: never are two of them Master.
fn give_up(
    ward: &Ward,
    leases: &Leases<NoClock>,
    sockets: &Sockets,
    remove: &mut impl FnMut(&super::Held),
) {
    leases.end(ward.lease);
    ward.addresses.iter().for_each(&mut *remove);
    for release in &ward.release {
        let Some(endpoints) = Endpoints::new(release.source, release.destination) else {
            continue;
        };
        if let Err(error) = sockets.send(
            ward.ifindex,
            ward.mac,
            endpoints,
            ward.unicast_ttl,
            &release.message,
        ) {
            tell(&format!(
                "{} could not say that it leaves: {error}",
                ward.name
            ));
        }
    }
    tell(&format!(
        "the daemon does not renew the lease of {}: its addresses are removed, and the other directors told",
        ward.name
    ));
}

/// Whoever ends the daemon's group of processes means the daemon; this one ends by itself after it.
fn ignore_signals() {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    // Without it the guardian dies with the daemon: no worse than without a guardian.
    let _blocked = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), None);
}

/// To where the daemon's log goes. A reader that is gone is no reason to stop.
fn tell(sentence: &str) {
    use io::Write as _;
    let _gone = writeln!(io::stderr(), "guardian: {sentence}");
}
