//! One of the two is the real keepalived: VRRP version 2 with a password, as pairs in the field speak it (scenario 1.21).

mod groups_and_scripts;
mod protocols;

use anyhow::{Context, Result, ensure};
use lab::{Director, Duo, Host, Instance, Keepalived, Link, SHARED, VIP, Wire, example, wait};

use crate::{
    SOON,
    elections::{FIRST, SECOND},
};

/// A director and keepalived, neither of them running yet. The better one stands on the first host.
pub(crate) struct Mixed {
    pub(crate) ours: Director,
    pub(crate) theirs: Keepalived,
    pub(crate) wire: Wire,
    pub(crate) duo: Duo,
}

impl Mixed {
    /// Ours is the better one.
    pub(crate) fn ours_first(ours: impl ToString, theirs: impl ToString) -> Result<Self> {
        let duo = Duo::create()?;
        let (first, second) = (duo.first.clone(), duo.second.clone());
        Self::on(duo, (&first, ours), (&second, theirs))
    }

    /// Theirs is the better one.
    pub(crate) fn theirs_first(theirs: impl ToString, ours: impl ToString) -> Result<Self> {
        let duo = Duo::create()?;
        let (first, second) = (duo.first.clone(), duo.second.clone());
        Self::on(duo, (&second, ours), (&first, theirs))
    }

    pub(crate) fn on(
        duo: Duo,
        ours: (&Host, impl ToString),
        theirs: (&Host, impl ToString),
    ) -> Result<Self> {
        Ok(Self {
            ours: duo.director(ours.0, ours.1)?,
            theirs: duo.keepalived(theirs.0, theirs.1)?,
            wire: duo.lab.listen()?,
            duo,
        })
    }

    /// Starts ours, which becomes MASTER, and then theirs.
    pub(crate) fn start_ours_first(&mut self) -> Result<()> {
        self.ours.start()?;
        self.theirs.start()?;
        self.ours_is_master()
    }

    /// Starts theirs, which becomes MASTER, and then ours.
    pub(crate) fn start_theirs_first(&mut self) -> Result<()> {
        self.theirs.start()?;
        self.theirs.await_role("MASTER", SOON)?;
        self.ours.start_as("BACKUP")?;
        self.theirs_is_master()
    }

    pub(crate) fn ours_is_master(&self) -> Result<()> {
        self.ours.await_role("MASTER", SOON)?;
        self.theirs.await_role("BACKUP", SOON)
    }

    pub(crate) fn theirs_is_master(&self) -> Result<()> {
        self.theirs.await_role("MASTER", SOON)?;
        self.ours.await_role("BACKUP", SOON)
    }

    /// Waits until the address is on the first host alone.
    pub(crate) fn await_first(&self) -> Result<()> {
        self.duo.await_only_holder(SHARED, &self.duo.first, SOON)
    }

    /// Waits until the address is on the second host alone.
    pub(crate) fn await_second(&self) -> Result<()> {
        self.duo.await_only_holder(SHARED, &self.duo.second, SOON)
    }

    pub(crate) fn succession(&self) -> Result<Vec<String>> {
        self.duo.succession(&self.wire)
    }

    /// Waits until a host has sent so many more advertisements than by now.
    pub(crate) fn await_adverts(&self, host: &Host, more: usize) -> Result<()> {
        let mac = host.mac("eth0")?;
        let count = || {
            let adverts = self.wire.adverts();
            adverts.iter().filter(|advert| advert.mac == mac).count()
        };
        let enough = count() + more;
        let what = format!("{} has sent {more} more advertisements", host.name);
        wait::until(&what, SOON, || (count() >= enough).then_some(()))
    }
}

#[test]
fn s1_21_keepalived_takes_over_when_ours_stops_and_gives_back_when_it_returns() -> Result<()> {
    let mut mixed = Mixed::ours_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_ours_first()?;
    mixed.await_first()?;
    mixed.ours.terminate()?;
    mixed.theirs.await_role("MASTER", SOON)?;
    mixed.await_second()?;
    mixed.ours.start()?;
    mixed.ours_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s1_21_ours_takes_over_when_keepalived_stops_and_gives_back_when_it_returns() -> Result<()> {
    let mut mixed = Mixed::theirs_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_theirs_first()?;
    mixed.await_first()?;
    mixed.theirs.terminate()?;
    mixed.ours.await_role("MASTER", SOON)?;
    mixed.await_second()?;
    let reason = mixed.ours.election("INT")?["reason"].clone();
    ensure!(
        reason == "192.168.66.6 says that it leaves",
        "it waited for silence: {reason}"
    );
    mixed.theirs.start()?;
    mixed.theirs_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s2_25_ours_takes_over_when_keepalived_is_killed() -> Result<()> {
    let mut mixed = Mixed::theirs_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_theirs_first()?;
    mixed.theirs.kill_9()?;
    mixed.ours.await_role("MASTER", SOON)?;
    assert_eq!(mixed.ours.election("INT")?["reason"], "no MASTER is heard");
    ensure!(mixed.duo.second.has(SHARED.into())?, "it holds nothing");
    // The address of a keepalived that was killed stays, and nobody but us says so.
    let left = mixed.duo.first.mac("eth0")?;
    mixed.ours.await_warning(&left, SOON)?;

    mixed.theirs.start()?;
    mixed.theirs_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s2_25_ours_takes_over_while_keepalived_hangs() -> Result<()> {
    let mut mixed = Mixed::theirs_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_theirs_first()?;
    mixed.theirs.freeze()?;
    mixed.ours.await_role("MASTER", SOON)?;
    mixed.await_adverts(&mixed.duo.second, 2)?;
    mixed.theirs.thaw()?;
    mixed.ours.await_role("BACKUP", SOON)?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn ours_takes_over_when_the_cable_of_keepalived_is_cut() -> Result<()> {
    let mut mixed = Mixed::theirs_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_theirs_first()?;
    mixed.duo.first.set_link(Link::Down)?;
    mixed.theirs.await_role("FAULT", SOON)?;
    mixed.ours.await_role("MASTER", SOON)?;
    mixed.await_second()?;
    mixed.duo.first.set_link(Link::Up)?;
    mixed.theirs_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn keepalived_takes_over_when_our_cable_is_cut() -> Result<()> {
    let mut mixed = Mixed::ours_first(Instance::classic(100), Instance::classic(90))?;
    mixed.start_ours_first()?;
    mixed.duo.first.set_link(Link::Down)?;
    mixed.ours.await_role("FAULT", SOON)?;
    mixed.theirs.await_role("MASTER", SOON)?;
    mixed.await_second()?;
    mixed.duo.first.set_link(Link::Up)?;
    mixed.ours_is_master()?;
    mixed.await_first()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s1_17_ours_does_not_preempt_keepalived_if_told_so() -> Result<()> {
    let ours = Instance::classic(100).with("nopreempt");
    let mut mixed = Mixed::ours_first(ours, Instance::classic(90))?;
    mixed.start_ours_first()?;
    mixed.ours.terminate()?;
    mixed.theirs.await_role("MASTER", SOON)?;
    mixed.ours.start_as("BACKUP")?;
    mixed.await_adverts(&mixed.duo.second, 4)?;
    mixed.theirs_is_master()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND]);
    Ok(())
}

#[test]
fn s1_17_keepalived_does_not_preempt_ours_if_told_so() -> Result<()> {
    let theirs = Instance::classic(100)
        .with("state BACKUP")
        .with("nopreempt");
    let mut mixed = Mixed::theirs_first(theirs, Instance::classic(90))?;
    mixed.start_theirs_first()?;
    mixed.theirs.terminate()?;
    mixed.ours.await_role("MASTER", SOON)?;
    mixed.theirs.start()?;
    mixed.await_adverts(&mixed.duo.second, 4)?;
    mixed.ours_is_master()?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND]);
    Ok(())
}

#[test]
fn s2_11_the_two_files_of_a_pair_in_production_ours_has_the_master_s() -> Result<()> {
    let mut mixed = Mixed::ours_first(example::MASTER, example::without_ipvs(example::BACKUP))?;
    mixed.start_ours_first()?;
    let (first, second) = (&mixed.duo.first, &mixed.duo.second);
    mixed.duo.await_only_holder(VIP, first, SOON)?;
    no_advert_was_refused(&mixed)?;
    mixed.ours.terminate()?;
    mixed.theirs.await_role("MASTER", SOON)?;
    mixed.duo.await_only_holder(VIP, second, SOON)?;
    mixed.ours.start()?;
    mixed.ours_is_master()?;
    mixed.duo.await_only_holder(VIP, first, SOON)?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    no_advert_was_refused(&mixed)
}

#[test]
fn s2_11_the_two_files_of_a_pair_in_production_keepalived_has_the_master_s() -> Result<()> {
    let mut mixed = Mixed::theirs_first(example::without_ipvs(example::MASTER), example::BACKUP)?;
    mixed.start_theirs_first()?;
    let (first, second) = (&mixed.duo.first, &mixed.duo.second);
    mixed.duo.await_only_holder(VIP, first, SOON)?;
    no_advert_was_refused(&mixed)?;
    mixed.theirs.terminate()?;
    mixed.ours.await_role("MASTER", SOON)?;
    mixed.duo.await_only_holder(VIP, second, SOON)?;
    mixed.theirs.start()?;
    mixed.theirs_is_master()?;
    mixed.duo.await_only_holder(VIP, first, SOON)?;
    assert_eq!(mixed.succession()?, [FIRST, SECOND, FIRST]);
    no_advert_was_refused(&mixed)
}

/// Both have understood all that the other one has said: keepalived cuts the password of nine characters as we do.
pub(crate) fn no_advert_was_refused(mixed: &Mixed) -> Result<()> {
    let elections = mixed.ours.vrrp()?;
    let instances = elections["instances"].as_array().context("no instances")?;
    for instance in instances {
        let rejected = instance["counters"]["rejected"].as_object();
        ensure!(rejected.is_some_and(|map| map.is_empty()), "{instance}");
    }
    // keepalived's words, of vrrp_check_packet() and its callers.
    for complaint in ["bogus", "Dropping received", "Invalid VRRP", "mismatch"] {
        let log = mixed.theirs.log();
        let complained = log.lines().find(|line| line.contains(complaint));
        ensure!(complained.is_none(), "{complained:?}");
    }
    Ok(())
}
