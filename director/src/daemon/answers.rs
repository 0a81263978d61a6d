//! What the API asks, answered by the owner.

use tokio::sync::mpsc;

use super::{Daemon, view};
use crate::api::{
    request::{CONNECTION_QUEUE_DEPTH, Reply, Request},
    response::{Connection, Listing, Problem, VrrpStatus},
};

impl Daemon {
    pub(super) async fn answer(&mut self, request: Request) {
        // Whoever asked may have hung up; that is no error.
        match request {
            Request::Status(reply) => drop(reply.send(view::status(self))),
            Request::Vrrp(reply) => self.answer_vrrp(reply).await,
            Request::Pair(reply) => drop(reply.send(Ok(self.pairing.digests()))),
            Request::Listing(reply) => self.answer_listing(reply),
            Request::Connections(reply) => drop(reply.send(self.connections())),
            Request::Config(reply) => drop(reply.send(self.running_config())),
            Request::Reload(reply) => drop(reply.send(self.reload_and_tell().await)),
            Request::Events(reply) => drop(reply.send(Ok(self.teller.records()))),
            Request::Reset(filter, reply) => self.reset_flows(filter, reply),
            Request::Edit(edit, reply) => drop(reply.send(self.edit(&edit).await)),
        }
    }

    fn running_config(&self) -> Result<serde_json::Value, Problem> {
        serde_json::to_value(&self.config).map_err(|error| Problem::from_error(&error))
    }

    /// The thread that speaks VRRP answers at once, or is gone.
    async fn answer_vrrp(&mut self, reply: Reply<VrrpStatus>) {
        let answer = match self.elections.speaker().report().await {
            Ok(reports) => Ok(view::vrrp(self, reports)),
            Err(_gone) => Err(Problem::new("the thread that speaks VRRP has ended")
                .help("restart the daemon; the log says what happened")),
        };
        let _hung_up = reply.send(answer);
    }

    /// The flows are counted for this answer, so that it is true now and not at the last sweep.
    fn answer_listing(&mut self, reply: Reply<Listing>) {
        let counted = view::listing::listing(self)
            .map_err(|error| Problem::from_error(&error))
            .and_then(|listing| Ok((listing, self.walk()?.count())));
        tokio::spawn(async move {
            let listing = match counted {
                Ok((listing, walk)) => match walk.await {
                    Ok(Ok(sweep)) => Ok(listing.count(&sweep)),
                    Ok(Err(error)) => Err(Problem::from_error(&error)),
                    Err(error) => Err(Problem::from_error(&error)),
                },
                Err(problem) => Err(problem),
            };
            let _hung_up = reply.send(listing);
        });
    }

    fn connections(&mut self) -> Result<mpsc::Receiver<Result<Connection, Problem>>, Problem> {
        let (to, from) = mpsc::channel(CONNECTION_QUEUE_DEPTH);
        self.walk()?.list(to);
        Ok(from)
    }
}
