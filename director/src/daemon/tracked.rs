//! How that stands which an instance and its sync group track, put together for the API. Nothing is decided here.

use std::time::SystemTime;

use super::{Daemon, placing};
use crate::{
    api::response::TrackedView,
    config::VrrpInstance,
    track::{
        Found, TrackerView,
        view::{Basis, TrackedStatus},
    },
    vrrp::{Direction, Status, Tracked, Tracker, TrackerKind, Weighed},
};

/// All that an instance tracks, in the order in which it counts.
pub(super) fn view(daemon: &Daemon, instance: &VrrpInstance) -> Vec<TrackedView> {
    let own = placing::tracked(instance, None);
    let group = placing::group_of(&daemon.config, instance);
    let view = |weighed: Weighed| {
        let is_own = own.contains(&weighed);
        let Weighed {
            tracker,
            weight,
            direction,
        } = weighed;
        let tracker = tracker_view(daemon, &tracker)?;
        Some(TrackedView {
            group: group.filter(|_| !is_own).map(|group| group.name.clone()),
            weight,
            reverse: direction == Direction::Reverse,
            effect: Tracked {
                weight,
                direction,
                status: tracker.status.into(),
            }
            .effect(),
            tracker,
        })
    };
    let all = placing::tracked(instance, group).into_iter();
    all.filter_map(view).collect()
}

fn tracker_view(daemon: &Daemon, tracker: &Tracker) -> Option<TrackerView> {
    match tracker.kind {
        TrackerKind::Interface => Some(interface(tracker, daemon.elections.interface(tracker))),
        TrackerKind::Script | TrackerKind::Process | TrackerKind::File => {
            daemon.trackers.view_of(tracker)
        }
    }
}

fn interface(tracker: &Tracker, known: Option<(Status, SystemTime)>) -> TrackerView {
    let (basis, why) = match known {
        Some((Status::Well | Status::Number(_), _)) => (Basis::Seen, "it is up"),
        Some((Status::Failed, _)) => (Basis::Seen, "it is down, or not there"),
        None => (Basis::Assumed, "nothing was seen yet"),
    };
    TrackerView {
        name: tracker.name.to_string(),
        status: known.map_or(TrackedStatus::Well, |(status, _)| status.into()),
        basis,
        since: known.map_or_else(SystemTime::now, |(_, since)| since),
        broken: false,
        why: why.to_owned(),
        found: Found::Interface,
    }
}
