//! One real server of one service: what the operator wants of it, what its checks say, whether it has a MAC address.

use std::{collections::BTreeMap, net::IpAddr, time::SystemTime};

use super::{
    Place,
    event::{Neighbor, Verdict},
    fate::{Cause, Fate},
};
use crate::{
    config::{self, Farewell, Farewells},
    dataplane::tables::{Path, WantedServer},
};

/// What the operator wants of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Share of new flows; 0: none, but flows that are there go on.
    pub weight: u32,
    /// A failed check sets the weight to 0 instead of ending the server's flows.
    pub inhibit_on_failure: bool,
    /// With this many flows it gets no new ones; 0: no limit.
    pub upper_threshold: u32,
    /// Below this many it gets new ones again; 0: below three quarters of the upper threshold.
    pub lower_threshold: u32,
}

/// What the checks say of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Every check passes, or there is none.
    Up,
    /// At least one check fails: the reason of the first.
    Down(String),
}

/// Whether a server has a place in its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Member,
    /// A sorry server that is not needed any more.
    Relieved,
    /// Taken out of the configuration.
    Removed,
}

/// State of a server in one word, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Gets new flows (unless the quorum is lost).
    Up,
    /// A check fails.
    Down(String),
    /// Its MAC address is not known.
    NoNeighbor,
    /// Weight 0 by the operator's will.
    Quiesced,
}

/// A server with no verdict yet that `alpha` counts as down.
const NOT_CHECKED_YET: &str = "not checked yet (alpha)";
/// A server that an earlier daemon saw fail.
const DOWN_BEFORE_RESTART: &str = "it was down before the director was restarted";

/// One real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealServer {
    /// Its address.
    pub address: IpAddr,
    /// What the operator wants.
    pub admin: Admin,
    /// What the kernel knows of its MAC address.
    pub neighbor: Neighbor,
    /// Where it is.
    pub place: Place,
    /// When its state last changed.
    pub since: SystemTime,
    /// What becomes of its flows.
    pub fate: Fate,
    /// Why it gets no new ones, if that is for good, and what is wanted then.
    turn: Option<(Cause, Farewell)>,
    /// What the operator wants of flows whose server gets no more.
    farewells: Farewells,
    /// Whether it is still configured, and needed.
    standing: Standing,
    /// Number of its checks.
    checks: usize,
    /// Failing checks by index, with the reason.
    failing: BTreeMap<usize, String>,
}

impl RealServer {
    /// Counts as down until its checks pass.
    pub(super) fn start_down(&mut self, now: SystemTime) {
        let checks = 0..self.checks;
        self.change(now, |server| {
            server.failing = checks
                .map(|check| (check, DOWN_BEFORE_RESTART.to_owned()))
                .collect();
        });
    }

    /// Whether a verdict says only what is known of the check already.
    pub(super) fn is_told(&self, check: usize, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Pass => !self.failing.contains_key(&check),
            Verdict::Fail(_) => self.failing.contains_key(&check),
        }
    }

    /// The server as configured. What is known of it already stays.
    pub(super) fn new(
        now: SystemTime,
        config: &config::RealServer,
        farewells: Farewells,
        place: Place,
        before: Option<&Self>,
    ) -> Self {
        let admin = Admin {
            weight: config.weight,
            inhibit_on_failure: config.inhibit_on_failure,
            upper_threshold: config.upper_threshold,
            lower_threshold: config.lower_threshold,
        };
        let failing = match before {
            Some(before) => before
                .failing
                .range(..config.checks.len())
                .map(|(i, r)| (*i, r.clone()))
                .collect(),
            None if config.alpha => (0..config.checks.len())
                .map(|check| (check, NOT_CHECKED_YET.to_owned()))
                .collect(),
            None => BTreeMap::new(),
        };
        let farewells = Farewells {
            on_removal: config.on_removal.unwrap_or(farewells.on_removal),
            ..farewells
        };
        let mut server = Self {
            checks: config.checks.len(),
            farewells,
            ..Self::with(now, config.address, admin, place, failing, before)
        };
        server.judge(now);
        server
    }

    /// A sorry server: never checked, and its weight says nothing as it has no company.
    pub(super) fn sorry(
        now: SystemTime,
        address: IpAddr,
        farewells: Farewells,
        place: Place,
        before: Option<&Self>,
    ) -> Self {
        let admin = Admin {
            weight: 1,
            inhibit_on_failure: false,
            upper_threshold: 0,
            lower_threshold: 0,
        };
        let mut server = Self {
            farewells,
            standing: before.map_or(Standing::Member, |before| before.standing),
            ..Self::with(now, address, admin, place, BTreeMap::new(), before)
        };
        server.judge(now);
        server
    }

    /// A sorry server is needed, or not needed any more.
    pub(super) fn call(&mut self, now: SystemTime, is_needed: bool) {
        self.standing = match is_needed {
            true => Standing::Member,
            false => Standing::Relieved,
        };
        self.judge(now);
    }

    /// The server was taken out of the configuration. `None`: nothing is left to be done for its flows.
    pub(super) fn removed(mut self, now: SystemTime) -> Option<Self> {
        self.standing = Standing::Removed;
        self.judge(now);
        (self.fate != Fate::Over).then_some(self)
    }

    /// Ends its flows if their time is over.
    pub(super) fn expire(&mut self, now: SystemTime) {
        self.fate = self.fate.at(now);
    }

    /// Decides what becomes of its flows, if what it is decided by has changed.
    fn judge(&mut self, now: SystemTime) {
        let cause = match self.standing {
            Standing::Removed => Some(Cause::Removed),
            Standing::Relieved => Some(Cause::Relieved),
            Standing::Member if !self.failing.is_empty() && !self.admin.inhibit_on_failure => {
                Some(Cause::Failed)
            }
            Standing::Member if self.admin.weight == 0 => Some(Cause::Quiesced),
            Standing::Member => None,
        };
        let turn = cause.map(|cause| (cause, cause.farewell(&self.farewells)));
        // A server that drains and is removed goes on draining; what is over is over.
        let goes_on = match (self.turn, turn) {
            (Some((Cause::Quiesced, before)), Some((Cause::Removed, after))) => {
                before == after && before != Farewell::Hold
            }
            (before, after) => before == after,
        };
        if goes_on {
            self.turn = turn;
            self.fate = self.fate.at(now);
            return;
        }
        self.turn = turn;
        self.fate = turn.map_or(Fate::GoOn, |(cause, farewell)| {
            Fate::of(cause, farewell, now)
        });
    }

    fn with(
        now: SystemTime,
        address: IpAddr,
        admin: Admin,
        place: Place,
        failing: BTreeMap<usize, String>,
        before: Option<&Self>,
    ) -> Self {
        let neighbor = match place {
            // We need nobody to tell us our own address.
            Place::Local => Neighbor::Here,
            // A MAC address was learned on one link and says nothing of another.
            Place::OnLink(link) => before
                .filter(|before| {
                    before
                        .place
                        .link()
                        .is_some_and(|known| known.ifindex == link.ifindex)
                })
                .map_or(Neighbor::Pending, |before| before.neighbor),
        };
        let mut server = Self {
            address,
            admin,
            neighbor,
            place,
            since: now,
            fate: before.map_or(Fate::GoOn, |before| before.fate),
            turn: before.and_then(|before| before.turn),
            farewells: Farewells::default(),
            standing: Standing::Member,
            checks: 0,
            failing,
        };
        if let Some(before) = before.filter(|before| before.state() == server.state()) {
            server.since = before.since;
        }
        server
    }

    /// What the checks say.
    #[must_use]
    pub fn health(&self) -> Health {
        self.failing
            .values()
            .next()
            .map_or(Health::Up, |reason| Health::Down(reason.clone()))
    }

    /// Whether it may get new flows, were its weight not 0 and the quorum met. A server whose MAC address is being
    /// asked for counts as alive: that takes a moment at the start and must not call the sorry server.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.failing.is_empty() && !matches!(self.neighbor, Neighbor::Unresolved(_))
    }

    /// Weight that it adds to its pool's quorum.
    #[must_use]
    pub fn live_weight(&self) -> u64 {
        if self.is_alive() {
            self.admin.weight.into()
        } else {
            0
        }
    }

    /// Its state in one word.
    #[must_use]
    pub fn state(&self) -> State {
        match (self.health(), self.neighbor) {
            (Health::Down(reason), _) => State::Down(reason),
            (Health::Up, Neighbor::Unresolved(_) | Neighbor::Pending) => State::NoNeighbor,
            (Health::Up, Neighbor::Resolved(_) | Neighbor::Here) if self.admin.weight == 0 => {
                State::Quiesced
            }
            (Health::Up, Neighbor::Resolved(_) | Neighbor::Here) => State::Up,
        }
    }

    /// Takes the verdict of one check, and says whether the server's health changed by it.
    pub(super) fn take_verdict(&mut self, now: SystemTime, check: usize, verdict: Verdict) -> bool {
        let was_up = self.failing.is_empty();
        self.change(now, |server| match verdict {
            Verdict::Pass => drop(server.failing.remove(&check)),
            Verdict::Fail(reason) => drop(server.failing.insert(check, reason)),
        });
        was_up != self.failing.is_empty()
    }

    /// Takes news of its MAC address.
    pub(super) fn take_neighbor(&mut self, now: SystemTime, neighbor: Neighbor) {
        self.change(now, |server| {
            server.neighbor = server.neighbor.after(neighbor)
        });
    }

    fn change(&mut self, now: SystemTime, change: impl FnOnce(&mut Self)) {
        let before = std::mem::discriminant(&self.state());
        change(self);
        self.judge(now);
        if std::mem::discriminant(&self.state()) != before {
            self.since = now;
        }
    }

    /// What the packet path should do with it, when `share` is its weight in the pool.
    pub(super) fn wanted(&self, share: u32) -> WantedServer {
        let path = match self.place {
            Place::Local => Some(Path::Local),
            Place::OnLink(link) => self.neighbor.mac().map(|mac| Path::Link {
                mac,
                source_mac: link.mac,
                ifindex: link.egress,
                vlan: link.vlan,
                mtu: link.mtu,
            }),
        };
        let path = match self.fate {
            Fate::GoOn | Fate::Drain(_) => path,
            Fate::Held => Some(Path::Held),
            Fate::Over => None,
        };
        let weight = if self.is_alive() { share } else { 0 };
        WantedServer {
            address: self.address,
            path,
            weight,
            upper_threshold: self.admin.upper_threshold,
            lower_threshold: self.admin.lower_threshold,
        }
    }
}
