//! Going over the candidates of a service one by one.
//!
//! The kernel runs the loop (`bpf_loop`, Linux 5.17): its verifier then looks at the step once, where it would follow a loop of our
//! own through every turn.

use aya_ebpf::{cty::c_void, helpers::generated::bpf_loop};
use director_common::{
    limits::MAX_SERVERS_PER_SERVICE,
    schedule::{Algorithm, Candidate, FALLBACK_ROUNDS, LOCALITY_SERVERS, Locality, Schedule, hash},
    server::RealServer,
};

use crate::{
    load,
    maps::SERVERS,
    schedule::{available, slot},
    verifier::{element, hidden_zero},
};

/// What a scan looks for among the candidates.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Quest {
    /// The best available one by the algorithm.
    Best,
    /// The best available one that is in a set.
    BestOfSet,
    /// The most loaded one that is in a set.
    WorstOfSet,
    /// The first available one.
    First,
    /// One with fewer active flows than half its weight.
    Idle,
    /// The one with the index in `start`, for its weight.
    Weight,
}

/// A scan on its way: what it needs, and what it has found so far.
#[repr(C)]
struct Scan {
    schedule: *const Schedule,
    set: *const Locality,
    quest: Quest,
    algorithm: Algorithm,
    /// Position that the scan begins after where the order matters, or what [`Quest::Weight`] says.
    start: u32,
    /// Index of the real server, or its weight; 0: none so far.
    server: u32,
    share: Share,
}

/// What a scheduler compares: less load for the weight is better.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Share {
    pub load: u64,
    pub weight: u64,
}

impl Share {
    /// What lc (weight 1) and wlc compare.
    #[inline(always)]
    pub fn of_overhead(server: u32, weight: u64) -> Self {
        Self {
            load: load::of(server).overhead(),
            weight,
        }
    }

    /// Whether this one is less loaded than the other. A load that is larger than a word has room for is cut, long after anybody
    /// could tell the difference: weights are below 2^31, and the product must fit.
    #[inline(always)]
    pub fn is_less_than(self, other: Self) -> bool {
        let cut = |load: u64| {
            if load >> 32 != 0 {
                u32::MAX.into()
            } else {
                load
            }
        };
        cut(self.load) * other.weight < cut(other.load) * self.weight
    }
}

const GO_ON: i64 = 0;
const STOP: i64 = 1;

/// The best candidate by the table's algorithm: lc, wlc, sed, nq, fo, ovf. Of equals the first. 0: none is available.
#[inline(always)]
pub fn best(schedule: &Schedule) -> u32 {
    run(schedule, None, Quest::Best, schedule.algorithm, 0)
}

/// wlc among all candidates.
#[inline(always)]
pub fn least_loaded(schedule: &Schedule) -> u32 {
    run(
        schedule,
        None,
        Quest::Best,
        Algorithm::WEIGHTED_LEAST_CONNECTION,
        0,
    )
}

/// wlc among the candidates that are in a set.
#[inline(always)]
pub fn least_loaded_of(schedule: &Schedule, set: &Locality) -> u32 {
    run(
        schedule,
        Some(set),
        Quest::BestOfSet,
        Algorithm::WEIGHTED_LEAST_CONNECTION,
        0,
    )
}

/// The most loaded for its weight of the candidates that are in a set.
#[inline(always)]
pub fn most_loaded_of(schedule: &Schedule, set: &Locality) -> u32 {
    run(
        schedule,
        Some(set),
        Quest::WorstOfSet,
        Algorithm::WEIGHTED_LEAST_CONNECTION,
        0,
    )
}

/// The first available candidate after a position, all round.
#[inline(always)]
pub fn first_after(schedule: &Schedule, position: u32) -> u32 {
    run(schedule, None, Quest::First, Algorithm::NONE, position)
}

/// Whether any candidate has fewer active flows than half its weight.
#[inline(always)]
pub fn is_anyone_idle(schedule: &Schedule) -> bool {
    run(schedule, None, Quest::Idle, Algorithm::NONE, 0) != 0
}

/// Weight of a server among the candidates; 0 where it is none of them.
#[inline(always)]
pub fn weight_of(schedule: &Schedule, server: u32) -> u32 {
    run(schedule, None, Quest::Weight, Algorithm::NONE, server)
}

#[inline(never)]
fn run(
    schedule: &Schedule,
    set: Option<&Locality>,
    quest: Quest,
    algorithm: Algorithm,
    start: u32,
) -> u32 {
    let none_yet = hidden_zero(&schedule.candidates_length);
    let mut scan = Scan {
        schedule,
        set: set.map_or(core::ptr::null(), core::ptr::from_ref),
        quest,
        algorithm,
        start,
        server: none_yet as u32,
        share: Share {
            load: none_yet,
            weight: none_yet,
        },
    };
    let step: unsafe extern "C" fn(u32, *mut Scan) -> i64 = step;
    // SAFETY: the step takes what it is given here, and nothing of it outlives the call.
    unsafe {
        bpf_loop(
            schedule.candidates_length,
            step as *mut c_void,
            (&raw mut scan).cast(),
            0,
        )
    };
    scan.server
}

/// A client's hash on its way through further rounds.
#[repr(C)]
struct HashScan {
    schedule: *const Schedule,
    address: *const [u32; 4],
    port: u32,
    /// Index of the real server; 0: none so far.
    server: u32,
}

/// The first available server that further hashes of an address find; 0: none.
#[inline(never)]
pub fn by_further_hashes(schedule: &Schedule, address: &[u32; 4], port: u32) -> u32 {
    let mut scan = HashScan {
        schedule,
        address,
        port,
        server: 0,
    };
    let step: unsafe extern "C" fn(u32, *mut HashScan) -> i64 = hash_step;
    // SAFETY: as in `run`.
    unsafe {
        bpf_loop(
            FALLBACK_ROUNDS,
            step as *mut c_void,
            (&raw mut scan).cast(),
            0,
        )
    };
    scan.server
}

/// One round.
unsafe extern "C" fn hash_step(turn: u32, scan: *mut HashScan) -> i64 {
    // SAFETY: see `by_further_hashes`.
    let (scan, schedule, address) = unsafe { (&mut *scan, &*(*scan).schedule, *(*scan).address) };
    scan.server = available(schedule, slot(schedule, hash(address, scan.port, turn + 1)));
    if scan.server == 0 { GO_ON } else { STOP }
}

/// One candidate.
unsafe extern "C" fn step(turn: u32, scan: *mut Scan) -> i64 {
    // SAFETY: see `run`.
    let scan = unsafe { &mut *scan };
    // SAFETY: as above.
    let schedule = unsafe { &*scan.schedule };
    let position = match scan.quest {
        Quest::First => turn_after(scan.start, turn, schedule.candidates_length),
        _ => turn,
    };
    let Some(candidate) = candidate(schedule, position) else {
        return STOP;
    };
    let weight = u64::from(candidate.weight);
    match scan.quest {
        Quest::First => {
            if !is_available(candidate) {
                return GO_ON;
            }
            scan.server = candidate.server;
            STOP
        }
        Quest::Idle => {
            if u64::from(load::of(candidate.server).active()) * 2 >= weight {
                return GO_ON;
            }
            scan.server = candidate.server;
            STOP
        }
        Quest::Weight => {
            if candidate.server != scan.start {
                return GO_ON;
            }
            scan.server = candidate.weight;
            STOP
        }
        Quest::Best => match is_available(candidate) {
            true => consider(scan, candidate),
            false => GO_ON,
        },
        Quest::BestOfSet => {
            // SAFETY: a quest with a set has one.
            if unsafe { holds(&*scan.set, candidate.server) } && is_available(candidate) {
                let share = Share::of_overhead(candidate.server, weight);
                take_if(scan, candidate, share, share.is_less_than(scan.share));
            }
            GO_ON
        }
        Quest::WorstOfSet => {
            // SAFETY: as above.
            if unsafe { holds(&*scan.set, candidate.server) } {
                let share = Share::of_overhead(candidate.server, weight);
                take_if(scan, candidate, share, scan.share.is_less_than(share));
            }
            GO_ON
        }
    }
}

/// Compares an available candidate with the best one so far.
#[inline(always)]
fn consider(scan: &mut Scan, candidate: Candidate) -> i64 {
    let weight = u64::from(candidate.weight);
    let load = load::of(candidate.server);
    let active = u64::from(load.active());
    let share = match scan.algorithm {
        Algorithm::LEAST_CONNECTION => Share {
            load: load.overhead(),
            weight: 1,
        },
        Algorithm::WEIGHTED_LEAST_CONNECTION => Share {
            load: load.overhead(),
            weight,
        },
        Algorithm::NEVER_QUEUE if active == 0 => {
            scan.server = candidate.server;
            return STOP;
        }
        Algorithm::SHORTEST_EXPECTED_DELAY | Algorithm::NEVER_QUEUE => Share {
            load: active + 1,
            weight,
        },
        Algorithm::WEIGHTED_OVERFLOW if active > weight => return GO_ON,
        // fo and ovf: the greatest weight.
        _ => Share { load: 1, weight },
    };
    take_if(scan, candidate, share, share.is_less_than(scan.share));
    GO_ON
}

#[inline(always)]
fn take_if(scan: &mut Scan, candidate: Candidate, share: Share, is_better: bool) {
    if scan.server == 0 || is_better {
        scan.server = candidate.server;
        scan.share = share;
    }
}

/// Position of a turn of a scan that begins after `start` and goes all round. A start that is no position begins at the first.
#[inline(always)]
fn turn_after(start: u32, turn: u32, length: u32) -> u32 {
    let first = if start < length {
        start + 1 + turn
    } else {
        turn
    };
    if first >= length {
        first - length
    } else {
        first
    }
}

/// The candidate at a position.
#[inline(always)]
pub fn candidate(schedule: &Schedule, position: u32) -> Option<Candidate> {
    if position >= schedule.candidates_length || position as usize >= MAX_SERVERS_PER_SERVICE {
        return None;
    }
    // SAFETY: the position was just checked.
    Some(unsafe {
        *element::<{ MAX_SERVERS_PER_SERVICE - 1 }, _, _>(&schedule.candidates, position as usize)
    })
}

/// Whether a candidate may get a flow. (Entry 0 is never in use, so a candidate that was not set ends here.)
#[inline(always)]
pub fn is_available(candidate: Candidate) -> bool {
    candidate.weight > 0
        && SERVERS.get(candidate.server).is_some_and(|server| {
            server.flags & RealServer::ACCEPTS_NEW != 0
                && !load::is_overloaded(candidate.server, server)
        })
}

/// Whether a server is in a set.
#[inline(always)]
pub fn holds(set: &Locality, server: u32) -> bool {
    let mut found = false;
    for place in 0..LOCALITY_SERVERS {
        // SAFETY: the place is one of the set's.
        let known = unsafe { *set.servers.as_ptr().add(place) };
        found |= (place as u32) < set.length && known == server;
    }
    found
}
