//! Two directors share the address: what a client sees when one of them stops, dies and comes back, and what a mistake in one of the two
//! files looks like.

use std::{
    net::IpAddr,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use lab::{Director, Host, Lab, Probed, Prober, VIP, example, wait};

use crate::{
    narrator::{Done, aside, chapter, quote, step},
    story::{Cast, LIMIT},
    told::Waiting,
};

/// How often the client asks.
const ASK_EACH: Duration = Duration::from_millis(5);
/// How long the client goes on to ask when all is over.
const AFTERWARDS: Duration = Duration::from_millis(500);
/// The address that stands in the second file by mistake.
const MISTYPED: &str = "192.168.66.215";

/// The second director, and the host that it runs on.
pub(crate) struct Second {
    pub(crate) director: Director,
    host: Host,
}

pub(crate) fn joins(lab: &Lab) -> Result<Second> {
    chapter("A second director shares the address");
    aside(
        "Its configuration is examples/keepalived-backup.conf, at the same pace of checks. Advertisements leave each second.",
    );
    step("director run -c keepalived.conf, on 192.168.66.12", || {
        let host = lab.add_director()?;
        let config = example::at_pace(example::BACKUP, example::Pace::WATCHABLE);
        let mut director = lab.daemon_on(&host, &config)?;
        director.start_as("BACKUP")?;
        let reason = director.election("INT")?["reason"].clone();
        let reason = reason.as_str().unwrap_or_default().to_owned();
        Ok(Done::new(
            format!("BACKUP: {reason}"),
            Second { director, host },
        ))
    })
}

/// It stops in order, and the other one is there.
pub(crate) fn stops_and_returns(lab: &Lab, cast: &mut Cast, second: &Second) -> Result<()> {
    chapter("The first director is stopped, and comes back");
    let waiting = Waiting::begin(lab, cast)?;
    let asking = ask(lab)?;
    let began = Instant::now();
    step("systemctl stop director: SIGTERM", || {
        cast.director.terminate()?;
        Ok(Done::new("it goes when the other one has taken over", ()))
    })?;
    waiting.sees_its_end("It has told the waiting client", began)?;
    is_held_by(lab, second, &second.host, &second.director)?;
    outage(asking)?;

    let asking = ask(lab)?;
    step("director run -c keepalived.conf, on 192.168.66.6", || {
        cast.director.start()?;
        Ok(Done::new("its priority is the greater one", ()))
    })?;
    is_held_by(lab, second, &lab.director, &cast.director)?;
    outage(asking)
}

/// Nobody starts it again in time.
pub(crate) fn dies(lab: &Lab, cast: &mut Cast, second: &Second) -> Result<()> {
    chapter("The first daemon dies, and nobody starts it again");
    aside(
        "The kernel of its host would answer for the address on and on. Its guardian, a process of its own, waits until",
    );
    aside(
        "the lease ends, since a daemon may come back; then it gives the address up and tells the other director.",
    );
    let asking = ask(lab)?;
    step("kill -9 of the daemon", || {
        cast.director.kill_9()?;
        Ok(Done::new("its guardian goes on", ()))
    })?;
    is_held_by(lab, second, &second.host, &second.director)?;
    outage(asking)?;
    step("director run -c keepalived.conf, on 192.168.66.6", || {
        cast.director.start()?;
        second.director.await_role("BACKUP", LIMIT)?;
        Ok(Done::new("all is as before", ()))
    })
}

/// The mistake of the first report: two lists of addresses, which made two masters.
pub(crate) fn is_mistyped(cast: &Cast, second: &Second) -> Result<()> {
    chapter("The second file has another address, by mistake");
    aside(
        "keepalived counts no advertisement whose list differs: both become master, and neither log says why.",
    );
    let right = example::at_pace(example::BACKUP, example::Pace::WATCHABLE);
    let list = "virtual_ipaddress {\n    192.168.66.251";
    let wrong = right.replacen(list, &list.replace("192.168.66.251", MISTYPED), 1);
    ensure!(wrong != right, "the example lists its address otherwise");
    step("Its list has 192.168.66.215; director reload", || {
        second.director.configure(&wrong)?;
        second.director.reload()?;
        Ok(Done::new("an address is well formed, so it is taken", ()))
    })?;
    let finding = MISTYPED;
    let found = step("There is one MASTER all the same", || {
        let found = wait::until("the doctor names both lists", LIMIT, || {
            let found = problems(&second.director).ok()?;
            found.contains(finding).then_some(found)
        })?;
        cast.director.await_role("MASTER", LIMIT)?;
        second.director.await_role("BACKUP", LIMIT)?;
        Ok(Done::new("192.168.66.6, priority 100", found))
    })?;
    quote(
        "director doctor    # what is not well, on 192.168.66.12",
        &found,
    );
    let mut diff = second.director.command("config");
    diff.arg("diff")
        .args([&cast.director.config, &second.director.config]);
    let told = printed(&second.director, &mut diff)?;
    ensure!(told.contains(MISTYPED), "no word of {MISTYPED}: {told}");
    aside(
        "The example's two files have one router_id, too, which is the first thing that it finds.",
    );
    quote(
        "director config diff 192.168.66.6.conf 192.168.66.12.conf",
        &told,
    );
    step("The file is put right; director reload", || {
        second.director.configure(&right)?;
        second.director.reload()?;
        wait::until("the doctor is content", LIMIT, || {
            let found = problems(&second.director).ok()?;
            (!found.contains(finding)).then_some(())
        })?;
        Ok(Done::new("the finding is gone", ()))
    })
}

fn ask(lab: &Lab) -> Result<Prober> {
    Prober::ping(&lab.client, VIP, ASK_EACH)
}

/// Waits until a host has the address alone, and its director says that it is MASTER.
fn is_held_by(lab: &Lab, second: &Second, host: &Host, director: &Director) -> Result<()> {
    let address = host.address;
    step(&format!("{VIP} is on {address} alone"), || {
        let vip = IpAddr::from(VIP);
        wait::until(&format!("{VIP} is on {address} alone"), LIMIT, || {
            let holds = |host: &Host| host.has(vip).ok();
            let (first, other) = (holds(&lab.director)?, holds(&second.host)?);
            let is_first = host.name == lab.director.name;
            ((first, other) == (is_first, !is_first)).then_some(())
        })?;
        director.await_role("MASTER", LIMIT)?;
        let reason = director.election("INT")?["reason"].clone();
        let reason = reason.as_str().context("MASTER for no reason")?;
        Ok(Done::new(format!("MASTER: {reason}"), ()))
    })
}

fn outage(asking: Prober) -> Result<()> {
    step("The client's longest time without an answer", || {
        thread::sleep(AFTERWARDS);
        let Probed {
            sent,
            lost,
            largest_gap,
            ..
        } = asking.finish()?;
        ensure!(largest_gap < LIMIT, "nobody answered for {largest_gap:?}");
        Ok(Done::new(format!("{lost} of {sent} questions were lost"), ()).after(largest_gap))
    })
}

/// What the doctor says that is not well, and what to do.
fn problems(director: &Director) -> Result<String> {
    let mut doctor = director.command("doctor");
    doctor.arg("--socket").arg(&director.socket);
    doctor.arg("--pins").arg(&director.pins);
    let page = printed(director, &mut doctor)?;
    let lines = page.lines().filter(|line| !line.starts_with("ok "));
    Ok(lines.map(|line| format!("{line}\n")).collect())
}

/// What a command prints that ends with 1 or 2 where it finds something.
fn printed(director: &Director, command: &mut Command) -> Result<String> {
    let output = director.outcome(command)?;
    ensure!(
        output.status.code().is_some_and(|code| code <= 2),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
