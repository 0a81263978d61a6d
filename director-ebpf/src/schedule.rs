//! Choosing a real server for a new flow: the next slot of the table that the daemon prepared.

use director_common::{schedule::SLOTS, server::RealServer};

use crate::maps::{CURSORS, SCHEDULES, SERVERS};

/// The real server for the next new flow of a service, with its index; nothing where none is available.
#[inline(always)]
pub fn choose(service: u32) -> Option<(u32, &'static RealServer)> {
    let schedule = SCHEDULES.get_value(service, &0)?;
    let position = next_position(service)?.checked_rem(u64::from(schedule.length))? as usize;
    if position >= SLOTS {
        return None;
    }
    // SAFETY: the position was just checked. (An index expression would bring a panic that the verifier refuses.)
    let id = unsafe { *schedule.servers.as_ptr().add(position) };
    let server = SERVERS.get(id)?;
    // Slot 0 is never in use, so a slot that was not set ends here.
    (server.flags & RealServer::IN_USE != 0).then_some((id, server))
}

/// All CPUs share one position for each service, so that the order holds whichever CPU a SYN comes in by.
///
/// Reading and writing are two steps: two SYNs in the same instant on two CPUs may take the same slot. Then one server
/// gets a flow out of turn. (Rust has no atomic addition for this machine.)
#[inline(always)]
fn next_position(service: u32) -> Option<u64> {
    let cursor = CURSORS.get_ptr_mut(service)?;
    // SAFETY: the pointer is into the map and aligned; each access is one machine word.
    unsafe {
        let position = cursor.read_volatile();
        cursor.write_volatile(position.wrapping_add(1));
        Some(position)
    }
}
