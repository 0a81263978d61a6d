//! Masters that stop in order: each goes on forwarding until its successor is heard.
//!
//! With priority 0 it has left the election (RFC 9568 section 6.4.3), and whoever is Backup takes over after its skew time. For so long
//! nobody would have the addresses. So it keeps them and its lease meanwhile, and says nothing more. It lets go when another one speaks
//! as Master, or when nobody can come any more.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Effect, LeaseEffect, Router, perform};
use crate::vrrp::{
    Event, Role,
    election::{Priority, skew_time},
    profile::Profile,
};

/// What a successor on a busy host, and its first advertisement, may take beyond its skew time.
const GRACE: Duration = Duration::from_millis(50);
/// Nobody wants to wait for longer until a director has stopped. Whoever advertises so seldom is used to outages.
const LONGEST: Duration = Duration::from_secs(3);

/// By instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Handovers(BTreeMap<Arc<str>, Handover>);

/// How far one is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Handover {
    /// Nobody has been heard yet.
    Waiting {
        /// For so long.
        until: Instant,
        /// What is to be told then.
        farewell: Vec<Effect>,
    },
    /// Somebody else is Master, or nobody is.
    Over,
}

impl Router {
    /// Leaves all elections. Masters are so, for this host, until [`Router::has_left`]; then [`Router::stop`] ends their leases.
    pub fn leave(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        for station in &mut self.stations {
            let was_master = station.role() == Role::Master;
            let mut wanted = Vec::new();
            let actions = station.handle(now, Event::Shutdown);
            perform(station, actions, &mut wanted);
            if !was_master {
                effects.extend(wanted);
                continue;
            }
            let wait = longest_wait(&station.profile);
            let mut farewell = Vec::new();
            for effect in wanted {
                match effect {
                    Effect::Transmit {
                        instance, messages, ..
                    } => effects.push(Effect::Transmit {
                        instance,
                        messages,
                        // Whoever watches over the lease shall see it renewed for as long as all goes well.
                        lease: LeaseEffect::Renew(wait + station.profile.interval),
                    }),
                    Effect::EndLease { .. } => {}
                    Effect::Tell(_) | Effect::AskWitnesses { .. } => farewell.push(effect),
                }
            }
            let until = now + wait;
            let handover = Handover::Waiting { until, farewell };
            let name = Arc::clone(&station.profile.name);
            self.handovers.0.insert(name, handover);
        }
        effects
    }

    /// Whether nobody is waited for any more.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.handovers.next_deadline().is_none()
    }
}

impl Handovers {
    /// When the first one is over though nobody has been heard.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.0.values().filter_map(|handover| match handover {
            Handover::Waiting { until, .. } => Some(*until),
            Handover::Over => None,
        });
        waiting.min()
    }

    /// Somebody else has advertised.
    pub(super) fn hear_successor(&mut self, name: &str) -> Vec<Effect> {
        self.0.get_mut(name).map(Handover::end).unwrap_or_default()
    }

    /// Ends those that have waited for long enough.
    pub(super) fn act(&mut self, now: Instant) -> Vec<Effect> {
        let due = self.0.values_mut().filter(
            |handover| matches!(handover, Handover::Waiting { until, .. } if now >= *until),
        );
        due.flat_map(Handover::end).collect()
    }

    /// All leases that are held still.
    pub(super) fn end(&mut self) -> Vec<Effect> {
        let handovers = std::mem::take(&mut self.0).into_iter();
        handovers
            .flat_map(|(instance, mut handover)| {
                let end = Effect::EndLease { instance };
                std::iter::once(end).chain(handover.end())
            })
            .collect()
    }
}

impl Handover {
    fn end(&mut self) -> Vec<Effect> {
        match std::mem::replace(self, Self::Over) {
            Self::Waiting { farewell, .. } => farewell,
            Self::Over => Vec::new(),
        }
    }
}

/// How long a successor of the lowest priority may take.
fn longest_wait(profile: &Profile) -> Duration {
    let skew = skew_time(profile.version, Priority::LOWEST, profile.interval);
    (skew + GRACE).min(LONGEST)
}

#[cfg(test)]
mod tests;
