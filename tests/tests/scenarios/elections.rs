//! Two directors that share an address: who holds it, when it moves, and what the wire hears of that.

use std::{fs, net::IpAddr};

use anyhow::{Context, Result, ensure};
use lab::{Advert, Director, Duo, Host, Instance, Reach, SHARED, Wire, wait};

use crate::SOON;

/// Names of the two hosts.
pub(crate) const FIRST: &str = "director";
pub(crate) const SECOND: &str = "director2";

/// Both directors run, and the first one is MASTER.
pub(crate) struct Pair {
    pub(crate) first: Director,
    pub(crate) second: Director,
    pub(crate) wire: Wire,
    pub(crate) duo: Duo,
}

impl Pair {
    pub(crate) fn start(first: impl ToString, second: impl ToString) -> Result<Self> {
        Self::start_on(Duo::create()?, first, second)
    }

    pub(crate) fn start_on(duo: Duo, first: impl ToString, second: impl ToString) -> Result<Self> {
        let mut pair = Self {
            first: duo.director(&duo.first, first)?,
            second: duo.director(&duo.second, second)?,
            wire: duo.lab.listen()?,
            duo,
        };
        pair.first.start()?;
        pair.second.start_as("BACKUP")?;
        Ok(pair)
    }

    /// Waits until the address is on the first host alone.
    pub(crate) fn await_first(&self, address: impl Into<IpAddr>) -> Result<()> {
        self.duo.await_only_holder(address, &self.duo.first, SOON)
    }

    /// Waits until the address is on the second host alone.
    pub(crate) fn await_second(&self, address: impl Into<IpAddr>) -> Result<()> {
        self.duo.await_only_holder(address, &self.duo.second, SOON)
    }

    /// Waits until a host has sent so many more advertisements than by now.
    pub(crate) fn await_adverts(&self, host: &Host, more: usize) -> Result<()> {
        let enough = self.sent_by(host)?.len() + more;
        let what = format!("{} has sent {more} more advertisements", host.name);
        wait::until(&what, SOON, || {
            (self.sent_by(host).ok()?.len() >= enough).then_some(())
        })
    }

    /// Who was MASTER in turn.
    pub(crate) fn succession(&self) -> Result<Vec<String>> {
        self.duo.succession(&self.wire)
    }

    /// The advertisements of a host so far.
    pub(crate) fn sent_by(&self, host: &Host) -> Result<Vec<Advert>> {
        let (mac, mut adverts) = (host.mac("eth0")?, self.wire.adverts());
        adverts.retain(|advert| advert.mac == mac);
        Ok(adverts)
    }
}

#[test]
fn s0_01_s0_10_s2_18_s2_25_s2_28_the_address_moves_with_the_master_and_is_on_one_host_only()
-> Result<()> {
    let mut pair = Pair::start(Instance::quick(100), Instance::quick(90))?;
    pair.await_first(SHARED)?;

    // It leaves in order, and says so.
    pair.first.terminate()?;
    pair.await_second(SHARED)?;
    let reason = pair.second.election("INT")?["reason"].clone();
    ensure!(
        reason == "192.168.66.6 says that it leaves",
        "it waited for silence: {reason}"
    );
    let last = pair
        .sent_by(&pair.duo.first)?
        .pop()
        .context("it never advertised")?;
    assert_eq!(last.priority, 0, "the last word is not that it leaves");

    // It returns, and is preferred.
    pair.first.start()?;
    pair.await_first(SHARED)?;
    pair.second.await_role("BACKUP", SOON)?;
    assert_eq!(pair.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s2_07_s2_10_the_greater_priority_wins_whatever_the_files_call_the_two() -> Result<()> {
    let duo = Duo::create()?;
    let wire = duo.lab.listen()?;
    let mut first = duo.director(&duo.first, Instance::quick(100).with("state BACKUP"))?;
    let mut second = duo.director(&duo.second, Instance::quick(90).with("state MASTER"))?;
    second.start()?;
    duo.await_only_holder(SHARED, &duo.second, SOON)?;
    first.start()?;
    duo.await_only_holder(SHARED, &duo.first, SOON)?;
    second.await_role("BACKUP", SOON)?;
    // Started anew it begins as BACKUP, and hears of the better one before it would say anything.
    second.terminate()?;
    second.start_as("BACKUP")?;
    let heard = wire.adverts().len();
    wait::until("more is heard", SOON, || {
        (wire.adverts().len() > heard + 10).then_some(())
    })?;
    assert_eq!(duo.succession(&wire)?, [SECOND, FIRST]);
    Ok(())
}

#[test]
fn s1_17_with_nopreempt_the_address_stays_when_the_better_one_returns() -> Result<()> {
    // In spite of `state MASTER`, where keepalived would forget it.
    let first = Instance::quick(100).with("state MASTER").with("nopreempt");
    let mut pair = Pair::start(first, Instance::quick(90))?;
    pair.await_first(SHARED)?;
    pair.first.terminate()?;
    pair.await_second(SHARED)?;
    pair.first.start_as("BACKUP")?;
    pair.await_adverts(&pair.duo.second, 10)?;
    pair.await_second(SHARED)?;
    assert_eq!(pair.succession()?, [FIRST, SECOND]);
    // It is not out of the game: when the other one goes, it comes.
    pair.second.terminate()?;
    pair.await_first(SHARED)
}

#[test]
fn s1_08_a_weighed_script_that_fails_lowers_the_priority_and_moves_the_address() -> Result<()> {
    let duo = Duo::create()?;
    let flag = duo.lab.folder().join("serves");
    fs::write(&flag, "")?;
    let script = script("serves", &format!("/usr/bin/test -e {}", flag.display()));
    let tracking = Instance::quick(100).with("track_script {\n    serves weight -20\n  }");
    let pair = Pair::start_on(duo, script + &tracking.to_string(), Instance::quick(90))?;
    pair.await_first(SHARED)?;
    fs::remove_file(&flag)?;
    pair.await_second(SHARED)?;
    let said = pair.sent_by(&pair.duo.first)?;
    ensure!(
        said.iter().any(|advert| advert.priority == 80),
        "it never said what it is worth now: {said:?}"
    );
    fs::write(&flag, "")?;
    pair.await_first(SHARED)?;
    assert_eq!(pair.succession()?, [FIRST, SECOND, FIRST]);
    Ok(())
}

#[test]
fn s1_08_a_priority_never_leaves_1_to_254_whatever_is_tracked() -> Result<()> {
    let duo = Duo::create()?;
    let wire = duo.lab.listen()?;
    let file = duo.lab.folder().join("load");
    fs::write(&file, "0\n")?;
    let tracked = format!(
        "track_file load {{\n  file {}\n  weight 1\n}}\n",
        file.display()
    );
    let tracking = Instance::quick(100).with("track_file {\n    load\n  }");
    let mut director = duo.director(&duo.first, tracked + &tracking.to_string())?;
    director.start()?;
    for (value, priority) in [("120", 220), ("253", 254), ("-253", 1), ("0", 100)] {
        let before = wire.adverts().len();
        fs::write(&file, format!("{value}\n"))?;
        let what = format!("with {value} the priority is {priority}");
        wait::until(&what, SOON, || {
            let adverts = wire.adverts();
            let mut since = adverts.iter().skip(before);
            since
                .any(|advert| advert.priority == priority)
                .then_some(())
        })?;
    }
    Ok(())
}

#[test]
fn s1_09_a_fault_ends_by_itself_when_the_script_succeeds_again() -> Result<()> {
    let duo = Duo::create()?;
    let flag = duo.lab.folder().join("serves");
    fs::write(&flag, "")?;
    let script = script("serves", &format!("/usr/bin/test -e {}", flag.display()));
    let tracking = Instance::quick(100).with("track_script {\n    serves\n  }");
    let pair = Pair::start_on(duo, script + &tracking.to_string(), Instance::quick(90))?;
    pair.await_first(SHARED)?;
    let process = pair.first.status()?["pid"].clone();

    fs::remove_file(&flag)?;
    pair.first.await_role("FAULT", SOON)?;
    pair.await_second(SHARED)?;
    let election = pair.first.election("INT")?;
    let faults = election["faults"].to_string();
    ensure!(faults.contains("serves"), "nobody says why: {election}");

    fs::write(&flag, "")?;
    pair.first.await_role("MASTER", SOON)?;
    pair.await_first(SHARED)?;
    assert_eq!(pair.first.status()?["pid"], process);
    Ok(())
}

#[test]
fn s1_18_a_standby_that_is_cut_off_from_peer_and_gateway_takes_nothing() -> Result<()> {
    let second = Instance::quick(90).with("director_witness 192.168.66.10");
    let mut pair = Pair::start(Instance::quick(100), second)?;
    pair.await_first(SHARED)?;
    let duo = &pair.duo;
    duo.lab.let_reach(&duo.second, Reach::Nobody)?;
    pair.second.await_log("too few witnesses answer", SOON)?;
    pair.second.await_role("BACKUP", SOON)?;
    assert_eq!(duo.holders(SHARED)?, [duo.first.name]);
    duo.lab.let_reach(&duo.second, Reach::Segment)?;

    // With its witness in reach it takes over as any other.
    pair.first.terminate()?;
    pair.await_second(SHARED)?;
    assert_eq!(pair.succession()?, [FIRST, SECOND]);
    Ok(())
}

#[test]
fn s2_26_whoever_takes_over_announces_the_address_at_once_and_again_after_a_while() -> Result<()> {
    let second = Instance::quick(90)
        .with("garp_master_delay 1")
        .with("garp_master_repeat 5");
    let mut pair = Pair::start(Instance::quick(100), second)?;
    let b = pair.duo.second.mac("eth0")?;
    pair.await_first(SHARED)?;
    let said = || {
        let mut said = pair.wire.announcements(SHARED);
        said.retain(|announcement| announcement.mac == b);
        said
    };
    assert_eq!(said(), [], "a standby announces what it has not");
    pair.first.terminate()?;
    wait::until("two bursts of five are heard", SOON, || {
        (said().len() >= 10).then_some(())
    })?;
    let bursts = said();
    let (last_of_first, _) = bursts
        .windows(2)
        .map(|two| two[1].at - two[0].at)
        .enumerate()
        .max_by_key(|(_, pause)| *pause)
        .context("no burst")?;
    let first = last_of_first + 1;
    ensure!(
        first >= 5 && bursts.len() - first >= 5,
        "not two bursts: {bursts:?}"
    );
    Ok(())
}

/// A `vrrp_script` that is run each second and counts at once.
pub(crate) fn script(name: &str, command: &str) -> String {
    format!(
        "global_defs {{\n  script_user root\n}}\nvrrp_script {name} {{\n  script \"{command}\"\n  interval 1\n  rise 1\n  fall 1\n}}\n"
    )
}
