//! The virtual address on the host that holds it: seen, answered for, put back, and not left behind.

use std::time::Duration;

use anyhow::{Result, ensure};
use lab::{Duo, Instance, Prober, SHARED, Service, VIP, XdpMode, configuration_with, vip, wait};

use crate::{SOON, elections::Pair};

in_both_modes!(s1_02_whoever_holds_the_address_answers_pings);

fn s1_02_whoever_holds_the_address_answers_pings(mode: XdpMode) -> Result<()> {
    let duo = Duo::create_in(mode)?;
    // With a service on it, so that its packets pass the program.
    let service = Service::tcp(vip(80), "rr").real_server(&duo.lab.real_server, "");
    let [first, second] = [100, 90].map(|priority| {
        let instance = Instance::quick(priority).address(VIP);
        configuration_with(&instance, std::slice::from_ref(&service))
    });
    let mut pair = Pair::start_on(duo, first, second)?;
    let client = pair.duo.lab.client.clone();
    let answered_by = |prober: Prober, mac: &str| -> Result<()> {
        let probed = prober.finish()?;
        let theirs = probed.answered_by.get(mac).copied().unwrap_or_default();
        ensure!(theirs > 0 && probed.answered_by.len() == 1, "{probed:?}");
        Ok(())
    };
    let ping = || -> Result<Prober> {
        let prober = Prober::ping(&client, VIP, Duration::from_millis(10))?;
        // What is pinged before it has ever been asked for is not lost, but late.
        wait::until("a client learns the address", SOON, || {
            let neighbors = client
                .host
                .namespace
                .ip(&format!("neigh show {VIP}"))
                .ok()?;
            neighbors.contains("lladdr").then_some(())
        })?;
        Ok(prober)
    };
    pair.await_first(VIP)?;
    answered_by(ping()?, &pair.duo.first.mac("eth0")?)?;
    pair.first.terminate()?;
    pair.await_second(VIP)?;
    answered_by(ping()?, &pair.duo.second.mac("eth0")?)
}

#[test]
fn s1_01_the_address_is_in_the_status_and_has_its_label() -> Result<()> {
    let labeled = Instance::quick(100).address(format_args!("{SHARED}/23 label eth0:1"));
    let pair = Pair::start(labeled, Instance::quick(90))?;
    pair.await_first(SHARED)?;
    let instance = pair.first.status()?["instances"][0].clone();
    assert_eq!(instance["interface"], "eth0");
    assert_eq!(instance["role"], "MASTER");
    assert_eq!(instance["addresses"][0], format!("{SHARED}/23"));
    // It is what `ifconfig` calls an interface of its own.
    let first = &pair.duo.first.namespace;
    let shown = first.ip("-oneline address show label eth0:1")?;
    ensure!(shown.contains(&format!("inet {SHARED}/23")), "{shown}");
    Ok(())
}

#[test]
fn s1_01_an_address_that_somebody_removes_is_put_back_and_that_is_counted() -> Result<()> {
    let pair = Pair::start(Instance::quick(100), Instance::quick(90))?;
    pair.await_first(SHARED)?;
    let first = &pair.duo.first.namespace;
    for removed in [1, 2] {
        first.ip(&format!("address del {SHARED}/23 dev eth0"))?;
        wait::until("it is counted", SOON, || {
            let election = pair.first.election("INT").ok()?;
            (election["addresses_restored"] == removed).then_some(())
        })?;
        pair.await_first(SHARED)?;
    }
    pair.first
        .await_log("VIP was removed by somebody else; it is back", SOON)
}

#[test]
fn s2_18_an_address_that_a_killed_daemon_left_is_removed_at_the_start() -> Result<()> {
    let duo = Duo::create()?;
    let mut first = duo.director(&duo.first, Instance::quick(100))?;
    let mut second = duo.director(&duo.second, Instance::quick(90))?;
    first.start()?;
    let left = format!("address add {SHARED}/23 dev eth0");
    duo.second.namespace.ip(&left)?;
    assert_eq!(duo.holders(SHARED)?, [duo.first.name, duo.second.name]);
    second.start_as("BACKUP")?;
    duo.await_only_holder(SHARED, &duo.first, SOON)?;
    second.await_log("VIP was left by a daemon that did not end well", SOON)
}
