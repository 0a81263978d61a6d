//! A process that outlives the daemon: when the daemon dies or hangs while it is MASTER, the guardian gives up in its stead.
//!
//! ```text
//!   daemon -- Charge (stdin) --> guardian -- looks at --> leases
//!                                        `-- Watch says when: end the lease, remove the VIPs, send priority 0
//! ```
//!
//! Without it the kernel of a director whose daemon was killed goes on to answer for the VIPs while the other director holds them,
//! too. It waits until the lease ends, so that a daemon that is merely restarted, or comes late on a busy host, goes on as if nothing
//! had happened: the packet path forwards meanwhile. Then the others take over after their skew time, and never before the VIPs are
//! gone.
//!
//! A hook of the service manager could remove the VIPs of a daemon that died, but it would not see one that hangs, and it is run at
//! once: before a restarted daemon had its chance.

mod charge;
mod keeper;
mod process;
mod watch;

pub use charge::{Charge, Held, Release, Ward};
pub use keeper::{Guardian, Pulse};
pub use process::run;
