//! Keeping the MAC addresses of the real servers known: the packet path asks nobody, so the kernel is asked for it.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use tracing::debug;

use crate::{
    host::{self, Host, Resolution},
    model::{Event, Neighbor, Topology},
};

/// How often a server without a MAC address is asked for.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How often the kernel is asked to confirm a known one: it notices a silent neighbor only when asked.
const CONFIRM: Duration = Duration::from_secs(5);

/// A server on a link.
type Place = (u32, IpAddr);

/// What we wait for.
#[derive(Clone, Copy, Debug)]
struct Watched {
    resolution: Resolution,
    ask_at: Instant,
}

/// The servers whose MAC addresses we need.
#[derive(Debug, Default)]
pub(super) struct Neighbors {
    watched: BTreeMap<Place, Watched>,
}

impl Neighbors {
    /// Watches the servers of a configuration, and nobody else.
    pub(super) fn watch(&mut self, topology: &Topology, now: Instant) {
        let before = std::mem::take(&mut self.watched);
        for (address, link) in topology
            .servers
            .iter()
            .filter_map(|(address, place)| Some((address, place.link()?)))
        {
            let place = (link.ifindex, *address);
            let fresh = Watched {
                resolution: Resolution::Unknown,
                ask_at: now,
            };
            let watched = before.get(&place).copied().unwrap_or(fresh);
            self.watched.insert(place, watched);
        }
    }

    /// Reads what the kernel knows of them already.
    pub(super) async fn read(&mut self, host: &Host) -> Vec<Event> {
        let mut interfaces: Vec<u32> = self.watched.keys().map(|(ifindex, _)| *ifindex).collect();
        interfaces.dedup();
        let mut events = Vec::new();
        for ifindex in interfaces {
            match host.neighbors(ifindex).await {
                Ok(neighbors) => {
                    events.extend(neighbors.into_iter().filter_map(|known| self.learn(known)))
                }
                Err(error) => debug!(%error, "neighbors not read"),
            }
        }
        events
    }

    /// Takes what the kernel says of a neighbor, if it is a server's.
    pub(super) fn learn(&mut self, known: host::Neighbor) -> Option<Event> {
        let watched = self.watched.get_mut(&(known.ifindex, known.address))?;
        watched.resolution = known.resolution;
        let neighbor = match known.resolution {
            Resolution::Resolved(mac) => Neighbor::Resolved(mac),
            Resolution::Unknown => Neighbor::Pending,
            Resolution::Failed => Neighbor::Unresolved(None),
        };
        Some(Event::Neighbor {
            ifindex: known.ifindex,
            address: known.address,
            neighbor,
        })
    }

    /// Whether the kernel has an answer for every server, be it that nobody answers.
    pub(super) fn is_settled(&self) -> bool {
        self.watched
            .values()
            .all(|watched| watched.resolution != Resolution::Unknown)
    }

    /// Takes servers without an answer for servers that do not answer, until an answer comes.
    pub(super) fn give_up(&self) -> Vec<Event> {
        let silent = self
            .watched
            .iter()
            .filter(|(_, watched)| watched.resolution == Resolution::Unknown);
        silent
            .map(|((ifindex, address), _)| Event::Neighbor {
                ifindex: *ifindex,
                address: *address,
                neighbor: Neighbor::Unresolved(None),
            })
            .collect()
    }

    /// When the next question is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.watched.values().map(|watched| watched.ask_at).min()
    }

    /// Asks for those that are due.
    pub(super) async fn ask_due(&mut self, host: &Host, now: Instant) {
        for ((ifindex, address), watched) in &mut self.watched {
            if watched.ask_at > now {
                continue;
            }
            watched.ask_at = match watched.resolution {
                Resolution::Resolved(_) => now + CONFIRM,
                Resolution::Unknown | Resolution::Failed => now + ASK_AGAIN,
            };
            if let Err(error) = host.solicit(*ifindex, *address).await {
                debug!(%error, "neighbor not asked for");
            }
        }
    }
}
