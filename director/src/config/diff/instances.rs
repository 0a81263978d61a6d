//! VRRP instances and sync groups: which of them belong together, and whether they agree.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    Finding, Side, Span, Value,
    object::Object,
    rules::{self, ADDRESS, GARP, GROUP, INSTANCE, INTERVAL_V2, INTERVAL_V3, Unit, shown},
};

mod delivery;
mod preemption;

/// What keepalived before 2.3.3 made of two lists that differ, and what this director does.
const TWO_MASTERS: &str = "two MASTERs in keepalived before 2.3.3: each drops the other's advertisements; this director tells it, and one of them \
                           does not answer for the address";

/// The index of an instance on either side.
pub(super) type Pair = (usize, usize);

/// Compares all instances; returns which belong together.
pub(super) fn compare(a: &Side<'_>, b: &Side<'_>, findings: &mut Vec<Finding>) -> Vec<Pair> {
    let (instances_a, instances_b) = (a.instances(), b.instances());
    let pairs = pairs(&instances_a, &instances_b);
    for (index, instance) in instances_a.iter().enumerate() {
        let other = pairs.iter().find(|(own, _)| *own == index);
        let other = other.and_then(|(_, other)| Some((*other, *instances_b.get(*other)?)));
        match other {
            Some((other_index, other)) => {
                let subject = subject(instance);
                compare_pair(&subject, *instance, other, findings);
                passwords(&subject, (a, index), (b, other_index), findings);
                delivery::compare(&subject, *instance, other, findings);
                addresses(&subject, (a, index), (b, other_index), findings);
            }
            None => findings.push(alone(
                &subject(instance),
                Value::new(addresses_of(*instance), instance.span),
                Value::nothing(None),
            )),
        }
    }
    for (index, instance) in instances_b.iter().enumerate() {
        if !pairs.iter().any(|(_, other)| *other == index) {
            let value = Value::new(addresses_of(*instance), instance.span);
            findings.push(alone(&subject(instance), Value::nothing(None), value));
        }
    }
    pairs
}

/// What an instance is called.
pub(super) fn subject(instance: &Object<'_>) -> String {
    format!("vrrp_instance {}", instance.text("name"))
}

fn alone(subject: &str, a: Value, b: Value) -> Finding {
    Finding::missing(subject, "vrrp_instance", a, b)
        .leads_to("no other director takes its addresses over")
        .help("write it in both files, or in neither")
}

fn addresses_of(instance: Object<'_>) -> String {
    let addresses = instance.list("virtual_ipaddress").iter();
    let addresses: Vec<_> = addresses
        .filter_map(|held| held.get("address").and_then(Json::as_str))
        .collect();
    match addresses.as_slice() {
        [] => "an instance without addresses".to_owned(),
        addresses => format!("an instance with {}", addresses.join(", ")),
    }
}

/// Whether two instances seem to be the same one.
type Likeness = dyn Fn(&Object<'_>, &Object<'_>) -> bool;

/// By name; those that are left by their number and family; those that are left by an address that both hold, so that a number
/// that is mistyped is found as such (scenario 1.11).
fn pairs(a: &[Object<'_>], b: &[Object<'_>]) -> Vec<Pair> {
    let same_name = |a: &Object<'_>, b: &Object<'_>| a.text("name") == b.text("name");
    let same_number = |a: &Object<'_>, b: &Object<'_>| {
        ["virtual_router_id", "family"]
            .iter()
            .all(|key| a.get(key) == b.get(key))
    };
    let same_address = |a: &Object<'_>, b: &Object<'_>| {
        let address = |held: &Json| held.get("address").cloned();
        let in_b: Vec<_> = b.list("virtual_ipaddress").iter().map(address).collect();
        let mut in_a = a.list("virtual_ipaddress").iter().map(address);
        in_a.any(|held| in_b.contains(&held))
    };
    let likenesses: [&Likeness; 3] = [&same_name, &same_number, &same_address];
    let mut pairs: Vec<Pair> = Vec::new();
    for alike in likenesses {
        for (index_a, instance) in a.iter().enumerate() {
            if pairs.iter().any(|(taken, _)| *taken == index_a) {
                continue;
            }
            let found = b.iter().enumerate().find(|(index_b, other)| {
                !pairs.iter().any(|(_, taken)| taken == index_b) && alike(instance, other)
            });
            pairs.extend(found.map(|(index_b, _)| (index_a, index_b)));
        }
    }
    pairs.sort_unstable();
    pairs
}

fn compare_pair(subject: &str, a: Object<'_>, b: Object<'_>, findings: &mut Vec<Finding>) {
    if a.text("name") != b.text("name") {
        let name = |instance: Object<'_>| Value::new(instance.text("name"), instance.span);
        findings.push(
            Finding::differs(subject, "vrrp_instance", name(a), name(b))
                .note()
                .leads_to("it is allowed; notices of one instance have two names"),
        );
    }
    rules::apply(INSTANCE, subject, a, b, findings);
    let interval = match (a.text("version"), b.text("version")) {
        ("3", "3") => INTERVAL_V3,
        _ => INTERVAL_V2,
    };
    rules::apply(interval, subject, a, b, findings);
    rules::apply(GARP, subject, a.child("garp"), b.child("garp"), findings);
    preemption::compare(subject, a, b, findings);
    virtual_mac(subject, a, b, findings);
    authentication(subject, a, b, findings);
}

fn virtual_mac(subject: &str, a: Object<'_>, b: Object<'_>, findings: &mut Vec<Finding>) {
    let has_one = |instance: Object<'_>| !instance.get("virtual_mac").is_null();
    if has_one(a) == has_one(b) {
        return;
    }
    let value = |instance: Object<'_>| {
        let shown = if has_one(instance) {
            "the virtual router's MAC address"
        } else {
            "the interface's own MAC address"
        };
        Value::new(shown, instance.place("use_vmac"))
    };
    findings.push(
        Finding::differs(subject, "use_vmac", value(a), value(b))
            .warning()
            .leads_to("the addresses have another MAC address after each takeover"),
    );
}

fn authentication(subject: &str, a: Object<'_>, b: Object<'_>, findings: &mut Vec<Finding>) {
    let kind = |instance: Object<'_>| {
        shown(
            instance.child("authentication").get("auth_type"),
            Unit::Plain,
        )
    };
    if kind(a) == kind(b) {
        return;
    }
    let value = |instance: Object<'_>| Value::new(kind(instance), instance.place("authentication"));
    findings.push(
        Finding::differs(subject, "auth_type", value(a), value(b))
            .leads_to("each drops the other's advertisements: both are MASTER at once")
            .help("write the same `authentication` in both files"),
    );
}

/// Passwords are compared, and never shown. A side from JSON has none.
fn passwords(
    subject: &str,
    (a, index_a): (&Side<'_>, usize),
    (b, index_b): (&Side<'_>, usize),
    findings: &mut Vec<Finding>,
) {
    let (Some(in_a), Some(in_b)) = (a.written_instance(index_a), b.written_instance(index_b))
    else {
        return;
    };
    let (Some(password_a), Some(password_b)) = (&in_a.authentication, &in_b.authentication) else {
        return;
    };
    if password_a.auth_pass == password_b.auth_pass {
        return;
    }
    let place = |side: &Side<'_>, span: Option<Span>, block: Span| {
        let span = side.shift(span.unwrap_or(block));
        Value::new("a password", Some(span))
    };
    let value_a = place(a, in_a.places.of("authentication"), in_a.span);
    let value_b = place(b, in_b.places.of("authentication"), in_b.span);
    findings.push(
        Finding::differs(
            subject,
            "auth_pass",
            value_a,
            Value {
                shown: "another password".to_owned(),
                ..value_b
            },
        )
        .leads_to("each drops the other's advertisements: both are MASTER at once")
        .help("write the same password in both files; 8 bytes of it count"),
    );
}

/// An address of an instance on one side.
#[derive(Clone, Copy)]
struct Held<'a> {
    json: &'a Json,
    list: &'static str,
    span: Option<Span>,
}

fn held<'a>(side: &Side<'_>, instance: Object<'a>, index: usize) -> BTreeMap<&'a str, Held<'a>> {
    let written = side.written_instance(index);
    let lists = [
        (
            "virtual_ipaddress",
            written.map(|instance| &instance.virtual_ipaddress),
        ),
        (
            "virtual_ipaddress_excluded",
            written.map(|instance| &instance.virtual_ipaddress_excluded),
        ),
    ];
    let mut held = BTreeMap::new();
    for (list, written) in lists {
        for (place, json) in instance.list(list).iter().enumerate() {
            let span = written.and_then(|written| written.get(place));
            let span = span.map(|address| side.shift(address.span));
            if let Some(address) = json.get("address").and_then(Json::as_str) {
                held.insert(address, Held { json, list, span });
            }
        }
    }
    held
}

fn addresses(
    subject: &str,
    (a, index_a): (&Side<'_>, usize),
    (b, index_b): (&Side<'_>, usize),
    findings: &mut Vec<Finding>,
) {
    let (instances_a, instances_b) = (a.instances(), b.instances());
    let (Some(instance_a), Some(instance_b)) = (instances_a.get(index_a), instances_b.get(index_b))
    else {
        return;
    };
    let (held_a, held_b) = (held(a, *instance_a, index_a), held(b, *instance_b, index_b));
    let mut only_a = Vec::new();
    for (address, in_a) in &held_a {
        match held_b.get(address) {
            None => only_a.push((*address, *in_a)),
            Some(in_b) => same_address(subject, address, *in_a, *in_b, findings),
        }
    }
    let mut only_b: Vec<_> = held_b
        .iter()
        .filter(|(address, _)| !held_a.contains_key(*address))
        .map(|(address, held)| (*address, *held))
        .collect();
    // Where each has one that the other has not, they stand for each other: that is how a mistyped one looks.
    for (address, in_a) in only_a {
        let counterpart = only_b.iter().position(|(_, in_b)| in_b.list == in_a.list);
        let value_a = Value::new(address, in_a.span);
        findings.push(match counterpart.map(|index| only_b.remove(index)) {
            Some((other, in_b)) => {
                let value_b = Value::new(other, in_b.span);
                missing_address(Finding::differs(subject, in_a.list, value_a, value_b))
            }
            None => {
                let value_b = Value::nothing(instance_b.place(in_a.list));
                missing_address(Finding::missing(subject, in_a.list, value_a, value_b))
            }
        });
    }
    for (address, in_b) in only_b {
        let value_a = Value::nothing(instance_a.place(in_b.list));
        let value_b = Value::new(address, in_b.span);
        findings.push(missing_address(Finding::missing(
            subject, in_b.list, value_a, value_b,
        )));
    }
}

fn missing_address(finding: Finding) -> Finding {
    let leads_to = match finding.setting.as_str() {
        "virtual_ipaddress" => TWO_MASTERS,
        _ => "one of the directors does not answer for the address while it is MASTER",
    };
    finding
        .leads_to(leads_to)
        .help("list the same addresses in both files")
}

fn same_address(
    subject: &str,
    address: &str,
    a: Held<'_>,
    b: Held<'_>,
    findings: &mut Vec<Finding>,
) {
    let subject = format!("{address} of {subject}");
    if a.list != b.list {
        findings.push(
            Finding::differs(
                &subject,
                "virtual_ipaddress",
                Value::new(a.list, a.span),
                Value::new(b.list, b.span),
            )
            .leads_to(TWO_MASTERS)
            .help("list the address in the same block in both files"),
        );
    }
    let (a, b) = (Object::bare(a.json, a.span), Object::bare(b.json, b.span));
    rules::apply(ADDRESS, &subject, a, b, findings);
}

/// Compares all sync groups, whose members have the names of one side.
pub(super) fn compare_groups(
    a: &Side<'_>,
    b: &Side<'_>,
    pairs: &[Pair],
    findings: &mut Vec<Finding>,
) {
    let names = Names::new(a, b, pairs);
    let (groups_a, groups_b) = (a.groups(), b.groups());
    let mut taken = Vec::new();
    for group in &groups_a {
        let members = names.members(group);
        let by_name = |other: &Object<'_>| other.text("name") == group.text("name");
        let by_members = |other: &Object<'_>| names_of(other) == members;
        let free = |index: &usize| !taken.contains(index);
        let find = |alike: &dyn Fn(&Object<'_>) -> bool| {
            let mut others = groups_b.iter().enumerate();
            others
                .find(|(index, other)| free(index) && alike(other))
                .map(|(index, other)| (index, *other))
        };
        let subject = format!("vrrp_sync_group {}", group.text("name"));
        let Some((index, other)) = find(&by_name).or_else(|| find(&by_members)) else {
            findings.push(group_alone(
                &subject,
                group_value(*group),
                Value::nothing(None),
            ));
            continue;
        };
        taken.push(index);
        rules::apply(GROUP, &subject, *group, other, findings);
        if names_of(&other) != members {
            findings.push(
                Finding::differs(&subject, "group", group_value(*group), group_value(other))
                    .leads_to(
                        "after a failure one instance goes to the other director, and those that belong to it stay",
                    )
                    .help("list the same instances in both files"),
            );
        }
    }
    for (index, group) in groups_b.iter().enumerate() {
        if !taken.contains(&index) {
            let subject = format!("vrrp_sync_group {}", group.text("name"));
            findings.push(group_alone(
                &subject,
                Value::nothing(None),
                group_value(*group),
            ));
        }
    }
}

/// A group of one has no effect on either side.
fn group_alone(subject: &str, a: Value, b: Value) -> Finding {
    Finding::missing(subject, "vrrp_sync_group", a, b)
        .leads_to("after a failure one instance goes to the other director, and those that belong to it stay")
        .help("write the group in both files, or in neither")
}

fn group_value(group: Object<'_>) -> Value {
    Value::new(shown(group.get("group"), Unit::Plain), group.place("group"))
}

fn names_of(group: &Object<'_>) -> Vec<String> {
    let names = group.list("group").iter();
    let mut names: Vec<_> = names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    names.sort_unstable();
    names
}

/// What the instances of the first side are called on the second.
struct Names(BTreeMap<String, String>);

impl Names {
    fn new(a: &Side<'_>, b: &Side<'_>, pairs: &[Pair]) -> Self {
        let (a, b) = (a.instances(), b.instances());
        let names = pairs.iter().filter_map(|(in_a, in_b)| {
            let (in_a, in_b) = (a.get(*in_a)?, b.get(*in_b)?);
            Some((in_a.text("name").to_owned(), in_b.text("name").to_owned()))
        });
        Self(names.collect())
    }

    /// The members of a group of the first side, by their names on the second.
    fn members(&self, group: &Object<'_>) -> Vec<String> {
        let mut members: Vec<_> = names_of(group)
            .into_iter()
            .map(|name| self.0.get(&name).cloned().unwrap_or(name))
            .collect();
        members.sort_unstable();
        members
    }
}
