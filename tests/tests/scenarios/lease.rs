//! A daemon that dies or hangs while it is MASTER: for as long as its lease lasts packets go on, then others take over.

use std::{net::SocketAddr, thread, time::Duration};

use anyhow::{Result, ensure};
use lab::{Duo, Echo, Instance, Prober, SHARED, Service, VIP, XdpMode, configuration_with, vip};

use crate::{
    SOON,
    elections::{FIRST, Pair, SECOND},
    interop::Mixed,
};

in_both_modes!(s2_17_a_restart_within_the_lease_loses_nothing_and_nobody_else_is_master);

fn s2_17_a_restart_within_the_lease_loses_nothing_and_nobody_else_is_master(
    mode: XdpMode,
) -> Result<()> {
    const PORT: u16 = 7;
    /// At full speed the lab's queues overflow with nobody restarted.
    const PACE_BITS_PER_SECOND: u64 = 100_000_000;
    let duo = Duo::create_in(mode)?;
    let client = duo.lab.client.clone();
    let real = duo.lab.real_server.clone();
    let _transfers = duo.lab.start_iperf(&real)?;
    let _echo = Echo::start(&real, vip(PORT))?;
    let services = [
        Service::tcp(vip(5201), "rr")
            .real_server(&real, "")
            .unchecked(),
        Service::udp(vip(PORT), "rr").real_server(&real, ""),
    ];
    let [first, second] = [100, 90]
        .map(|priority| configuration_with(&Instance::classic(priority).address(VIP), &services));
    let mut pair = Pair::start_on(duo, first, second)?;
    pair.await_first(VIP)?;
    for (port, address) in services.iter().flat_map(Service::servers) {
        pair.first.await_state(port, address, "up", SOON)?;
    }
    // The flow is there before it matters.
    let asked = SocketAddr::from(vip(PORT));
    client.send_datagram(lab::Source::ANY, asked, 1, SOON)?;

    let prober = Prober::ask(&client, asked, Duration::from_millis(5))?;
    let transfer = {
        let client = client.clone();
        let time = Duration::from_secs(3);
        thread::spawn(move || client.transfer_at(PACE_BITS_PER_SECOND, VIP, time))
    };
    pair.first.kill_9()?;
    pair.first.start()?;
    let reason = pair.first.election("INT")?["reason"].clone();
    ensure!(
        reason == "it was MASTER a moment ago, before the daemon ended",
        "it did not go on: {reason}"
    );
    let transfer = transfer.join().expect("no panic")?;
    let least = PACE_BITS_PER_SECOND as f64 * 0.8;
    ensure!(transfer.bits_per_second > least, "{transfer:?}");
    let probed = prober.finish()?;
    eprintln!("{probed:?}, {:.0} Mbit/s", transfer.bits_per_second / 1e6);
    assert_eq!(probed.lost, 0, "{probed:?}");
    let by = [real.mac("eth0")?];
    ensure!(probed.answered_by.keys().eq(&by), "{probed:?}");
    assert_eq!(pair.succession()?, [FIRST]);
    pair.await_first(VIP)
}

#[test]
fn s2_25_when_a_daemon_is_killed_its_guardian_gives_up_in_its_stead() -> Result<()> {
    let mut pair = Pair::start(Instance::quick(100), Instance::quick(90))?;
    pair.await_first(SHARED)?;
    pair.first.kill_9()?;
    pair.await_second(SHARED)?;
    gave_up(&pair)?;
    assert_eq!(pair.succession()?, [FIRST, SECOND]);
    pair.first.start()?;
    pair.await_first(SHARED)?;
    assert_eq!(pair.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s2_25_a_daemon_that_hangs_holds_nothing_until_it_goes_on() -> Result<()> {
    let pair = Pair::start(Instance::quick(100), Instance::quick(90))?;
    pair.await_first(SHARED)?;
    pair.first.freeze()?;
    pair.await_second(SHARED)?;
    gave_up(&pair)?;
    // For a good while longer than any lease.
    pair.await_adverts(&pair.duo.second, 40)?;
    assert_eq!(pair.duo.holders(SHARED)?, [SECOND]);
    assert_eq!(pair.succession()?, [FIRST, SECOND]);
    pair.first.thaw()?;
    pair.first.await_role("MASTER", SOON)?;
    pair.await_first(SHARED)?;
    pair.second.await_role("BACKUP", SOON)?;
    assert_eq!(pair.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s2_25_keepalived_takes_over_from_a_daemon_that_was_killed() -> Result<()> {
    let mut mixed = Mixed::ours_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_ours_first()?;
    mixed.await_first()?;
    mixed.ours.kill_9()?;
    mixed.theirs.await_role("MASTER", SOON)?;
    mixed.await_second()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND]);
    mixed.ours.start()?;
    mixed.ours_is_master()?;
    mixed.await_first()
}

#[test]
fn s2_25_keepalived_never_notices_a_daemon_that_is_back_within_its_lease() -> Result<()> {
    let mut mixed = Mixed::ours_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_ours_first()?;
    mixed.await_first()?;
    mixed.ours.kill_9()?;
    mixed.ours.start()?;
    mixed.await_adverts(&mixed.duo.first, 4)?;
    mixed.ours_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST]);
    Ok(())
}

#[test]
fn s2_25_keepalived_takes_over_from_a_daemon_that_hangs() -> Result<()> {
    let mut mixed = Mixed::ours_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_ours_first()?;
    mixed.await_first()?;
    mixed.ours.freeze()?;
    mixed.theirs.await_role("MASTER", SOON)?;
    mixed.await_second()?;
    mixed.await_adverts(&mixed.duo.second, 2)?;
    assert_eq!(mixed.duo.holders(SHARED)?, [SECOND]);
    mixed.ours.thaw()?;
    mixed.ours_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

/// The guardian has said on the wire and in the log that the first one leaves.
fn gave_up(pair: &Pair) -> Result<()> {
    let sent = pair.sent_by(&pair.duo.first)?;
    ensure!(
        sent.last().is_some_and(|advert| advert.priority == 0),
        "its last word is not that it leaves: {sent:?}"
    );
    pair.first
        .await_log("guardian: the daemon does not renew the lease of INT", SOON)
}
