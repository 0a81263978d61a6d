//! Scripts, processes and files that instances track: a line for each, whatever number of instances tracks it. Pure.
//!
//! Interfaces have no line of their own: one that is down is told where its instance is.

use super::{Finding, ok, problem, warning};
use crate::{
    api::response::{TrackedView, VrrpStatus},
    track::{
        Found, TrackerView,
        view::{Basis, TrackedStatus},
    },
    vrrp::track::Effect,
};

/// All of them.
pub(super) fn findings(vrrp: &VrrpStatus) -> Vec<Finding> {
    let mut seen: Vec<(String, Vec<(&str, &TrackedView)>)> = Vec::new();
    for instance in &vrrp.instances {
        for tracked in &instance.tracked {
            let of_instance = (instance.report.name.as_str(), tracked);
            let subject = tracked.tracker.subject();
            match seen.iter_mut().find(|(known, _)| *known == subject) {
                Some((_, tracks)) => tracks.push(of_instance),
                None => seen.push((subject, vec![of_instance])),
            }
        }
    }
    seen.iter()
        .filter_map(|(subject, tracks)| finding(subject, tracks))
        .collect()
}

fn finding(subject: &str, tracks: &[(&str, &TrackedView)]) -> Option<Finding> {
    let (_, first) = tracks.first()?;
    let tracker = &first.tracker;
    let area = match tracker.found {
        Found::Script { .. } => "scripts",
        Found::Process { .. } => "processes",
        Found::File { .. } => "files",
        Found::Interface => return None,
    };
    let consequences = consequences(tracks);
    let text = format!("{subject} {}: {}", tracker.standing(), tracker.why);
    if tracker.broken {
        return Some(problem(area, text + &consequences, mend(tracker)));
    }
    if tracker.basis == Basis::Assumed {
        return Some(warning(area, text, "ask again in a moment"));
    }
    let is_fault = |(_, tracked): &(&str, &TrackedView)| tracked.effect == Effect::Fault;
    Some(match tracks.iter().any(is_fault) {
        true => problem(area, text + &consequences, look(tracker)),
        false if tracks.iter().any(|(_, tracked)| is_amiss(tracked)) => {
            warning(area, text + &consequences, look(tracker))
        }
        false => ok(area, text),
    })
}

/// Whether it takes something from the priority, or gives nothing because it failed. With `reverse` it is meant to fail.
fn is_amiss(tracked: &TrackedView) -> bool {
    let has_failed = tracked.tracker.status == TrackedStatus::Failed && !tracked.reverse;
    has_failed || matches!(tracked.effect, Effect::Add(..0))
}

/// What it does to each instance, as a clause.
fn consequences(tracks: &[(&str, &TrackedView)]) -> String {
    let consequence = |(instance, tracked): &(&str, &TrackedView)| match tracked.effect {
        Effect::Fault => Some(format!("{instance} is in FAULT by it")),
        Effect::Add(0) => None,
        Effect::Add(weight) => Some(format!("priority {weight:+} for {instance}")),
    };
    let told: Vec<_> = tracks.iter().filter_map(consequence).collect();
    match told.is_empty() {
        true => String::new(),
        false => format!("; {}", told.join(", ")),
    }
}

/// What to do about something that could not find out.
fn mend(tracker: &TrackerView) -> String {
    let help = tracker.last_run().and_then(|run| run.help.as_deref());
    match (help, &tracker.found) {
        (Some(help), _) => format!("{help}; `director script run {}` tries it", tracker.name),
        (None, _) => look(tracker),
    }
}

/// Where to look.
fn look(tracker: &TrackerView) -> String {
    let name = &tracker.name;
    match &tracker.found {
        Found::Script { .. } => format!("`director script run {name}` shows what it prints"),
        Found::Process { .. } => {
            "start it; `director config show` says which name is looked for".to_owned()
        }
        Found::File { path } => format!("look at {}, and at who writes it", path.display()),
        Found::Interface => format!("`ip link show {name}`"),
    }
}

#[cfg(test)]
mod tests;
