//! How one attempt ended: the words that probes speak and the health core understands.
//!
//! It must not decide anything: a failed attempt is not yet a server that is down.

use std::{fmt, time::Duration};

use nix::errno::Errno;

/// The end of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The server answered as it should.
    Pass,
    /// The server did not answer as it should.
    Fail(FailReason),
    /// The attempt could not be made, by no fault of the server: this host is out of file descriptors, ports or
    /// memory, or the address to bind to is not its own. It says nothing about the server, so it changes nothing:
    /// were it counted as a failure, one exhausted director would declare all of its servers dead.
    Broken(Errno),
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailReason {
    /// The host is there, and nothing listens on the port.
    Refused,
    /// No answer within this time.
    TimedOut(Duration),
    /// The host does not answer ARP, or a router says that it is not there.
    NoRouteToHost,
    /// This host has no route to it, or a router says so.
    NetworkUnreachable,
    /// The connection was cut while it opened.
    Reset,
    /// What the operating system says in any other case.
    Other(Errno),
}

impl fmt::Display for FailReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::TimedOut(after) => write!(f, "timed out after {} s", after.as_secs_f64()),
            Self::NoRouteToHost => f.write_str("no route to host"),
            Self::NetworkUnreachable => f.write_str("network unreachable"),
            Self::Reset => f.write_str("connection reset"),
            Self::Other(errno) => f.write_str(errno.desc()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_as_an_operator_says_them() {
        let texts = [
            (FailReason::Refused, "connection refused"),
            (
                FailReason::TimedOut(Duration::from_secs(5)),
                "timed out after 5 s",
            ),
            (
                FailReason::TimedOut(Duration::from_millis(1500)),
                "timed out after 1.5 s",
            ),
            (FailReason::NoRouteToHost, "no route to host"),
            (FailReason::NetworkUnreachable, "network unreachable"),
            (FailReason::Reset, "connection reset"),
            (FailReason::Other(Errno::EPROTO), "Protocol error"),
        ];
        for (reason, text) in texts {
            assert_eq!(reason.to_string(), text);
        }
    }
}
