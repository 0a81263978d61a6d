//! What the kernel lets this process have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Raises the number of open files to what is allowed. Every check that hangs holds a socket, and with the usual 1024 a thousand dead
/// servers would keep all others from being checked.
pub(super) fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, allowed)| setrlimit(Resource::RLIMIT_NOFILE, allowed, allowed));
    if let Err(error) = raised {
        warn!(%error, "the number of open files could not be raised");
    }
}
