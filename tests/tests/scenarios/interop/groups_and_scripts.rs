//! One of the two is the real keepalived: what moves an address beside the network.

use std::{fs, path::Path};

use anyhow::Result;
use lab::{Duo, Host, Instance, SHARED};

use super::{Mixed, no_advert_was_refused};
use crate::{
    SOON,
    elections::{FIRST, SECOND, script},
};

/// An address that a second instance holds.
const OTHER: &str = "192.168.66.242";

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
