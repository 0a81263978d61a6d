//! What aya does not have of hash maps: reading in batches (`BPF_MAP_LOOKUP_BATCH`, Linux 5.6), and taking an entry out with its
//! value (`BPF_MAP_LOOKUP_AND_DELETE_ELEM`, for hash maps since Linux 5.14).
//!
//! A walk key by key begins anew whenever the key it stands on is removed under it. A batch walks bucket by bucket: it
//! sees every entry that is there all the time exactly once.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::maps::MapData;
use bytemuck::Pod;

/// `BPF_MAP_LOOKUP_AND_DELETE_ELEM` of `enum bpf_cmd`.
const LOOKUP_AND_DELETE: libc::c_int = 21;
/// `BPF_MAP_LOOKUP_BATCH` of `enum bpf_cmd` (`include/uapi/linux/bpf.h`).
const LOOKUP_BATCH: libc::c_int = 24;
/// Entries that are asked for in one system call. A bucket that holds more is an error of the kernel's, never seen: a
/// bucket holds one entry on average.
const BATCH: usize = 4096;

/// The `batch` member of `union bpf_attr`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Attributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// The members of `union bpf_attr` for one element.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct ElementAttributes {
    map_fd: u32,
    _padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Takes an entry out, in one step with reading it: nothing that was written to it until then is missed. `None`: there is none.
pub(super) fn take<K: Pod, V: Pod>(map: &MapData, key: &K) -> io::Result<Option<V>> {
    let mut value = V::zeroed();
    let mut attributes = ElementAttributes {
        map_fd: u32::try_from(map.fd().as_fd().as_raw_fd()).unwrap_or(u32::MAX),
        key: core::ptr::from_ref(key) as u64,
        value: (&raw mut value) as u64,
        ..ElementAttributes::default()
    };
    // SAFETY: the attributes name a key and a value that outlive the call; their sizes are the map's, which aya has compared.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            LOOKUP_AND_DELETE,
            &raw mut attributes,
            size_of::<ElementAttributes>(),
        )
    };
    if result == 0 {
        return Ok(Some(value));
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        error => Err(error),
    }
}

/// Whether a walk goes on.
pub(super) use std::ops::ControlFlow;

/// Calls `visit` for every entry, until it breaks off.
pub(super) fn walk<K: Pod, V: Pod>(
    map: &MapData,
    mut visit: impl FnMut(&K, &V) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut keys = vec![K::zeroed(); BATCH];
    let mut values = vec![V::zeroed(); BATCH];
    let mut position = None;
    loop {
        let (count, next) = lookup(map, position, &mut keys, &mut values)?;
        for (key, value) in keys.iter().zip(&values).take(count) {
            if visit(key, value).is_break() {
                return Ok(());
            }
        }
        match next {
            Some(next) => position = Some(next),
            None => return Ok(()),
        }
    }
}

/// One batch from `position` on: how many entries came, and where the next batch begins.
fn lookup<K: Pod, V: Pod>(
    map: &MapData,
    position: Option<u32>,
    keys: &mut [K],
    values: &mut [V],
) -> io::Result<(usize, Option<u32>)> {
    let mut start = position.unwrap_or_default();
    let mut next = 0_u32;
    let mut attributes = Attributes {
        in_batch: position.map_or(0, |_| (&raw mut start) as u64),
        out_batch: (&raw mut next) as u64,
        keys: keys.as_mut_ptr() as u64,
        values: values.as_mut_ptr() as u64,
        count: u32::try_from(keys.len().min(values.len())).unwrap_or(u32::MAX),
        map_fd: u32::try_from(map.fd().as_fd().as_raw_fd()).unwrap_or(u32::MAX),
        ..Attributes::default()
    };
    // SAFETY: the attributes name buffers that outlive the call and have room for `count` entries; aya has compared the
    // key and value sizes with the map's. The kernel writes to `next` and to `attributes.count`, both through pointers
    // that were taken as mutable.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            LOOKUP_BATCH,
            &raw mut attributes,
            size_of::<Attributes>(),
        )
    };
    let count = attributes.count as usize;
    if result == 0 {
        return Ok((count, Some(next)));
    }
    match io::Error::last_os_error() {
        // The end: what came with it counts.
        error if error.raw_os_error() == Some(libc::ENOENT) => Ok((count, None)),
        error => Err(error),
    }
}
