//! Priorities, and the intervals that follow from them. RFC 3768 section 6.1, RFC 9568 section 6.1.

use std::{cmp::Ordering, fmt, net::IpAddr, num::NonZeroU8, time::Duration};

use super::packet::Version;

/// Priority in the last advertisement of a Master that leaves (RFC 9568 section 5.2.4).
pub const RELEASE: u8 = 0;

/// How much a router wants to be Master: 1 to 254, and 255 for the router that owns the addresses (RFC 9568 section 5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(NonZeroU8);

impl Priority {
    /// Of the router that owns the addresses.
    pub const ADDRESS_OWNER: Self = Self(NonZeroU8::MAX);

    /// Of who wants to be Master least.
    pub const LOWEST: Self = Self(NonZeroU8::MIN);

    /// `None` for 0, which is no priority: [`RELEASE`].
    #[must_use]
    pub const fn new(priority: u8) -> Option<Self> {
        match NonZeroU8::new(priority) {
            Some(priority) => Some(Self(priority)),
            None => None,
        }
    }

    /// What stands in a packet.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// Whether this is [`Priority::ADDRESS_OWNER`].
    #[must_use]
    pub fn is_owner(self) -> bool {
        self == Self::ADDRESS_OWNER
    }

    /// Up to a whole: 1/256 for the owner, 255/256 for priority 1. The whole is divided last, so that nothing is cut to zero.
    fn reluctance(self, whole: Duration) -> Duration {
        whole * (256 - u32::from(self.get())) / 256
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much longer a Backup waits than the others who are more willing. In version 3 it scales with the Master's interval.
#[must_use]
pub fn skew_time(
    version: Version,
    priority: Priority,
    master_adver_interval: Duration,
) -> Duration {
    match version {
        // RFC 3768 section 6.1: ((256 - Priority) / 256) seconds.
        Version::Two => priority.reluctance(Duration::from_secs(1)),
        // RFC 9568 section 6.1: ((256 - Priority) * Active_Adver_Interval) / 256.
        Version::Three => priority.reluctance(master_adver_interval),
    }
}

/// Silence after which a Backup takes the Master for gone. The RFCs have three advertisements missed; keepalived's
/// `down_timer_adverts` makes it another number.
#[must_use]
pub fn master_down_interval(
    version: Version,
    priority: Priority,
    master_adver_interval: Duration,
    down_timer_adverts: NonZeroU8,
) -> Duration {
    master_adver_interval * u32::from(down_timer_adverts.get())
        + skew_time(version, priority, master_adver_interval)
}

/// Which of two that both say they are Master stays it: the one of higher priority, and of two that are equal the one with the
/// greater primary address (RFC 3768 section 6.4.3, RFC 9568 section 6.4.3).
#[must_use]
pub fn compare(ours: (Priority, IpAddr), theirs: (Priority, IpAddr)) -> Ordering {
    ours.cmp(&theirs)
}

#[cfg(test)]
mod tests;
