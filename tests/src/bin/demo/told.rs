//! The chapters of those who leave: a host that vanishes, of which nothing answers any more, and a server that is drained. Clients hang on
//! neither.

use std::{
    io::{ErrorKind, Read as _},
    net::TcpStream,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use lab::{Connection, Lab, Link, vip};

use crate::{
    narrator::{Done, aside, chapter, command, step},
    story::{Cast, LIMIT, name},
};

/// A client that waits and says nothing.
pub(crate) struct Waiting(TcpStream);

impl Waiting {
    pub(crate) fn begin(lab: &Lab, cast: &Cast) -> Result<Self> {
        step("A client waits on an open connection, port 3308", || {
            let (server, stream) = lab.client.greeted_by(vip(3308), LIMIT)?;
            ensure!(server == cast.databases.real_3308.id(), "{server} answered");
            stream.set_read_timeout(Some(LIMIT))?;
            Ok(Done::new(format!("it has {}", name(server)), Self(stream)))
        })
    }

    /// Its connection is ended; the time is counted from `began` on.
    pub(crate) fn sees_its_end(mut self, what: &str, began: Instant) -> Result<()> {
        step(what, || {
            loop {
                match self.0.read(&mut [0; 1024]) {
                    Ok(0) => anyhow::bail!("the connection was closed, not reset"),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                    Err(error) => return Err(error).context("the client was told nothing"),
                }
            }
            Ok(Done::new("its read ended: connection reset", ()).after(began.elapsed()))
        })
    }
}

pub(crate) fn host_vanishes(lab: &Lab, cast: &Cast) -> Result<()> {
    chapter("A whole host vanishes, and its clients say nothing");
    aside(
        "With IPVS a client that waits for an answer would wait for ever, and one that speaks for many minutes.",
    );
    let idle = Waiting::begin(lab, cast)?;
    let cut = Instant::now();
    step("The cable of 192.168.66.253 is cut", || {
        lab.real_server.set_link(Link::Down)?;
        Ok(Done::new(
            "nobody is left to refuse or to reset anything",
            (),
        ))
    })?;
    idle.sees_its_end("The director tells the client", cut)?;
    step("Its next connection has another server", || {
        let (server, _) = lab.client.greeted_by(vip(3308), LIMIT)?;
        ensure!(
            server == cast.databases.sorry_3308.id(),
            "{server} answered"
        );
        Ok(Done::new(format!("answered by {}", name(server)), ()))
    })?;
    step("The cable is mended", || {
        // Both services have noticed, or one would notice afterwards what is over.
        for port in [3306, 3308] {
            cast.director
                .await_state(port, lab.real_server.address, "down", LIMIT)?;
        }
        lab.real_server.set_link(Link::Up)?;
        for port in [3306, 3308] {
            cast.director
                .await_state(port, lab.real_server.address, "up", LIMIT)?;
        }
        Ok(Done::new("the host is in the pool again", ()))
    })
}

/// Seconds that a drain has here.
const DRAIN: &str = "6";

pub(crate) fn server_drains(lab: &Lab, cast: &Cast) -> Result<()> {
    chapter("A server is drained, which harms nobody");
    let (director, server) = (&cast.director, lab.real_server.address);
    let (service, real) = (vip(3308).to_string(), server.to_string());
    let before = lab.client.tcp_counters()?;
    let working = step("A client works on an open connection, port 3308", || {
        let mut open = lab.client.open(vip(3308))?;
        let answer = open.ask("select @@server_id", LIMIT)?;
        let expected = cast.databases.real_3308.id();
        ensure!(answer == expected.0.to_string(), "{answer} answered");
        let working = thread::spawn(move || work(open));
        Ok(Done::new(format!("it has {}", name(expected)), working))
    })?;
    let words = [
        "real",
        "drain",
        &service,
        &real,
        "--timeout",
        DRAIN,
        "--wait",
    ];
    // The command draws a bar of its own, so no step turns beside it.
    command(&words.join(" "));
    director.watch(&words)?;
    step("The server has no connection any more", || {
        let (other, _) = lab.client.greeted_by(vip(3308), LIMIT)?;
        ensure!(other == cast.databases.sorry_3308.id(), "{other} answered");
        Ok(Done::new(format!("new ones have {}", name(other)), ()))
    })?;
    step("The client has got all of its answers", || {
        let answers = working.join().ok().context("the client panicked")??;
        Ok(Done::new(format!("{answers} of {answers}"), ()))
    })?;
    step("director real remove: nobody notices", || {
        director.ask(&["real", "remove", &service, &real])?;
        let after = lab.client.tcp_counters()?;
        let resets = after.established_resets - before.established_resets;
        ensure!(resets == 0, "{resets} connections were reset");
        Ok(Done::new("0 connections were reset", ()))
    })?;
    step("director real add: it comes back", || {
        director.ask(&["real", "add", &service, &real])?;
        director.await_state(3308, server, "up", LIMIT)?;
        Ok(Done::new("with the checks that the file has for it", ()))
    })
}

/// Asks as many questions as there is time for in a drain, and says how many.
fn work(mut open: Connection) -> Result<u32> {
    const QUESTIONS: u32 = 3;
    for _ in 0..QUESTIONS {
        let answer = open.ask("select sleep(1)", LIMIT)?;
        ensure!(answer == "0", "{answer} was the answer");
    }
    Ok(QUESTIONS)
}
