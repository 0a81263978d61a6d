//! A real iperf3 server, and transfers to it.

use std::{
    net::{IpAddr, SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{client::Client, host::Host, lab::Lab, process::Process, wait};

const PORT: u16 = 5201;
const START_LIMIT: Duration = Duration::from_secs(15);

/// A running iperf3 server on port 5201 of a host.
///
/// A transfer is two connections that have to meet at the same server, so a virtual server for it has one real server, or
/// persistence.
#[derive(Debug)]
pub struct Iperf {
    _process: Process,
}

/// What was transferred, from client to server.
#[derive(Debug, Clone, Copy)]
pub struct Transfer {
    /// Bytes that arrived at the server.
    pub received_bytes: u64,
    pub bits_per_second: f64,
}

impl Lab {
    /// Starts iperf3 on a host.
    pub fn start_iperf(&self, host: &Host) -> Result<Iperf> {
        let log = self.folder().join(format!("iperf3-{}.log", host.name));
        let mut iperf3 = Command::new("iperf3");
        iperf3.args(["--server", "--forceflush"]);
        let process = Process::start(&host.namespace, &mut iperf3, &log)?;
        let own = SocketAddr::from((host.address, PORT));
        // A bare connection that ends at once does not count as a client.
        wait::until("iperf3 listens", START_LIMIT, || {
            let connected = host.namespace.enter(|| TcpStream::connect(own)).ok()?;
            connected.is_ok().then_some(())
        })?;
        Ok(Iperf { _process: process })
    }
}

impl Client {
    /// Sends to an iperf3 server by TCP as fast as it goes.
    ///
    /// # Errors
    ///
    /// Says why a transfer ended before its time.
    pub fn transfer(&self, server: impl Into<IpAddr>, duration: Duration) -> Result<Transfer> {
        self.transfer_at(0, server, duration)
    }

    /// Sends at a steady pace, so that no queue on the way overflows; 0 bits a second is as fast as it goes.
    ///
    /// # Errors
    ///
    /// Says why a transfer ended before its time.
    pub fn transfer_at(
        &self,
        bits_per_second: u64,
        server: impl Into<IpAddr>,
        duration: Duration,
    ) -> Result<Transfer> {
        let mut iperf3 = Command::new("iperf3");
        iperf3.args(["--json", "--connect-timeout", "3000", "--client"]);
        iperf3.arg(server.into().to_string());
        iperf3.args(["--bitrate", &bits_per_second.to_string()]);
        iperf3.args(["--time", &duration.as_secs().to_string()]);
        let report = self.host.namespace.run(&mut iperf3)?;
        let report: Value = serde_json::from_str(&report).context("iperf3 prints no JSON")?;
        ensure!(report["error"].is_null(), "{}", report["error"]);
        let sum = &report["end"]["sum_received"];
        Ok(Transfer {
            received_bytes: sum["bytes"].as_u64().context("no bytes in the report")?,
            bits_per_second: sum["bits_per_second"]
                .as_f64()
                .context("no speed in the report")?,
        })
    }
}
