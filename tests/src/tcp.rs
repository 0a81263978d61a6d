//! What a host's TCP says of lost packets.

use anyhow::{Context, Result, bail};

use crate::host::Host;

/// Counters of a host's TCP since it came into being (RFC 4022; `/proc/net/snmp` and `/proc/net/netstat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpCounters {
    /// Connections that this host opened.
    pub active_opens: u64,
    /// Connection attempts that failed.
    pub attempt_fails: u64,
    /// Established connections that were reset.
    pub established_resets: u64,
    /// Segments sent again because no answer came, without those of which the other end then said that it had them (RFC 2883): where
    /// the machine stands still answers are late, and nothing is lost.
    pub lost_segments: u64,
}

impl TcpCounters {
    /// Reads them.
    pub fn of(host: &Host) -> Result<Self> {
        // `/proc/net` is `/proc/self/net`, which is that of the process's first thread, whatever thread asks.
        let read = |file: &str| -> Result<String> {
            let path = format!("/proc/thread-self/net/{file}");
            let read = host.namespace.enter(|| std::fs::read_to_string(&path))?;
            read.with_context(|| format!("cannot read {path}"))
        };
        Self::parse(&read("snmp")?, &read("netstat")?)
    }

    fn parse(snmp: &str, netstat: &str) -> Result<Self> {
        let tcp = |name| value(snmp, "Tcp: ", name);
        let needless = value(netstat, "TcpExt: ", "TCPDSACKRecv")?;
        Ok(Self {
            active_opens: tcp("ActiveOpens")?,
            attempt_fails: tcp("AttemptFails")?,
            established_resets: tcp("EstabResets")?,
            lost_segments: tcp("RetransSegs")?.saturating_sub(needless),
        })
    }
}

/// A counter: one line has the names, the next one the numbers.
fn value(text: &str, prefix: &str, wanted: &str) -> Result<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        bail!("no counters of `{prefix}`");
    };
    let (_, value) = names
        .split(' ')
        .zip(values.split(' '))
        .find(|(name, _)| *name == wanted)
        .with_context(|| format!("no {wanted}"))?;
    value
        .parse()
        .with_context(|| format!("{wanted} is not a number: {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_name() {
        let snmp = "Ip: A\nIp: 1\nTcp: RetransSegs MaxConn ActiveOpens EstabResets AttemptFails\nTcp: 7 -1 3 2 1\nUdp: X\nUdp: 9\n";
        let expected = TcpCounters {
            active_opens: 3,
            attempt_fails: 1,
            established_resets: 2,
            lost_segments: 5,
        };
        let netstat = "TcpExt: A TCPDSACKRecv\nTcpExt: 9 2\nIpExt: B\nIpExt: 4\n";
        let read = TcpCounters::parse(snmp, netstat);
        assert_eq!(read.expect("parses"), expected);
    }
}
