//! Why a table may stand there although nothing of it is forwarded: its instance is not MASTER (scenario 2.27). Pure.
//!
//! A director has its whole table whatever it is, so that it can take over at once; in ipvsadm's layout there is no place to say so.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use crate::api::response::{Listing, Role, VrrpInstanceStatus, VrrpStatus};

/// One sentence for each instance that has services in the listing and does not forward them.
pub(super) fn notes(listing: &Listing, vrrp: &VrrpStatus) -> Vec<String> {
    let services = listing.services.iter();
    let holders: BTreeSet<_> = services
        .filter_map(|service| service.instance.as_deref())
        .collect();
    let instances = vrrp.instances.iter();
    instances
        .filter(|instance| holders.contains(instance.report.name.as_str()))
        .filter_map(note)
        .collect()
}

fn note(instance: &VrrpInstanceStatus) -> Option<String> {
    let report = &instance.report;
    let who = match (report.role, master(instance)) {
        (Role::Master, _) => return None,
        (Role::Backup, Some(master)) => {
            format!("its services are forwarded by the MASTER, {master}")
        }
        (Role::Backup | Role::Fault | Role::Initialize, _) => {
            "its services are not forwarded here".to_owned()
        }
    };
    let since = Duration::from_secs(Duration::try_from_secs_f64(report.for_secs).ok()?.as_secs());
    Some(format!(
        "note: {} is {} for {}, {}: {who}",
        report.name,
        report.role,
        humantime::format_duration(since),
        report.reason
    ))
}

/// The other director whose advertisement was heard last, unless that said that it leaves.
fn master(instance: &VrrpInstanceStatus) -> Option<IpAddr> {
    let peers = instance.report.peers.iter();
    let counts = peers.filter(|peer| peer.rejected.is_none() && peer.priority.is_some());
    let last = counts.min_by(|a, b| a.heard_secs_ago.total_cmp(&b.heard_secs_ago))?;
    (last.priority != Some(0)).then_some(last.address)
}

#[cfg(test)]
mod tests;
