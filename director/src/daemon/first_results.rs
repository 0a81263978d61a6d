//! Which instances wait until what they track has been seen once. Pure.
//!
//! What was not seen yet counts as well, so an instance could become MASTER on the strength of a script that is about to fail, and be
//! told otherwise a moment later. keepalived waits for the scripts of weight 0; here it is all scripts, processes and files, since a
//! weight that is only assumed decides an election just as wrongly. A script with `init_fail` has failed until it succeeds: nobody waits
//! for it.
//!
//! The wait has an end whatever a script does. A sync group waits as one: it must not be MASTER with half of its members. An instance
//! that runs, or goes on as MASTER after a restart, never waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use crate::{
    config::{Config, VrrpInstance},
    vrrp::Tracker,
};

/// The instances that wait.
#[derive(Debug, Default)]
pub(super) struct FirstResults {
    /// Those that have something to wait for, by name.
    waits: BTreeMap<String, Wait>,
    /// Those that must not start: they wait, or another member of their group does.
    held: BTreeSet<String>,
}

/// What one instance waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wait {
    until: Instant,
    unseen: Vec<Tracker>,
    /// It has waited for long enough.
    is_over: bool,
}

/// What is news of the waiting, by instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Who waits from now on, and for what.
    pub(super) began: Vec<(String, Vec<Tracker>)>,
    /// Who does not wait any longer, although something was not seen.
    pub(super) gave_up: Vec<(String, Vec<Tracker>)>,
}

impl FirstResults {
    /// Looks who has to wait at `now`. `goes_on`: an instance runs, or must start at once. `unseen`: what an instance and its group track
    /// and was not seen yet, and how long the first result of each may take from now on.
    pub(super) fn look(
        &mut self,
        now: Instant,
        config: &Config,
        goes_on: impl Fn(&str) -> bool,
        unseen: impl Fn(&VrrpInstance) -> Vec<(Tracker, Duration)>,
    ) -> Change {
        let before = std::mem::take(&mut self.waits);
        let mut change = Change::default();
        for instance in &config.vrrp_instances {
            let name = &instance.name;
            let unseen = unseen(instance);
            let longest = unseen.iter().map(|(_, longest)| *longest).max();
            let (false, Some(longest)) = (goes_on(name), longest) else {
                continue;
            };
            let known = before.get(name);
            let until = known.map_or_else(
                || now.checked_add(longest).unwrap_or(now),
                |wait| wait.until,
            );
            let wait = Wait {
                until,
                unseen: unseen.into_iter().map(|(tracker, _)| tracker).collect(),
                is_over: now >= until,
            };
            let is_news = known.is_none_or(|known| known.is_over != wait.is_over);
            if is_news {
                let told = match wait.is_over {
                    true => &mut change.gave_up,
                    false => &mut change.began,
                };
                told.push((name.clone(), wait.unseen.clone()));
            }
            self.waits.insert(name.clone(), wait);
        }
        self.hold(config, goes_on);
        change
    }

    /// All members of a group are held if one is; none, if one of them goes on.
    fn hold(&mut self, config: &Config, goes_on: impl Fn(&str) -> bool) {
        let waiting = self.waits.iter().filter(|(_, wait)| !wait.is_over);
        self.held = waiting.map(|(name, _)| name.clone()).collect();
        for group in &config.sync_groups {
            let members = &group.group;
            if members.iter().any(|name| goes_on(name)) {
                self.held.retain(|name| !members.contains(name));
            } else if members.iter().any(|name| self.held.contains(name)) {
                self.held.extend(members.iter().cloned());
            }
        }
    }

    /// Whether anybody waits.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether an instance must not start yet.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.held.contains(name)
    }

    /// When somebody has waited for long enough.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.waits.values().filter(|wait| !wait.is_over);
        waiting.map(|wait| wait.until).min()
    }

    /// Why an instance has not started, if it is held.
    pub(super) fn reason(&self, name: &str) -> Option<String> {
        if !self.holds(name) {
            return None;
        }
        Some(match self.waits.get(name).filter(|wait| !wait.is_over) {
            Some(wait) => format!("it waits for the first result of {}", listed(&wait.unseen)),
            None => "it waits for the other members of its sync group".to_owned(),
        })
    }
}

/// Names in a sentence.
pub(super) fn listed(trackers: &[Tracker]) -> String {
    let names: Vec<_> = trackers.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
