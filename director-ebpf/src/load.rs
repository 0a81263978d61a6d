//! How many flows each real server has, kept by atomic additions.

use director_common::{load::Load, server::RealServer, tcp::FlowState};

use crate::maps::LOADS;

/// A flow of this state begins.
#[inline(always)]
pub fn begin(server: u32, entry: &RealServer, state: FlowState) {
    let Some(load) = LOADS.get_ptr_mut(server) else {
        return;
    };
    add(part(load, state), 1);
    // SAFETY: the pointer is into the map and aligned.
    let seen = unsafe { load.read_volatile() };
    let is_overloaded = seen.is_overloaded(entry.upper_threshold, entry.lower_threshold);
    if is_overloaded != (seen.overloaded != 0) {
        // SAFETY: as above; one machine word.
        unsafe { (&raw mut (*load).overloaded).write_volatile(is_overloaded.into()) };
    }
}

/// A flow of this state ends.
#[inline(always)]
pub fn end(server: u32, state: FlowState) {
    if let Some(load) = LOADS.get_ptr_mut(server) {
        add(part(load, state), -1);
    }
}

/// A flow goes from one state to another.
#[inline(always)]
pub fn change(server: u32, before: FlowState, after: FlowState) {
    if before.is_active() != after.is_active()
        && let Some(load) = LOADS.get_ptr_mut(server)
    {
        add(part(load, before), -1);
        add(part(load, after), 1);
    }
}

/// The load of a server as it is now.
#[inline(always)]
pub fn of(server: u32) -> Load {
    match LOADS.get_ptr_mut(server) {
        // SAFETY: the pointer is into the map and aligned; each field is read at once, whatever other CPUs write.
        Some(load) => unsafe { load.read_volatile() },
        None => Load::default(),
    }
}

/// Whether a server has reached its threshold, and not fallen below the lower one since. What was found is remembered.
#[inline(always)]
pub fn is_overloaded(server: u32, entry: &RealServer) -> bool {
    if entry.upper_threshold == 0 {
        return false;
    }
    let Some(load) = LOADS.get_ptr_mut(server) else {
        return false;
    };
    // SAFETY: see `of`.
    let seen = unsafe { load.read_volatile() };
    let is_overloaded = seen.is_overloaded(entry.upper_threshold, entry.lower_threshold);
    if is_overloaded != (seen.overloaded != 0) {
        // SAFETY: the pointer is into the map and aligned; one machine word.
        unsafe { (&raw mut (*load).overloaded).write_volatile(is_overloaded.into()) };
    }
    is_overloaded
}

#[inline(always)]
fn part(load: *mut Load, state: FlowState) -> *mut i32 {
    // SAFETY: a field of what the pointer points to.
    unsafe {
        if state.is_active() {
            &raw mut (*load).active
        } else {
            &raw mut (*load).inactive
        }
    }
}

/// Adds in one step that no other CPU can come between.
#[inline(always)]
fn add(to: *mut i32, value: i32) {
    #[cfg(target_arch = "bpf")]
    // SAFETY: the pointer is into the map and aligned to its four bytes.
    unsafe {
        core::arch::asm!(
            "lock *(u32 *)({to} + 0) += {value}",
            to = in(reg) to,
            value = in(reg) i64::from(value),
            options(nostack, preserves_flags),
        );
    }
    #[cfg(not(target_arch = "bpf"))]
    // SAFETY: as above; elsewhere the program is only linted.
    unsafe {
        *to += value;
    }
}
