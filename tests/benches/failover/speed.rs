//! At which pace the two advertise.

use std::time::Duration;

use lab::Instance;

/// A pace of advertisements.
pub(crate) struct Speed {
    pub(crate) name: &'static str,
    pub(crate) interval: Duration,
    /// An instance of this priority that advertises at this pace.
    pub(crate) instance: fn(u8) -> Instance,
}

/// What most pairs in the field speak, and what keepalived can at most.
pub(crate) static SPEEDS: [Speed; 3] = [
    Speed {
        name: "v2 1 s",
        interval: Duration::from_secs(1),
        instance: Instance::classic,
    },
    Speed {
        name: "v3 0.1 s",
        interval: Duration::from_millis(100),
        instance: Instance::quick,
    },
    Speed {
        name: "v3 0.01 s",
        interval: Duration::from_millis(10),
        instance: Instance::quickest,
    },
];

/// The fastest of them.
pub(crate) static FASTEST: &Speed = &SPEEDS[2];
