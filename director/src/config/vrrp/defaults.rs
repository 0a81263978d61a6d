//! What `global_defs` says for all instances: `vrrp_version`, `vrrp_garp_*` and the like.

use std::num::NonZeroU8;

use super::{super::settings::Settings, Version, garp::WrittenGarp};

/// RFC 9568 section 6.1 has three advertisements missed.
const DOWN_TIMER_ADVERTS: NonZeroU8 = NonZeroU8::new(3).unwrap();

/// What an instance takes where it says nothing itself.
#[derive(Clone, Debug)]
pub(in super::super) struct InstanceDefaults {
    pub(super) version: Version,
    pub(super) garp: WrittenGarp,
    pub(super) down_timer_adverts: NonZeroU8,
    pub(super) lower_prio_no_advert: bool,
    pub(super) higher_prio_send_advert: bool,
    pub(super) check_unicast_src: bool,
    pub(in super::super) notify_priority_changes: bool,
}

impl Default for InstanceDefaults {
    fn default() -> Self {
        Self {
            version: Version::default(),
            garp: WrittenGarp::default(),
            down_timer_adverts: DOWN_TIMER_ADVERTS,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            check_unicast_src: false,
            notify_priority_changes: false,
        }
    }
}

impl InstanceDefaults {
    /// Takes what one `global_defs` says over what an earlier one did.
    pub(in super::super) fn read(&mut self, settings: &mut Settings<'_, '_>) {
        if let Some(version) = Version::read(settings, "vrrp_version") {
            self.version = version.value;
        }
        self.garp = WrittenGarp::of_all(settings).or(self.garp);
        if let Some(adverts) = down_timer_adverts(settings, "vrrp_down_timer_adverts") {
            self.down_timer_adverts = adverts;
        }
        for (name, switch) in [
            ("vrrp_lower_prio_no_advert", &mut self.lower_prio_no_advert),
            (
                "vrrp_higher_prio_send_advert",
                &mut self.higher_prio_send_advert,
            ),
            ("vrrp_check_unicast_src", &mut self.check_unicast_src),
            (
                "vrrp_notify_priority_changes",
                &mut self.notify_priority_changes,
            ),
        ] {
            *switch = settings.switch(name).unwrap_or(*switch);
        }
    }
}

/// Advertisements that a Master may miss; `None` if it is not set, or not right (which was said).
pub(super) fn down_timer_adverts(
    settings: &mut Settings<'_, '_>,
    name: &'static str,
) -> Option<NonZeroU8> {
    let found = settings.number(name, 1..=100)?;
    u8::try_from(found.value).ok().and_then(NonZeroU8::new)
}
