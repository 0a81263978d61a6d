//! Reading `garp_master_delay` and the like, of one instance or of all.

use std::time::Duration;

use super::{super::settings::Settings, GratuitousArp};

/// No switch needs to hear it more often.
const MOST_FRAMES: u32 = 1000;

/// What was written; the rest is left to defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WrittenGarp {
    delay: Option<Duration>,
    repeat: Option<u32>,
    refresh: Option<Duration>,
    refresh_repeat: Option<u32>,
    lower_prio_delay: Option<Duration>,
    lower_prio_repeat: Option<u32>,
}

/// Keywords, in the order of the fields of [`WrittenGarp`].
struct Names {
    delay: &'static str,
    repeat: &'static str,
    refresh: &'static str,
    refresh_repeat: &'static str,
    lower_prio_delay: &'static str,
    lower_prio_repeat: &'static str,
}

const OF_INSTANCE: Names = Names {
    delay: "garp_master_delay",
    repeat: "garp_master_repeat",
    refresh: "garp_master_refresh",
    refresh_repeat: "garp_master_refresh_repeat",
    lower_prio_delay: "garp_lower_prio_delay",
    lower_prio_repeat: "garp_lower_prio_repeat",
};
const OF_ALL: Names = Names {
    delay: "vrrp_garp_master_delay",
    repeat: "vrrp_garp_master_repeat",
    refresh: "vrrp_garp_master_refresh",
    refresh_repeat: "vrrp_garp_master_refresh_repeat",
    lower_prio_delay: "vrrp_garp_lower_prio_delay",
    lower_prio_repeat: "vrrp_garp_lower_prio_repeat",
};

impl WrittenGarp {
    /// Of a `vrrp_instance`.
    pub(super) fn of_instance(settings: &mut Settings<'_, '_>) -> Self {
        Self::read(settings, &OF_INSTANCE)
    }

    /// Of `global_defs`.
    pub(super) fn of_all(settings: &mut Settings<'_, '_>) -> Self {
        Self::read(settings, &OF_ALL)
    }

    fn read(settings: &mut Settings<'_, '_>, names: &Names) -> Self {
        let mut time = |name| {
            let found = settings.duration(name, Duration::ZERO);
            found.map(|found| found.value)
        };
        let (delay, refresh) = (time(names.delay), time(names.refresh));
        let lower_prio_delay = time(names.lower_prio_delay);
        let mut frames = |name, least| {
            let found = settings.number(name, least..=MOST_FRAMES);
            found.map(|found| found.value)
        };
        Self {
            delay,
            repeat: frames(names.repeat, 1),
            refresh,
            refresh_repeat: frames(names.refresh_repeat, 1),
            lower_prio_delay,
            lower_prio_repeat: frames(names.lower_prio_repeat, 0),
        }
    }

    /// What is not written here is as `default` has it.
    pub(super) fn or(self, default: Self) -> Self {
        Self {
            delay: self.delay.or(default.delay),
            repeat: self.repeat.or(default.repeat),
            refresh: self.refresh.or(default.refresh),
            refresh_repeat: self.refresh_repeat.or(default.refresh_repeat),
            lower_prio_delay: self.lower_prio_delay.or(default.lower_prio_delay),
            lower_prio_repeat: self.lower_prio_repeat.or(default.lower_prio_repeat),
        }
    }

    /// What is written nowhere has its default.
    pub(super) fn settled(self) -> GratuitousArp {
        let default = GratuitousArp::default();
        let delay = self.delay.unwrap_or(default.delay);
        let repeat = self.repeat.unwrap_or(default.repeat);
        GratuitousArp {
            delay,
            repeat,
            refresh: self.refresh.unwrap_or(default.refresh),
            refresh_repeat: self.refresh_repeat.unwrap_or(default.refresh_repeat),
            lower_prio_delay: self.lower_prio_delay.unwrap_or(delay),
            lower_prio_repeat: self.lower_prio_repeat.unwrap_or(repeat),
        }
    }
}
