//! Making the map that holds the scheduling tables.
//!
//! aya makes it, too, but describes the inner map to the kernel by type information (BTF), which a map that is made by itself has none
//! of. Linux before 6.3 takes that for another kind of map and refuses to swap it in, so here neither has it.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
    path::Path,
};

use aya::maps::{MapData, MapError, MapFd, MapType};
use director_common::{
    limits::{MAX_SERVICES, map},
    schedule::Schedule,
};

/// `BPF_MAP_CREATE` of `enum bpf_cmd` (`include/uapi/linux/bpf.h`).
const CREATE: libc::c_int = 0;

/// The members of `union bpf_attr` for making a map, as far as they are needed.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Attributes {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: [u8; 16],
}

/// Makes `SCHEDULES` and pins it. aya takes it from there.
pub(super) fn pin_schedules(path: &Path) -> Result<(), MapError> {
    let (index, table) = (size_of::<u32>() as u32, size_of::<Schedule>() as u32);
    let array = MapType::Array as u32;
    let pattern = aya_obj::Map::new_from_params(array, index, table, 1, 0);
    let pattern = MapData::create(pattern, "schedule", None)?;
    let outer = create(pattern.fd()).map_err(MapError::IoError)?;
    let pinned = MapData::from_fd(outer)?.pin(path);
    pinned.map_err(|error| MapError::PinError {
        name: Some(map::SCHEDULES.to_owned()),
        error,
    })
}

fn create(pattern: &MapFd) -> io::Result<OwnedFd> {
    let mut attributes = Attributes {
        map_type: MapType::ArrayOfMaps as u32,
        key_size: size_of::<u32>() as u32,
        value_size: size_of::<u32>() as u32,
        max_entries: MAX_SERVICES,
        inner_map_fd: u32::try_from(pattern.as_fd().as_raw_fd()).unwrap_or(u32::MAX),
        map_name: *b"SCHEDULES\0\0\0\0\0\0\0",
        ..Attributes::default()
    };
    // SAFETY: the attributes outlive the call, which reads no more than their size.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            CREATE,
            &raw mut attributes,
            size_of::<Attributes>(),
        )
    };
    let Ok(fd) = i32::try_from(result) else {
        return Err(io::Error::other("the kernel gave no file descriptor"));
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
