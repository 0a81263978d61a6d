//! What instances track besides the network, and who is told of their changes.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use tracing::{info, warn};

use super::{Daemon, first_results::listed, placing};
use crate::{
    api::response::Problem,
    config::Notify,
    notify::{Change, State, Subject},
    track::TrackEvent,
    vrrp::{Command, Role, Status},
};

impl Daemon {
    /// Runs the scripts, watches the processes and the files that the configuration tracks, and opens its named pipes.
    pub(super) fn settle_tracking(&mut self) {
        self.trackers.reconcile(&self.config);
        for (tracker, status) in self.trackers.statuses() {
            self.elections
                .speaker()
                .command(Command::Track(tracker, status));
        }
        for error in self.notifier.reconcile(&self.config) {
            let warning = Problem::from_error(&error).to_string();
            warn!("{warning}");
            self.warnings.push(warning);
        }
    }

    /// Takes what a tracker found.
    pub(super) fn take_tracked(&mut self, event: TrackEvent) {
        let TrackEvent {
            tracker,
            status,
            why,
            at: _,
        } = event;
        match status {
            Status::Failed => warn!(%tracker, "it has failed: {why}"),
            Status::Well | Status::Number(_) => info!(%tracker, "{why}"),
        }
        self.elections
            .speaker()
            .command(Command::Track(tracker, status));
        if self.first_results.is_holding() {
            self.settle_elections_again();
        }
    }

    /// Holds those instances back whose scripts, processes and files were not seen yet.
    pub(super) fn hold_for_first_results(&mut self, resumable: &BTreeSet<Arc<str>>) {
        let (config, trackers) = (&self.config, &self.trackers);
        let placed = self.elections.placed();
        let goes_on = |name: &str| {
            resumable.contains(name) || placed.iter().any(|one| *one.profile.name == *name)
        };
        let change = self
            .first_results
            .look(Instant::now(), config, goes_on, |instance| {
                let tracked = placing::tracked(instance, placing::group_of(config, instance));
                let unseen = tracked.into_iter().filter_map(|weighed| {
                    let longest = trackers.first_result_within(&weighed.tracker)?;
                    Some((weighed.tracker, longest))
                });
                unseen.collect()
            });
        for (instance, unseen) in change.began {
            info!(
                instance,
                "it waits for the first result of {} before it starts",
                listed(&unseen)
            );
        }
        for (instance, unseen) in change.gave_up {
            warn!(
                instance,
                "it starts without a first result of {}, which counts as ok until there is one",
                listed(&unseen)
            );
        }
    }

    /// Tells scripts and pipes what an instance is now, and its group if that has changed with it.
    pub(super) fn notify_role(&mut self, instance: &str, role: Role, priority: u8) {
        let is_configured = self
            .config
            .vrrp_instances
            .iter()
            .any(|known| known.name == instance);
        let state = match role {
            Role::Master => State::Master,
            Role::Backup => State::Backup,
            Role::Fault => State::Fault,
            Role::Initialize if is_configured => State::Stop,
            Role::Initialize => State::Deleted,
        };
        self.notify_instance(instance, state, priority);
        self.notify_group_of(instance);
    }

    /// Tells scripts and pipes what happened to an instance.
    pub(super) fn notify_instance(&mut self, instance: &str, state: State, priority: u8) {
        let known = self
            .config
            .vrrp_instances
            .iter()
            .find(|known| known.name == instance);
        let notify = known.map(|known| known.notify.clone()).unwrap_or_default();
        let change = Change {
            subject: Subject::Instance(instance.to_owned()),
            state,
            priority,
        };
        self.notifier.tell(&change, &notify);
    }

    /// Tells another priority, where the instance wants it told.
    pub(super) fn notify_priority(&mut self, instance: &str, priority: u8) {
        let mut instances = self.config.vrrp_instances.iter();
        let is_wanted =
            instances.any(|known| known.name == instance && known.notify.priority_changes);
        let role = self.elections.standing(instance).map(|known| known.role);
        let role = role.filter(|role| *role != Role::Initialize);
        if let (true, Some(role)) = (is_wanted, role) {
            self.notify_instance(instance, State::PriorityChanged(role), priority);
        }
    }

    fn notify_group_of(&mut self, instance: &str) {
        let groups = self.config.sync_groups.iter();
        let mut of_it = groups.filter(|group| group.group.iter().any(|member| member == instance));
        let Some(group) = of_it.next() else {
            return;
        };
        let roles: Vec<Role> = group
            .group
            .iter()
            .map(|member| {
                let standing = self.elections.standing(member);
                standing.map_or(Role::Initialize, |standing| standing.role)
            })
            .collect();
        let Some(state) = state_of_group(&roles) else {
            return;
        };
        let (name, notify): (String, Notify) = (group.name.clone(), group.notify.clone());
        if self.group_states.insert(name.clone(), state) == Some(state) {
            return;
        }
        let change = Change {
            subject: Subject::Group(name),
            state,
            priority: 0,
        };
        self.notifier.tell(&change, &notify);
    }
}

/// What a group is: in FAULT if one member is, MASTER or BACKUP if all are. `None`: it is moving.
fn state_of_group(roles: &[Role]) -> Option<State> {
    let all = |role: Role| roles.iter().all(|one| *one == role);
    if roles.contains(&Role::Fault) {
        Some(State::Fault)
    } else if all(Role::Master) {
        Some(State::Master)
    } else if all(Role::Backup) {
        Some(State::Backup)
    } else if all(Role::Initialize) {
        Some(State::Stop)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_what_all_of_its_members_are_and_in_fault_if_one_is() {
        use Role::{Backup, Fault, Initialize, Master};
        assert_eq!(state_of_group(&[Master, Master]), Some(State::Master));
        assert_eq!(state_of_group(&[Master, Backup]), None);
        assert_eq!(state_of_group(&[Fault, Backup]), Some(State::Fault));
        assert_eq!(state_of_group(&[Backup, Backup]), Some(State::Backup));
        assert_eq!(state_of_group(&[Initialize; 2]), Some(State::Stop));
    }
}
