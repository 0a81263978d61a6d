//! Health checks of real servers: each check says whether one real server of one service is up.
//!
//! ```text
//!  CheckSpec --> driver ---- one task a check ---> CheckEvent --> the model
//!                 |    ^
//!       deadline, |    | start a probe,
//!       result    v    | report
//!               health            tcp: one connection attempt
//!               (pure)            (one file for each kind of probe)
//! ```
//!
//! - [`health`] decides. It is pure: time is an argument, and it knows neither sockets nor tasks.
//! - [`probe`] has the words for how an attempt ends, which every kind of probe speaks.
//! - [`tcp`] makes one attempt and says how it ended.
//! - [`driver`] is the set of running checks; only it reads the clock and the random source.
//!
//! A check judges one server only. What follows from it (quorum, sorry server, weights) is not decided here.

pub mod driver;
pub mod health;
pub mod probe;
pub mod tcp;

pub use driver::{CheckEvent, CheckId, CheckSpec, Checks};
pub use health::{Action, Health, HealthCheck, Input, Jitter, Report, Start};
pub use probe::{FailReason, Probe};
