//! What is known of the other directors' configurations. Pure: `now` is an argument.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::message::Message;
use crate::config::diff::digest::{self, Differences, Digest, VOCABULARY};

/// How often a director tells its digest.
pub(crate) const TELL_EACH: Duration = Duration::from_secs(10);
/// A director that is silent for so long is not there any more.
const FORGET_AFTER: Duration = Duration::from_secs(35);
/// A configuration is changed on one director after the other: only what differs for so long is told.
const TOLD_AFTER: Duration = Duration::from_secs(25);
/// Two directors are a pair, a few more are possible; whoever makes addresses up shall not fill the memory.
const MOST_PEERS: usize = 64;

/// All that were heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    ours: Digest,
    heard: BTreeMap<IpAddr, Peer>,
}

#[derive(Clone, Debug)]
struct Peer {
    last: Instant,
    /// What all parts of a digest have in common.
    heading: Heading,
    /// The parts of this round.
    coming: BTreeMap<u8, Vec<(u64, u64)>>,
    /// All pairs of the last round that was whole.
    whole: Option<BTreeMap<u64, u64>>,
    /// Both totals when a round was whole last, and since when they are these.
    seen: Option<((u64, u64), Instant)>,
    /// The totals whose difference was told last.
    told: Option<(u64, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heading {
    vocabulary: u64,
    total: u64,
    parts: u8,
}

/// How a director's configuration is to this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "standing")]
pub enum PairStanding {
    /// All that must be equal is.
    Equal,
    /// It is not.
    Different(Differences),
    /// It is of another version, and its digest says nothing.
    OtherVersion,
    /// Not all of its digest has come yet.
    Incomplete,
}

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The configurations differ, and did so for a while.
    Different(Differences),
    /// They do not any more.
    Equal,
}

impl Peers {
    /// This director's own digest is this one now.
    pub(crate) fn set_ours(&mut self, ours: Digest) {
        self.ours = ours;
    }

    /// This director's own.
    pub(crate) const fn ours(&self) -> &Digest {
        &self.ours
    }

    /// Whether a director was heard of late.
    pub(crate) fn knows(&self, peer: IpAddr) -> bool {
        self.heard.contains_key(&peer)
    }

    /// Takes a message.
    pub(crate) fn hear(&mut self, now: Instant, from: IpAddr, message: Message) -> Option<News> {
        if !self.heard.contains_key(&from) && self.heard.len() >= MOST_PEERS {
            return None;
        }
        let heading = Heading {
            vocabulary: message.vocabulary,
            total: message.total,
            parts: message.parts,
        };
        let peer = self
            .heard
            .entry(from)
            .or_insert_with(|| Peer::new(now, heading));
        peer.last = now;
        if peer.heading != heading {
            peer.begin(heading);
        }
        let theirs = peer.take(message.part, message.pairs)?;
        if heading.vocabulary != *VOCABULARY || !self.ours.shares_objects(theirs) {
            return None;
        }
        let differences = self.ours.differences(theirs);
        let totals = (self.ours.total(), heading.total);
        let since = match peer.seen {
            Some((seen, since)) if seen == totals => since,
            Some(_) | None => now,
        };
        peer.seen = Some((totals, since));
        if differences.is_empty() {
            return peer.told.take().map(|_| News::Equal);
        }
        if now < since + TOLD_AFTER || peer.told == Some(totals) {
            return None;
        }
        peer.told = Some(totals);
        Some(News::Different(differences))
    }

    /// Forgets who was silent for long.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.heard.retain(|_, peer| now < peer.last + FORGET_AFTER);
    }

    /// How each one of our pair is to this one, and since when it is silent.
    pub(crate) fn standings(&self, now: Instant) -> Vec<(IpAddr, Duration, PairStanding)> {
        let standing = |(address, peer): (&IpAddr, &Peer)| {
            let silent = now.saturating_duration_since(peer.last);
            (*address, silent, self.standing(peer))
        };
        let of_our_pair = self.heard.iter().filter(|(_, peer)| self.may_be_ours(peer));
        of_our_pair.map(standing).collect()
    }

    /// Whether it is not plainly of another pair on the same link.
    fn may_be_ours(&self, peer: &Peer) -> bool {
        let is_foreign = |theirs| !self.ours.shares_objects(theirs);
        !peer.whole.as_ref().is_some_and(is_foreign)
    }

    /// Those whose difference was told and goes on.
    pub(crate) fn different(&self) -> impl Iterator<Item = (IpAddr, Differences)> {
        let is_told = |peer: &Peer| peer.told.is_some() && self.may_be_ours(peer);
        let told = self.heard.iter().filter(move |(_, peer)| is_told(peer));
        told.filter_map(|(address, peer)| match self.standing(peer) {
            PairStanding::Different(differences) => Some((*address, differences)),
            PairStanding::Equal | PairStanding::OtherVersion | PairStanding::Incomplete => None,
        })
    }

    fn standing(&self, peer: &Peer) -> PairStanding {
        if peer.heading.vocabulary != *VOCABULARY {
            return PairStanding::OtherVersion;
        }
        match &peer.whole {
            None => PairStanding::Incomplete,
            Some(theirs) => match self.ours.differences(theirs) {
                none if none.is_empty() => PairStanding::Equal,
                differences => PairStanding::Different(differences),
            },
        }
    }

    /// The objects of those of whom all are known and can be compared.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (IpAddr, &BTreeMap<u64, u64>)> {
        let understood = self.heard.iter();
        let understood = understood.filter(|(_, peer)| peer.heading.vocabulary == *VOCABULARY);
        understood.filter_map(|(address, peer)| Some((*address, peer.whole.as_ref()?)))
    }
}

impl Peer {
    const fn new(now: Instant, heading: Heading) -> Self {
        Self {
            last: now,
            heading,
            coming: BTreeMap::new(),
            whole: None,
            seen: None,
            told: None,
        }
    }

    /// It has another digest now.
    fn begin(&mut self, heading: Heading) {
        self.heading = heading;
        self.coming.clear();
        self.whole = None;
    }

    /// Takes a part. What a round that is whole with it says is returned. One whose parts do not come to its total is none.
    fn take(&mut self, part: u8, pairs: Vec<(u64, u64)>) -> Option<&BTreeMap<u64, u64>> {
        self.coming.insert(part, pairs);
        if self.coming.len() < usize::from(self.heading.parts) {
            return None;
        }
        let whole: BTreeMap<_, _> = std::mem::take(&mut self.coming)
            .into_values()
            .flatten()
            .collect();
        let total = digest::total(whole.iter().map(|(name, settings)| (*name, *settings)));
        self.whole = (total == self.heading.total).then_some(whole);
        self.whole.as_ref()
    }
}

#[cfg(test)]
mod tests;
