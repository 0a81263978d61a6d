//! Against IPVS in direct routing: the same frames, forwarded by the kernel and by the director.
//!
//! Meant for a guest whose clock counts instructions (`cargo xtask bench --ipvs`): a nanosecond there is an instruction, and two runs
//! agree. On a machine of its own it works, too, where the kernel has IPVS.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    frames::Frame,
    harness::Flows,
    rig::{Rig, run},
    setup::{self, PORT, Setup, VIP},
    table,
};

/// Flows of the established case: as many as IPVS's table has rows in Debian.
const FLOWS: u32 = 4096;
/// The first flow of the case of new ones.
const UNSEEN: u32 = 8192;
/// Packets of a case. The last flow's number has to fit into a port.
const PACKETS: u32 = 32_768;
/// How long a packet may be on its way.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many times the packets of IPVS the director forwards on the same instructions, generator included: what is aimed at, and what a
/// change must not fall below.
const GOAL: f64 = 6.0;
const LIMITS: [f64; 2] = [4.5, 3.5];

/// Nanoseconds of the clock for one packet, generator included.
struct Cost {
    established: f64,
    new: f64,
}

/// Measures, prints, and gives the lines for a file, and whether the limits were met.
pub(crate) fn measure() -> Result<(Vec<Value>, bool)> {
    let mut rig = Rig::lay(1)?;
    rig.give_addresses()?;
    rig.harness.put_own("sink")?;
    let generator = cost(&mut rig, Frame::ACK, Flows::in_turn(FLOWS))?;
    rig.harness.put_own("floor")?;
    let floor = cost(&mut rig, Frame::ACK, Flows::in_turn(FLOWS))?;

    let mut dataplane = setup::dataplane("ipvs", Setup::ONE_SERVICE.behind(rig.near))?;
    rig.harness.put(Some(dataplane.program_fd()?))?;
    let director = costs(&mut rig).context("the director")?;

    let ipvsadm = |words: &str| run(Command::new("ipvsadm").args(words.split_whitespace()));
    ipvsadm(&format!("-A -t {VIP}:{PORT} -s rr"))?;
    for last in [1, 2] {
        ipvsadm(&format!("-a -t {VIP}:{PORT} -r 192.168.66.{last} -g"))?;
    }
    rig.harness.put_own("pass")?;
    let ipvs = costs(&mut rig).context("IPVS")?;

    print(generator, floor, &director, &ipvs);
    let ratios = [
        ("ipvs_established", ipvs.established / director.established),
        ("ipvs_new", ipvs.new / director.new),
    ];
    for ((name, ratio), limit) in ratios.into_iter().zip(LIMITS) {
        let verdict = |wanted| if ratio >= wanted { "met" } else { "missed" };
        println!(
            "{name}: {ratio:.1} times the packets of IPVS on the same instructions (limit {limit} {}, goal {GOAL} {})",
            verdict(limit),
            verdict(GOAL)
        );
    }
    let good = ratios
        .iter()
        .zip(LIMITS)
        .all(|((_, ratio), limit)| *ratio >= limit);
    let lines = ratios.map(|(name, ratio)| json!({"name": name, "ratio": ratio}));
    Ok((lines.into(), good))
}

fn costs(rig: &mut Rig) -> Result<Cost> {
    let known = Flows::in_turn(FLOWS);
    for frame in Frame::ACK.opening() {
        forward(rig, frame, known, FLOWS)?;
    }
    Ok(Cost {
        established: cost(rig, Frame::ACK, known)?,
        new: cost(rig, Frame::SYN, Flows::from(UNSEEN))?,
    })
}

fn cost(rig: &mut Rig, frame: Frame, flows: Flows) -> Result<f64> {
    let began = Instant::now();
    forward(rig, frame, flows, PACKETS)?;
    Ok(began.elapsed().as_nanos() as f64 / f64::from(PACKETS))
}

/// Every packet has to arrive. What the kernel put off until later gets its turn.
fn forward(rig: &mut Rig, frame: Frame, flows: Flows, packets: u32) -> Result<()> {
    let before = rig.harness.arrived()?;
    rig.harness
        .send(&frame.bytes(), flows, packets, rig.near, &[0])?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let arrived = rig.harness.arrived()? - before;
        if arrived == u64::from(packets) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "of {packets} packets {arrived} were forwarded"
        );
        thread::yield_now();
    }
}

fn print(generator: f64, floor: f64, director: &Cost, ipvs: &Cost) {
    let mut table = table::titled(
        &["forwarder", "a packet, generator included", "without it"],
        1,
    );
    for (name, cost) in [
        ("none: dropped at once", generator),
        ("floor", floor),
        ("director, established", director.established),
        ("director, new connections", director.new),
        ("IPVS, established", ipvs.established),
        ("IPVS, new connections", ipvs.new),
    ] {
        let [with, without] = [cost, cost - generator].map(|cost| format!("{cost:.0}"));
        table.add_row([name.to_owned(), with, without]);
    }
    println!("{table}");
}
