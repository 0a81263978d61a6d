//! Not saying the same thing again and again: a host that is configured wrongly sends its mistake each second.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long a thing that was told is not told again.
const PAUSE: Duration = Duration::from_secs(60);
/// How many things are remembered. Forged packets must not fill the memory.
const MOST_THINGS: usize = 64;

/// What was told, and when.
#[derive(Clone, Debug)]
pub(super) struct Quiet<Thing>(BTreeMap<Thing, Instant>);

impl<Thing> Default for Quiet<Thing> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Thing: Ord> Quiet<Thing> {
    /// Whether this is to be told now. With too many things nothing new is told until one is old.
    pub(super) fn lets_pass(&mut self, thing: Thing, now: Instant) -> bool {
        let is_fresh = |told: &Instant| now < *told + PAUSE;
        if self.0.get(&thing).is_some_and(is_fresh) {
            return false;
        }
        if self.0.len() >= MOST_THINGS {
            self.0.retain(|_, told| is_fresh(told));
        }
        if self.0.len() >= MOST_THINGS {
            return false;
        }
        self.0.insert(thing, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_told_once_a_minute_and_another_thing_at_once() {
        let mut quiet = Quiet::default();
        let now = Instant::now();
        assert!(quiet.lets_pass("a", now));
        assert!(!quiet.lets_pass("a", now + Duration::from_secs(59)));
        assert!(quiet.lets_pass("b", now));
        assert!(quiet.lets_pass("a", now + PAUSE));
    }

    #[test]
    fn a_flood_of_things_does_not_fill_the_memory() {
        let mut quiet = Quiet::default();
        let now = Instant::now();
        let told = (0..1000).filter(|thing| quiet.lets_pass(*thing, now));
        assert_eq!(told.count(), MOST_THINGS);
        assert!(quiet.lets_pass(1000, now + PAUSE));
        assert_eq!(quiet.0.len(), 1);
    }
}
