//! When a real server goes out of use: its connections are told, with the reason.

use super::Daemon;
use crate::{
    dataplane::{ended::Ended, pins, tables},
    model::{Model, State},
    tell::{self, Job, pace::Pace},
};

impl Daemon {
    /// Has both ends of the connections told whose real servers went out of use by the last edits of the tables.
    pub(super) fn tell_ended(&mut self) {
        let ended = self.dataplane.take_ended();
        if ended.is_empty() {
            return;
        }
        let reasons = ended
            .iter()
            .map(|(index, ended)| (*index, reason(&self.model, ended)))
            .collect();
        let rate = self.config.global.reset_rate.unwrap_or(tell::DEFAULT_RATE);
        self.teller.tell(Job {
            folder: pins::folder(&self.options.pins),
            ended,
            reasons,
            pace: Pace::new(rate),
        });
    }
}

/// Why a real server went out of use, in the words of an operator.
fn reason(model: &Model, ended: &Ended) -> String {
    let service = model
        .services()
        .iter()
        .find(|service| service.id.key() == ended.service);
    let Some(service) = service else {
        return "its virtual server was removed".to_owned();
    };
    let address = tables::server_address(&ended.server);
    let servers = service.servers.iter().chain(&service.sorry);
    match servers
        .into_iter()
        .find(|server| server.address == address)
        .map(|server| server.state())
    {
        Some(State::Down(reason)) => format!("a check failed: {reason}"),
        Some(_) => "it can no longer be reached".to_owned(),
        None => "it was removed".to_owned(),
    }
}
