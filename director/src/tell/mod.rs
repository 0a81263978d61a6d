//! Nobody left hanging: when a real server goes, both ends of each of its connections are told.
//!
//! `reset` makes the packets and `pace` says how fast they go; both are pure. `sender` has the sockets, [`Teller`] the thread; `record` is what became of each, `event_log` the file of it, `digest` (pure) what of it is
//! summed up. The packet
//! path answers whoever speaks; this is for those who do not.

mod digest;
mod event_log;
pub mod pace;
mod reason;
mod record;
pub mod reset;
mod sender;
mod teller;

pub use event_log::{EventLog, LogFile};
pub use reason::Reason;
pub use record::{Record, Records};
pub use teller::{Choice, Counts, EndedJob, Job, Reply, Teller};

/// Connections told in a second unless the configuration says otherwise.
pub const DEFAULT_RATE: u32 = 50_000;
