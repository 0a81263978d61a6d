//! `director`: a load balancer in direct routing.
#![warn(missing_docs)]

pub mod api;
pub mod check;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod dataplane;
pub mod guardian;
pub mod host;
pub mod logging;
pub mod model;
pub mod notify;
pub mod pair;
pub mod script;
pub mod tell;
pub mod track;
pub mod vrrp;
