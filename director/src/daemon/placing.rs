//! What the configuration says of an instance and what this host has for it, put together for the thread that speaks VRRP.

use std::{net::IpAddr, sync::Arc};

use super::{survey::Survey, virtual_macs};
use crate::{
    config::{self, Config, SyncGroup, Tracked, UnicastPeer, VrrpInstance},
    host::{Link, announce::announcement},
    vrrp::{
        Authentication, Coverage, Delivery, Direction, Family, Key, OnHigherPriority,
        OnLowerPriority, Peer, Placed, Preempt, Priority, Profile, Tracker, TrackerKind,
        UnknownPeers, Version, Weighed, Witnessed, frame::TTL, group_address,
    },
};

/// Every instance of a configuration. `lease` knows the index of each one's lease.
pub(super) fn place(
    config: &Config,
    survey: &Survey,
    lease: impl Fn(&VrrpInstance) -> Option<u32>,
) -> Vec<Placed> {
    let place = |instance: &VrrpInstance| {
        let link = survey.link_named(&instance.interface);
        Placed {
            profile: profile(config, survey, instance),
            mac: link.map_or([0; 6], |link| sender(instance, link)),
            announcements: announcements(instance, survey),
            lease: lease(instance),
        }
    };
    config.vrrp_instances.iter().map(place).collect()
}

/// MAC address that advertisements come from: with `use_vmac` the virtual router's, so that switches know where it is.
fn sender(instance: &VrrpInstance, link: &Link) -> [u8; 6] {
    match &instance.virtual_mac {
        Some(device) if !device.xmit_base => virtual_macs::mac(instance),
        Some(_) | None => link.mac,
    }
}

/// What the link of an instance has to know when it becomes MASTER. Addresses on other links are announced by the daemon.
fn announcements(instance: &VrrpInstance, survey: &Survey) -> Vec<Vec<u8>> {
    let here = instance
        .addresses()
        .filter(|vip| vip.interface.is_none())
        .filter_map(|vip| {
            let link = survey.link_named(instance.interface_of(vip))?;
            Some(announcement(link.mac, vip.address))
        });
    here.collect()
}

fn profile(config: &Config, survey: &Survey, instance: &VrrpInstance) -> Profile {
    let family = instance.family;
    let ifindex = survey
        .link_named(&instance.interface)
        .map_or(0, |link| link.index);
    let group = group_of(config, instance);
    Profile {
        name: instance.name.as_str().into(),
        key: Key {
            ifindex,
            family,
            virtual_router_id: instance.virtual_router_id,
        },
        version: match instance.version {
            config::Version::Two => Version::Two,
            config::Version::Three => Version::Three,
        },
        // The reader has refused 0.
        priority: Priority::new(instance.priority).unwrap_or(Priority::ADDRESS_OWNER),
        interval: instance.advertisement_interval,
        down_timer_adverts: instance.down_timer_adverts,
        authentication: match &instance.authentication {
            Some(authentication) => Authentication::password(&authentication.auth_pass),
            None => Authentication::None,
        },
        coverage: match instance.v3_checksum_as_v2 {
            true => Coverage::Message,
            false => Coverage::PseudoHeader,
        },
        delivery: delivery(instance),
        unicast_ttl: match instance.delivery {
            config::Delivery::Unicast { ttl, .. } => ttl,
            config::Delivery::Multicast { .. } => TTL,
        },
        group_address: group_address(family),
        source: source(survey, instance, ifindex, family),
        advertised: instance
            .virtual_ipaddress
            .iter()
            .map(|vip| vip.address)
            .collect(),
        preempt: match instance.preempt {
            true => Preempt::After(instance.preempt_delay),
            false => Preempt::Never,
        },
        on_lower_priority: match instance.lower_prio_no_advert {
            true => OnLowerPriority::Wait,
            false => OnLowerPriority::Advertise,
        },
        on_higher_priority: match instance.higher_prio_send_advert {
            true => OnHigherPriority::AdvertiseOnceMore,
            false => OnHigherPriority::StepBack,
        },
        tracked: tracked(instance, group),
        sync_group: group.map(|group| group.name.as_str().into()),
        witnessed: match instance.witness {
            Some(_) => Witnessed::Yes,
            None => Witnessed::No,
        },
    }
}

/// The sync group that an instance is in.
pub(super) fn group_of<'a>(config: &'a Config, instance: &VrrpInstance) -> Option<&'a SyncGroup> {
    let mut groups = config.sync_groups.iter();
    groups.find(|group| group.group.contains(&instance.name))
}

fn delivery(instance: &VrrpInstance) -> Delivery {
    match &instance.delivery {
        config::Delivery::Multicast { .. } => Delivery::Multicast,
        config::Delivery::Unicast {
            peers,
            check_source,
            ..
        } => Delivery::Unicast {
            peers: peers.iter().map(known_peer).collect(),
            unknown: match check_source {
                true => UnknownPeers::Reject,
                false => UnknownPeers::Accept,
            },
        },
    }
}

fn known_peer(peer: &UnicastPeer) -> Peer {
    Peer {
        address: peer.address,
        ttl: peer.min_ttl..=peer.max_ttl,
    }
}

/// Where advertisements come from: as configured, or the interface's first address of its own; of IPv6 to a group always the
/// link-local one (RFC 9568 section 5.1.2.1).
fn source(
    survey: &Survey,
    instance: &VrrpInstance,
    ifindex: u32,
    family: Family,
) -> Option<IpAddr> {
    let (config::Delivery::Multicast { source: configured }
    | config::Delivery::Unicast {
        source: configured, ..
    }) = &instance.delivery;
    let is_link_local = |address: &IpAddr| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    let is_multicast = matches!(instance.delivery, config::Delivery::Multicast { .. });
    let mut own = survey
        .own_addresses(ifindex)
        .iter()
        .map(|own| own.address)
        .filter(|address| Family::of(*address) == family);
    configured.or_else(|| match (family, is_multicast) {
        (Family::V6, true) => own.find(is_link_local),
        (Family::V6, false) => own.find(|address| !is_link_local(address)),
        (Family::V4, _) => own.next(),
    })
}

/// What an instance and its group track, and the instance's own interface, which must be up.
pub(super) fn tracked(instance: &VrrpInstance, group: Option<&SyncGroup>) -> Vec<Weighed> {
    let own = Weighed {
        tracker: interface(&instance.interface),
        weight: 0,
        direction: Direction::Forward,
    };
    let mut tracked = vec![own];
    let tracks = std::iter::once(&instance.track).chain(group.map(|group| &group.track));
    for track in tracks {
        let kinds = [
            (TrackerKind::Interface, &track.interfaces),
            (TrackerKind::Script, &track.scripts),
            (TrackerKind::Process, &track.processes),
            (TrackerKind::File, &track.files),
        ];
        for (kind, list) in kinds {
            for entry in list {
                let weighed = weighed(kind, entry);
                if !tracked.iter().any(|known| known.tracker == weighed.tracker) {
                    tracked.push(weighed);
                }
            }
        }
    }
    tracked
}

fn weighed(kind: TrackerKind, entry: &Tracked) -> Weighed {
    Weighed {
        tracker: Tracker {
            kind,
            name: entry.name.as_str().into(),
        },
        weight: entry.weight,
        direction: match entry.reverse {
            true => Direction::Reverse,
            false => Direction::Forward,
        },
    }
}

/// An interface as something that is tracked.
pub(super) fn interface(name: &str) -> Tracker {
    Tracker {
        kind: TrackerKind::Interface,
        name: Arc::from(name),
    }
}

/// Every interface whose state means something for an instance.
pub(super) fn tracked_interfaces(config: &Config) -> impl Iterator<Item = &str> {
    let own = config
        .vrrp_instances
        .iter()
        .map(|instance| instance.interface.as_str());
    let tracks = config
        .vrrp_instances
        .iter()
        .map(|instance| &instance.track)
        .chain(config.sync_groups.iter().map(|group| &group.track));
    let tracked = tracks.flat_map(|track| track.interfaces.iter().map(|entry| entry.name.as_str()));
    own.chain(tracked)
}
