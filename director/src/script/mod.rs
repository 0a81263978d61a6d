//! Running programs of the configuration: `vrrp_script`, `notify_*`, readers of a FIFO.
//!
//! ```text
//!  Call (config::Script and what is added to it)
//!    |  resolve: program in PATH, account, environment, script security
//!    v
//!  Program --> spawn --> Runner: waits, keeps the output, ends what takes too long --> Outcome { exit, output, .. }
//! ```
//!
//! - [`exit`] has the words for how a run ends. A script that cannot be run is *broken*: that is neither success nor failure.
//! - [`account`] finds the user that a script runs as.
//! - [`security`] is `enable_script_security`.
//! - [`program`] makes a [`Call`] into something that can be executed, anew for each run: files and users come and go.
//! - [`runner`] executes it. Only it, and `spawn` below it, start processes.
//!
//! The list of words in the configuration is executed as it is, as keepalived does it; a shell is used only where it is
//! the program (`/bin/sh -c "..."`), or where an executable file has no `#!` line (execvp(3)).
//!
//! # What a script finds
//!
//! - `PATH`, which is [`PATH`], also where the program itself is looked up if its name has no slash.
//! - `HOME`, `USER` and `LOGNAME` of its account, `SHELL=/bin/sh` and `LANG=C.UTF-8`.
//! - What the caller adds, such as `DIRECTOR_SCRIPT`. Nothing else: the daemon's own environment is not handed on.
//! - The working directory `/`, the file mode mask 022, no supplementary groups, default signal dispositions and no blocked
//!   signals, and a process group of its own.
//! - Standard input is `/dev/null`, standard output and standard error are one pipe; no other file of the daemon is open.
//!
//! The end of the output is kept. A program that the script left in the background may go on writing for as long as the daemon runs.

pub mod account;
pub mod exit;
mod output;
pub mod program;
pub mod runner;
pub mod security;
mod spawn;

pub use account::{Account, AccountError};
pub use exit::{Broken, Exit, Outcome, Verdict};
pub(crate) use output::last_line;
pub use program::{Call, PATH, Policy, Program, Security};
pub use runner::Runner;
pub use security::Insecure;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
