//! The daemon may die; packets go on.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};
use lab::{Traffic, XdpMode, vip};

use crate::{SHORT, SOON, Scene};

in_both_modes!(
    s2_17_kill_9_loses_no_packet_and_a_restart_adopts_every_flow,
    s2_17_a_failure_that_a_restart_fell_into_is_not_forgotten,
    s2_17_unload_ends_all_forwarding,
);

fn s2_17_kill_9_loses_no_packet_and_a_restart_adopts_every_flow(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let client = scene.lab.client.clone();
    let mut open = client.open(vip(3306))?;
    let same_connection = open.ask("select connection_id()", SHORT)?;
    let before = client.tcp_counters()?;
    let traffic = {
        let client = client.clone();
        Traffic::start(Duration::ZERO, move || {
            Ok(client.greeted_by(vip(3306), SHORT)?.0)
        })
    };

    scene.director.kill_9()?;
    // Not a wait for something: a while in which no daemon runs.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(open.ask("select connection_id()", SHORT)?, same_connection);
    scene.director.start()?;
    scene
        .director
        .await_log("XDP program replaced in place", SOON)?;
    for _ in 0..100 {
        assert_eq!(open.ask("select connection_id()", SHORT)?, same_connection);
    }

    let record = traffic.finish()?;
    let after = client.tcp_counters()?;
    ensure!(
        record.failures().is_empty(),
        "{} of {}: {:?}",
        record.failures().len(),
        record.0.len(),
        record.failures()
    );
    ensure!(
        record.answers(scene.databases.real_3306.id()) == record.0.len(),
        "somebody else answered: {record:?}"
    );
    ensure!(
        record.0.len() > 100,
        "only {} connections were made",
        record.0.len()
    );
    ensure!(
        after.lost_segments == before.lost_segments,
        "lost packets: {before:?}, then {after:?}"
    );

    // The adopted flow is known as what it is, and counted on.
    let listing = scene.director.list(&[])?;
    let row = listing
        .lines()
        .find(|line| line.contains("-> 192.168.66.253:3306"));
    ensure!(
        row.and_then(|row| row.split_whitespace().nth(4)) == Some("1"),
        "not one active connection:\n{listing}"
    );
    Ok(())
}

fn s2_17_a_failure_that_a_restart_fell_into_is_not_forgotten(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let sorry = scene.databases.sorry_3306.id();
    scene.databases.real_3306.kill()?;
    scene
        .director
        .await_state(3306, scene.lab.real_server.address, "down", SOON)?;
    let traffic = {
        let client = scene.lab.client.clone();
        Traffic::start(Duration::ZERO, move || {
            Ok(client.greeted_by(vip(3306), SHORT)?.0)
        })
    };
    scene.director.kill_9()?;
    scene.director.start()?;
    scene
        .director
        .await_state(3306, scene.lab.real_server.address, "down", SOON)?;
    let record = traffic.finish()?;
    ensure!(
        record.answers(sorry) == record.0.len(),
        "a connection went to the dead server: {:?}",
        record.failures()
    );
    Ok(())
}

fn s2_17_unload_ends_all_forwarding(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    scene.director.kill_9()?;
    assert_eq!(
        scene.lab.client.greeted_by(vip(3306), SHORT)?.0,
        scene.databases.real_3306.id()
    );
    scene.director.unload()?;
    ensure!(!scene.director.is_pinned()?, "pins are left");
    ensure!(
        !scene.lab.director.has_xdp()?,
        "the program is still attached"
    );
    // The address is still there, as a killed daemon removes nothing; now the director itself answers, by a refusal.
    let refused = scene
        .lab
        .client
        .connect(vip(3306), SHORT)
        .expect_err("nobody forwards");
    ensure!(format!("{refused:#}").contains("refused"), "{refused:#}");
    Ok(())
}
