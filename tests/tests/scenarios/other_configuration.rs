//! Row 1.16 while both directors run: each learns from the other's digest where the two are not configured alike.

use std::{process::Output, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{Director, Instance, wait};
use serde_json::Value;

use crate::{elections::Pair, expect};

/// A digest is told every 10 s.
const SOON: Duration = Duration::from_secs(20);
/// What differs is told when it did so for 25 s.
const LATER: Duration = Duration::from_secs(60);

const FIRST: &str = "192.168.66.6";
const SECOND: &str = "192.168.66.12";
const NAME: &str = "real_server 192.168.66.252 of virtual_server 192.168.66.240 3306 TCP";

fn with_server(instance: &Instance, weight: u8) -> String {
    format!(
        "{instance}virtual_server 192.168.66.240 3306 {{\n  lb_algo wrr\n  lb_kind DR\n  protocol TCP\n  \
         real_server 192.168.66.252 3306 {{\n    weight {weight}\n  }}\n}}\n"
    )
}

#[test]
fn s1_16_a_weight_that_differs_is_told_by_both_with_the_name_of_the_server() -> Result<()> {
    let (better, other) = (Instance::quick(100), Instance::quick(90));
    let pair = Pair::start(with_server(&better, 1), with_server(&other, 2))?;
    for (director, peer) in [(&pair.first, SECOND), (&pair.second, FIRST)] {
        let view = await_standing(director, peer, "different")?;
        ensure!(view["differ"] == Value::from(vec![NAME]), "{view}");
    }
    expect(
        &compare(&pair.first, SECOND)?,
        1,
        &format!("{NAME}: differs\n"),
    )?;
    for director in [&pair.first, &pair.second] {
        director.await_log(&format!("not the same: {NAME} differs"), LATER)?;
        director.await_warning(&format!("{NAME} differs"), SOON)?;
    }
    let page = pair.first.outcome(
        pair.first
            .command("doctor")
            .arg("--socket")
            .arg(&pair.first.socket),
    )?;
    let said = String::from_utf8_lossy(&page.stdout);
    let words = format!("{SECOND} is configured in another way: {NAME} differs");
    ensure!(said.contains(&words), "no `{words}`: {page:?}");

    pair.second.configure(&with_server(&other, 1))?;
    pair.second.reload()?;
    pair.first.await_log("the same again", SOON)?;
    await_standing(&pair.second, FIRST, "equal")?;
    expect(
        &compare(&pair.first, SECOND)?,
        0,
        "all that must be equal is so",
    )
}

#[test]
fn s1_16_a_pair_by_unicast_and_one_by_ipv6_compare_themselves_too() -> Result<()> {
    let by_unicast = |priority: u8, peer: &str| {
        Instance::quick(priority).with(&format!("unicast_peer {{\n    {peer}\n  }}"))
    };
    let pair = Pair::start(by_unicast(100, SECOND), by_unicast(90, FIRST))?;
    await_standing(&pair.first, SECOND, "equal")?;
    await_standing(&pair.second, FIRST, "equal")?;
    drop(pair);

    let by_ipv6 = |priority| Instance::quick(priority).address("fd00:66::240/64");
    let pair = Pair::start(by_ipv6(100), by_ipv6(90))?;
    for director in [&pair.first, &pair.second] {
        let seen = || {
            let vrrp = director.vrrp().ok()?;
            (vrrp["pair"].as_array()?.first()?["standing"] == "equal").then_some(())
        };
        wait::until("the other director is heard over IPv6", SOON, seen)?;
    }
    Ok(())
}

#[test]
fn who_does_not_want_to_be_compared_tells_nothing_and_is_named_as_unknown() -> Result<()> {
    let silent = format!(
        "global_defs {{\n  director_pair_port 0\n}}\n{}",
        Instance::quick(90)
    );
    let pair = Pair::start(Instance::quick(100), silent)?;
    let output = compare(&pair.first, SECOND)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(2) && said.starts_with("error: 192.168.66.12 has not told"),
        "{output:?}"
    );
    Ok(())
}

/// Waits until the configuration of `peer` is to this director's like this.
fn await_standing(director: &Director, peer: &str, standing: &str) -> Result<Value> {
    let seen = || {
        let vrrp = director.vrrp().ok()?;
        let mut pair = vrrp["pair"].as_array()?.iter();
        pair.find(|view| view["peer"] == peer && view["standing"] == standing)
            .cloned()
    };
    let what = format!("the configuration of {peer} is {standing}");
    wait::until(&what, SOON, seen)
        .with_context(|| format!("{:?}", director.vrrp().map(|vrrp| vrrp["pair"].clone())))
}

fn compare(director: &Director, peer: &str) -> Result<Output> {
    let mut diff = director.command("config");
    diff.arg("diff").arg(&director.config);
    diff.args(["--peer", peer])
        .arg("--socket")
        .arg(&director.socket);
    director.outcome(&mut diff)
}
