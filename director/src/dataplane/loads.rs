//! How many flows each real server has: the packet path counts, and the sweep puts its counts right.
//!
//! Both sides add by atomic operations to memory that they share, so that nothing of what happens in between is lost.

use std::{
    io,
    num::NonZeroUsize,
    os::fd::AsFd as _,
    path::Path,
    ptr::NonNull,
    sync::atomic::{AtomicI32, Ordering},
};

use aya::maps::{Array, MapData, MapError};
use director_common::{
    limits::{MAX_SERVERS, map},
    load::Load,
};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::{
    flows::FlowCount,
    maps::{self, OpenMapError, Plain},
};

/// The memory of the map.
pub(super) struct Loads {
    memory: NonNull<AtomicLoad>,
}

/// [`Load`], as it may be written by others at any time.
#[repr(C)]
struct AtomicLoad {
    active: AtomicI32,
    inactive: AtomicI32,
    _overloaded: u32,
    _reserved: u32,
}

const _: () = assert!(size_of::<AtomicLoad>() == size_of::<Load>());
const LENGTH: usize = MAX_SERVERS as usize * size_of::<Load>();

// SAFETY: the memory is shared with the kernel and all accesses are atomic; the pointer is valid until the drop.
unsafe impl Send for Loads {}

/// The counts of the servers at one moment, by index.
pub(super) type Snapshot = Vec<FlowCount>;

impl Loads {
    /// Opens the map that is pinned in `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self, OpenMapError> {
        // Opened by its type first, which compares the layouts; then as it is, for its file descriptor.
        let _typed: Array<MapData, Plain<Load>> = maps::open(folder, map::LOADS)?;
        let map = MapData::from_pin(folder.join(map::LOADS))
            .map_err(|error| OpenMapError::new(map::LOADS, error))?;
        let length = NonZeroUsize::new(LENGTH).unwrap_or(NonZeroUsize::MIN);
        // SAFETY: a new mapping at an address of the kernel's choice. The map was made to be mapped, with this length.
        let memory = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                map.fd().as_fd(),
                0,
            )
        };
        memory
            .map(|memory| Self {
                memory: memory.cast(),
            })
            .map_err(|errno| {
                OpenMapError::new(map::LOADS, MapError::IoError(io::Error::from(errno)))
            })
    }

    fn all(&self) -> &[AtomicLoad] {
        // SAFETY: the mapping has this many entries and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr(), MAX_SERVERS as usize) }
    }

    /// The counts as they are now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let count = |count: &AtomicI32| i64::from(count.load(Ordering::Relaxed));
        self.all()
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
        let places = self.all().iter().zip(before).zip(after).zip(counted);
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

impl Drop for Loads {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nobody has a reference into it any more.
        let _unmapped = unsafe { munmap(self.memory.cast(), LENGTH) };
    }
}
