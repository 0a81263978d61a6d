//! One connection of the real `mariadb` client that stays open, for what "the same connection" promises.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::namespace::Namespace;

/// A running client that is told statements one by one. It never reconnects: when its connection ends, so does it.
#[derive(Debug)]
pub struct Connection {
    client: Child,
    statements: ChildStdin,
    answers: Receiver<String>,
}

impl Connection {
    pub(crate) fn open(namespace: &Namespace, mut client: Command) -> Result<Self> {
        client.args(["--unbuffered", "--skip-reconnect"]);
        client
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut client = namespace.spawn(&mut client)?;
        let statements = client.stdin.take().context("the client has no input")?;
        let output = client.stdout.take().context("the client has no output")?;
        let (sender, answers) = channel();
        thread::spawn(move || {
            BufReader::new(output)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Ok(Self {
            client,
            statements,
            answers,
        })
    }

    /// Asks a query whose answer is one line, and waits for it.
    ///
    /// # Errors
    ///
    /// Says what the client complained of if the connection has ended, or that no answer came within `limit`.
    pub fn ask(&mut self, query: &str, limit: Duration) -> Result<String> {
        let told = writeln!(self.statements, "{query};").and_then(|()| self.statements.flush());
        match self.answers.recv_timeout(limit) {
            Ok(answer) => {
                told.context("the client answers but does not listen")?;
                Ok(answer)
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!("no answer within {limit:?} on an open connection to: {query}")
            }
            Err(RecvTimeoutError::Disconnected) => {
                bail!("the connection has ended: {}", self.complaint())
            }
        }
    }

    fn complaint(&mut self) -> String {
        let complaint = self.client.stderr.take().map(std::io::read_to_string);
        let complaint = complaint.and_then(Result::ok).unwrap_or_default();
        // The client repeats the statement between rules before it says what is wrong.
        let error = complaint.lines().find(|line| line.starts_with("ERROR"));
        error.unwrap_or(&complaint).to_owned()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}
