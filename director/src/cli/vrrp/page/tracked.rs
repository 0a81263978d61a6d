//! What an instance tracks, a line each. Pure.

use std::time::SystemTime;

use comfy_table::Cell;

use super::shown;
use crate::{
    api::response::TrackedView,
    cli::table,
    track::view::{Basis, RunView},
    vrrp::track::Effect,
};

/// The lines, below a title; nothing if nothing is tracked.
pub(super) fn render(tracked: &[TrackedView], now: SystemTime) -> String {
    if tracked.is_empty() {
        return String::new();
    }
    let mut rows = table::without_title();
    for one in tracked {
        rows.add_row([
            Cell::new(one.tracker.subject()),
            Cell::new(one.tracker.standing()),
            Cell::new(age(one, now)),
            Cell::new(weight(one)),
            Cell::new(effect(one.effect)),
            Cell::new(one_line(&one.tracker.why)),
        ]);
    }
    let mut page = "  tracks\n".to_owned();
    // Each row is one line, since no cell has a line break.
    for (line, one) in table::render(&rows, "    ").lines().zip(tracked) {
        page.push_str(line);
        page.push('\n');
        if let Some(wrote) = one.tracker.last_run().and_then(RunView::last_line) {
            page.push_str("      wrote: ");
            page.push_str(&one_line(wrote));
            page.push('\n');
        }
    }
    page
}

fn age(tracked: &TrackedView, now: SystemTime) -> String {
    match tracked.tracker.basis {
        Basis::Assumed => String::new(),
        // A clock that was set back makes no negative age.
        Basis::Seen => {
            let age = now.duration_since(tracked.tracker.since);
            format!("for {}", shown(age.unwrap_or_default().as_secs_f64()))
        }
    }
}

fn weight(tracked: &TrackedView) -> String {
    let mut text = match tracked.weight {
        0 => "no weight".to_owned(),
        weight => format!("weight {weight}"),
    };
    if tracked.reverse {
        text.push_str(" reverse");
    }
    if let Some(group) = &tracked.group {
        text.push_str(", by group ");
        text.push_str(group);
    }
    text
}

fn effect(effect: Effect) -> String {
    match effect {
        Effect::Fault => "FAULT".to_owned(),
        Effect::Add(0) => "no effect".to_owned(),
        Effect::Add(weight) => format!("priority {weight:+}"),
    }
}

/// What a script writes goes to a terminal, so nothing in it may steer that.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| match character.is_control() {
            true => '\u{fffd}',
            false => character,
        })
        .collect()
}

#[cfg(test)]
mod tests;
