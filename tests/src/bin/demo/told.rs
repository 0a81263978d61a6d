//! The chapter of the host that vanishes: nothing answers for it, and its clients learn it all the same.

use std::{
    io::{ErrorKind, Read as _},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use lab::{Lab, Link, vip};

use crate::{
    narrator::{Done, aside, chapter, step},
    story::{Cast, LIMIT, name},
};

pub(crate) fn host_vanishes(lab: &Lab, cast: &Cast) -> Result<()> {
    chapter("A whole host vanishes, and its clients say nothing");
    aside(
        "With IPVS a client that waits for an answer would wait for ever, and one that speaks for many minutes.",
    );
    let mut idle = step("A client waits on an open connection, port 3308", || {
        let (server, stream) = lab.client.greeted_by(vip(3308), LIMIT)?;
        ensure!(server == cast.databases.real_3308.id(), "{server} answered");
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Done::new(format!("it has {}", name(server)), stream))
    })?;
    let cut = Instant::now();
    step("The cable of 192.168.66.253 is cut", || {
        lab.real_server.set_link(Link::Down)?;
        Ok(Done::new(
            "nobody is left to refuse or to reset anything",
            (),
        ))
    })?;
    step("The director tells the client", || {
        loop {
            match idle.read(&mut [0; 1024]) {
                Ok(0) => anyhow::bail!("the connection was closed, not reset"),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error).context("the client was told nothing"),
            }
        }
        Ok(Done::new("its read ended: connection reset", ()).after(cut.elapsed()))
    })?;
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
