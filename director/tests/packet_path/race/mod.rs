//! Only the right ones, in a real race: packets, edits, the telling of ended servers' flows and sweeps, each in a thread of its own as in
//! the daemon.
//!
//! Each thread writes down what it did and between which two ticks of a clock that all share; nobody compares anything meanwhile. When all
//! have stopped, `replay` follows every client from packet to packet, and `judge` compares what was taken with what was sent. What two
//! threads did between the same ticks may have come in either order, and both are right; everything else has one outcome. Each packet of a
//! client has a sequence number of its own, so the numbers of a flow that was taken say which packet it heard last, and with that to which
//! server the packet path sent it.
//!
//! A world is told by its seed, but who comes first is the machine's choice: a world that failed may have to run a few times to fail again.

mod clients;
mod history;
mod judge;
mod owner;
mod replay;
mod walkers;

use std::{sync::mpsc, thread};

use director::dataplane::pins;

use self::{
    history::{History, Ticks},
    owner::Owner,
};
use crate::{bench::Bench, number};

/// Servers of each service: the last bytes of their addresses are 1 to this.
const SERVERS: u8 = 4;
/// Threads that send packets. A client's packets come by one of them, as they come by one queue of a card.
const SENDERS: u16 = 2;
/// Edits of the tables. The senders send until the last one is done.
const EDITS: usize = 40;
/// Packets of a sender from one step to the next.
const STEP: u32 = 100;
/// Steps of all senders together between two edits, in which the flows that an edit ended are taken.
const CALM: usize = 4;
/// Most steps of a sender, on a machine that is slow to edit.
const STEPS: u32 = 1500;
/// Nothing must be evicted: that is the kernel's choice.
const TABLE: u32 = 8192;

/// Says which world it was when a test fails in it.
struct World(u64);

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("world {0} failed: DIRECTOR_RACE_SEED={0} runs it", self.0);
        }
    }
}

#[test]
fn only_flows_of_servers_that_ended_are_taken_while_packets_edits_and_sweeps_race() {
    let first = number("DIRECTOR_RACE_SEED", 1);
    for seed in first..first + number("DIRECTOR_RACE_WORLDS", 3) {
        let world = World(seed);
        let mut bench = Bench::sized(TABLE);
        let history = race(&mut bench, world.0);
        let clients = replay::all(&history);
        judge::all(&mut bench, &history, &clients);
    }
}

/// Lets everything go at once, and gives what each thread wrote down.
fn race(bench: &mut Bench, seed: u64) -> History {
    let ticks = Ticks::default();
    let folder = pins::folder(bench.root.path());
    let mut owner = Owner::new(&mut bench.dataplane, &ticks, seed);
    thread::scope(|scope| {
        let (steps, taken) = mpsc::channel();
        let (jobs, queue) = mpsc::sync_channel(1);
        let (ledgers, due) = mpsc::sync_channel(1);
        let teller = scope.spawn(|| walkers::tell(&folder, &ticks, queue));
        let sweeper = scope.spawn(|| walkers::sweep(&folder, &ticks, due));
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (steps, ticks, folder) = (steps.clone(), &ticks, &folder);
                scope.spawn(move || clients::send(folder, ticks, (seed, sender), steps))
            })
            .collect();
        drop(steps);
        owner.work(taken, jobs, ledgers);
        let packets = senders
            .into_iter()
            .map(|sender| sender.join().expect("packets"));
        let packets = packets.collect();
        let (takes, jobs) = teller.join().expect("the teller");
        let sweeps = sweeper.join().expect("the sweeper");
        History::new(packets, owner.into_log(), (takes, jobs), sweeps)
    })
}
