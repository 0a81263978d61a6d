//! What a host's TCP says of lost packets.

use anyhow::{Context, Result};

use crate::host::Host;

/// Counters of a host's TCP since it came into being (RFC 4022; `/proc/net/snmp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpCounters {
    /// Connections that this host opened.
    pub active_opens: u64,
    /// Connection attempts that failed.
    pub attempt_fails: u64,
    /// Established connections that were reset.
    pub established_resets: u64,
    /// Segments sent again because no answer came: each is a lost packet, or one that came too late.
    pub retransmitted_segments: u64,
}

impl TcpCounters {
    /// Reads them.
    pub fn of(host: &Host) -> Result<Self> {
        // `/proc/net` is `/proc/self/net`, which is that of the process's first thread, whatever thread asks.
        let read = host
            .namespace
            .enter(|| std::fs::read_to_string("/proc/thread-self/net/snmp"))?;
        Self::parse(&read.context("cannot read the counters of TCP")?)
    }

    fn parse(snmp: &str) -> Result<Self> {
        let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: "));
        let names = lines.next().context("no TCP in /proc/net/snmp")?.split(' ');
        let values: Vec<_> = names
            .zip(
                lines
                    .next()
                    .context("no TCP counters in /proc/net/snmp")?
                    .split(' '),
            )
            .collect();
        let value = |wanted: &str| -> Result<u64> {
            let (_, value) = values
                .iter()
                .find(|(name, _)| *name == wanted)
                .with_context(|| format!("no {wanted}"))?;
            value
                .parse()
                .with_context(|| format!("{wanted} is not a number: {value}"))
        };
        Ok(Self {
            active_opens: value("ActiveOpens")?,
            attempt_fails: value("AttemptFails")?,
            established_resets: value("EstabResets")?,
            retransmitted_segments: value("RetransSegs")?,
        })
    }
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
            retransmitted_segments: 7,
        };
        assert_eq!(TcpCounters::parse(snmp).expect("parses"), expected);
    }
}
