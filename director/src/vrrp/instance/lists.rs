//! Which senders have other addresses for the same virtual router, and were told of.

use std::net::IpAddr;

use super::{Action, Alarm};
use crate::vrrp::reception::AddressList;

/// How many senders are remembered. A link has two or three; forged ones must not fill the memory.
const MOST_SENDERS: usize = 8;

/// The lists that were told, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct ToldLists(Vec<(IpAddr, Vec<IpAddr>)>);

impl ToldLists {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Tells what is new of a sender's list.
    pub(super) fn compare(&mut self, peer: IpAddr, list: AddressList) -> Option<Action> {
        let place = self.0.iter().position(|(known, _)| *known == peer);
        let told = place.map(|place| self.0.remove(place).1);
        match list {
            AddressList::Agrees => told.map(|_| Action::Alarm(Alarm::AddressListAgrees { peer })),
            AddressList::Differs { ours, theirs } => {
                let is_known = told.is_some_and(|told| told == theirs);
                if self.0.len() >= MOST_SENDERS {
                    self.0.remove(0);
                }
                self.0.push((peer, theirs.clone()));
                let alarm = Alarm::AddressListDiffers { peer, ours, theirs };
                (!is_known).then_some(Action::Alarm(alarm))
            }
        }
    }
}
