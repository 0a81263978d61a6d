//! `director`: a load balancer in direct routing.
#![warn(missing_docs)]

pub mod api;
pub mod check;
pub mod config;
pub mod daemon;
pub mod dataplane;
pub mod host;
pub mod model;
