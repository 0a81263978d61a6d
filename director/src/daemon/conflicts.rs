//! Who else says that he has an address that this director holds (scenarios 1.12 and 2.5). [`Conflicts`] is pure.
//!
//! Another director that takes over announces the addresses a moment before its advertisement is heard; so a claim counts when it is
//! repeated while this director goes on to be MASTER. A claim makes the daemon ask, and who really has the address answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::Daemon;
use crate::{
    api::response::Problem,
    config::VrrpInstance,
    host::{claim_watch::Claim, links::display_mac},
};

/// How often it is asked who else has an address.
const ASK_EACH: Duration = Duration::from_secs(5);
/// After a first claim it is asked again so soon.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A claim that is not repeated for so long is over.
const FORGET_AFTER: Duration = Duration::from_secs(15);
/// A second claim within this time may be of the same moment.
const SAME_MOMENT: Duration = Duration::from_millis(500);

/// What is known of others who claim our addresses.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    claims: BTreeMap<(IpAddr, [u8; 6]), Claimed>,
    next_question: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Claimed {
    first: Instant,
    last: Instant,
    is_told: bool,
}

/// What a claim means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing yet.
    Unsure,
    /// It is a conflict, and it is new.
    Conflict,
    /// It was told.
    Known,
}

impl Conflicts {
    /// Takes a claim of an address that this director holds.
    pub(super) fn hear(&mut self, now: Instant, address: IpAddr, mac: [u8; 6]) -> Meaning {
        let claimed = self.claims.entry((address, mac)).or_insert(Claimed {
            first: now,
            last: now,
            is_told: false,
        });
        claimed.last = now;
        if claimed.is_told {
            return Meaning::Known;
        }
        if now < claimed.first + SAME_MOMENT {
            let soon = now + ASK_AGAIN;
            self.next_question = Some(self.next_question.map_or(soon, |next| next.min(soon)));
            return Meaning::Unsure;
        }
        claimed.is_told = true;
        Meaning::Conflict
    }

    /// When it is to be asked again who else has the addresses; `None`: before the first time.
    pub(super) const fn next_question(&self) -> Option<Instant> {
        self.next_question
    }

    /// Whether it is time to ask; it is so only once. Old claims are forgotten, and those that were told and are over are returned.
    pub(super) fn is_time_to_ask(&mut self, now: Instant) -> (bool, Vec<(IpAddr, [u8; 6])>) {
        let is_over = |claimed: &Claimed| now >= claimed.last + FORGET_AFTER;
        let over = self.claims.iter();
        let over = over.filter(|(_, claimed)| claimed.is_told && is_over(claimed));
        let over = over.map(|(key, _)| *key).collect();
        self.claims.retain(|_, claimed| !is_over(claimed));
        let is_due = self.next_question.is_none_or(|at| now >= at);
        if is_due {
            self.next_question = Some(now + ASK_EACH);
        }
        (is_due, over)
    }

    /// An address is not ours any more, or has just become so: others may say that they have it.
    pub(super) fn forget(&mut self, addresses: &BTreeSet<IpAddr>) {
        self.claims
            .retain(|(address, _), _| !addresses.contains(address));
    }

    /// The conflicts that were told and go on.
    pub(super) fn present(&self) -> impl Iterator<Item = (IpAddr, [u8; 6])> {
        let told = self.claims.iter().filter(|(_, claimed)| claimed.is_told);
        told.map(|(key, _)| *key)
    }
}

impl Daemon {
    /// Listens for claims where the instances have their addresses.
    pub(super) fn settle_claim_watch(&mut self) {
        let wanted = self.addresses.all_wanted(&self.config, &self.survey);
        let wanted: Vec<_> = wanted.collect();
        for error in self.claim_watch.settle(&wanted) {
            let problem = Problem::from_error(&error);
            warn!(%problem, "nobody is noticed who has our addresses, too");
        }
    }

    /// Takes what somebody says on a link.
    pub(super) fn take_claim(&mut self, claim: Claim) {
        let is_ours = self.survey.links.values().any(|link| link.mac == claim.mac);
        if is_ours || !self.addresses.holds((claim.ifindex, claim.address)) {
            return;
        }
        match self
            .conflicts
            .hear(Instant::now(), claim.address, claim.mac)
        {
            Meaning::Conflict => warn!("{}", self.conflict(claim.address, claim.mac)),
            Meaning::Unsure | Meaning::Known => {}
        }
    }

    /// A conflict, in words that say what to do.
    fn conflict(&self, address: IpAddr, mac: [u8; 6]) -> String {
        let shown = display_mac(mac);
        match (self.server_with(mac), address) {
            (Some(server), IpAddr::V6(_)) => format!(
                "the real server {server} ({shown}) answers neighbor discovery for {address}: clients that hear it go past this director; have the address on `lo` there, and on no other interface"
            ),
            (Some(server), IpAddr::V4(_)) => format!(
                "the real server {server} ({shown}) answers ARP for {address}: clients that hear it go past this director; set arp_ignore=1 and arp_announce=2 for all interfaces there, before the address is added to `lo`"
            ),
            (None, _) => format!(
                "another host ({shown}) has {address}, too: clients go to one of the two by chance; remove the address there"
            ),
        }
    }

    fn server_with(&self, mac: [u8; 6]) -> Option<IpAddr> {
        let servers = self.dataplane.tables().servers.values();
        servers
            .filter(|server| server.mac == mac)
            .map(crate::dataplane::tables::server_address)
            .next()
    }

    /// Asks who else has the addresses that are held, if it is time.
    pub(super) fn ask_for_conflicts(&mut self) {
        let (is_due, over) = self.conflicts.is_time_to_ask(Instant::now());
        for (address, mac) in over {
            info!(%address, mac = display_mac(mac), "nobody else has the address any more");
        }
        if !is_due {
            return;
        }
        for (link, address) in self.addresses.held() {
            // A link that is down is told elsewhere.
            let _asked_next_time = match (address, self.asks_from(link.index)) {
                (IpAddr::V4(address), _) => self.claim_watch.ask(link, address),
                (IpAddr::V6(address), Some(from)) => self.claim_watch.ask_from(from, link, address),
                // Without an address of our own nobody can be asked; what others say unasked is heard.
                (IpAddr::V6(_), None) => Ok(()),
            };
        }
    }

    /// The address of a link that is ours alone and asks for others.
    fn asks_from(&self, ifindex: u32) -> Option<Ipv6Addr> {
        let own = self.survey.own_addresses(ifindex).iter();
        let mut own = own.filter_map(|own| match own.address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        });
        own.next()
    }

    /// How many addresses of an instance another host has, too.
    pub(super) fn conflicts_of(&self, instance: &VrrpInstance) -> u64 {
        let is_claimed = |address: IpAddr| self.conflicts.present().any(|(one, _)| one == address);
        let claimed = instance.addresses().filter(|vip| is_claimed(vip.address));
        claimed.count() as u64
    }

    /// The conflicts that there are, one sentence each.
    pub(super) fn conflict_warnings(&self) -> Vec<String> {
        let present = self.conflicts.present();
        present
            .map(|(address, mac)| self.conflict(address, mac))
            .collect()
    }

    /// Addresses of an instance changed hands.
    pub(super) fn forget_conflicts(&mut self, instance: &str) {
        let mut instances = self.config.vrrp_instances.iter();
        let Some(instance) = instances.find(|known| known.name == instance) else {
            return;
        };
        let addresses = instance.addresses().map(|vip| vip.address);
        self.conflicts.forget(&addresses.collect());
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 251));
    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

    #[test]
    fn s1_12_a_claim_that_is_repeated_is_a_conflict_and_told_once() {
        let (mut conflicts, now) = (Conflicts::default(), Instant::now());
        assert_eq!(conflicts.hear(now, VIP, MAC), Meaning::Unsure);
        assert_eq!(conflicts.next_question(), Some(now + ASK_AGAIN));
        assert_eq!(conflicts.hear(now + ASK_AGAIN, VIP, MAC), Meaning::Conflict);
        assert_eq!(conflicts.hear(now + ASK_EACH, VIP, MAC), Meaning::Known);
        assert_eq!(conflicts.present().collect::<Vec<_>>(), [(VIP, MAC)]);
    }

    #[test]
    fn a_burst_of_announcements_by_who_takes_over_is_none() {
        let (mut conflicts, now) = (Conflicts::default(), Instant::now());
        for millis in 0..5 {
            let at = now + Duration::from_millis(millis);
            assert_eq!(conflicts.hear(at, VIP, MAC), Meaning::Unsure);
        }
        conflicts.forget(&BTreeSet::from([VIP]));
        let later = now + Duration::from_secs(2);
        assert_eq!(conflicts.hear(later, VIP, MAC), Meaning::Unsure);
    }

    #[test]
    fn a_conflict_that_is_not_repeated_is_over() {
        let (mut conflicts, now) = (Conflicts::default(), Instant::now());
        conflicts.hear(now, VIP, MAC);
        conflicts.hear(now + ASK_AGAIN, VIP, MAC);
        let (_, over) = conflicts.is_time_to_ask(now + ASK_AGAIN + FORGET_AFTER);
        assert_eq!(over, [(VIP, MAC)]);
        assert_eq!(conflicts.present().count(), 0);
    }

    #[test]
    fn it_is_asked_at_once_and_then_each_time_that_is_due() {
        let (mut conflicts, now) = (Conflicts::default(), Instant::now());
        assert!(conflicts.is_time_to_ask(now).0);
        assert!(!conflicts.is_time_to_ask(now + ASK_AGAIN).0);
        assert!(conflicts.is_time_to_ask(now + ASK_EACH).0);
    }
}
