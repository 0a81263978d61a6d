//! Configurations for tests, built by hand.

use std::{
    num::{NonZeroU8, NonZeroU32},
    time::Duration,
};

use crate::{
    config::{
        Config, Delivery, GratuitousArp, InitialState, Notify, ProcessMatch, Span, StartsAs,
        SyncGroup, Track, TrackFile, TrackProcess, Tracked, Version, VrrpInstance, VrrpScript,
    },
    script::testing::configured,
};

/// A script that runs as root a hundred times a second.
pub(crate) fn script<const N: usize>(name: &str, command: [&str; N]) -> VrrpScript {
    VrrpScript {
        name: name.to_owned(),
        script: configured(command),
        interval: Duration::from_millis(10),
        timeout: Duration::from_secs(60),
        rise: NonZeroU32::MIN,
        fall: NonZeroU32::MIN,
        starts_as: StartsAs::Unknown,
        span: Span::default(),
    }
}

/// A process by its name.
pub(crate) fn process(name: &str, process: &str) -> TrackProcess {
    TrackProcess {
        name: name.to_owned(),
        process: vec![process.to_owned()],
        matching: ProcessMatch::Name,
        quorum: 1,
        quorum_max: None,
        fork_delay: Duration::ZERO,
        terminate_delay: Duration::ZERO,
        span: Span::default(),
    }
}

/// A file without `init_file`.
pub(crate) fn file(name: &str, path: &str) -> TrackFile {
    TrackFile {
        name: name.to_owned(),
        file: path.into(),
        init: None,
        span: Span::default(),
    }
}

/// What is tracked with weight 0.
pub(crate) fn tracked(name: &str) -> Tracked {
    Tracked {
        name: name.to_owned(),
        weight: 0,
        reverse: false,
        span: Span::default(),
    }
}

/// Has the instance `VI_1` track something, and makes it if need be.
pub(crate) fn track(config: &mut Config, change: impl FnOnce(&mut Track)) {
    if config.vrrp_instances.is_empty() {
        config.vrrp_instances.push(instance("VI_1"));
    }
    change(&mut config.vrrp_instances[0].track);
}

/// Has the sync group `VG_1` track something, and makes it if need be.
pub(crate) fn track_in_group(config: &mut Config, change: impl FnOnce(&mut Track)) {
    if config.sync_groups.is_empty() {
        config.sync_groups.push(group("VG_1"));
    }
    change(&mut config.sync_groups[0].track);
}

/// An instance that has no addresses and tells nobody.
pub(crate) fn instance(name: &str) -> VrrpInstance {
    VrrpInstance {
        family: crate::config::Family::V4,
        places: Default::default(),
        name: name.to_owned(),
        state: InitialState::Backup,
        interface: "lo".to_owned(),
        virtual_router_id: 51,
        priority: 100,
        version: Version::Two,
        advertisement_interval: Duration::from_secs(1),
        down_timer_adverts: NonZeroU8::MIN,
        delivery: Delivery::Multicast { source: None },
        v3_checksum_as_v2: false,
        authentication: None,
        virtual_ipaddress: Vec::new(),
        virtual_ipaddress_excluded: Vec::new(),
        preempt: true,
        preempt_delay: Duration::ZERO,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        virtual_mac: None,
        track: Track::default(),
        notify: Notify::default(),
        witness: None,
        garp: GratuitousArp::default(),
        lvs_sync_daemon_interface: None,
        span: Span::default(),
        interface_span: Span::default(),
    }
}

/// A group without members.
pub(crate) fn group(name: &str) -> SyncGroup {
    SyncGroup {
        places: Default::default(),
        name: name.to_owned(),
        group: Vec::new(),
        track: Track::default(),
        notify: Notify::default(),
        tracking_weight: false,
        span: Span::default(),
    }
}
