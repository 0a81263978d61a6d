//! What happens to the better one of the two.

use std::fmt;

/// Something that happens, of which a client may see an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Nothing: what a client sees of this machine's own stalls.
    Rest,
    /// SIGTERM.
    CleanStop,
    /// It is started again, and preferred.
    Return,
    /// SIGKILL of all of keepalived, and of the director's daemon.
    Kill,
    /// It stands still, by SIGSTOP.
    Hang,
    /// Its cable is out.
    LinkDown,
    /// Its cable is in again.
    LinkUp,
}

/// In an order in which each begins where the one before it ended. The first one is Master before the whole and after it.
pub(crate) const ROUND: [Event; 7] = [
    Event::Rest,
    Event::CleanStop,
    Event::Return,
    Event::Kill,
    Event::Hang,
    Event::LinkDown,
    Event::LinkUp,
];

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Rest => "nothing happens",
            Self::CleanStop => "clean stop",
            Self::Return => "return after a stop",
            Self::Kill => "kill -9",
            Self::Hang => "hang",
            Self::LinkDown => "link down",
            Self::LinkUp => "link up",
        })
    }
}
