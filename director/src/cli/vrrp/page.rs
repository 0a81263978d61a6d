//! The page of `director vrrp show`. Pure.

mod tracked;

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use comfy_table::Cell;

use crate::{
    api::response::{PairView, VrrpInstanceStatus, VrrpStatus},
    cli::table,
    pair::PairStanding,
    vrrp::router::PeerReport,
};

/// The whole page, as it is `now`.
#[must_use]
pub(super) fn render(status: &VrrpStatus, now: SystemTime) -> String {
    if status.instances.is_empty() {
        return "no vrrp_instance is configured\n".to_owned();
    }
    let pages = status.instances.iter();
    let mut pages: Vec<_> = pages.map(|status| instance(status, now)).collect();
    if !status.pair.is_empty() {
        pages.push(status.pair.iter().map(pair).collect());
    }
    pages.join("\n")
}

/// How the configuration of another director is to this one's.
fn pair(view: &PairView) -> String {
    let standing = match &view.standing {
        PairStanding::Equal => "all that must be equal is".to_owned(),
        PairStanding::Different(differences) => format!("DIFFERS: {differences}"),
        PairStanding::OtherVersion => {
            "not compared: it runs another version of director".to_owned()
        }
        PairStanding::Incomplete => "not all of it has come yet".to_owned(),
    };
    format!(
        "configuration of {}, heard {} ago: {standing}\n",
        view.peer,
        shown(view.heard_secs_ago)
    )
}

fn instance(status: &VrrpInstanceStatus, now: SystemTime) -> String {
    let report = &status.report;
    let mut page = format!(
        "{}: {} for {}, {}\n",
        report.name,
        report.role,
        shown(report.for_secs),
        report.reason
    );
    let mut rows = table::without_title();
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            rows.add_row([Cell::new(name), Cell::new(value)]);
        }
    };
    row(
        "speaks",
        format!(
            "VRRPv{} as VRID {} on {}, every {}",
            report.version,
            report.virtual_router_id,
            status.interface,
            shown(report.interval_secs)
        ),
    );
    row("from", address_or(report.source, "no address"));
    row("to", joined(&report.destinations));
    row(
        "priority",
        match report.priority == report.configured_priority {
            true => report.priority.to_string(),
            false => format!(
                "{} (configured: {})",
                report.priority, report.configured_priority
            ),
        },
    );
    row("addresses", status.addresses.join(", "));
    row("in FAULT by", report.faults.join(", "));
    let counters = &report.counters;
    row(
        "sent",
        format!(
            "{} ({} to leave), {} could not be sent, {} left late{}",
            counters.sent,
            counters.sent_release,
            counters.unsent,
            counters.late,
            match counters.latest_micros {
                0 => String::new(),
                micros => format!(" (at most {:?})", Duration::from_micros(micros)),
            }
        ),
    );
    row(
        "received",
        format!(
            "{} ({} to leave, {} with another list of addresses)",
            counters.received, counters.received_release, counters.other_addresses
        ),
    );
    let rejected = counters.rejected.iter();
    row(
        "did not count",
        rejected
            .map(|(reason, count)| format!("{count} by {reason}"))
            .collect::<Vec<_>>()
            .join(", "),
    );
    row(
        "MASTER",
        format!(
            "{} times, left {} times",
            counters.became_master, counters.left_master
        ),
    );
    if status.addresses_restored > 0 {
        row(
            "put back",
            format!(
                "{} times, after somebody had removed an address",
                status.addresses_restored
            ),
        );
    }
    if status.vip_conflicts > 0 {
        row(
            "CONFLICTS",
            format!(
                "{} of its addresses another host has, too; `director status` names it",
                status.vip_conflicts
            ),
        );
    }
    page.push_str(&table::render(&rows, "  "));
    page.push_str(&tracked::render(&status.tracked, now));
    for peer in &report.peers {
        // Writing to a string does not fail.
        let _ = writeln!(page, "  {}", self::peer(peer));
    }
    for claim in &report.claims {
        let _ = writeln!(
            page,
            "  {} ADVERTISED UNDER VRID {}, TOO, by {} {} ago",
            claim.address,
            claim.virtual_router_id,
            claim.peer,
            shown(claim.heard_secs_ago)
        );
    }
    if report.peers.is_empty() {
        page.push_str("  no other director was heard\n");
    }
    page
}

fn peer(peer: &PeerReport) -> String {
    let mut line = format!("{} heard {} ago", peer.address, shown(peer.heard_secs_ago));
    match peer.priority {
        Some(0) => line.push_str(", said that it leaves"),
        Some(priority) => {
            let _ = write!(line, ", priority {priority}");
        }
        None => {}
    }
    if let Some(interval) = peer.interval_secs {
        let _ = write!(line, ", every {}", shown(interval));
    }
    if let Some(addresses) = &peer.other_addresses {
        let _ = write!(
            line,
            "; OTHER ADDRESSES: {}",
            match joined(addresses) {
                none if none.is_empty() => "none".to_owned(),
                addresses => addresses,
            }
        );
    }
    if let Some(reason) = &peer.rejected {
        let _ = write!(
            line,
            "; DOES NOT COUNT: {reason} ({} packets)",
            peer.rejections
        );
    }
    line
}

fn joined<T: ToString>(values: &[T]) -> String {
    let values: Vec<_> = values.iter().map(ToString::to_string).collect();
    values.join(", ")
}

fn address_or(address: Option<std::net::IpAddr>, otherwise: &str) -> String {
    address.map_or_else(|| otherwise.to_owned(), |address| address.to_string())
}

/// Two digits are enough for a person.
fn shown(secs: f64) -> String {
    let time = Duration::try_from_secs_f64(secs).unwrap_or_default();
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..60 if time.subsec_millis() >= 100 => format!("{:.1} s", time.as_secs_f64()),
        _ => humantime::format_duration(Duration::from_secs(time.as_secs())).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::diff::digest::Differences;

    fn line(standing: PairStanding) -> String {
        pair(&PairView {
            peer: [10, 0, 0, 2].into(),
            heard_secs_ago: 3.0,
            standing,
        })
    }

    #[test]
    fn s1_16_the_other_configuration_has_a_line_that_names_what_differs() {
        let equal = line(PairStanding::Equal);
        assert_eq!(
            equal,
            "configuration of 10.0.0.2, heard 3s ago: all that must be equal is\n"
        );
        let differs = line(PairStanding::Different(Differences {
            differ: vec!["vrrp_instance INT".to_owned()],
            missing: Vec::new(),
            unknown: 1,
        }));
        assert!(
            differs.ends_with("DIFFERS: vrrp_instance INT differs, 1 object there is not here\n"),
            "{differs}"
        );
    }
}
