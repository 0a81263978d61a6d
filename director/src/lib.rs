//! `director`: a load balancer in direct routing.
#![warn(missing_docs)]

pub mod api;
pub mod check;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod dataplane;
pub mod host;
pub mod logging;
pub mod model;
pub mod tell;
pub mod vrrp;
