//! Why connections are ended, in the words of an operator. Pure.

use std::fmt;

/// Why the connections of a real server are ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A check fails, and what it says.
    CheckFailed(String),
    /// Its time to drain is over.
    WeightZero,
    /// It was the sorry server, or has no way.
    NotNeeded,
    /// It was taken out of its virtual server.
    Removed,
    /// Its virtual server was taken away.
    ServiceRemoved,
    /// Nobody spoke for too long.
    Idle,
    /// Another director has taken over.
    Switchover,
    /// Somebody chose them.
    ByHand,
    /// Nobody said.
    Gone,
}

impl Reason {
    /// The same without its particulars, to count by.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::CheckFailed(_) => "a check failed",
            Self::WeightZero => "its weight is 0",
            Self::NotNeeded => "it is not needed any more",
            Self::Removed => "it was removed",
            Self::ServiceRemoved => "its virtual server was removed",
            Self::Idle => "it was idle for too long",
            Self::Switchover => "another director has taken over",
            Self::ByHand => "reset by hand",
            Self::Gone => "gone",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause())?;
        match self {
            Self::CheckFailed(reason) => write!(f, ": {reason}"),
            _ => Ok(()),
        }
    }
}
