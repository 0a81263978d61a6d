//! What the guardian has to know: which addresses to remove, and whom to tell, should this daemon die or hang.

use tracing::{error, warn};

use super::{Daemon, survey::Survey};
use crate::{
    api::response::Problem,
    config::{Config, VrrpInstance},
    guardian::{Charge, Guardian, Held, Pulse, Release, Ward},
    vrrp::{Placed, election::RELEASE},
};

/// The lease has this part of an interval left when it becomes suspicious that nobody renews it.
const MARGIN_PART: u32 = 4;

impl Daemon {
    /// Tells the guardian what it has to watch over now.
    pub(super) fn charge_guardian(&mut self) {
        let charge = charge(&self.config, &self.survey, self.elections.placed());
        let Some(guardian) = &mut self.guardian else {
            return;
        };
        if let Err(error) = guardian.charge(charge) {
            warn!(%error, "the guardian does not listen; it is started again");
        }
    }

    /// A guardian that has died is replaced.
    pub(super) fn revive_guardian(&mut self) {
        let Some(guardian) = &mut self.guardian else {
            return;
        };
        match guardian.revive() {
            Ok(Pulse::Alive) => {}
            Ok(Pulse::Revived) => {
                warn!("the guardian had died; another one watches over this daemon now")
            }
            Err(error) => {
                error!(%error, "the guardian has died and cannot be started again; a daemon that is killed would leave its VIPs");
                self.guardian = None;
            }
        }
    }
}

/// Starts the guardian. A daemon does without it where it cannot be.
pub(super) fn start(pins: &std::path::Path) -> Option<Guardian> {
    match Guardian::start(pins) {
        Ok(guardian) => Some(guardian),
        Err(error) => {
            let problem = Problem::new("the guardian cannot be started")
                .because(error.to_string())
                .because("a daemon that is killed or hangs leaves its VIPs behind");
            warn!("{problem}");
            None
        }
    }
}

fn charge(config: &Config, survey: &Survey, placed: &[Placed]) -> Charge {
    let ward = |placed: &Placed| {
        let profile = &placed.profile;
        let instance = config
            .vrrp_instances
            .iter()
            .find(|instance| *instance.name == *profile.name)?;
        let release = profile.messages(RELEASE).into_iter();
        Some(Ward {
            name: instance.name.clone(),
            lease: placed.lease?,
            margin: profile.interval / MARGIN_PART,
            addresses: addresses(survey, instance),
            unicast_ttl: profile.unicast_ttl,
            release: release
                .map(|(endpoints, message)| Release {
                    source: endpoints.source(),
                    destination: endpoints.destination(),
                    message,
                })
                .collect(),
            ifindex: profile.key.ifindex,
            mac: placed.mac,
        })
    };
    Charge {
        wards: placed.iter().filter_map(ward).collect(),
    }
}

fn addresses(survey: &Survey, instance: &VrrpInstance) -> Vec<Held> {
    let held = instance.addresses().filter_map(|vip| {
        Some(Held {
            ifindex: survey.link_named(instance.interface_of(vip))?.index,
            address: vip.address,
            prefix_length: vip.prefix_length,
        })
    });
    held.collect()
}
