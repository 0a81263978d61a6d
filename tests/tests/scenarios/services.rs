//! Several services on one VIP, each with its own health.

use anyhow::{Result, ensure};
use lab::{MariaDb, XdpMode, vip};

use crate::{SHORT, SOON, Scene};

in_both_modes!(
    s2_01_two_ports_of_one_vip_are_two_services,
    s2_31_killing_either_instance_leaves_the_other_alone,
);

fn s2_01_two_ports_of_one_vip_are_two_services(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let client = &scene.lab.client;
    assert_eq!(
        client.who_answers(vip(3306))?,
        scene.databases.real_3306.id()
    );
    assert_eq!(
        client.who_answers(vip(3308))?,
        scene.databases.real_3308.id()
    );

    scene.databases.real_3308.kill()?;
    scene
        .director
        .await_state(3308, scene.lab.real_server.address, "down", SOON)?;
    assert_eq!(
        client.who_answers(vip(3306))?,
        scene.databases.real_3306.id()
    );
    assert_eq!(
        client.who_answers(vip(3308))?,
        scene.databases.sorry_3308.id()
    );
    assert_eq!(
        scene.director.server(3306, scene.lab.real_server.address)?["state"],
        "up"
    );
    Ok(())
}

fn s2_31_killing_either_instance_leaves_the_other_alone(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let (director, lab) = (&scene.director, &scene.lab);
    undisturbed(
        director,
        lab,
        (3306, &mut scene.databases.real_3306),
        (3308, &scene.databases.real_3308),
    )?;
    scene.databases.real_3306.start()?;
    director.await_state(3306, lab.real_server.address, "up", SOON)?;
    undisturbed(
        director,
        lab,
        (3308, &mut scene.databases.real_3308),
        (3306, &scene.databases.real_3306),
    )
}

/// Kills one instance; an open connection to the other goes on, and not one packet of it is lost.
fn undisturbed(
    director: &lab::Director,
    lab: &lab::Lab,
    (killed_port, killed): (u16, &mut MariaDb),
    (other_port, other): (u16, &MariaDb),
) -> Result<()> {
    let mut open = lab.client.open(vip(other_port))?;
    let id = other.id().0.to_string();
    assert_eq!(open.ask("select @@server_id", SHORT)?, id);
    let before = lab.client.tcp_counters()?;

    killed.kill()?;
    director.await_state(killed_port, lab.real_server.address, "down", SOON)?;
    for _ in 0..100 {
        assert_eq!(open.ask("select @@server_id", SHORT)?, id);
    }
    assert_eq!(lab.client.who_answers(vip(other_port))?, other.id());
    let after = lab.client.tcp_counters()?;
    ensure!(
        after.lost_segments == before.lost_segments,
        "lost packets: {before:?}, then {after:?}"
    );
    ensure!(
        after.established_resets == before.established_resets,
        "a connection was reset: {before:?}, then {after:?}"
    );
    assert_eq!(
        director.server(other_port, lab.real_server.address)?["state"],
        "up"
    );
    Ok(())
}
