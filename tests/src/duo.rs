//! Two director hosts on one segment, each of which runs a director or keepalived.
//!
//! ```text
//!      client           director          director2
//!   192.168.66.10     192.168.66.6      192.168.66.12
//!        |                 |                 |
//!   -----+-----------------+------ br0 ------+-----
//! ```

use std::{net::IpAddr, time::Duration};

use anyhow::{Context, Result};

use crate::{
    director::Director, host::Host, keepalived::Keepalived, lab::Lab, mode::XdpMode, wait,
    wire::Wire,
};

/// A lab with a second director host.
#[derive(Debug)]
pub struct Duo {
    pub first: Host,
    pub second: Host,
    pub lab: Lab,
}

impl Duo {
    /// For elections only, of both families: nothing is forwarded, so the mode does not matter.
    pub fn create() -> Result<Self> {
        Self::of(Lab::create_dual(XdpMode::Generic)?)
    }

    /// For elections and forwarding.
    pub fn create_in(mode: XdpMode) -> Result<Self> {
        Self::of(Lab::create_dual(mode)?)
    }

    fn of(lab: Lab) -> Result<Self> {
        Ok(Self {
            first: lab.director.clone(),
            second: lab.add_director()?,
            lab,
        })
    }

    /// A director on one of the hosts, not yet running.
    pub fn director(&self, host: &Host, config: impl ToString) -> Result<Director> {
        self.lab.daemon_on(host, &config.to_string())
    }

    /// keepalived on one of the hosts, not yet running.
    pub fn keepalived(&self, host: &Host, config: impl ToString) -> Result<Keepalived> {
        self.lab.keepalived_on(host, &config.to_string())
    }

    /// The other host.
    pub fn other_than(&self, host: &Host) -> &Host {
        match host.name == self.first.name {
            true => &self.second,
            false => &self.first,
        }
    }

    /// Which of the two hosts have an address on `eth0`, by name.
    pub fn holders(&self, address: impl Into<IpAddr>) -> Result<Vec<&'static str>> {
        let address = address.into();
        let mut holders = Vec::new();
        for host in [&self.first, &self.second] {
            if host.has(address)? {
                holders.push(host.name);
            }
        }
        Ok(holders)
    }

    /// Who was Master in turn, as the wire heard it: the two hosts by name, others by MAC address.
    pub fn succession(&self, wire: &Wire) -> Result<Vec<String>> {
        let named = [
            (self.first.mac("eth0")?, self.first.name),
            (self.second.mac("eth0")?, self.second.name),
        ];
        let name = |mac: String| {
            let mut known = named.iter().filter(|(known, _)| *known == mac);
            known.next().map_or(mac.clone(), |(_, name)| (*name).into())
        };
        Ok(wire.succession().into_iter().map(name).collect())
    }

    /// Waits until this host has an address, and the other one has not.
    pub fn await_only_holder(
        &self,
        address: impl Into<IpAddr>,
        host: &Host,
        limit: Duration,
    ) -> Result<()> {
        let address = address.into();
        let what = format!("{address} is on {} alone", host.name);
        let seen = || (self.holders(address).ok()? == [host.name]).then_some(());
        wait::until(&what, limit, seen)
            .with_context(|| format!("holders: {:?}", self.holders(address)))
    }
}

impl Drop for Duo {
    /// The runner of the tests shows what a test printed if it failed, and then these are what one wants to read.
    fn drop(&mut self) {
        if std::env::var_os("NEXTEST").is_none() {
            return;
        }
        let folder = self.lab.folder();
        for file in [
            "director.log",
            "director2/director.log",
            "keepalived-director/keepalived.log",
            "keepalived-director2/keepalived.log",
        ] {
            if let Ok(log) = std::fs::read_to_string(folder.join(file)) {
                eprintln!("{file}:\n{log}");
            }
        }
    }
}
