//! The report's own configuration, unmodified, and the topology around it.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use lab::{Lab, VIP, XdpMode, example, vip};

use crate::{SHORT, SOON, Scene};

in_both_modes!(
    s2_02_only_the_director_answers_arp_for_the_vip,
    s2_06_the_masters_file_boots_unmodified,
    s2_06_the_backups_file_boots_unmodified,
    s2_19_everything_answers_from_a_third_host,
);

fn s2_02_only_the_director_answers_arp_for_the_vip(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, example::MASTER)?;
    for server in [&scene.lab.real_server, &scene.lab.sorry_server] {
        ensure!(
            server.addresses("lo")?.contains(&format!("{VIP}/32")),
            "{:?}",
            server.addresses("lo")?
        );
        for scope in ["all", "lo"] {
            assert_eq!(
                server
                    .namespace
                    .setting(&format!("net/ipv4/conf/{scope}/arp_ignore"))?,
                "1"
            );
            assert_eq!(
                server
                    .namespace
                    .setting(&format!("net/ipv4/conf/{scope}/arp_announce"))?,
                "2"
            );
        }
    }
    scene.lab.client.greeted_by(vip(3306), SHORT)?;
    let neighbor = scene
        .lab
        .client
        .host
        .namespace
        .ip(&format!("neighbor show {VIP}"))?;
    let mac = scene.lab.director.mac("eth0")?;
    ensure!(
        neighbor.contains(&format!("lladdr {mac}")),
        "not the director's {mac}: {neighbor}"
    );
    Ok(())
}

#[test]
fn s2_04_the_vip_has_a_mask_of_32_and_goes_when_the_daemon_stops() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    let mut director = lab.daemon(example::MASTER)?;
    director.start()?;
    let own = "192.168.66.6/23".to_owned();
    assert_eq!(
        lab.director.addresses("eth0")?,
        [own.clone(), format!("{VIP}/32")]
    );
    director.terminate()?;
    assert_eq!(lab.director.addresses("eth0")?, [own]);
    Ok(())
}

fn s2_06_the_masters_file_boots_unmodified(mode: XdpMode) -> Result<()> {
    boots(mode, example::MASTER)
}

fn s2_06_the_backups_file_boots_unmodified(mode: XdpMode) -> Result<()> {
    boots(mode, example::BACKUP)
}

fn boots(mode: XdpMode, config: &str) -> Result<()> {
    let scene = Scene::with(mode, config)?;
    let status = scene.director.status()?;
    assert_eq!(status["instances"][0]["role"], "MASTER");
    assert_eq!(status["instances"][0]["xdp_mode"], mode.to_string());
    assert_eq!(
        scene.lab.client.who_answers(vip(3306))?,
        scene.databases.real_3306.id()
    );
    assert_eq!(
        scene.lab.client.who_answers(vip(3308))?,
        scene.databases.real_3308.id()
    );
    // Whatever of the file has no effect is named with its line.
    for note in [
        ":13:3: `lvs_sync_daemon_interface` has no effect yet",
        ":37:7: `nb_get_retry` is not a keyword of TCP_CHECK",
    ] {
        ensure!(
            scene.director.log().contains(note),
            "no note `{note}` in the log:\n{}",
            scene.director.log()
        );
    }
    Ok(())
}

fn s2_19_everything_answers_from_a_third_host(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, example::MASTER)?;
    let (lab, client) = (&scene.lab, &scene.lab.client);
    for address in [
        VIP,
        lab.director.address,
        lab.real_server.address,
        lab.sorry_server.address,
    ] {
        let mut ping = Command::new("ping");
        let ping = ping.args([
            "-n",
            "-c",
            "2",
            "-i",
            "0.2",
            "-W",
            "2",
            &address.to_string(),
        ]);
        client
            .host
            .namespace
            .run(ping)
            .with_context(|| format!("no answer from {address}"))?;
    }
    assert_eq!(
        client.greeted_by(vip(3306), SHORT)?.0,
        scene.databases.real_3306.id()
    );
    assert_eq!(
        client.greeted_by(vip(3308), SHORT)?.0,
        scene.databases.real_3308.id()
    );
    // A port of the VIP that is no service is the director's own, and nobody listens there.
    let refused = client
        .connect(vip(3307), SOON)
        .expect_err("nobody listens on 3307");
    ensure!(format!("{refused:#}").contains("refused"), "{refused:#}");
    Ok(())
}
