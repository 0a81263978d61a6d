//! lblc and lblcr: the flows of one destination stay together, until that is too much for its servers.
//!
//! IPVS remembers servers by destination address (`ip_vs_lblc.c`, `ip_vs_lblcr.c`); a virtual service has one, so here it is one
//! set of servers for each service.

use director_common::schedule::{Algorithm, LOCALITY_SERVERS, Locality, Schedule};

use crate::{clock, load, maps::LOCALITIES, scan, service, verifier::element};

/// Index of the real server for a new flow; 0 where none is available.
#[inline(never)]
pub fn choose(schedule: &Schedule, service: u32) -> u32 {
    let Some(set) = LOCALITIES.get_ptr_mut(service) else {
        return 0;
    };
    // SAFETY: the pointer is into the map and aligned. Another CPU may write it: what is read is looked up before it is used.
    let set = unsafe { &mut *set };
    let known = scan::least_loaded_of(schedule, set);
    if known != 0 && !is_too_much(schedule, known) {
        if schedule.algorithm == Algorithm::LOCALITY_WITH_REPLICATION {
            shrink(schedule, set);
        }
        return known;
    }
    let new = scan::least_loaded(schedule);
    if new == 0 {
        return 0;
    }
    if schedule.algorithm == Algorithm::LOCALITY {
        set.length = 0;
    }
    insert(set, new);
    new
}

/// A server with more active flows than its weight, while another one has less than half of its own.
#[inline(always)]
fn is_too_much(schedule: &Schedule, known: u32) -> bool {
    let weight = scan::weight_of(schedule, known);
    load::of(known).active() > weight && scan::is_anyone_idle(schedule)
}

/// Puts a server into a set. A full set is begun anew.
#[inline(always)]
fn insert(set: &mut Locality, server: u32) {
    if scan::holds(set, server) {
        return;
    }
    if set.length as usize >= LOCALITY_SERVERS {
        set.length = 0;
    }
    let place = set.length as usize;
    if place < LOCALITY_SERVERS {
        // SAFETY: the place was just checked.
        unsafe {
            *element::<{ LOCALITY_SERVERS - 1 }, _, _>(&set.servers, place).cast_mut() = server
        };
    }
    set.length = place as u32 + 1;
    set.changed = clock::now();
}

/// A set that has not changed for long loses its most loaded server: the load that it was made for is gone.
#[inline(always)]
fn shrink(schedule: &Schedule, set: &mut Locality) {
    let timeout = service::settings().map_or(0, |settings| settings.locality_timeout);
    if set.length > 1 && clock::is_over(set.changed, timeout) {
        remove(set, scan::most_loaded_of(schedule, set));
    }
}

/// Takes a server out of a set: the last one takes its place.
#[inline(always)]
fn remove(set: &mut Locality, server: u32) {
    let last = set.length.wrapping_sub(1) as usize;
    if last >= LOCALITY_SERVERS {
        return;
    }
    // SAFETY: the place was just checked.
    let moved = unsafe { *element::<{ LOCALITY_SERVERS - 1 }, _, _>(&set.servers, last) };
    for known in &mut set.servers {
        if *known == server {
            *known = moved;
        }
    }
    set.length = last as u32;
    set.changed = clock::now();
}
