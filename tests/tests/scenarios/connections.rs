//! New and established connections through the director, as a client sees them.

use anyhow::{Result, ensure};
use lab::{XdpMode, example, vip};

use crate::{SHORT, Scene};

in_both_modes!(
    s3_02_a_new_connection_succeeds,
    s3_03_an_established_connection_keeps_its_real_server,
    s3_04_a_stopped_server_refuses_by_itself_until_it_is_found_out,
);

fn s3_02_a_new_connection_succeeds(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, &example::two_real_servers("rr", [1, 1]))?;
    let client = &scene.lab.client;
    for _ in 0..20 {
        client.who_answers(vip(3306))?;
    }
    // More than one frame each way: a request and an answer of a megabyte.
    let megabyte = client.query(
        vip(3306),
        &format!(
            "select length('{}'), repeat('b', 1000000)",
            "a".repeat(100_000)
        ),
    )?;
    assert_eq!(megabyte.len(), "100000\t".len() + 1_000_000);
    Ok(())
}

fn s3_03_an_established_connection_keeps_its_real_server(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, &example::two_real_servers("rr", [1, 1]))?;
    let mut open = [
        scene.lab.client.open(vip(3306))?,
        scene.lab.client.open(vip(3306))?,
    ];
    let mut first = Vec::new();
    for connection in &mut open {
        first.push(connection.ask("select @@server_id", SHORT)?);
    }
    assert_ne!(
        first[0], first[1],
        "two connections in turn go to two servers"
    );
    for _ in 0..100 {
        for (connection, first) in open.iter_mut().zip(&first) {
            assert_eq!(&connection.ask("select @@server_id", SHORT)?, first);
        }
        // What others do in the meantime moves the turn, not the flow.
        scene.lab.client.greeted_by(vip(3306), SHORT)?;
    }
    Ok(())
}

/// The server's own refusal reaches the client directly; the director does not swallow it.
fn s3_04_a_stopped_server_refuses_by_itself_until_it_is_found_out(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::with(mode, example::MASTER)?;
    scene.databases.real_3306.kill()?;
    let refused = scene
        .lab
        .client
        .connect(vip(3306), SHORT)
        .expect_err("the server was killed");
    ensure!(
        format!("{refused:#}").contains("Connection refused"),
        "{refused:#}"
    );
    let answered_here = scene.director.status()?["counters"]["pass_no_flow"].clone();
    ensure!(answered_here == 0, "the director's own kernel answered");
    Ok(())
}
