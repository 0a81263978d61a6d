//! One of the two is the real keepalived: version 3, IPv6 and unicast.

use anyhow::Result;
use lab::{Duo, Host, Instance, Link, SHARED6};

use super::{Mixed, no_advert_was_refused};
use crate::{
    SOON,
    elections::{FIRST, SECOND},
};

#[test]
fn version_3_over_ipv4_ours_is_the_better_one() -> Result<()> {
    ours_leaves_and_returns(Mixed::ours_first(
        Instance::quick(100),
        Instance::quick(90),
    )?)
}

#[test]
fn version_3_over_ipv4_keepalived_is_the_better_one() -> Result<()> {
    theirs_leaves_and_returns(Mixed::theirs_first(
        Instance::quick(100),
        Instance::quick(90),
    )?)
}

#[test]
fn version_3_over_ipv6_ours_is_the_better_one() -> Result<()> {
    ours_leaves_and_returns(Mixed::ours_first(over_ipv6(100), over_ipv6(90))?)
}

#[test]
fn version_3_over_ipv6_keepalived_is_the_better_one() -> Result<()> {
    theirs_leaves_and_returns(Mixed::theirs_first(over_ipv6(100), over_ipv6(90))?)
}

#[test]
fn unicast_of_version_2_ours_is_the_better_one() -> Result<()> {
    let duo = Duo::create()?;
    let (first, second) = (duo.first.clone(), duo.second.clone());
    let ours = unicast(Instance::classic(100), &first, &second);
    let theirs = unicast(Instance::classic(90), &second, &first);
    ours_stops_and_returns(&mut Mixed::on(duo, (&first, ours), (&second, theirs))?)
}

#[test]
fn unicast_of_version_3_keepalived_is_the_better_one() -> Result<()> {
    let duo = Duo::create()?;
    let (first, second) = (duo.first.clone(), duo.second.clone());
    let theirs = unicast(Instance::quick(100), &first, &second);
    let ours = unicast(Instance::quick(90), &second, &first);
    theirs_leaves_and_returns(Mixed::on(duo, (&second, ours), (&first, theirs))?)
}

/// The whole round: a stop, a return, a cut cable, and its mending.
fn ours_leaves_and_returns(mut mixed: Mixed) -> Result<()> {
    ours_stops_and_returns(&mut mixed)?;
    mixed.duo.first.set_link(Link::Down)?;
    mixed.ours.await_role("FAULT", SOON)?;
    mixed.theirs.await_role("MASTER", SOON)?;
    mixed.duo.first.set_link(Link::Up)?;
    mixed.ours_is_master()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST, SECOND, FIRST]);
    no_advert_was_refused(&mixed)
}

fn ours_stops_and_returns(mixed: &mut Mixed) -> Result<()> {
    mixed.start_ours_first()?;
    no_advert_was_refused(mixed)?;
    mixed.ours.terminate()?;
    mixed.theirs.await_role("MASTER", SOON)?;
    mixed.ours.start()?;
    mixed.ours_is_master()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    no_advert_was_refused(mixed)
}

/// The same with keepalived in the first place, and `kill -9` instead of the cable.
fn theirs_leaves_and_returns(mut mixed: Mixed) -> Result<()> {
    mixed.start_theirs_first()?;
    no_advert_was_refused(&mixed)?;
    mixed.theirs.terminate()?;
    mixed.ours.await_role("MASTER", SOON)?;
    mixed.theirs.start()?;
    mixed.theirs_is_master()?;
    mixed.theirs.kill_9()?;
    mixed.ours.await_role("MASTER", SOON)?;
    mixed.theirs.start()?;
    mixed.theirs_is_master()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST, SECOND, FIRST]);
    no_advert_was_refused(&mixed)
}

fn over_ipv6(priority: u8) -> Instance {
    Instance::quick(priority).address(format_args!("{SHARED6}/64"))
}

fn unicast(instance: Instance, from: &Host, to: &Host) -> Instance {
    instance
        .with(&format!("unicast_src_ip {}", from.address))
        .with(&format!("unicast_peer {{\n    {}\n  }}", to.address))
}
