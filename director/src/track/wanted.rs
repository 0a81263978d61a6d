//! Which trackers a configuration needs: those that an instance or a sync group tracks, and no others. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{Config, Track, TrackFile, TrackProcess, Tracked, VrrpScript, says_the_same},
    script::Policy,
    vrrp::{Tracker, TrackerKind},
};

/// What one tracker does.
#[derive(Clone, Debug)]
pub enum Spec {
    /// `vrrp_script`, and what holds for all scripts.
    Script(VrrpScript, Policy),
    /// `vrrp_track_process`.
    Process(TrackProcess),
    /// `track_file`.
    File(TrackFile),
}

impl Spec {
    /// Whether it does what another one does. Where it stands in the file makes no difference.
    #[must_use]
    pub fn does_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Script(a, policy), Self::Script(b, other)) => {
                policy == other && says_the_same(a, b)
            }
            (Self::Process(a), Self::Process(b)) => says_the_same(a, b),
            (Self::File(a), Self::File(b)) => says_the_same(a, b),
            (Self::Script(..) | Self::Process(_) | Self::File(_), _) => false,
        }
    }
}

/// All that is tracked, each once. A name that nothing has is left out; the configuration refuses it.
#[must_use]
pub fn wanted(config: &Config) -> BTreeMap<Tracker, Spec> {
    let policy = Policy::from(&config.global);
    let scripts = names(config, |track| &track.scripts);
    let processes = names(config, |track| &track.processes);
    let files = names(config, |track| &track.files);
    let scripts = config
        .vrrp_scripts
        .iter()
        .filter(|script| scripts.contains(script.name.as_str()))
        .map(|script| {
            let spec = Spec::Script(script.clone(), policy.clone());
            (tracker(TrackerKind::Script, &script.name), spec)
        });
    let processes = config
        .track_processes
        .iter()
        .filter(|process| processes.contains(process.name.as_str()))
        .map(|process| {
            let spec = Spec::Process(process.clone());
            (tracker(TrackerKind::Process, &process.name), spec)
        });
    let files = config
        .track_files
        .iter()
        .filter(|file| files.contains(file.name.as_str()))
        .map(|file| {
            let spec = Spec::File(file.clone());
            (tracker(TrackerKind::File, &file.name), spec)
        });
    scripts.chain(processes).chain(files).collect()
}

fn names(config: &Config, of: fn(&Track) -> &Vec<Tracked>) -> BTreeSet<&str> {
    let instances = config.vrrp_instances.iter().map(|instance| &instance.track);
    let groups = config.sync_groups.iter().map(|group| &group.track);
    instances
        .chain(groups)
        .flat_map(of)
        .map(|tracked| tracked.name.as_str())
        .collect()
}

fn tracker(kind: TrackerKind, name: &str) -> Tracker {
    Tracker {
        kind,
        name: name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing, *};

    #[test]
    fn only_what_is_tracked_is_wanted() {
        let mut config = Config {
            vrrp_scripts: vec![
                testing::script("chk", ["true"]),
                testing::script("idle", ["true"]),
            ],
            track_processes: vec![testing::process("mysqld", "mysqld")],
            track_files: vec![testing::file("load", "/run/load")],
            ..Config::default()
        };
        assert!(wanted(&config).is_empty());
        testing::track(&mut config, |track| {
            track.scripts = vec![testing::tracked("chk"), testing::tracked("no such thing")];
            track.files = vec![testing::tracked("load")];
        });
        let names = |config: &Config| -> Vec<_> {
            wanted(config)
                .into_keys()
                .map(|tracker| (tracker.kind, tracker.name.to_string()))
                .collect()
        };
        assert_eq!(
            names(&config),
            [
                (TrackerKind::Script, "chk".to_owned()),
                (TrackerKind::File, "load".to_owned())
            ]
        );
        testing::track_in_group(&mut config, |track| {
            track.scripts = vec![testing::tracked("chk")];
            track.processes = vec![testing::tracked("mysqld")];
        });
        assert_eq!(names(&config).len(), 3);
    }

    #[test]
    fn another_place_in_the_file_changes_nothing_and_another_user_does() {
        let spec = |config: &Config| wanted(config).into_values().next().unwrap();
        let mut config = Config {
            vrrp_scripts: vec![testing::script("chk", ["true"])],
            ..Config::default()
        };
        testing::track(&mut config, |track| {
            track.scripts = vec![testing::tracked("chk")];
        });
        let before = spec(&config);
        config.vrrp_scripts[0].span.start = 17;
        assert!(spec(&config).does_the_same(&before));
        config.global.script_user = Some(crate::script::testing::user("nobody"));
        assert!(!spec(&config).does_the_same(&before));
    }
}
