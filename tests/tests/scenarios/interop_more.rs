//! One of the two is the real keepalived: what pairs speak beside version 2 to a group.

use std::{fs, path::Path};

use anyhow::Result;
use lab::{Duo, Host, Instance, Link, SHARED, SHARED6};

use crate::{
    SOON,
    elections::{FIRST, SECOND, script},
    interop::{Mixed, no_advert_was_refused},
};

/// An address that a second instance holds.
const OTHER: &str = "192.168.66.242";

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

#[test]
fn a_sync_group_of_ours_leaves_as_one_when_one_member_is_in_fault() -> Result<()> {
    let duo = Duo::create()?;
    let flag = flag(&duo)?;
    let (first, second) = (duo.first.clone(), duo.second.clone());
    let (ours, theirs) = (group(100, Some(&flag)), group(90, None));
    let mut mixed = Mixed::on(duo, (&first, ours), (&second, theirs))?;
    mixed.start_ours_first()?;
    both_are_on(&mixed, &first)?;
    fs::remove_file(&flag)?;
    mixed.ours.await_role("FAULT", SOON)?;
    mixed.theirs.await_role("MASTER", SOON)?;
    both_are_on(&mixed, &second)?;
    fs::write(&flag, "")?;
    mixed.ours_is_master()?;
    both_are_on(&mixed, &first)?;
    no_advert_was_refused(&mixed)
}

#[test]
fn a_sync_group_of_ours_takes_over_as_one_from_keepalived() -> Result<()> {
    let mut mixed = Mixed::theirs_first(group(100, None), group(90, None))?;
    let (first, second) = (mixed.duo.first.clone(), mixed.duo.second.clone());
    mixed.start_theirs_first()?;
    both_are_on(&mixed, &first)?;
    mixed.theirs.terminate()?;
    mixed.ours.await_role("MASTER", SOON)?;
    both_are_on(&mixed, &second)?;
    mixed.theirs.start()?;
    mixed.theirs_is_master()?;
    both_are_on(&mixed, &first)?;
    no_advert_was_refused(&mixed)
}

#[test]
fn s1_08_a_script_that_fails_here_makes_keepalived_the_master() -> Result<()> {
    let duo = Duo::create()?;
    let flag = flag(&duo)?;
    let (first, second) = (duo.first.clone(), duo.second.clone());
    let ours = weighed(Instance::quick(100), &flag);
    let mut mixed = Mixed::on(duo, (&first, ours), (&second, Instance::quick(90)))?;
    mixed.start_ours_first()?;
    fs::remove_file(&flag)?;
    mixed.theirs_is_master()?;
    mixed.await_second()?;
    fs::write(&flag, "")?;
    mixed.ours_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    no_advert_was_refused(&mixed)
}

#[test]
fn s1_08_a_script_that_fails_at_keepalived_makes_ours_the_master() -> Result<()> {
    let duo = Duo::create()?;
    let flag = flag(&duo)?;
    let (first, second) = (duo.first.clone(), duo.second.clone());
    let theirs = weighed(Instance::quick(100), &flag);
    let mut mixed = Mixed::on(duo, (&second, Instance::quick(90)), (&first, theirs))?;
    mixed.start_theirs_first()?;
    fs::remove_file(&flag)?;
    mixed.ours_is_master()?;
    mixed.await_second()?;
    fs::write(&flag, "")?;
    mixed.theirs_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    no_advert_was_refused(&mixed)
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

/// Two instances that move together; `flag`: a file that must be there for the first of them to be well.
fn group(priority: u8, flag: Option<&Path>) -> String {
    let mut text = String::new();
    let mut first = Instance::quick(priority);
    if let Some(flag) = flag {
        text += &script("serves", &format!("/usr/bin/test -e {}", flag.display()));
        first = first.with("track_script {\n    serves\n  }");
    }
    let second = Instance::quick(priority)
        .named("EXT", 66)
        .address(format_args!("{OTHER}/23"));
    text + "vrrp_sync_group BOTH {\n  group {\n    INT\n    EXT\n  }\n}\n"
        + &first.to_string()
        + &second.to_string()
}

/// An instance whose priority is lower by 20 while a file is missing.
fn weighed(instance: Instance, flag: &Path) -> String {
    let script = script("serves", &format!("/usr/bin/test -e {}", flag.display()));
    script
        + &instance
            .with("track_script {\n    serves weight -20\n  }")
            .to_string()
}

fn flag(duo: &Duo) -> Result<std::path::PathBuf> {
    let flag = duo.lab.folder().join("serves");
    fs::write(&flag, "")?;
    Ok(flag)
}

fn both_are_on(mixed: &Mixed, host: &Host) -> Result<()> {
    let other: std::net::Ipv4Addr = OTHER.parse()?;
    mixed.duo.await_only_holder(SHARED, host, SOON)?;
    mixed.duo.await_only_holder(other, host, SOON)
}
