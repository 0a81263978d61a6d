//! What is compared, with one set of verbs.

use std::fmt;

use anyhow::Result;
use lab::{Director, Duo, Host, Instance, Keepalived};

/// Which product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Keepalived,
    Director,
}

impl Contender {
    pub(crate) const BOTH: [Self; 2] = [Self::Keepalived, Self::Director];

    /// One of them on a host, not yet running.
    pub(crate) fn on(self, duo: &Duo, host: &Host, instance: Instance) -> Result<Router> {
        Ok(match self {
            Self::Keepalived => Router::Keepalived(duo.keepalived(host, instance)?),
            Self::Director => Router::Director(duo.director(host, instance)?),
        })
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Keepalived => "keepalived",
            Self::Director => "director",
        })
    }
}

/// A VRRP router of either kind.
pub(crate) enum Router {
    Keepalived(Keepalived),
    Director(Director),
}

impl Router {
    pub(crate) fn start_as(&mut self, role: &str) -> Result<()> {
        match self {
            Self::Keepalived(keepalived) => keepalived.start(),
            Self::Director(director) => director.start_as(role),
        }
    }

    pub(crate) fn terminate(&mut self) -> Result<()> {
        match self {
            Self::Keepalived(keepalived) => keepalived.terminate(),
            Self::Director(director) => director.terminate(),
        }
    }

    pub(crate) fn kill_9(&mut self) -> Result<()> {
        match self {
            Self::Keepalived(keepalived) => keepalived.kill_9(),
            Self::Director(director) => director.kill_9(),
        }
    }

    pub(crate) fn freeze(&self) -> Result<()> {
        match self {
            Self::Keepalived(keepalived) => keepalived.freeze(),
            Self::Director(director) => director.freeze(),
        }
    }

    pub(crate) fn thaw(&self) -> Result<()> {
        match self {
            Self::Keepalived(keepalived) => keepalived.thaw(),
            Self::Director(director) => director.thaw(),
        }
    }
}
