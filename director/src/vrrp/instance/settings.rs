//! What does not change while an instance runs.

use std::{net::IpAddr, num::NonZeroU8, time::Duration};

use crate::vrrp::packet::Version;

/// The settings of one instance. They come from its block in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which VRRP it speaks.
    pub version: Version,
    /// The pace of its advertisements; not zero.
    pub interval: Duration,
    /// Source of its advertisements, which decides between equal priorities.
    pub primary_address: IpAddr,
    /// Whether it takes over from a Master of lower priority.
    pub preempt: Preempt,
    /// `down_timer_adverts`: so many advertisements are missed before a Master is down. 3 in the RFCs.
    pub down_timer_adverts: NonZeroU8,
    /// `lower_prio_no_advert`.
    pub on_lower_priority: OnLowerPriority,
    /// `higher_prio_send_advert`.
    pub on_higher_priority: OnHigherPriority,
    /// Whether it is in a sync group.
    pub membership: Membership,
}

/// Preempt_Mode (RFC 9568 section 6.1). It holds whatever `state` says (scenario 1.17). The owner of the addresses preempts always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preempt {
    /// `nopreempt`.
    Never,
    /// A Master of lower priority is ignored, until it has been for long enough to be down. It is listened to all the same for
    /// so long after it was first heard: `preempt_delay`, or zero.
    After(Duration),
}

/// What a Master does when it hears one of lower priority, besides announcing its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLowerPriority {
    /// It says at once that it is there (RFC 9568 section 6.4.3).
    Advertise,
    /// It waits until its next advertisement is due (RFC 3768 section 6.4.3).
    Wait,
}

/// What a Master does when it hears one of higher priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnHigherPriority {
    /// It steps back (RFC 9568 section 6.4.3).
    StepBack,
    /// It advertises once more before.
    AdvertiseOnceMore,
}

/// Who decides that an instance becomes Master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It alone.
    Alone,
    /// Its sync group, by [`TakeOver`](super::Event::TakeOver).
    InGroup,
}
