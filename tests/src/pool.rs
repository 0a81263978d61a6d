//! A pool of connections as applications have them: `pool.py`, which is SQLAlchemy's pool over PyMySQL.

use std::{collections::BTreeMap, net::SocketAddr, process::Command, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::{
    client::Client,
    dialog::{Dialog, Unanswered},
    mariadb::{SCHEMA, ServerId, USER},
};

/// Debian's own, which finds Debian's modules; another one that comes first in the path may not.
const PYTHON: &str = "/usr/bin/python3";
const PROGRAM: &str = include_str!("pool.py");

/// A running client with a pool. It never asks whether a connection is still good before it uses it.
#[derive(Debug)]
pub struct Pool {
    dialog: Dialog,
}

/// How many there are of each server.
pub type Share = BTreeMap<ServerId, usize>;

/// What became of queries that were asked one by one.
#[derive(Debug)]
pub struct Queries {
    pub answers: Share,
    /// Which of them failed, counted from 0, and why.
    pub failures: Vec<(u64, String)>,
}

impl Client {
    /// Starts a client whose pool will have `size` connections to a server.
    pub fn pool(&self, server: impl Into<SocketAddr>, size: usize) -> Result<Pool> {
        let server = server.into();
        let mut python = Command::new(PYTHON);
        python.args(["-I", "-c", PROGRAM]);
        python
            .arg(server.ip().to_string())
            .arg(server.port().to_string())
            .args([USER, SCHEMA])
            .arg(size.to_string());
        let dialog = Dialog::open(&self.host.namespace, python)?;
        Ok(Pool { dialog })
    }
}

impl Pool {
    /// Opens all of the pool's connections at once and gives them back to it. Tells how many go to each server.
    pub fn fill(&mut self, limit: Duration) -> Result<Share> {
        share(&self.ask("fill", limit)?)
    }

    /// How many of these connections have been ended while they lay in the pool. The pool itself has not looked.
    pub fn told(&mut self, limit: Duration) -> Result<Share> {
        share(&self.ask("told", limit)?)
    }

    /// How many have not, and answer a query. Not asked by way of the pool, which learns nothing of it.
    pub fn spared(&mut self, limit: Duration) -> Result<Share> {
        share(&self.ask("spared", limit)?)
    }

    /// Asks queries by way of the pool.
    pub fn query(&mut self, count: usize, limit: Duration) -> Result<Queries> {
        let answer = self.ask(&format!("query {count}"), limit)?;
        let failures = answer["failures"].as_array().into_iter().flatten();
        let failures = failures.map(|failure| {
            let error = failure[1].as_str().unwrap_or_default().to_owned();
            Ok((failure[0].as_u64().context("no number")?, error))
        });
        Ok(Queries {
            answers: share(&answer["answers"])?,
            failures: failures.collect::<Result<_>>()?,
        })
    }

    fn ask(&mut self, command: &str, limit: Duration) -> Result<Value> {
        let answer = self.dialog.ask(command, limit);
        let answer = answer.map_err(|unanswered| match unanswered {
            Unanswered::Silence => anyhow!("the pool has not done `{command}` within {limit:?}"),
            Unanswered::Ended(complaint) => anyhow!("the pool has ended: {complaint}"),
        })?;
        serde_json::from_str(&answer).with_context(|| format!("not JSON: {answer}"))
    }
}

fn share(answer: &Value) -> Result<Share> {
    let servers = answer.as_object().into_iter().flatten();
    let servers = servers.map(|(server, count)| {
        let count = count.as_u64().context("not a number")?;
        Ok((ServerId(server.parse()?), usize::try_from(count)?))
    });
    let share: Result<_> = servers.collect();
    share.with_context(|| format!("no share of servers: {answer}"))
}
