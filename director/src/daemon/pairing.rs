//! Telling the other director what this one's configuration comes down to, and hearing what the other's does (scenario 1.16).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{Daemon, survey::Survey};
use crate::{
    api::response::{PairDigests, PairView, Problem},
    config::diff::digest::{Differences, Digest},
    pair::{
        DEFAULT_PORT,
        channel::{Channel, Heard, Way},
        message,
        peers::{News, Peers, TELL_EACH},
    },
    vrrp::{Delivery, Placed},
};

/// However often something changes, and whoever comes.
const TOLD_APART: Duration = Duration::from_secs(1);

/// Both directions.
#[derive(Debug)]
pub(super) struct Pairing {
    channel: Channel,
    heard: mpsc::Receiver<Heard>,
    peers: Peers,
    next: Instant,
    last: Option<Instant>,
}

impl Pairing {
    /// Nothing is told or heard yet; the first word is due at once.
    pub(super) fn new(now: Instant) -> Self {
        let (channel, heard) = Channel::new();
        Self {
            channel,
            heard,
            peers: Peers::default(),
            next: now,
            last: None,
        }
    }

    /// What another director says next. May be dropped and called again at any time.
    pub(super) async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }

    /// When this one is to say something.
    pub(super) const fn next_deadline(&self) -> Instant {
        self.next
    }

    /// How the others' configurations are to this one.
    pub(super) fn view(&self, now: Instant) -> Vec<PairView> {
        let standings = self.peers.standings(now).into_iter();
        standings
            .map(|(peer, silent, standing)| PairView {
                peer,
                heard_secs_ago: silent.as_secs_f64(),
                standing,
            })
            .collect()
    }

    /// What was told and goes on, one sentence for each director.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let different = self.peers.different();
        different.map(|(peer, differences)| unequal(peer, &differences))
    }

    /// The digests of the others, as far as they can be compared.
    pub(super) fn digests(&self) -> PairDigests {
        let hex = |number: &u64| format!("{number:016x}");
        let digest = |objects: &BTreeMap<u64, u64>| {
            let objects = objects.iter();
            objects
                .map(|(name, settings)| (hex(name), hex(settings)))
                .collect()
        };
        let known = self.peers.objects();
        PairDigests(
            known
                .map(|(peer, objects)| (peer, digest(objects)))
                .collect(),
        )
    }
}

impl Daemon {
    /// Says what the configuration comes down to, if it is time.
    pub(super) fn tell_digest(&mut self, now: Instant) {
        if now < self.pairing.next {
            return;
        }
        self.pairing.next = now + TELL_EACH;
        self.pairing.last = Some(now);
        self.pairing.peers.forget(now);
        self.pairing.peers.set_ours(Digest::of(&self.config));
        let port = self.config.global.pair_port.unwrap_or(DEFAULT_PORT);
        let ways = match port {
            0 => BTreeSet::new(),
            _ => ways(self.elections.placed(), &self.survey),
        };
        for error in self.pairing.channel.settle(&ways, port) {
            let problem = Problem::from_error(&error)
                .help("`director_pair_port PORT` in `global_defs` says another port, and 0 none");
            warn!("{problem}");
        }
        let messages = message::emit(self.pairing.peers.ours());
        self.pairing.channel.send(&messages);
    }

    /// The configuration is another one now, or the way to the other director: it shall not wait to learn it.
    pub(super) fn tell_digest_soon(&mut self) {
        let not_before = self.pairing.last.map(|last| last + TOLD_APART);
        let now = Instant::now();
        self.pairing.next = not_before.map_or(now, |at| at.max(now));
    }

    /// Takes what another director says.
    pub(super) fn take_digest(&mut self, (peer, message): Heard) {
        let was_known = self.pairing.peers.knows(peer);
        let news = self.pairing.peers.hear(Instant::now(), peer, message);
        // Who has just come shall not wait either. Of a crowd most are never known.
        if !was_known && self.pairing.peers.knows(peer) {
            self.tell_digest_soon();
        }
        match news {
            Some(News::Different(differences)) => warn!("{}", unequal(peer, &differences)),
            Some(News::Equal) => {
                info!(%peer, "the configuration of the other director is the same again");
            }
            None => {}
        }
    }
}

fn unequal(peer: IpAddr, differences: &Differences) -> String {
    format!(
        "the configuration of the other director, {peer}, is not the same: {differences}; `director config diff` compares two files"
    )
}

/// Where the advertisements go.
fn ways(placed: &[Placed], survey: &Survey) -> BTreeSet<Way> {
    let mut ways = BTreeSet::new();
    let mut unicast: BTreeMap<(IpAddr, u32), (u8, BTreeSet<IpAddr>)> = BTreeMap::new();
    for profile in placed.iter().map(|placed| &placed.profile) {
        let Some(source) = profile.source else {
            continue;
        };
        match &profile.delivery {
            Delivery::Multicast => {
                let Some(link) = survey.links.get(&profile.key.ifindex) else {
                    continue;
                };
                ways.insert(Way::Multicast {
                    ifindex: link.index,
                    interface: link.name.clone(),
                    source,
                    group: profile.group_address,
                });
            }
            Delivery::Unicast { peers, .. } => {
                let (_, known) = unicast
                    .entry((source, scope(source, profile.key.ifindex)))
                    .or_insert_with(|| (profile.unicast_ttl, BTreeSet::new()));
                known.extend(peers.iter().map(|peer| peer.address));
            }
        }
    }
    let unicast = unicast.into_iter();
    ways.extend(unicast.map(|((source, scope), (ttl, peers))| Way::Unicast {
        source,
        scope,
        ttl,
        peers,
    }));
    ways
}

/// A link-local address means something on its interface only.
const fn scope(address: IpAddr, ifindex: u32) -> u32 {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => ifindex,
        IpAddr::V4(_) | IpAddr::V6(_) => 0,
    }
}
