//! What users of keepalived and LVS met, and what holds here: one test for each, named by the row of the table of scenarios,
//! in the lab, with the real daemon and real MariaDB. Where packets are concerned, in native and in generic mode.

use std::{process::Output, time::Duration};

use anyhow::{Context, Result, ensure};
use lab::{Databases, Director, Lab, Service, XdpMode, configuration, example};

/// Makes scenarios tests, one in each mode.
macro_rules! in_both_modes {
    ($($scenario:ident),+ $(,)?) => {
        mod native {
            $(#[test] fn $scenario() -> anyhow::Result<()> { super::$scenario(lab::XdpMode::Native) })+
        }
        mod generic {
            $(#[test] fn $scenario() -> anyhow::Result<()> { super::$scenario(lab::XdpMode::Generic) })+
        }
    };
}

mod addresses;
mod alarms;
mod bad_start;
mod by_hand;
mod captures;
mod checks;
mod connections;
mod demo;
mod elections;
mod families;
mod interop;
mod lease;
mod leaving;
mod listing;
mod local_node;
mod modes;
mod no_server;
mod other_configuration;
mod pair;
mod persistence;
mod pins;
mod pool;
mod reload;
mod report;
mod restart;
mod reuse;
mod running_config;
mod schedulers;
mod service;
mod services;
mod sorry_server;
mod switchover;
mod thresholds;
mod told;
mod tracking;
mod virtual_mac;
mod way;

/// What is waited for happens within half a second or so; this long only on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(15);

/// For one connection or one answer.
const SHORT: Duration = Duration::from_secs(3);

/// What a client that sends nothing waits at most until it is told. Without us it waits for ever.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The lab with four servers and a running daemon. The daemon goes first, the lab last.
struct Scene {
    director: Director,
    databases: Databases,
    lab: Lab,
}

impl Scene {
    /// The example at a quick pace, each real server checked once.
    fn of_the_example(mode: XdpMode) -> Result<Self> {
        let scene = Self::with(
            mode,
            &example::at_pace(example::MASTER, example::Pace::QUICK),
        )?;
        for port in [3306, 3308] {
            scene.director.await_log(
                &format!("TCP connection to [192.168.66.253]:tcp:{port} success"),
                SOON,
            )?;
        }
        Ok(scene)
    }

    fn with(mode: XdpMode, config: &str) -> Result<Self> {
        let lab = Lab::create(mode)?;
        let databases = lab.start_databases()?;
        let mut director = lab.daemon(config)?;
        director.start()?;
        Ok(Self {
            director,
            databases,
            lab,
        })
    }
}

/// A running daemon whose virtual servers a scenario made up. It goes before the lab, as what is declared last goes first.
struct Serving {
    director: Director,
}

impl Serving {
    /// Starts it and waits until each of the services has all of its real servers.
    fn start(lab: &Lab, services: &[Service]) -> Result<Self> {
        let mut director = lab.daemon(&configuration(services))?;
        director.start()?;
        let serving = Self { director };
        for (port, address) in services.iter().flat_map(Service::servers) {
            serving.director.await_state(port, address, "up", SOON)?;
        }
        Ok(serving)
    }

    /// How many packets have left the packet path by this exit.
    fn counter(&self, name: &str) -> Result<u64> {
        let status = self.director.status()?;
        status["counters"][name]
            .as_u64()
            .with_context(|| format!("no counter {name}: {status}"))
    }
}

impl Drop for Serving {
    /// As with [`Scene`].
    fn drop(&mut self) {
        eprintln!("the daemon's log:\n{}", self.director.log());
    }
}

impl Drop for Scene {
    /// The runner shows what a test printed if it failed, and then this is what one wants to read.
    fn drop(&mut self) {
        eprintln!("the daemon's log:\n{}", self.director.log());
    }
}

/// A command ended with this code, and printed these words.
pub(crate) fn expect(output: &Output, code: i32, words: &str) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.code() == Some(code) && said.contains(words),
        "not {code} with `{words}`: {output:?}"
    );
    Ok(())
}
