//! Who gets the next connection, and what is refused rather than done otherwise.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use lab::{Lab, ServerId, XdpMode, example, vip};

use crate::{SHORT, Scene};

in_both_modes!(
    s2_12_rr_takes_the_real_servers_in_turn,
    s2_12_wrr_shares_by_weight,
);

fn s2_12_rr_takes_the_real_servers_in_turn(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, &example::two_real_servers("rr", [5, 1]))?;
    let answers = answers(&scene, 40)?;
    ensure!(
        answers.windows(2).all(|pair| pair[0] != pair[1]),
        "not in turn: {answers:?}"
    );
    Ok(())
}

fn s2_12_wrr_shares_by_weight(mode: XdpMode) -> Result<()> {
    let scene = Scene::with(mode, &example::two_real_servers("wrr", [3, 1]))?;
    let mut shares = BTreeMap::new();
    for server in answers(&scene, 40)? {
        *shares.entry(server).or_insert(0) += 1;
    }
    let expected = [
        (scene.databases.real_3306.id(), 30),
        (scene.databases.sorry_3306.id(), 10),
    ];
    assert_eq!(shares, BTreeMap::from(expected));
    Ok(())
}

fn answers(scene: &Scene, count: usize) -> Result<Vec<ServerId>> {
    (0..count)
        .map(|_| Ok(scene.lab.client.greeted_by(vip(3306), SHORT)?.0))
        .collect()
}

#[test]
fn s2_12_nat_and_tun_are_refused_never_forwarded_as_dr() -> Result<()> {
    let lab = Lab::create(XdpMode::Generic)?;
    for method in ["NAT", "TUN"] {
        let director =
            lab.daemon(&example::MASTER.replace("lb_kind DR", &format!("lb_kind {method}")))?;
        let output = director.outcome(&mut director.run_command())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        ensure!(
            said.contains(":28:11") && said.contains(method),
            "the word is not pointed at: {said}"
        );
        ensure!(
            !lab.director.has_xdp()? && !director.is_pinned()?,
            "something was attached or pinned"
        );
    }
    Ok(())
}
