//! Checks of real servers: their pace, their verdict, and what is told.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use lab::{
    Lab, Link, ServerId, Service, XdpMode, configuration, example, example::Pace, vip, vips,
};

use crate::{SHORT, SOON, Scene, Serving};

in_both_modes!(
    s1_19_a_tcp_check_alone_finds_a_mariadb_that_is_down_and_one_that_is_up_again,
    s2_14_a_refused_server_is_down_after_its_retries,
    s2_14_a_silent_server_is_down_after_its_timeouts,
    s2_22_the_log_tells_a_failure_and_a_recovery_in_keepalives_words,
);

/// Three retries, so that they can be told from keepalived's one, which it falls back to as it does not know `nb_get_retry`.
const THREE_RETRIES: Pace = Pace {
    delay_loop: "0.2",
    warmup: "0",
    connect_timeout: "0.5",
    nb_get_retry: "3",
    delay_before_retry: "0.4",
};

fn s2_14_a_refused_server_is_down_after_its_retries(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::with(mode, &example::at_pace(example::MASTER, THREE_RETRIES))?;
    let began = checked_and_about_to(&scene)?;
    scene.databases.real_3306.kill()?;
    scene
        .director
        .await_state(3306, scene.lab.real_server.address, "down", SOON)?;
    let took = began.elapsed();
    let retries = Duration::from_millis(3 * 400);
    ensure!(
        took >= retries,
        "{took:?} leave no time for three retries of 0.4 s"
    );
    ensure!(
        took <= retries + Duration::from_millis(200) + SHORT,
        "{took:?}"
    );
    let server = scene.director.server(3306, scene.lab.real_server.address)?;
    assert_eq!(server["reason"], "connection refused");
    Ok(())
}

fn s2_14_a_silent_server_is_down_after_its_timeouts(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, &example::at_pace(example::MASTER, THREE_RETRIES))?;
    let began = checked_and_about_to(&scene)?;
    scene.lab.real_server.set_link(Link::Down)?;
    scene
        .director
        .await_log("TCP connection to [192.168.66.253]:tcp:3306 failed", SOON)?;
    let took = began.elapsed();
    // delay_loop + (1 + retries) * connect_timeout + retries * delay_before_retry; the first attempt may have begun already.
    let attempts = Duration::from_millis(4 * 500 + 3 * 400);
    ensure!(
        took >= attempts - Duration::from_millis(500),
        "{took:?} leave no time for four attempts of 0.5 s"
    );
    ensure!(
        took <= attempts + Duration::from_millis(200) + SHORT,
        "{took:?}"
    );
    assert_eq!(
        scene.lab.client.greeted_by(vip(3306), SHORT)?.0,
        scene.databases.sorry_3306.id()
    );
    Ok(())
}

/// No script, no user, no password: whether the port answers is enough to tell a MariaDB that runs from one that does not.
fn s1_19_a_tcp_check_alone_finds_a_mariadb_that_is_down_and_one_that_is_up_again(
    mode: XdpMode,
) -> Result<()> {
    let lab = Lab::create_dual(mode)?;
    let mut databases = lab.start_databases()?;
    let services = vips(3306).map(|vip| {
        let service = Service::tcp(vip, "rr");
        service.real_servers([&lab.real_server, &lab.sorry_server], "")
    });
    let written = configuration(&services);
    let checks = |line: &&str| line.contains("_CHECK") || line.contains("script");
    let checks: Vec<_> = written.lines().filter(checks).map(str::trim).collect();
    assert_eq!(checks, ["TCP_CHECK {"; 4], "{written}");

    let serving = Serving::start(&lab, &services)?;
    let (real, sorry) = (databases.real_3306.id(), databases.sorry_3306.id());
    let real_addresses: [IpAddr; 2] = [
        lab.real_server.address.into(),
        lab.real_server.address6.into(),
    ];
    let await_real = |state| {
        let mut addresses = real_addresses.into_iter();
        addresses.try_for_each(|address| serving.director.await_state(3306, address, state, SOON))
    };
    let answering = |vip| -> Result<BTreeSet<ServerId>> {
        let queries = (0..4).map(|_| lab.client.who_answers(vip));
        queries.collect()
    };
    databases.real_3306.kill()?;
    await_real("down")?;
    for (vip, address) in vips(3306).into_iter().zip(real_addresses) {
        let server = serving.director.server(3306, address)?;
        assert_eq!(server["reason"], "connection refused", "{server}");
        assert_eq!(answering(vip)?, [sorry].into());
    }
    databases.real_3306.start()?;
    await_real("up")?;
    for vip in vips(3306) {
        assert_eq!(answering(vip)?, [real, sorry].into());
    }
    Ok(())
}

/// Waits for the first check, because a server that no check has seen is down at its first failure.
fn checked_and_about_to(scene: &Scene) -> Result<Instant> {
    scene
        .director
        .await_log("TCP connection to [192.168.66.253]:tcp:3306 success", SOON)?;
    Ok(Instant::now())
}

#[test]
fn s2_14_nb_get_retry_means_retry_and_says_so() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let director = lab.daemon(example::MASTER)?;
    let check = director.outcome(
        director
            .command("config")
            .arg("check")
            .arg(&director.config),
    )?;
    let said = String::from_utf8_lossy(&[check.stdout, check.stderr].concat()).into_owned();
    assert_eq!(check.status.code(), Some(1), "warnings only: {said}");
    for words in [
        "`nb_get_retry` is not a keyword of TCP_CHECK",
        "keepalived ignores it here",
        "keepalived.conf:37:7",
    ] {
        ensure!(said.contains(words), "no `{words}` in:\n{said}");
    }
    let show = director.outcome(
        director
            .command("config")
            .arg("show")
            .arg(&director.config)
            .arg("--json"),
    )?;
    let shown: serde_json::Value = serde_json::from_slice(&show.stdout)?;
    let pace = &shown["virtual_servers"][0]["real_servers"][0]["checks"][0]["pace"];
    assert_eq!(
        (&pace["retries"], &pace["retry_delay"], &pace["interval"]),
        (&3.into(), &3.0.into(), &20.0.into()),
        "{shown}"
    );
    Ok(())
}

fn s2_22_the_log_tells_a_failure_and_a_recovery_in_keepalives_words(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let real = scene.lab.real_server.address;
    let told_before = scene.director.log().len();
    scene.databases.real_3306.kill()?;
    scene.director.await_state(3306, real, "down", SOON)?;
    scene.databases.real_3306.start()?;
    scene.director.await_state(3306, real, "up", SOON)?;
    in_order(
        scene
            .director
            .log()
            .get(told_before..)
            .context("the log has shrunk")?,
        &[
            "TCP connection to [192.168.66.253]:tcp:3306 failed",
            "Removing service [192.168.66.253]:tcp:3306 from VS [192.168.66.251]:tcp:3306",
            "Lost quorum 1-0=1 > 0",
            "Adding sorry server [192.168.66.254]:tcp:3306",
            "Removing alive servers from the pool",
            "TCP connection to [192.168.66.253]:tcp:3306 success",
            "Adding service [192.168.66.253]:tcp:3306 to VS [192.168.66.251]:tcp:3306",
            "Gained quorum",
            "Removing sorry server [192.168.66.254]:tcp:3306",
        ],
    )
}

fn in_order(log: &str, phrases: &[&str]) -> Result<()> {
    let mut rest = log;
    for phrase in phrases {
        let (_, after) = rest
            .split_once(phrase)
            .with_context(|| format!("`{phrase}` is missing or out of order in:\n{log}"))?;
        rest = after;
    }
    Ok(())
}
