//! Instances, and the groups that they are in.

use std::fmt::{self, Formatter};

use super::{seconds, tracking};
use crate::config::{
    Delivery, Global, GratuitousArp, InitialState, SyncGroup, Version, VirtualAddress, VrrpInstance,
};

/// How all instances start.
pub(super) fn global(f: &mut Formatter<'_>, global: &Global) -> fmt::Result {
    match global.vrrp_rt_priority {
        Some(0) => writeln!(f, "VRRP runs without real-time priority")?,
        Some(priority) => writeln!(f, "VRRP runs with real-time priority {priority}")?,
        None => {}
    }
    if let Some(delay) = global.vrrp_startup_delay {
        writeln!(f, "VRRP waits for {} at the start", seconds(delay))?;
    }
    Ok(())
}

pub(super) fn sync_group(f: &mut Formatter<'_>, group: &SyncGroup) -> fmt::Result {
    writeln!(f, "\nsync group {}: {}", group.name, group.group.join(", "))?;
    if group.tracking_weight {
        writeln!(f, "  members may have weights of their own")?;
    }
    tracking::track(f, &group.track)?;
    tracking::notify(f, &group.notify)
}

pub(super) fn instance(f: &mut Formatter<'_>, instance: &VrrpInstance) -> fmt::Result {
    let state = match instance.state {
        InitialState::Master => "MASTER",
        InitialState::Backup => "BACKUP",
    };
    writeln!(
        f,
        "\nVRRP instance {} on {}",
        instance.name, instance.interface
    )?;
    writeln!(
        f,
        "  virtual router id {}, priority {}, wants to start as {state}",
        instance.virtual_router_id, instance.priority
    )?;
    election(f, instance)?;
    if instance.authentication.is_some() {
        writeln!(f, "  authenticates by a password")?;
    }
    delivery(f, &instance.delivery)?;
    if let Some(virtual_mac) = &instance.virtual_mac {
        let by = if virtual_mac.xmit_base {
            ", advertises by the interface itself"
        } else {
            ""
        };
        writeln!(
            f,
            "  has a MAC address of its own on {}{by}",
            virtual_mac.interface
        )?;
    }
    if let Some(witness) = &instance.witness {
        let hosts: Vec<_> = witness.addresses.iter().map(ToString::to_string).collect();
        writeln!(
            f,
            "  becomes MASTER only while {} of {} answer: {}",
            witness.required,
            hosts.len(),
            hosts.join(", ")
        )?;
    }
    gratuitous_arp(f, &instance.garp)?;
    tracking::track(f, &instance.track)?;
    tracking::notify(f, &instance.notify)?;
    let (advertised, excluded) = (
        &instance.virtual_ipaddress,
        &instance.virtual_ipaddress_excluded,
    );
    advertised
        .iter()
        .try_for_each(|held| address(f, "holds", held))?;
    excluded
        .iter()
        .try_for_each(|held| address(f, "holds, without advertising it,", held))
}

fn election(f: &mut Formatter<'_>, instance: &VrrpInstance) -> fmt::Result {
    let version = match instance.version {
        Version::Two => 2,
        Version::Three => 3,
    };
    write!(
        f,
        "  speaks VRRP version {version} over {}",
        instance.family
    )?;
    if instance.v3_checksum_as_v2 {
        write!(f, ", with the checksum of version 2")?;
    }
    writeln!(f)?;
    let preempt = match (instance.preempt, instance.preempt_delay.is_zero()) {
        (false, _) => "leaves a lower priority in place".to_owned(),
        (true, true) => "takes over from a lower priority".to_owned(),
        (true, false) => format!(
            "takes over from a lower priority after {}",
            seconds(instance.preempt_delay)
        ),
    };
    writeln!(
        f,
        "  advertises every {}, {preempt}",
        seconds(instance.advertisement_interval)
    )?;
    writeln!(
        f,
        "  takes a MASTER for dead that misses {} advertisements",
        instance.down_timer_adverts
    )?;
    if instance.lower_prio_no_advert {
        writeln!(f, "  does not answer a MASTER of lower priority at once")?;
    }
    if instance.higher_prio_send_advert {
        writeln!(f, "  advertises once more before a higher priority")?;
    }
    Ok(())
}

fn delivery(f: &mut Formatter<'_>, delivery: &Delivery) -> fmt::Result {
    match delivery {
        Delivery::Multicast { source: None } => writeln!(f, "  advertises by multicast"),
        Delivery::Multicast {
            source: Some(source),
        } => writeln!(f, "  advertises by multicast from {source}"),
        Delivery::Unicast {
            peers,
            source,
            ttl,
            check_source,
        } => {
            let peers: Vec<_> = peers
                .iter()
                .map(|peer| match (peer.min_ttl, peer.max_ttl) {
                    (u8::MIN, u8::MAX) => peer.address.to_string(),
                    (least, most) => format!("{} (TTL {least} to {most})", peer.address),
                })
                .collect();
            write!(f, "  advertises to {}", peers.join(", "))?;
            if let Some(source) = source {
                write!(f, " from {source}")?;
            }
            if *ttl != u8::MAX {
                write!(f, " with TTL {ttl}")?;
            }
            if *check_source {
                write!(f, ", hears nobody else")?;
            }
            writeln!(f)
        }
    }
}

fn gratuitous_arp(f: &mut Formatter<'_>, garp: &GratuitousArp) -> fmt::Result {
    write!(f, "  gratuitous ARP: {} frames at once", garp.repeat)?;
    if !garp.delay.is_zero() {
        write!(f, ", {} after {}", garp.repeat, seconds(garp.delay))?;
    }
    if !garp.refresh.is_zero() {
        write!(
            f,
            ", {} every {}",
            garp.refresh_repeat,
            seconds(garp.refresh)
        )?;
    }
    writeln!(f)?;
    if (garp.lower_prio_delay, garp.lower_prio_repeat) == (garp.delay, garp.repeat) {
        return Ok(());
    }
    write!(
        f,
        "  gratuitous ARP after a MASTER of lower priority was heard: {} frames at once",
        garp.lower_prio_repeat
    )?;
    if !garp.lower_prio_delay.is_zero() && garp.lower_prio_repeat > 0 {
        write!(
            f,
            ", {} after {}",
            garp.lower_prio_repeat,
            seconds(garp.lower_prio_delay)
        )?;
    }
    writeln!(f)
}

fn address(f: &mut Formatter<'_>, verb: &str, held: &VirtualAddress) -> fmt::Result {
    write!(f, "  {verb} {}/{}", held.address, held.prefix_length)?;
    if let Some(interface) = &held.interface {
        write!(f, " on {interface}")?;
    }
    if let Some(label) = &held.label {
        write!(f, " labelled {label}")?;
    }
    if let Some(broadcast) = held.broadcast {
        write!(f, " broadcast {broadcast}")?;
    }
    writeln!(f)
}
