//! Health checks: TCP_CHECK and the pace that every check has.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde::Serialize;

mod pace;
mod tcp;

pub(super) use pace::PaceSettings;
pub(super) use tcp::{CheckDefaults, tcp_checks};

/// `TCP_CHECK`: a connection that opens is a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TcpCheck {
    /// `connect_ip` and `connect_port`; default: the real server's.
    pub connect: SocketAddr,
    /// `bindto`, `bind_port`.
    pub bind: Option<(IpAddr, u16)>,
    /// `connect_timeout`. Default 5 s.
    #[serde(with = "super::seconds")]
    pub connect_timeout: Duration,
    /// When it runs.
    pub pace: CheckPace,
}

/// When a check runs. Settable at the virtual server, the real server and the check: the innermost wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckPace {
    /// `delay_loop`: time between checks. Default 60 s.
    #[serde(with = "super::seconds")]
    pub interval: Duration,
    /// `retry`: further attempts before a server counts as down. Default 1 (for TCP_CHECK).
    pub retries: u32,
    /// `delay_before_retry`: time between those attempts. Default 1 s (for TCP_CHECK).
    #[serde(with = "super::seconds")]
    pub retry_delay: Duration,
    /// `warmup`: the first check starts at a random time within it. Default: `delay_loop`.
    #[serde(with = "super::seconds")]
    pub warmup: Duration,
}

impl TcpCheck {
    /// Longest time from a server's death to the verdict, for a server that answers nothing (scenario 2.14):
    /// one interval, then every attempt times out, with the retry delay between two attempts.
    #[must_use]
    pub fn worst_case_detection(&self) -> Duration {
        self.pace.interval
            + self.connect_timeout * (self.pace.retries + 1)
            + self.pace.retry_delay * self.pace.retries
    }
}
