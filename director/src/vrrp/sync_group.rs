//! Instances that move together: keepalived's `vrrp_sync_group`.
//!
//! - While one is in Fault, all are.
//! - When one leaves Master for Backup, all do.
//! - One that could become Master waits until all can. Otherwise a group would take over for one link that is silent, hear on the
//!   other link that it must not, and do so again and again.
//!
//! The group only gives orders. An instance is told to be a member by [`super::instance::Membership`], and its driver tells the
//! group after each event how it stands. An order that came too late, or twice, does nothing.

use std::{collections::BTreeMap, sync::Arc};

use super::instance::{Event, Fault};

/// How an instance stands, for its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not run.
    Initialize,
    /// In Fault for a reason of its own.
    Fault,
    /// In Fault only because another member is.
    Held,
    /// Backup, with a Master that is heard.
    Backup,
    /// Backup, and it would be Master if it were alone.
    Ready,
    /// Master.
    Master,
}

/// What a member shall be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its name.
    pub member: Arc<str>,
    /// For [`super::instance::Instance::handle`].
    pub event: Event,
}

/// One group.
#[derive(Clone, Debug)]
pub struct SyncGroup {
    members: BTreeMap<Arc<str>, Member>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    standing: Standing,
    /// Whether it was told that another member is in Fault.
    is_held: bool,
}

impl SyncGroup {
    /// No member runs yet.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Arc<str>>) -> Self {
        let member = Member {
            standing: Standing::Initialize,
            is_held: false,
        };
        Self {
            members: members.into_iter().map(|name| (name, member)).collect(),
        }
    }

    /// Takes how a member stands now, and says what the others, and it, must do. One that is no member does nothing.
    pub fn update(&mut self, member: &str, standing: Standing) -> Vec<Order> {
        let Some(entry) = self.members.get_mut(member) else {
            return Vec::new();
        };
        let before = std::mem::replace(&mut entry.standing, standing);
        let mut orders = self.hold_and_release();
        match (before, standing) {
            (Standing::Master, Standing::Backup | Standing::Ready | Standing::Initialize) => {
                orders.extend(self.tell(Standing::Master, &Event::Yield));
            }
            // A fault reaches the others by `hold_and_release`.
            (Standing::Master, Standing::Fault | Standing::Held | Standing::Master)
            | (
                Standing::Initialize
                | Standing::Fault
                | Standing::Held
                | Standing::Backup
                | Standing::Ready,
                _,
            ) => {}
        }
        if self.can_take_over() {
            orders.extend(self.tell(Standing::Ready, &Event::TakeOver));
        }
        orders
    }

    /// Each member is in Fault while any other one is: so a member whose own fault ends while another's goes on never leaves it
    /// in between.
    fn hold_and_release(&mut self) -> Vec<Order> {
        let in_fault = |member: &Member| member.standing == Standing::Fault;
        let faulty: Vec<Arc<str>> = self
            .members
            .iter()
            .filter(|(_, member)| in_fault(member))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        let mut orders = Vec::new();
        for (name, member) in &mut self.members {
            let shall_be_held = faulty.iter().any(|other| other != name);
            let was_held = std::mem::replace(&mut member.is_held, shall_be_held);
            let event = match (was_held, shall_be_held) {
                (false, true) => Event::FaultBegan(Fault::SyncGroup),
                (true, false) => Event::FaultEnded(Fault::SyncGroup),
                (false, false) | (true, true) => continue,
            };
            orders.push(Order {
                member: Arc::clone(name),
                event,
            });
        }
        orders
    }

    fn can_take_over(&self) -> bool {
        self.members
            .values()
            .all(|member| matches!(member.standing, Standing::Ready | Standing::Master))
    }

    fn tell(&self, standing: Standing, event: &Event) -> Vec<Order> {
        self.members
            .iter()
            .filter(|(_, member)| member.standing == standing)
            .map(|(name, _)| Order {
                member: Arc::clone(name),
                event: event.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
