//! How many flows each real server has: the packet path counts, and the sweep puts its counts right.
//!
//! Both sides add by atomic operations to memory that they share, so that nothing of what happens in between is lost.

use std::{
    path::Path,
    sync::atomic::{AtomicI32, Ordering},
};

use director_common::{
    limits::{MAX_SERVERS, map},
    load::Load,
};

use super::{
    flows::FlowCount,
    maps::OpenMapError,
    shared::{Entry, Shared},
};

/// The memory of the map.
pub(super) struct Loads {
    memory: Shared<AtomicLoad>,
}

/// [`Load`], as it may be written by others at any time.
#[repr(C)]
struct AtomicLoad {
    active: AtomicI32,
    inactive: AtomicI32,
    _overloaded: AtomicI32,
    _reserved: AtomicI32,
}

// SAFETY: four integers of 32 bits, as in `Load`.
unsafe impl Entry for AtomicLoad {
    type Layout = Load;
    const MAP: &'static str = map::LOADS;
    const LENGTH: usize = MAX_SERVERS as usize;
}

/// The counts of the servers at one moment, by index.
pub(super) type Snapshot = Vec<FlowCount>;

impl Loads {
    /// Opens the map that is pinned in `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self, OpenMapError> {
        Shared::open(folder).map(|memory| Self { memory })
    }

    /// The counts as they are now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let count = |count: &AtomicI32| i64::from(count.load(Ordering::Relaxed));
        self.memory
            .entries()
            .iter()
            .map(|load| FlowCount {
                active: count(&load.active),
                inactive: count(&load.inactive),
            })
            .collect()
    }

    /// Puts the counts right after the flows were counted one by one between two snapshots.
    ///
    /// What began or ended meanwhile may or may not have been counted: the middle between the two is compared with the count, so
    /// that an error has no side to grow to. While nothing begins or ends the result is exact.
    pub(super) fn correct(&self, before: &Snapshot, after: &Snapshot, counted: &Snapshot) {
        let places = self
            .memory
            .entries()
            .iter()
            .zip(before)
            .zip(after)
            .zip(counted);
        for (((load, before), after), counted) in places {
            let error = |counted: i64, before: i64, after: i64| {
                i32::try_from(counted - (before + after) / 2).unwrap_or(0)
            };
            add(
                &load.active,
                error(counted.active, before.active, after.active),
            );
            add(
                &load.inactive,
                error(counted.inactive, before.inactive, after.inactive),
            );
        }
    }
}

fn add(count: &AtomicI32, difference: i32) {
    if difference != 0 {
        count.fetch_add(difference, Ordering::Relaxed);
    }
}
