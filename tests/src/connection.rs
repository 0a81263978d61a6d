//! One connection of the real `mariadb` client that stays open, for what "the same connection" promises.

use std::{process::Command, time::Duration};

use anyhow::{Result, anyhow};

use crate::{
    dialog::{Dialog, Unanswered},
    namespace::Namespace,
};

/// A running client that is told statements one by one. It never reconnects: when its connection ends, so does it.
#[derive(Debug)]
pub struct Connection {
    dialog: Dialog,
}

impl Connection {
    pub(crate) fn open(namespace: &Namespace, mut client: Command) -> Result<Self> {
        client.args(["--unbuffered", "--skip-reconnect"]);
        let dialog = Dialog::open(namespace, client)?;
        Ok(Self { dialog })
    }

    /// Asks a query whose answer is one line, and waits for it.
    ///
    /// # Errors
    ///
    /// Says what the client complained of if the connection has ended, or that no answer came within `limit`.
    pub fn ask(&mut self, query: &str, limit: Duration) -> Result<String> {
        let answer = self.dialog.ask(&format!("{query};"), limit);
        answer.map_err(|unanswered| match unanswered {
            Unanswered::Silence => {
                anyhow!("no answer within {limit:?} on an open connection to: {query}")
            }
            Unanswered::Ended(complaint) => {
                anyhow!("the connection has ended: {}", error_of(&complaint))
            }
        })
    }
}

/// The client repeats the statement between rules before it says what is wrong.
fn error_of(complaint: &str) -> &str {
    let mut lines = complaint.lines();
    lines
        .find(|line| line.starts_with("ERROR"))
        .unwrap_or(complaint)
}
