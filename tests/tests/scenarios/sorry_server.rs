//! The sorry server: when the quorum is lost, and only then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use lab::{Client, Lab, Link, ServerId, Service, Traffic, XdpMode, vip};

use crate::{AT_ONCE, SHORT, SOON, Scene, Serving};

in_both_modes!(
    s0_09_new_connections_never_go_to_two_servers_at_once,
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
            Ok(ServerId(server.parse()?))
        })
    };
    // With the second one the first one's client has its answer.
    lab::wait::until("two rows are in", SOON, || {
        let rows = client
            .query(
                scene.databases.real_3306.address(),
                "select count(*) from rows_in",
            )
            .ok()?;
        (rows.parse::<u64>().ok()? >= 2).then_some(())
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

/// Clients that come one after another all the time, and who has let in the latest of them.
struct Arrivals {
    traffic: Traffic,
    latest: Arc<AtomicU32>,
}

impl Arrivals {
    fn start(client: &Client) -> Self {
        let latest = Arc::new(AtomicU32::new(0));
        let (client, seen) = (client.clone(), Arc::clone(&latest));
        let traffic = Traffic::start(Duration::from_millis(2), move || {
            let (server, _) = client.greeted_by(vip(3306), SHORT)?;
            seen.store(server.0, Ordering::Relaxed);
            Ok(server)
        });
        Self { traffic, latest }
    }

    fn reach(&self, server: ServerId) -> Result<()> {
        lab::wait::until(&format!("clients come to {server}"), SOON, || {
            (self.latest.load(Ordering::Relaxed) == server.0).then_some(())
        })
    }
}

/// Clients come by several ways side by side while the real server fails and returns.
fn s0_09_new_connections_never_go_to_two_servers_at_once(mode: XdpMode) -> Result<()> {
    let lab = Lab::create(mode)?;
    let mut databases = lab.start_databases()?;
    let service = Service::tcp(vip(3306), "rr")
        .with("sorry_server 192.168.66.254 3306")
        .with("on_relief reset")
        .real_server(&lab.real_server, "");
    let serving = Serving::start(&lab, &[service])?;
    let (director, address) = (&serving.director, lab.real_server.address);
    let (real, sorry) = (databases.real_3306.id(), databases.sorry_3306.id());
    let arrivals = [(); 3].map(|()| Arrivals::start(&lab.client));
    let all_reach = |server| arrivals.iter().try_for_each(|one| one.reach(server));

    all_reach(real)?;
    databases.real_3306.kill()?;
    director.await_state(3306, address, "down", SOON)?;
    all_reach(sorry)?;
    let mut writer = lab.client.open(vip(3306))?;
    let server = writer.ask("select @@server_id", SHORT)?;
    assert_eq!(server, sorry.0.to_string());
    databases.real_3306.start()?;
    all_reach(real)?;
    // Who wrote to the sorry server before is told right after: the way of new connections changes first.
    lab::wait::until("the writer is told", AT_ONCE, || {
        let error = writer.ask("select 1", SHORT).err()?;
        format!("{error:#}").contains("ERROR 20").then_some(())
    })?;

    let mut attempts = Vec::new();
    for one in arrivals {
        attempts.extend(one.traffic.finish()?.0);
    }
    let of = |server| {
        let answered = attempts.iter();
        answered.filter(move |attempt| attempt.answer == Ok(server))
    };
    // A client is let in at some moment between the beginning and the end of its attempt. From the sorry server's first moment to its
    // last there is none of the real server's.
    let first = of(sorry).map(|attempt| attempt.ended).min();
    let last = of(sorry).map(|attempt| attempt.began).max();
    let (first, last) = first.zip(last).context("nobody came to the sorry server")?;
    let between: Vec<_> = of(real)
        .filter(|attempt| attempt.began > first && attempt.ended < last)
        .collect();
    ensure!(between.is_empty(), "both let clients in: {between:?}");
    ensure!(
        of(real).any(|attempt| attempt.ended < first)
            && of(real).any(|attempt| attempt.began > last),
        "the real server did not fail and return"
    );
    Ok(())
}
