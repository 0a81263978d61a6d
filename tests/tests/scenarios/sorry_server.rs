//! The sorry server: when the quorum is lost, and only then.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Link, Traffic, XdpMode, vip};

use crate::{SHORT, SOON, Scene};

in_both_modes!(
    s2_15_the_sorry_server_gets_new_connections_while_the_quorum_is_lost,
    s2_16_the_sorry_server_gets_nothing_while_the_quorum_is_met,
    s2_30_a_client_that_inserts_all_the_time_is_served_again_within_the_detection_time,
    s2_30_a_connection_to_a_failed_server_is_reset_when_it_speaks,
);

fn s2_15_the_sorry_server_gets_new_connections_while_the_quorum_is_lost(
    mode: XdpMode,
) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let (client, real) = (&scene.lab.client, scene.lab.real_server.address);
    assert_eq!(
        client.who_answers(vip(3306))?,
        scene.databases.real_3306.id()
    );

    scene.databases.real_3306.kill()?;
    scene.director.await_state(3306, real, "down", SOON)?;
    for _ in 0..20 {
        assert_eq!(
            client.greeted_by(vip(3306), SHORT)?.0,
            scene.databases.sorry_3306.id()
        );
    }
    scene.databases.real_3306.start()?;
    scene.director.await_state(3306, real, "up", SOON)?;
    for _ in 0..20 {
        assert_eq!(
            client.greeted_by(vip(3306), SHORT)?.0,
            scene.databases.real_3306.id()
        );
    }
    Ok(())
}

fn s2_16_the_sorry_server_gets_nothing_while_the_quorum_is_met(mode: XdpMode) -> Result<()> {
    let scene = Scene::of_the_example(mode)?;
    for _ in 0..1000 {
        assert_eq!(
            scene.lab.client.greeted_by(vip(3306), SHORT)?.0,
            scene.databases.real_3306.id()
        );
    }
    let listing = scene.director.list(&["--stats", "--exact"])?;
    let served = listing
        .lines()
        .find(|line| line.contains("-> 192.168.66.253:3306"));
    let connections = served.and_then(|line| line.split_whitespace().nth(2));
    ensure!(
        connections == Some("1000"),
        "not 1000 connections to the real server:\n{listing}"
    );
    ensure!(
        !listing.contains("192.168.66.254"),
        "the sorry server is in the pool:\n{listing}"
    );
    Ok(())
}

/// A connection a moment, each with a row: the gap is what a client feels.
fn s2_30_a_client_that_inserts_all_the_time_is_served_again_within_the_detection_time(
    mode: XdpMode,
) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let client = &scene.lab.client;
    for database in [&scene.databases.real_3306, &scene.databases.sorry_3306] {
        client.query(database.address(), "create table rows_in (server int)")?;
    }
    let (real, sorry) = (
        scene.databases.real_3306.id(),
        scene.databases.sorry_3306.id(),
    );
    let inserting = {
        let client = client.clone();
        Traffic::start(Duration::from_millis(20), move || {
            let server = client.query(
                vip(3306),
                "insert into rows_in values (@@server_id); select @@server_id",
            )?;
            Ok(lab::ServerId(server.parse()?))
        })
    };
    lab::wait::until("a row is in", SOON, || {
        let rows = client
            .query(
                scene.databases.real_3306.address(),
                "select count(*) from rows_in",
            )
            .ok()?;
        (rows != "0").then_some(())
    })?;
    scene.databases.real_3306.kill()?;
    scene
        .director
        .await_state(3306, scene.lab.real_server.address, "down", SOON)?;
    lab::wait::until("a row is in the sorry server", SOON, || {
        let rows = client
            .query(
                scene.databases.sorry_3306.address(),
                "select count(*) from rows_in",
            )
            .ok()?;
        (rows != "0").then_some(())
    })?;
    let record = inserting.finish()?;

    // Up to a delay_loop of 0.2 s, then a retry after 0.1 s; the rest is a busy machine's.
    let bound = Duration::from_millis(300) + Duration::from_secs(3);
    ensure!(
        record.longest_gap() <= bound,
        "a gap of {:?}",
        record.longest_gap()
    );
    ensure!(
        record.answers(real) > 0 && record.answers(sorry) > 0,
        "{record:?}"
    );
    let other: Vec<_> = record
        .failures()
        .into_iter()
        .filter(|failure| !failure.contains("ERROR 20"))
        .collect();
    ensure!(
        other.is_empty(),
        "failures that are no refused or lost connection: {other:?}"
    );
    Ok(())
}

/// A server that has gone silent can tell its clients nothing. The director does, instead of letting them wait.
fn s2_30_a_connection_to_a_failed_server_is_reset_when_it_speaks(mode: XdpMode) -> Result<()> {
    let scene = Scene::of_the_example(mode)?;
    let mut open = scene.lab.client.open(vip(3306))?;
    open.ask("select 1", SHORT)?;
    scene.lab.real_server.set_link(Link::Down)?;
    scene
        .director
        .await_log("Removing alive servers from the pool", SOON)?;
    let lost = open.ask("select 2", SHORT).expect_err("its server is gone");
    ensure!(
        format!("{lost:#}").contains("ERROR 20"),
        "it waited in vain: {lost:#}"
    );
    Ok(())
}
