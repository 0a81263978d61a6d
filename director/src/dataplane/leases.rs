//! Who may forward, and until when. A lease that nobody holds anew ends by itself.
//!
//! The packet path reads a lease's end from memory that is shared with whoever has a handle here, so that to hold and to end one
//! takes effect at once. A handle is independent of the [`DataPlane`](super::DataPlane): it may go to a thread of its own.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use director_common::{
    clock::Reading,
    instance::Lease,
    limits::{MAX_INSTANCES, map},
};
use nix::time::ClockId;

use super::{
    clock::Clock,
    load::LoadError,
    maps::OpenMapError,
    pins,
    shared::{Entry, Shared},
};

/// A handle of the leases of all VRRP instances. With a [`Clock`] it can hold them; without one ([`NoClock`]) it can end and read
/// them.
pub struct Leases<C = Clock> {
    memory: Shared<AtomicLease>,
    clock: C,
}

/// No jiffies are read, so no lease can be given an end that lies ahead.
#[derive(Clone, Copy, Debug)]
pub struct NoClock;

/// A lease could not be held.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Index 0 means *not set*, and the table has no more than 255 others.
    #[error("no VRRP instance has the index {0}; the tables know them from 1 on")]
    NoSuchIndex(u32),
    /// The clock that leases end by was not to be read. The lease is what it was, and ends when that says.
    #[error("reading the clock that leases end by")]
    Clock(#[source] LoadError),
}

/// [`Lease`], as it may be written by others at any time.
#[repr(C)]
struct AtomicLease {
    until: AtomicU64,
    until_monotonic_ns: AtomicU64,
}

// SAFETY: two integers of 64 bits, as in `Lease`.
unsafe impl Entry for AtomicLease {
    type Layout = Lease;
    const MAP: &'static str = map::LEASES;
    const LENGTH: usize = MAX_INSTANCES as usize;
}

impl Leases<NoClock> {
    /// Opens the leases below the pin folder `pins`, without the lock of a director: for another process, which ends and reads
    /// them.
    ///
    /// # Errors
    ///
    /// [`OpenMapError`]: nothing of this version is pinned there, or the caller may not open it.
    pub fn open(pins: &Path) -> Result<Self, OpenMapError> {
        Self::in_folder(&pins::folder(pins))
    }

    /// The same in the folder of this version.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, OpenMapError> {
        Ok(Self {
            memory: Shared::open(folder)?,
            clock: NoClock,
        })
    }
}

impl Leases {
    pub(super) fn with_clock(folder: &Path, clock: Clock) -> Result<Self, OpenMapError> {
        Ok(Self {
            memory: Shared::open(folder)?,
            clock,
        })
    }

    /// Lets an instance forward from now on for this long, whatever its lease was before. The length is rounded down to whole
    /// jiffies, and to one jiffy at least; the jiffy that runs is part of it.
    ///
    /// It takes one system call, some microseconds in all (1 in a row, 20 with cold caches). The kernel allocates a page for as long as that
    /// lasts; nothing else in it waits.
    ///
    /// # Errors
    ///
    /// [`LeaseError`]: the lease stays as it is.
    pub fn hold(&self, index: u32, length: Duration) -> Result<Lease, LeaseError> {
        let entry = self.entry(index).ok_or(LeaseError::NoSuchIndex(index))?;
        let now = self.clock.read().map_err(LeaseError::Clock)?;
        let lease = lease_from(now, self.clock.per_second(), length);
        entry.put(lease);
        Ok(lease)
    }

    /// Lets an instance forward until its lease is ended or held anew, also when this process is gone.
    ///
    /// # Errors
    ///
    /// [`LeaseError::NoSuchIndex`].
    pub fn hold_for_ever(&self, index: u32) -> Result<(), LeaseError> {
        let entry = self.entry(index).ok_or(LeaseError::NoSuchIndex(index))?;
        entry.put(Lease::FOREVER);
        Ok(())
    }
}

impl<C> Leases<C> {
    /// Ends the lease of an instance: from this moment on its packets go to the kernel. An index that no instance can have holds
    /// none.
    pub fn end(&self, index: u32) {
        self.put(index, Lease::NONE);
    }

    /// The lease of an instance. Of one that is written in this instant the two ends may be of different writes.
    #[must_use]
    pub fn read(&self, index: u32) -> Lease {
        self.entry(index).map_or(Lease::NONE, |entry| Lease {
            until: entry.until.load(Ordering::SeqCst),
            until_monotonic_ns: entry.until_monotonic_ns.load(Ordering::SeqCst),
        })
    }

    /// Whether the lease of an instance has not ended yet, by the clock that userspace has.
    #[must_use]
    pub fn is_held(&self, index: u32) -> bool {
        self.read(index).until_monotonic_ns > monotonic_ns()
    }

    /// Writes a lease. An index that no instance can have is left alone.
    pub(super) fn put(&self, index: u32, lease: Lease) {
        if let Some(entry) = self.entry(index) {
            entry.put(lease);
        }
    }

    /// Index 0 means *not set*.
    fn entry(&self, index: u32) -> Option<&AtomicLease> {
        let index = usize::try_from(index).ok().filter(|index| *index > 0)?;
        self.memory.entries().get(index)
    }
}

impl AtomicLease {
    /// Writes both ends.
    ///
    /// Where one process holds a lease while another one ends it, the order sees to it that userspace never takes a lease for
    /// ended that the packet path forwards by.
    fn put(&self, lease: Lease) {
        if lease == Lease::NONE {
            self.until_monotonic_ns.store(0, Ordering::SeqCst);
            self.until.store(0, Ordering::SeqCst);
        } else {
            self.until.store(lease.until, Ordering::SeqCst);
            self.until_monotonic_ns
                .store(lease.until_monotonic_ns, Ordering::SeqCst);
        }
    }
}

/// A lease of this length, from a moment on.
///
/// A part of the jiffy that runs has passed already, so the lease ends up to one jiffy before its length is over, and never after it.
/// Only one that is shorter than a jiffy may last longer: until the next jiffy begins. A machine that is late in counting jiffies ends
/// leases late by as much; Linux notices after five of them (since 5.18).
fn lease_from(now: Reading, jiffies_per_second: u32, length: Duration) -> Lease {
    const NANOSECONDS: u128 = 1_000_000_000;
    let per_second = u128::from(jiffies_per_second.max(1));
    let jiffies = (length.as_nanos() * per_second / NANOSECONDS).max(1);
    let nanoseconds = jiffies * NANOSECONDS / per_second;
    let after = |now: u64, passed: u128| now.saturating_add(saturated(passed));
    Lease {
        until: after(now.jiffies, jiffies),
        until_monotonic_ns: after(now.monotonic_ns, nanoseconds),
    }
}

fn saturated(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// `CLOCK_MONOTONIC` now, nanoseconds. Were it not to be read, every lease would be taken for one that has not ended.
pub(crate) fn monotonic_ns() -> u64 {
    ClockId::CLOCK_MONOTONIC
        .now()
        .map_or(0, |now| saturated(Duration::from(now).as_nanos()))
}

#[cfg(test)]
mod tests;
