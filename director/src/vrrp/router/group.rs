//! A sync group whose members may have to ask witnesses before it takes over.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::vrrp::{Event, Order, Standing, SyncGroup};

/// After this time silent witnesses are asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: Arc<str>,
    pub(super) members: BTreeSet<Arc<str>>,
    /// Members that have witnesses.
    pub(super) witnessed: BTreeSet<Arc<str>>,
    sync: SyncGroup,
    permit: Permit,
}

/// Whether it may take over.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Permit {
    /// Nobody was asked.
    Unasked,
    /// The answers of these members' witnesses are missing.
    Awaited(BTreeSet<Arc<str>>),
    /// All have answered: it may, now.
    Granted,
    /// Too few have answered. They are asked again then.
    Refused(Instant),
}

/// What a group wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) orders: Vec<Order>,
    /// Members whose witnesses are to be asked.
    pub(super) ask: Vec<Arc<str>>,
}

impl Group {
    pub(super) fn new(
        name: Arc<str>,
        members: BTreeSet<Arc<str>>,
        witnessed: BTreeSet<Arc<str>>,
    ) -> Self {
        Self {
            sync: SyncGroup::new(members.iter().cloned()),
            name,
            members,
            witnessed,
            permit: Permit::Unasked,
        }
    }

    /// The same group with other witnesses.
    pub(super) fn witnessed_by(&self, witnessed: BTreeSet<Arc<str>>) -> Self {
        Self {
            witnessed,
            ..self.clone()
        }
    }

    /// Takes how a member stands now.
    pub(super) fn update(&mut self, now: Instant, member: &str, standing: Standing) -> Wishes {
        let orders = self.sync.update(member, standing);
        let (take_over, others): (Vec<_>, Vec<_>) = orders
            .into_iter()
            .partition(|order| order.event == Event::TakeOver);
        let mut wishes = Wishes {
            orders: others,
            ask: Vec::new(),
        };
        if take_over.is_empty() {
            // An answer is for the moment in which it was asked for.
            if self.permit == Permit::Granted {
                self.permit = Permit::Unasked;
            }
            return wishes;
        }
        if self.witnessed.is_empty() || self.permit == Permit::Granted {
            self.permit = Permit::Unasked;
            wishes.orders.extend(take_over);
            return wishes;
        }
        let may_ask = match &self.permit {
            Permit::Unasked => true,
            Permit::Refused(again) => now >= *again,
            Permit::Awaited(_) | Permit::Granted => false,
        };
        if may_ask {
            self.permit = Permit::Awaited(self.witnessed.clone());
            wishes.ask.extend(self.witnessed.iter().cloned());
        }
        wishes
    }

    /// Takes the answer of a member's witnesses. After it, [`Group::update`] says what follows.
    pub(super) fn hear_witnesses(&mut self, now: Instant, member: &str, verdict: Verdict) {
        let Permit::Awaited(awaited) = &mut self.permit else {
            return;
        };
        match verdict {
            Verdict::Connected => {
                awaited.remove(member);
                if awaited.is_empty() {
                    self.permit = Permit::Granted;
                }
            }
            Verdict::CutOff => self.permit = Permit::Refused(now + ASK_AGAIN),
        }
    }

    /// When silent witnesses are asked again.
    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        match self.permit {
            Permit::Refused(again) => Some(again),
            Permit::Unasked | Permit::Awaited(_) | Permit::Granted => None,
        }
    }

    /// Whether the deadline has come. It has done so only once.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.next_deadline().is_some_and(|again| now >= again);
        if is_due {
            self.permit = Permit::Unasked;
        }
        is_due
    }
}

/// What witnesses said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Enough of them answer.
    Connected,
    /// Too few do: this host seems to be cut off.
    CutOff,
}
