//! What is tracked besides the network, and what it does to an instance: keepalived's `track_interface`, `track_script`,
//! `track_process` and `track_file`.
//!
//! | weight  | it is well         | it is not                   | `reverse`             |
//! | ------- | ------------------ | --------------------------- | --------------------- |
//! | above 0 | weight is added    | nothing                     | weight is subtracted  |
//! | below 0 | nothing            | weight's size is subtracted | size is added         |
//! | 0       | nothing            | the instance is in Fault    | Fault while it is well |
//!
//! Of a file a number is read instead, which is multiplied by the weight.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    election::Priority,
    instance::{Event, Fault},
};

/// Lowest and highest priority of a router that does not own the addresses (RFC 9568 section 5.2.4).
const PRIORITIES: (i64, i64) = (1, 254);
/// A file whose product is lower than this is a fault in keepalived: no priority could bear it.
const LOWEST_PRODUCT: i64 = -253;

/// Something that is tracked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tracker {
    /// What sort of thing it is.
    pub kind: TrackerKind,
    /// Its name in the configuration.
    pub name: Arc<str>,
}

/// What sort of thing is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackerKind {
    /// A network interface: well while it is up.
    Interface,
    /// A script: well while it exits with zero.
    Script,
    /// A process: well while enough of it run.
    Process,
    /// A file with a number.
    File,
}

impl fmt::Display for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            TrackerKind::Interface => "interface",
            TrackerKind::Script => "script",
            TrackerKind::Process => "process",
            TrackerKind::File => "file",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// How a tracker counts for one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// -253 to 253, of a file more; 0: a fault instead of another priority.
    pub weight: i32,
    /// `reverse`.
    pub direction: Direction,
    /// How it is now.
    pub status: Status,
}

/// `reverse`, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What is well raises the priority.
    Forward,
    /// What is well lowers it.
    Reverse,
}

/// How something that is tracked is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is well.
    Well,
    /// It has failed.
    Failed,
    /// The number in a file.
    Number(i32),
}

/// What one tracker does to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It keeps the instance in Fault.
    Fault,
    /// So much is added to the priority, before that is cut to what a priority may be.
    #[serde(rename = "priority")]
    Add(i64),
}

impl Tracked {
    /// What it does now, by the table above.
    #[must_use]
    pub fn effect(self) -> Effect {
        let weight = i64::from(self.weight);
        let sign = match self.direction {
            Direction::Forward => 1,
            Direction::Reverse => -1,
        };
        match self.status {
            Status::Number(number) if weight == 0 => match (number, self.direction) {
                (0, Direction::Forward) => Effect::Add(0),
                (0, Direction::Reverse) | (_, Direction::Forward) => Effect::Fault,
                (_, Direction::Reverse) => Effect::Add(0),
            },
            Status::Number(number) => match weight * i64::from(number) * sign {
                ..LOWEST_PRODUCT => Effect::Fault,
                product => Effect::Add(product),
            },
            Status::Well if weight == 0 => match self.direction {
                Direction::Forward => Effect::Add(0),
                Direction::Reverse => Effect::Fault,
            },
            Status::Failed if weight == 0 => match self.direction {
                Direction::Forward => Effect::Fault,
                Direction::Reverse => Effect::Add(0),
            },
            Status::Well => Effect::Add(weight.max(0) * sign),
            Status::Failed => Effect::Add(weight.min(0) * sign),
        }
    }
}

/// Everything that is tracked for one instance.
#[derive(Clone, Debug)]
pub struct Tracking {
    base: Priority,
    tracked: BTreeMap<Tracker, Tracked>,
}

impl Tracking {
    /// `base` is the priority of the configuration.
    #[must_use]
    pub fn new(base: Priority, tracked: impl IntoIterator<Item = (Tracker, Tracked)>) -> Self {
        Self {
            base,
            tracked: tracked.into_iter().collect(),
        }
    }

    /// What goes into advertisements. The owner of the addresses is that whatever is tracked; others stay from 1 to 254
    /// (scenario 1.8).
    #[must_use]
    pub fn effective_priority(&self) -> Priority {
        if self.base.is_owner() {
            return self.base;
        }
        let sum = self
            .tracked
            .values()
            .fold(i64::from(self.base.get()), |sum, tracked| {
                match tracked.effect() {
                    Effect::Add(weight) => sum.saturating_add(weight),
                    Effect::Fault => sum,
                }
            });
        let (least, most) = PRIORITIES;
        Priority::new(sum.clamp(least, most) as u8).unwrap_or(self.base)
    }

    /// What keeps the instance in Fault.
    #[must_use]
    pub fn faults(&self) -> BTreeSet<Fault> {
        let faulty = |tracked: &Tracked| tracked.effect() == Effect::Fault;
        self.tracked
            .iter()
            .filter(|(_, tracked)| faulty(tracked))
            .map(|(tracker, _)| Fault::Tracker(tracker.clone()))
            .collect()
    }

    /// Takes a new status, and tells the instance what follows from it. The priority comes first, so that an instance that
    /// leaves Fault does so with the right one. A tracker that is unknown does nothing.
    pub fn update(&mut self, tracker: &Tracker, status: Status) -> Vec<Event> {
        let priority_before = self.effective_priority();
        let Some(tracked) = self.tracked.get_mut(tracker) else {
            return Vec::new();
        };
        let effect_before = tracked.effect();
        tracked.status = status;
        let effect = tracked.effect();
        let mut events = Vec::new();
        let priority = self.effective_priority();
        if priority != priority_before {
            events.push(Event::PriorityChanged(priority));
        }
        let fault = Fault::Tracker(tracker.clone());
        match (effect_before, effect) {
            (Effect::Add(_), Effect::Fault) => events.push(Event::FaultBegan(fault)),
            (Effect::Fault, Effect::Add(_)) => events.push(Event::FaultEnded(fault)),
            (Effect::Add(_), Effect::Add(_)) | (Effect::Fault, Effect::Fault) => {}
        }
        events
    }
}

#[cfg(test)]
mod tests;
