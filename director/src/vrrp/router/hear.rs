//! Which virtual router a packet is for, and what is said of those that do not count.

use std::{sync::Arc, time::Instant};

use super::{Effect, News, Queue, Router, Station, Told, tell};
use crate::vrrp::{Event, Packet, Received, Rejected, election::RELEASE, frame, profile::Family};

impl Router {
    /// Takes an IP packet that came in by an interface.
    pub fn hear(&mut self, now: Instant, ifindex: u32, packet: &[u8]) -> Vec<Effect> {
        let Some((received, message)) = frame::parse(packet) else {
            return Vec::new();
        };
        let family = Family::of(received.endpoints.source());
        let mut effects = Vec::new();
        let id = message.get(1).copied();
        let meant: Vec<Arc<str>> = self
            .stations
            .iter()
            .filter(|station| {
                let key = station.profile.key;
                // A message that is too short for an identifier is everybody's.
                (key.ifindex, key.family) == (ifindex, family)
                    && id.is_none_or(|id| id == key.virtual_router_id)
            })
            .map(|station| Arc::clone(&station.profile.name))
            .collect();
        match (meant.is_empty(), id) {
            (true, Some(id)) => {
                self.hear_foreign(now, ifindex, id, received, message, &mut effects)
            }
            (true, None) => {}
            (false, _) => {
                for name in meant {
                    self.hear_own(now, &name, received, message, &mut effects);
                }
            }
        }
        effects
    }

    fn hear_own(
        &mut self,
        now: Instant,
        name: &Arc<str>,
        received: Received,
        message: &[u8],
        effects: &mut Vec<Effect>,
    ) {
        let Some(station) = self.station_mut(name) else {
            return;
        };
        match station.judge(now, received, message) {
            Ok(event) => {
                let is_master = matches!(&event, Event::Advertisement(heard) if heard.advertisement.priority != RELEASE);
                if is_master {
                    effects.extend(self.handovers.hear_successor(name));
                }
                self.work(now, Queue::from([(Arc::clone(name), event)]), effects);
                if is_master && self.station_mut(name).is_some_and(Station::is_succeeded) {
                    let peer = received.endpoints.source();
                    effects.push(tell(name, News::Succeeded { peer }));
                }
            }
            Err(reason) => {
                let peer = received.endpoints.source();
                let told = Told::Rejected(Arc::clone(name), peer, reason.word());
                // Our own packets that come back are no news (a bridge may do that); two hosts with one address are told by the count.
                if !matches!(reason, Rejected::OwnAddress { .. }) && self.quiet.lets_pass(told, now)
                {
                    effects.push(tell(name, News::Rejected { peer, reason }));
                }
            }
        }
    }

    /// A message of a virtual router that is none of ours: it counts nowhere, and if it is about our addresses that is an alarm
    /// (scenario 1.11).
    fn hear_foreign(
        &mut self,
        now: Instant,
        ifindex: u32,
        virtual_router_id: u8,
        received: Received,
        message: &[u8],
        effects: &mut Vec<Effect>,
    ) {
        let peer = received.endpoints.source();
        let place = (ifindex, Family::of(peer));
        let theirs = Packet::new(message, received.endpoints).map(|packet| packet.addresses());
        let theirs = theirs.unwrap_or_default();
        for station in &mut self.stations {
            let profile = &station.profile;
            if (profile.key.ifindex, profile.key.family) != place || profile.source == Some(peer) {
                continue;
            }
            let reason = Rejected::VirtualRouterId {
                ours: profile.key.virtual_router_id,
                theirs: virtual_router_id,
            };
            station.counters.reject(reason);
            let name = Arc::clone(&station.profile.name);
            let both = theirs
                .iter()
                .filter(|its| station.profile.advertised.contains(its));
            for address in both {
                station
                    .claims
                    .note((*address, virtual_router_id, peer), now);
                let told = Told::ClaimedUnderOtherId(*address, virtual_router_id, peer);
                if self.quiet.lets_pass(told, now) {
                    let news = News::ClaimedUnderOtherId {
                        address: *address,
                        virtual_router_id,
                        peer,
                    };
                    effects.push(tell(&name, news));
                }
            }
        }
    }
}
