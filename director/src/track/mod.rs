//! What VRRP instances and sync groups track besides interfaces: scripts, processes and files.
//!
//! ```text
//!  Config --> wanted --> Trackers (driver) --- one task a tracker ---> TrackEvent --> vrrp::Tracking
//!                           |                   |         ^
//!                           '--> TrackerView    v         | runs, scans, reads
//!                                     script, quorum, file (pure)
//! ```
//!
//! - [`script`] decides by `rise` and `fall`, and what a broken script means.
//! - [`process`] says which processes match, [`quorum`] whether they are enough, and since when.
//! - [`file`] reads a number.
//! - [`driver`] is the set of running trackers; only it and what is below it read clocks and files.
//! - [`view`] is how each tracker stands, for people and for the API.
//!
//! What a status means for an instance is not decided here but in [`crate::vrrp::track`].

pub mod driver;
pub mod file;
pub mod process;
pub mod quorum;
pub mod script;
pub mod view;
pub mod wanted;

#[cfg(test)]
pub(crate) mod testing;

pub use driver::{Reconciled, TrackEvent, Trackers, Why};
pub use script::call;
pub use view::{Found, TrackerView};
