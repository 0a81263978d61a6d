//! HTTP and JSON on a unix socket: how the command line, and any other program of root, asks the daemon.
//!
//! Thin by design. The server owns no state: it turns a path into a [`request::Request`], waits for the daemon's owner
//! task to answer it, and writes the answer as JSON. The client is the same road in the other direction.
//!
//! | method and path | request | answer |
//! | --- | --- | --- |
//! | `GET /v1/status` | [`Request::Status`](request::Request::Status) | [`response::Status`] |
//! | `GET /v1/vrrp` | [`Request::Vrrp`](request::Request::Vrrp) | [`response::VrrpStatus`] |
//! | `GET /v1/pair` | [`Request::Pair`](request::Request::Pair) | [`response::PairDigests`] |
//! | `GET /v1/listing` | [`Request::Listing`](request::Request::Listing) | [`response::Listing`] |
//! | `GET /v1/connections` | [`Request::Connections`](request::Request::Connections) | one [`response::ConnectionLine`] a line |
//! | `GET /v1/config` | [`Request::Config`](request::Request::Config) | what runs, as `director config show --json` prints a file |
//! | `POST /v1/reload` | [`Request::Reload`](request::Request::Reload) | [`response::Reloaded`] |
//! | `POST /v1/edit` | [`Request::Edit`](request::Request::Edit), a [`crate::config::edit::Edit`] as JSON | [`response::Reloaded`] |
//! | `POST /v1/flows/reset` | [`Request::Reset`](request::Request::Reset), a [`filter::FlowFilter`] as JSON | [`response::Told`] |
//! | `GET /v1/events[?follow=true]` | [`Request::Events`](request::Request::Events) | one [`response::EventLine`] a line |
//!
//! Every answer that is not 200 is a [`response::Problem`].

pub mod client;
pub mod filter;
pub mod request;
pub mod response;
pub mod server;

/// Where the daemon listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/director/director.sock";

mod path {
    pub(super) const STATUS: &str = "/v1/status";
    pub(super) const VRRP: &str = "/v1/vrrp";
    pub(super) const PAIR: &str = "/v1/pair";
    pub(super) const LISTING: &str = "/v1/listing";
    pub(super) const CONNECTIONS: &str = "/v1/connections";
    pub(super) const CONFIG: &str = "/v1/config";
    pub(super) const RELOAD: &str = "/v1/reload";
    pub(super) const EDIT: &str = "/v1/edit";
    pub(super) const EVENTS: &str = "/v1/events";
    pub(super) const EVENTS_FOLLOW: &str = "/v1/events?follow=true";
    pub(super) const RESET: &str = "/v1/flows/reset";
}
