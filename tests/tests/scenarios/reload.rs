//! Reading the configuration again: what did not change goes on as if nothing had happened.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Traffic, XdpMode, example, vip};

use crate::{SHORT, SOON, Scene};

in_both_modes!(
    s3_14_a_hundred_reloads_under_load_disturb_nobody,
    s3_14_a_configuration_with_an_error_is_refused_whole,
    s3_14_a_reload_changes_only_what_changed,
);

fn s3_14_a_hundred_reloads_under_load_disturb_nobody(mode: XdpMode) -> Result<()> {
    let scene = Scene::of_the_example(mode)?;
    let client = scene.lab.client.clone();
    let mut open = client.open(vip(3306))?;
    let same_connection = open.ask("select connection_id()", SHORT)?;
    let since = scene.director.server(3306, scene.lab.real_server.address)?["since"].clone();
    let before = client.tcp_counters()?;
    let traffic = {
        let client = client.clone();
        Traffic::start(Duration::ZERO, move || {
            Ok(client.greeted_by(vip(3306), SHORT)?.0)
        })
    };
    for _ in 0..100 {
        scene.director.reload()?;
        assert_eq!(open.ask("select connection_id()", SHORT)?, same_connection);
    }
    let record = traffic.finish()?;
    let after = client.tcp_counters()?;
    ensure!(
        record.answers(scene.databases.real_3306.id()) == record.0.len(),
        "{:?}",
        record.failures()
    );
    ensure!(
        after.established_resets == before.established_resets,
        "a connection was reset: {before:?}, then {after:?}"
    );
    ensure!(
        after.lost_segments == before.lost_segments,
        "lost packets: {before:?}, then {after:?}"
    );

    let listing = scene.director.list(&["--stats", "--exact"])?;
    let row = listing
        .lines()
        .find(|line| line.contains("-> 192.168.66.253:3306"));
    let counted = row.and_then(|row| row.split_whitespace().nth(2)?.parse().ok());
    ensure!(
        counted == Some(record.0.len() + 1),
        "the counters did not go on: {} and one in\n{listing}",
        record.0.len()
    );
    assert_eq!(
        scene.director.server(3306, scene.lab.real_server.address)?["since"],
        since,
        "the check began anew"
    );
    Ok(())
}

fn s3_14_a_configuration_with_an_error_is_refused_whole(mode: XdpMode) -> Result<()> {
    let scene = Scene::of_the_example(mode)?;
    let mut open = scene.lab.client.open(vip(3306))?;
    open.ask("select 1", SHORT)?;
    let listing = scene.director.list(&[])?;
    scene
        .director
        .configure(&example::MASTER.replace("lb_algo wrr", "lb_algo wrrr"))?;
    let refused = format!(
        "{:#}",
        scene.director.reload().expect_err("there is no wrrr")
    );
    ensure!(
        refused.contains("wrrr") && refused.contains("wrr"),
        "it does not say what is wrong: {refused}"
    );
    assert_eq!(scene.director.list(&[])?, listing);
    assert_eq!(open.ask("select 2", SHORT)?, "2");
    assert_eq!(
        scene.lab.client.who_answers(vip(3308))?,
        scene.databases.real_3308.id()
    );
    Ok(())
}

fn s3_14_a_reload_changes_only_what_changed(mode: XdpMode) -> Result<()> {
    let scene = Scene::of_the_example(mode)?;
    let mut open = scene.lab.client.open(vip(3306))?;
    let same_connection = open.ask("select connection_id()", SHORT)?;
    // Without its second virtual server, whose end is the end of the file.
    let quick = example::at_pace(example::MASTER, example::Pace::QUICK);
    let only_3306 = quick
        .split_once("virtual_server 192.168.66.251 3308")
        .map_or("", |(first, _)| first);
    scene.director.configure(only_3306)?;
    scene.director.reload()?;
    ensure!(
        !scene.director.list(&[])?.contains(":3308"),
        "3308 is still listed"
    );
    assert_eq!(open.ask("select connection_id()", SHORT)?, same_connection);

    scene.director.configure(&quick)?;
    scene.director.hang_up()?;
    lab::wait::until("3308 is a service again after SIGHUP", SOON, || {
        let id = scene.lab.client.greeted_by(vip(3308), SHORT).ok()?.0;
        (id == scene.databases.real_3308.id()).then_some(())
    })?;
    assert_eq!(open.ask("select connection_id()", SHORT)?, same_connection);
    Ok(())
}
