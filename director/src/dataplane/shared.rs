//! The memory of an array that userspace shares with the packet path. Whoever writes to it takes effect at once, without a system call.

use std::{io, num::NonZeroUsize, os::fd::AsFd as _, path::Path, ptr::NonNull};

use aya::maps::{Array, MapData, MapError};
use bytemuck::Pod;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::maps::{self, OpenMapError, Plain};

/// One entry, as it may be written by others at any time.
///
/// # Safety
///
/// The type must consist of atomic integers alone, with the layout of [`Self::Layout`].
pub(super) unsafe trait Entry: Send + Sync {
    /// The entry as `director-common` has it.
    type Layout: Pod;
    /// The map, which must have been made to be shared (`BPF_F_MMAPABLE`).
    const MAP: &'static str;
    /// Entries of the map.
    const LENGTH: usize;
}

/// All entries of a map.
pub(super) struct Shared<E: Entry> {
    memory: NonNull<E>,
}

// SAFETY: the memory is shared with the kernel and all accesses are atomic; the pointer is valid until the drop.
unsafe impl<E: Entry> Send for Shared<E> {}

impl<E: Entry> Shared<E> {
    const BYTES: usize = {
        assert!(size_of::<E>() == size_of::<E::Layout>());
        E::LENGTH * size_of::<E>()
    };

    /// Opens the map that is pinned in `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self, OpenMapError> {
        // Opened by its type first, which compares the layouts; then as it is, for its file descriptor.
        let _typed: Array<MapData, Plain<E::Layout>> = maps::open(folder, E::MAP)?;
        let map = MapData::from_pin(folder.join(E::MAP))
            .map_err(|error| OpenMapError::new(E::MAP, error))?;
        let length = NonZeroUsize::new(Self::BYTES).unwrap_or(NonZeroUsize::MIN);
        // SAFETY: a new mapping at an address of the kernel's choice. The map was made to be mapped; one that is shorter is refused.
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
            .map_err(|errno| OpenMapError::new(E::MAP, MapError::IoError(io::Error::from(errno))))
    }

    pub(super) fn entries(&self) -> &[E] {
        // SAFETY: the mapping has this many entries and lives as long as `self`; any bytes are atomic integers.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr(), E::LENGTH) }
    }
}

impl<E: Entry> Drop for Shared<E> {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nobody has a reference into it any more.
        let _unmapped = unsafe { munmap(self.memory.cast(), Self::BYTES) };
    }
}
