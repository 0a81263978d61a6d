//! Whether the advertisements of the one director reach the other, and are told apart from its own.

use serde_json::Value as Json;

use super::super::{Finding, Value, object::Object};

/// How an instance sends, and to whom.
struct Sending<'a> {
    /// `None`: by multicast.
    peers: Option<Vec<&'a str>>,
    source: Option<&'a str>,
}

impl<'a> Sending<'a> {
    fn of(instance: Object<'a>) -> Self {
        let delivery = instance.get("delivery");
        let unicast = delivery.get("unicast");
        let settings = unicast.or_else(|| delivery.get("multicast"));
        let peers = unicast.map(|unicast| {
            let peers = unicast.get("peers").and_then(Json::as_array);
            let peers = peers.into_iter().flatten();
            peers
                .filter_map(|peer| peer.get("address").and_then(Json::as_str))
                .collect()
        });
        Self {
            peers,
            source: settings
                .and_then(|settings| settings.get("source"))
                .and_then(Json::as_str),
        }
    }

    const fn source_keyword(&self) -> &'static str {
        match self.peers {
            Some(_) => "unicast_src_ip",
            None => "mcast_src_ip",
        }
    }
}

pub(super) fn compare(subject: &str, a: Object<'_>, b: Object<'_>, findings: &mut Vec<Finding>) {
    let (sending_a, sending_b) = (Sending::of(a), Sending::of(b));
    sources(subject, (a, &sending_a), (b, &sending_b), findings);
    match (&sending_a.peers, &sending_b.peers) {
        (None, None) => {}
        (Some(peers_a), Some(peers_b)) => {
            mirrored(
                subject,
                (a, peers_a),
                (b, peers_b, sending_b.source),
                findings,
                Order::Kept,
            );
            mirrored(
                subject,
                (b, peers_b),
                (a, peers_a, sending_a.source),
                findings,
                Order::Turned,
            );
            third_peers(subject, (a, &sending_a), (b, &sending_b), findings);
        }
        (Some(_), None) | (None, Some(_)) => {
            let value = |instance: Object<'_>, sending: &Sending<'_>| {
                let shown = match sending.peers {
                    Some(_) => "unicast",
                    None => "multicast",
                };
                Value::new(shown, instance.place("unicast_peer"))
            };
            findings.push(
                Finding::differs(subject, "unicast_peer", value(a, &sending_a), value(b, &sending_b))
                    .leads_to("neither hears the other: both are MASTER at once")
                    .help("write `unicast_peer` in both files, each with the address of the other director, or in neither"),
            );
        }
    }
}

fn sources(
    subject: &str,
    (a, sending_a): (Object<'_>, &Sending<'_>),
    (b, sending_b): (Object<'_>, &Sending<'_>),
    findings: &mut Vec<Finding>,
) {
    let (Some(source_a), Some(source_b)) = (sending_a.source, sending_b.source) else {
        return;
    };
    if source_a != source_b {
        return;
    }
    let keyword = sending_a.source_keyword();
    findings.push(
        Finding::same(
            subject,
            keyword,
            Value::new(source_a, a.place(keyword)),
            Value::new(source_b, b.place(sending_b.source_keyword())),
        )
        .leads_to("each takes the other's advertisements for its own: both are MASTER at once")
        .help("write each director's own address in its own file"),
    );
}

/// Which of the two sides of a finding is the first file's.
#[derive(Clone, Copy)]
enum Order {
    Kept,
    Turned,
}

/// Whether the one lists the other's source as its peer.
fn mirrored(
    subject: &str,
    (own, peers): (Object<'_>, &[&str]),
    (other, other_peers, source): (Object<'_>, &[&str], Option<&str>),
    findings: &mut Vec<Finding>,
    order: Order,
) {
    let own_value = Value::new(peers.join(", "), own.place("unicast_peer"));
    let finding = |other_value| {
        let (a, b) = match order {
            Order::Kept => (own_value, other_value),
            Order::Turned => (other_value, own_value),
        };
        Finding::differs(subject, "unicast_peer", a, b)
    };
    match source {
        Some(source) if peers.contains(&source) => {}
        Some(source) => findings.push(
            finding(Value::new(source, other.place("unicast_src_ip")))
                .leads_to("the one sends nothing to the other, which becomes MASTER as well")
                .help(format!("list {source} as a peer in the other file")),
        ),
        // Both speak of the same hosts, so neither can be the other's peer.
        None if peers == other_peers => findings.push(
            finding(Value::new(
                other_peers.join(", "),
                other.place("unicast_peer"),
            ))
            .warning()
            .leads_to("whoever has a peer's address itself sends to itself")
            .help("list the other director in each file, and write `unicast_src_ip`"),
        ),
        None => findings.push(
            finding(Value::new(
                "the interface's first address",
                other.place("unicast_src_ip"),
            ))
            .note()
            .leads_to("nobody can see in the files whether the one sends to the other")
            .help("write `unicast_src_ip` in both files"),
        ),
    }
}

/// Directors beside these two must be peers of both.
fn third_peers(
    subject: &str,
    (a, sending_a): (Object<'_>, &Sending<'_>),
    (b, sending_b): (Object<'_>, &Sending<'_>),
    findings: &mut Vec<Finding>,
) {
    let (Some(source_a), Some(source_b)) = (sending_a.source, sending_b.source) else {
        return;
    };
    let others = |sending: &Sending<'_>| {
        let peers = sending.peers.iter().flatten();
        let mut others: Vec<String> = peers
            .filter(|peer| **peer != source_a && **peer != source_b)
            .map(|peer| (*peer).to_owned())
            .collect();
        others.sort_unstable();
        others
    };
    let (others_a, others_b) = (others(sending_a), others(sending_b));
    if others_a == others_b {
        return;
    }
    let value = |instance: Object<'_>, others: &[String]| {
        let shown = match others {
            [] => "no third director".to_owned(),
            others => others.join(", "),
        };
        Value::new(shown, instance.place("unicast_peer"))
    };
    findings.push(
        Finding::differs(
            subject,
            "unicast_peer",
            value(a, &others_a),
            value(b, &others_b),
        )
        .warning()
        .leads_to("a third director hears one of the two only"),
    );
}
