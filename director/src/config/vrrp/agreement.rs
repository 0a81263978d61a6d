//! Whether instances and sync groups agree with one another.

use std::collections::HashMap;

use super::{
    super::{
        Diagnostic, Family, Span,
        diagnostic::{nearest, quoted},
        track::judge_weights,
    },
    VirtualAddress, VrrpInstance,
    sync_group::WrittenGroup,
};

/// Says where instances collide and where groups name what is not there; takes repeated addresses away.
pub(in super::super) fn judge(
    instances: &mut [VrrpInstance],
    groups: &[WrittenGroup<'_>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for instance in instances.iter_mut() {
        unrepeated(instance, diagnostics);
    }
    names(instances, diagnostics);
    virtual_macs(instances, diagnostics);
    witnesses(instances, diagnostics);
    router_ids(instances, diagnostics);
    addresses(instances, diagnostics);
    group_names(groups, diagnostics);
    memberships(instances, groups, diagnostics);
    let groups: Vec<_> = groups.iter().map(|written| &written.group).collect();
    judge_weights(instances, &groups, diagnostics);
}

/// An address that stands twice in one instance is held once.
fn unrepeated(instance: &mut VrrpInstance, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen = HashMap::new();
    let mut first = |address: &VirtualAddress| match seen.insert(address.address, address.span) {
        None => true,
        Some(earlier) => {
            diagnostics.push(
                Diagnostic::warning(
                    address.span,
                    "this address is listed twice in this instance",
                )
                .label("this one has no effect")
                .related(earlier, "first listed here"),
            );
            false
        }
    };
    instance.virtual_ipaddress.retain(&mut first);
    instance.virtual_ipaddress_excluded.retain(&mut first);
}

fn names(instances: &[VrrpInstance], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for instance in instances {
        if let Some(earlier) = seen.insert(&instance.name, instance.span) {
            diagnostics.push(
                Diagnostic::error(
                    instance.span,
                    format!("a second `vrrp_instance` {}", quoted(&instance.name)),
                )
                .related(earlier, "the first one")
                .help("give each instance a name of its own"),
            );
        }
    }
}

/// A device of its own for each instance.
fn virtual_macs(instances: &[VrrpInstance], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, (Span, &'static str)> = instances
        .iter()
        .map(|instance| {
            let place = (instance.interface_span, "an instance speaks on it");
            (instance.interface.as_str(), place)
        })
        .collect();
    for instance in instances {
        let Some(virtual_mac) = &instance.virtual_mac else {
            continue;
        };
        let span = instance.places.of("use_vmac").unwrap_or(instance.span);
        let place = (span, "the device of another instance");
        if let Some((earlier, what)) = seen.insert(&virtual_mac.interface, place) {
            diagnostics.push(
                Diagnostic::error(
                    span,
                    format!("the name {} is taken", quoted(&virtual_mac.interface)),
                )
                .label("this device would have it")
                .related(earlier, what)
                .help("write another name: `use_vmac NAME`"),
            );
        }
    }
}

/// A virtual address answers as soon as this director is MASTER, and so says nothing of the network.
fn witnesses(instances: &[VrrpInstance], diagnostics: &mut Vec<Diagnostic>) {
    let held: HashMap<_, _> = instances
        .iter()
        .flat_map(VrrpInstance::addresses)
        .map(|held| (held.address, held.span))
        .collect();
    for witness in instances
        .iter()
        .filter_map(|instance| instance.witness.as_ref())
    {
        for (address, span) in witness.addresses.iter().zip(&witness.address_spans) {
            if let Some(held) = held.get(address) {
                diagnostics.push(
                    Diagnostic::error(*span, format!("{address} is a virtual address"))
                        .label("it answers from whoever is MASTER, and so is no witness")
                        .related(*held, "held here")
                        .help("name a host that is neither of the directors, such as the gateway"),
                );
            }
        }
    }
}

fn router_ids(instances: &[VrrpInstance], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<(&str, u8, Family), &VrrpInstance> = HashMap::new();
    // An instance without an interface or an id was refused when it was read.
    for instance in instances
        .iter()
        .filter(|instance| instance.virtual_router_id != 0 && !instance.interface.is_empty())
    {
        // IPv4 and IPv6 have their own groups and numbers (RFC 9568 section 5.2.3).
        let key = (
            instance.interface.as_str(),
            instance.virtual_router_id,
            instance.family,
        );
        if let Some(earlier) = seen.insert(key, instance) {
            diagnostics.push(
                Diagnostic::error(
                    instance.span,
                    format!("`virtual_router_id {}` is used twice on interface {}", instance.virtual_router_id, quoted(&instance.interface)),
                )
                .label("this instance and another have the same id")
                .related(earlier.span, "the other one")
                .help("give each instance on a network an id of its own, the same on all directors of the instance"),
            );
        }
    }
}

fn addresses(instances: &[VrrpInstance], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen = HashMap::new();
    for (index, instance) in instances.iter().enumerate() {
        for address in instance.addresses() {
            let (holder, earlier) = *seen.entry(address.address).or_insert((index, address.span));
            if holder != index {
                diagnostics.push(
                    Diagnostic::error(
                        address.span,
                        format!("two instances hold {}", address.address),
                    )
                    .label(format!(
                        "{} would bring it up as well",
                        quoted(&instance.name)
                    ))
                    .related(earlier, "first held here")
                    .help("leave it in one instance"),
                );
            }
        }
    }
}

fn group_names(groups: &[WrittenGroup<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for WrittenGroup { group, .. } in groups {
        if let Some(earlier) = seen.insert(&group.name, group.span) {
            diagnostics.push(
                Diagnostic::error(
                    group.span,
                    format!("a second `vrrp_sync_group` {}", quoted(&group.name)),
                )
                .related(earlier, "the first one")
                .help("give each group a name of its own"),
            );
        }
    }
}

fn memberships(
    instances: &[VrrpInstance],
    groups: &[WrittenGroup<'_>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for group in groups {
        if let [_] = group.members.as_slice() {
            diagnostics.push(
                Diagnostic::warning(
                    group.group.span,
                    format!(
                        "`vrrp_sync_group` {} has one member",
                        quoted(&group.group.name)
                    ),
                )
                .label("a group of one has no effect"),
            );
        }
        for member in &group.members {
            if !instances
                .iter()
                .any(|instance| instance.name == member.text)
            {
                diagnostics.push(unknown_member(instances, &member.text, member.span));
            }
            if let Some(earlier) = seen.insert(&member.text, member.span) {
                diagnostics.push(
                    Diagnostic::error(
                        member.span,
                        format!("{} is in a sync group twice", quoted(&member.text)),
                    )
                    .label("an instance can be in one group, once")
                    .related(earlier, "it is a member here"),
                );
            }
        }
    }
}

fn unknown_member(instances: &[VrrpInstance], name: &str, span: Span) -> Diagnostic {
    let error = Diagnostic::error(
        span,
        format!("there is no `vrrp_instance` {}", quoted(name)),
    );
    match nearest(
        name,
        instances.iter().map(|instance| instance.name.as_str()),
    ) {
        Some(near) => error.label(format!("did you mean {}?", quoted(near))),
        None => error.help("name an instance of this file, or take it out of the group"),
    }
}
