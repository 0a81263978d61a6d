//! The lab: a client, a director and two servers as network namespaces on one bridge, with real servers, real clients
//! and the real daemon. The scenarios in `tests/` and the demo share it.
//!
//! ```text
//!      client           director          real server       sorry server
//!   192.168.66.10     192.168.66.6      192.168.66.253     192.168.66.254
//!                                         VIP on lo          VIP on lo
//!        eth0              eth0              eth0               eth0
//!         |                 |                 |                  |
//!   ------+-----------------+------ br0 ------+------------------+------   192.168.66.0/23
//! ```
//!
//! A lab of both families has fd00:66::/64 beside it, with the digits of the IPv4 addresses: VIP fd00:66::251. What a scenario
//! needs beside these four hosts it adds: see `annex.rs`, and `duo.rs` for a second director or a real keepalived. Servers other
//! than MariaDB are nginx, dnsmasq and iperf3, and each says which host it is on.
//!
//! Everything carries the name of its run ([`LabId`]), so that several labs live side by side and each is removed whole,
//! whatever happened to the process that made it.
#![forbid(unsafe_code)]

mod annex;
mod bridge;
mod capture;
mod client;
mod connection;
mod dialog;
mod director;
mod dns;
mod duo;
mod echo;
pub mod example;
mod forger;
mod host;
mod id;
mod instance;
mod iperf;
mod keepalived;
mod lab;
mod mariadb;
mod mode;
mod namespace;
mod parallel;
mod place;
mod pool;
mod prober;
mod process;
pub mod remnants;
mod service;
mod source;
mod tap;
pub mod target;
mod tcp;
pub mod termination;
mod trace;
mod traffic;
pub mod wait;
mod web;
mod wire;

pub use annex::{Behind, Remote};
pub use bridge::Reach;
pub use capture::{Capture, Segment};
pub use client::{Client, is_refusal};
pub use connection::Connection;
pub use director::Director;
pub use dns::NameServer;
pub use duo::Duo;
pub use echo::{Datagram, Echo};
pub use forger::Forger;
pub use host::{Host, Link};
pub use id::LabId;
pub use instance::{Instance, SHARED, SHARED6};
pub use iperf::{Iperf, Transfer};
pub use keepalived::Keepalived;
pub use lab::{Databases, Lab};
pub use mariadb::{MariaDb, ServerId};
pub use mode::XdpMode;
pub use namespace::Namespace;
pub use parallel::parallel;
pub use place::{Families, Place, THIRD_SERVER, VIP, VIP6, vip, vip6, vips};
pub use pool::{Pool, Queries, Share};
pub use prober::{Probed, Prober};
pub use process::Process;
pub use service::{Role, Service, configuration, configuration_as, configuration_with};
pub use source::Source;
pub use tcp::TcpCounters;
pub use trace::Hop;
pub use traffic::{Attempt, Record, Traffic};
pub use web::{Page, WebServer};
pub use wire::{Advert, Announcement, Wire, longest_pause};
