//! One virtual router as the configuration wants it and this host allows it.

use std::{net::IpAddr, sync::Arc, time::Duration};

pub use crate::config::Family;

use super::{
    election::Priority,
    instance::{Membership, OnHigherPriority, OnLowerPriority, Preempt, Settings},
    packet::{Advertisement, Authentication, Coverage, Endpoints, Version},
    reception::{Delivery, Expected},
    track::{Direction, Tracker},
};

/// Everything that its elections depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Identity on this host.
    pub key: Key,
    /// Which VRRP it speaks.
    pub version: Version,
    /// The priority of the configuration.
    pub priority: Priority,
    /// The pace of its advertisements.
    pub interval: Duration,
    /// `down_timer_adverts`, 1 to 100.
    pub down_timer_adverts: std::num::NonZeroU8,
    /// Its password, if it has one.
    pub authentication: Authentication,
    /// How it computes the checksum of version 3 over IPv4.
    pub coverage: Coverage,
    /// How advertisements come, and to whom they go.
    pub delivery: Delivery,
    /// TTL or hop limit of its advertisements to peers; to a group it is 255.
    pub unicast_ttl: u8,
    /// The group that it is multicast to.
    pub group_address: IpAddr,
    /// Where its advertisements come from; `None`: the interface has no address of the family.
    pub source: Option<IpAddr>,
    /// What stands in its advertisements, in the order of the configuration.
    pub advertised: Vec<IpAddr>,
    /// Whether it takes over from a Master of lower priority.
    pub preempt: Preempt,
    /// `lower_prio_no_advert`.
    pub on_lower_priority: OnLowerPriority,
    /// `higher_prio_send_advert`.
    pub on_higher_priority: OnHigherPriority,
    /// What is tracked for it, its own interface included.
    pub tracked: Vec<Weighed>,
    /// The sync group that it is in.
    pub sync_group: Option<Arc<str>>,
    /// Whether witnesses are asked before it becomes Master.
    pub witnessed: Witnessed,
}

/// Which virtual router of this host: IPv4 and IPv6 have identifiers of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The interface; 0: it is not there.
    pub ifindex: u32,
    /// Of its addresses.
    pub family: Family,
    /// VRID, 1 to 255.
    pub virtual_router_id: u8,
}

/// Something that is tracked, and how it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed {
    /// What it is.
    pub tracker: Tracker,
    /// 0: a fault instead of another priority.
    pub weight: i32,
    /// `reverse`.
    pub direction: Direction,
}

/// Whether witnesses are asked before an instance becomes Master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witnessed {
    /// Nobody is.
    No,
    /// Enough of them must answer.
    Yes,
}

impl Profile {
    /// What the state machine needs of it.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            version: self.version,
            interval: self.interval,
            primary_address: self.source.unwrap_or(self.unspecified()),
            preempt: self.preempt,
            down_timer_adverts: self.down_timer_adverts,
            on_lower_priority: self.on_lower_priority,
            on_higher_priority: self.on_higher_priority,
            membership: match (&self.sync_group, self.witnessed) {
                (None, Witnessed::No) => Membership::Alone,
                _ => Membership::InGroup,
            },
        }
    }

    /// What its reception needs of it.
    pub(super) fn expected(&self) -> Expected {
        Expected {
            version: self.version,
            virtual_router_id: self.key.virtual_router_id,
            authentication: self.authentication,
            interval: self.interval,
            coverage: self.coverage,
            delivery: self.delivery.clone(),
            own_address: self.source.unwrap_or(self.unspecified()),
            addresses: self.advertised.clone(),
        }
    }

    /// Where each advertisement goes. Nowhere, without an address to come from.
    pub(super) fn ways(&self) -> Vec<Endpoints> {
        let Some(source) = self.source else {
            return Vec::new();
        };
        let to = |destination: &IpAddr| Endpoints::new(source, *destination);
        match &self.delivery {
            Delivery::Multicast => to(&self.group_address).into_iter().collect(),
            Delivery::Unicast { peers, .. } => {
                peers.iter().filter_map(|peer| to(&peer.address)).collect()
            }
        }
    }

    /// An advertisement with this priority, for each destination.
    #[must_use]
    pub fn messages(&self, priority: u8) -> Vec<(Endpoints, Vec<u8>)> {
        let advertisement = Advertisement {
            version: self.version,
            virtual_router_id: self.key.virtual_router_id,
            priority,
            interval: self.interval,
            authentication: self.authentication,
            addresses: self.advertised.clone(),
        };
        let message = |way: Endpoints| (way, advertisement.emit(way, self.coverage));
        self.ways().into_iter().map(message).collect()
    }

    /// Whether this is another profile of the same virtual router, which then stays what it is. One that waited for its interface is
    /// the same when that has come; on another interface it is another one, and the first says that it leaves.
    pub(super) fn goes_on_as(&self, earlier: &Self) -> bool {
        let is_same_interface = earlier.key.ifindex == 0 || earlier.key.ifindex == self.key.ifindex;
        let at = |profile: &Self| (profile.key.family, profile.key.virtual_router_id);
        self.name == earlier.name && is_same_interface && at(self) == at(earlier)
    }

    /// The name of the group that moves it: its sync group, or one of its own that only waits for witnesses.
    pub(super) fn group_name(&self) -> Option<&Arc<str>> {
        match (&self.sync_group, self.witnessed) {
            (Some(group), _) => Some(group),
            (None, Witnessed::Yes) => Some(&self.name),
            (None, Witnessed::No) => None,
        }
    }

    /// How long others take a Master that falls silent for alive, at least: the time that it may forward after an advertisement.
    pub(super) fn lease(&self) -> Duration {
        self.interval * u32::from(self.down_timer_adverts.get())
    }

    fn unspecified(&self) -> IpAddr {
        match self.key.family {
            Family::V4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
        }
    }
}
