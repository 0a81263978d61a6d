//! Choosing a real server for a new flow, by the table that the daemon prepared. The rules are those of IPVS's schedulers
//! (`net/netfilter/ipvs/ip_vs_{rr,wrr,sh,mh,dh,lc,wlc,sed,nq,fo,ovf,twos,lblc,lblcr}.c`).
//!
//! Real servers are told by their index; 0 is none.

use director_common::schedule::{Algorithm, SLOTS, Schedule, hash};

use crate::{
    locality,
    maps::{CURSORS, SCHEDULES},
    scan::{self, Share, candidate, is_available},
    verifier::element,
};

/// Who asks: what the schedulers that hash take into account.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Asker {
    /// The client's address, as an IPv6 address in words of memory order.
    pub client: [u32; 4],
    /// The VIP, likewise.
    pub vip: [u32; 4],
    /// The client's port.
    pub port: u32,
    /// Index of the service.
    pub service: u32,
}

/// Index of the real server for a new flow of a service; 0 where none is available.
///
/// A function of its own for the verifier, too: it looks at it once, and not anew for every way that leads here.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn choose_server(asker: *const Asker) -> u32 {
    // SAFETY: the one caller gives a reference.
    let Some(asker) = (unsafe { asker.as_ref() }) else {
        return 0;
    };
    let Some(schedule) = SCHEDULES.get_value(asker.service, &0) else {
        return 0;
    };
    match schedule.algorithm {
        Algorithm::NONE => 0,
        Algorithm::NEXT_SLOT => next_slot(schedule, asker.service),
        Algorithm::SOURCE_HASH => by_hash(schedule, &asker.client, asker.port),
        Algorithm::DESTINATION_HASH => by_hash(schedule, &asker.vip, 0),
        Algorithm::POWER_OF_TWO => power_of_two(schedule, asker),
        Algorithm::LOCALITY | Algorithm::LOCALITY_WITH_REPLICATION => {
            locality::choose(schedule, asker.service)
        }
        _ => scan::best(schedule),
    }
}

/// Position of the candidate that a slot names; where it names none, a number that is no position.
#[inline(always)]
pub fn slot(schedule: &Schedule, number: u32) -> u32 {
    let Some(number) = number.checked_rem(schedule.slots_length) else {
        return u32::MAX;
    };
    if number as usize >= SLOTS {
        return u32::MAX;
    }
    // SAFETY: the number was just checked.
    unsafe { *element::<{ SLOTS - 1 }, _, _>(&schedule.slots, number as usize) }.into()
}

/// The server at a position if it may get a flow, else 0.
#[inline(never)]
pub fn available(schedule: &Schedule, position: u32) -> u32 {
    candidate(schedule, position)
        .filter(|known| is_available(*known))
        .map_or(0, |known| known.server)
}

/// rr and wrr: the next slot; where its server has too many flows, the next candidate that has not.
#[inline(always)]
fn next_slot(schedule: &Schedule, service: u32) -> u32 {
    let position = slot(schedule, next_position(service));
    match available(schedule, position) {
        0 => scan::first_after(schedule, position),
        server => server,
    }
}

/// sh, mh and dh: the slot of a hash. A server that is not available ends it, unless a fallback is wanted: then further hashes
/// are tried, and at last every candidate in turn.
#[inline(always)]
fn by_hash(schedule: &Schedule, address: &[u32; 4], port: u32) -> u32 {
    let port = if schedule.flags & Schedule::PORT != 0 {
        port
    } else {
        0
    };
    let first = slot(schedule, hash(*address, port, 0));
    let server = available(schedule, first);
    if server != 0 || schedule.flags & Schedule::FALLBACK == 0 {
        return server;
    }
    match scan::by_further_hashes(schedule, address, port) {
        0 => scan::first_after(schedule, first),
        server => server,
    }
}

/// twos: two slots of the weighted table, and of their servers the less loaded. IPVS takes them at random; here the position and
/// the client decide, which is as even.
#[inline(always)]
fn power_of_two(schedule: &Schedule, asker: &Asker) -> u32 {
    let turn = next_position(asker.service);
    let first = slot(schedule, hash(asker.client, asker.port, turn));
    let second = slot(schedule, hash(asker.client, asker.port, !turn));
    let (one, two) = (available(schedule, first), available(schedule, second));
    if one == 0 && two == 0 {
        return scan::first_after(schedule, first);
    }
    if one == 0 {
        return two;
    }
    let share = |server, position| {
        let weight = candidate(schedule, position).map_or(0, |known| known.weight);
        Share::of_overhead(server, weight.into())
    };
    match two != 0 && share(two, second).is_less_than(share(one, first)) {
        true => two,
        false => one,
    }
}

/// All CPUs share one position for each service, so that the order holds whichever CPU a SYN comes in by.
///
/// Reading and writing are two steps: two SYNs in the same instant on two CPUs may take the same slot. Then one server
/// gets a flow out of turn.
#[inline(always)]
fn next_position(service: u32) -> u32 {
    let Some(cursor) = CURSORS.get_ptr_mut(service) else {
        return 0;
    };
    // SAFETY: the pointer is into the map and aligned; each access is one machine word.
    unsafe {
        let position = cursor.read_volatile();
        cursor.write_volatile(position.wrapping_add(1));
        position as u32
    }
}
