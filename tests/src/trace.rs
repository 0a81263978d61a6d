//! The way of packets, as traceroute sees it.

use std::{
    net::{IpAddr, SocketAddr},
    process::Command,
};

use anyhow::{Context, Result};

use crate::client::Client;

/// Who answered for a number of hops; nobody if no answer came in time.
pub type Hop = Option<IpAddr>;

impl Client {
    /// Traces the way of connections to a server, as far as the server or five hops.
    pub fn trace(&self, server: impl Into<SocketAddr>) -> Result<Vec<Hop>> {
        let server = server.into();
        let mut traceroute = Command::new("traceroute");
        traceroute.args(["-T", "-n", "-q", "1", "-w", "1", "-m", "5", "-p"]);
        traceroute
            .arg(server.port().to_string())
            .arg(server.ip().to_string());
        let printed = self.host.namespace.run(&mut traceroute)?;
        hops(&printed).with_context(|| format!("traceroute printed:\n{printed}"))
    }
}

/// After a line of title, a line for each hop: its number, and an address and a time, or an asterisk.
fn hops(printed: &str) -> Result<Vec<Hop>> {
    let hop = |line: &str| match line.split_whitespace().nth(1) {
        Some("*") => Ok(None),
        Some(address) => Ok(Some(address.parse().context("no address")?)),
        None => anyhow::bail!("no hop: {line}"),
    };
    printed.lines().skip(1).map(hop).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_addresses_or_nobody() {
        let printed = "traceroute to 192.168.66.251 (192.168.66.251), 5 hops max, 60 byte packets\n 1  192.168.66.6  0.031 ms\n \
                       2  *\n 3  fd00:66::251  0.04 ms\n";
        let expected = [
            Some("192.168.66.6".parse().expect("an address")),
            None,
            Some("fd00:66::251".parse().expect("an address")),
        ];
        assert_eq!(hops(printed).expect("hops"), expected);
    }
}
