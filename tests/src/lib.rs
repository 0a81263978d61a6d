//! The lab: a client, a director and two servers as network namespaces on one bridge, with real MariaDB servers, real clients
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
//! Everything carries the name of its run ([`LabId`]), so that several labs live side by side and each is removed whole,
//! whatever happened to the process that made it.
#![forbid(unsafe_code)]

mod client;
mod connection;
mod director;
pub mod example;
mod host;
mod id;
mod lab;
mod mariadb;
mod mode;
mod namespace;
mod process;
pub mod remnants;
pub mod target;
mod tcp;
pub mod termination;
mod traffic;
pub mod wait;

pub use client::Client;
pub use connection::Connection;
pub use director::Director;
pub use host::{Host, Link};
pub use id::LabId;
pub use lab::{Databases, Lab, VIP, vip};
pub use mariadb::{MariaDb, ServerId};
pub use mode::XdpMode;
pub use namespace::Namespace;
pub use process::Process;
pub use tcp::TcpCounters;
pub use traffic::{Attempt, Record, Traffic};
