//! Whether what is tracked can do what its author thinks.

use super::{
    super::{
        Diagnostic, Span,
        diagnostic::quoted,
        vrrp::{ADDRESS_OWNER, SyncGroup, VrrpInstance},
    },
    Track, Tracked,
    definition::{Defined, Definitions, Named, Usage},
};

/// Weights that do nothing: of the owner of the addresses, and of members of a sync group, which are taken for 0 as in keepalived.
pub(in super::super) fn judge_weights(
    instances: &mut [VrrpInstance],
    groups: &[&SyncGroup],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for instance in instances {
        own_interface(instance, diagnostics);
        let group = groups
            .iter()
            .find(|group| group.group.contains(&instance.name));
        if let Some(group) = group {
            tracked_by_group(instance, group, diagnostics);
        }
        match group {
            Some(group) if !group.tracking_weight => {
                weights_in_group(instance, group, diagnostics);
            }
            _ if instance.priority == ADDRESS_OWNER => weights_of_owner(instance, diagnostics),
            _ => {}
        }
    }
}

/// An instance whose interface is down cannot speak: that is a fault, whatever the weight of this interface.
fn own_interface(instance: &mut VrrpInstance, diagnostics: &mut Vec<Diagnostic>) {
    let own = &instance.interface;
    instance.track.interfaces.retain(|tracked| {
        let is_needless = tracked.name == *own && tracked.weight == 0;
        if is_needless {
            diagnostics.push(
                Diagnostic::warning(
                    tracked.span,
                    format!("{} is the instance's own interface", quoted(&tracked.name)),
                )
                .label("it is tracked in any case; this line has no effect")
                .help("take the line away"),
            );
        }
        !is_needless
    });
}

fn tracked_by_group(
    instance: &mut VrrpInstance,
    group: &SyncGroup,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let groups_own: Vec<(&'static str, String, Span)> = group
        .track
        .all()
        .map(|(keyword, tracked)| (keyword, tracked.name.clone(), tracked.span))
        .collect();
    let Track {
        interfaces,
        scripts,
        processes,
        files,
    } = &mut instance.track;
    for (keyword, name, span) in groups_own {
        let own = match keyword {
            "track_interface" => &mut *interfaces,
            "track_script" => &mut *scripts,
            "track_process" => &mut *processes,
            _ => &mut *files,
        };
        own.retain(|tracked| {
            let is_needless = tracked.name == name;
            if is_needless {
                diagnostics.push(
                    Diagnostic::warning(
                        tracked.span,
                        format!("the sync group tracks {}, too", quoted(&name)),
                    )
                    .label("this line has no effect")
                    .related(span, "this one counts for all members"),
                );
            }
            !is_needless
        });
    }
}

fn weights_in_group(
    instance: &mut VrrpInstance,
    group: &SyncGroup,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let weighted = |tracked: &&mut Tracked| tracked.weight != 0;
    for tracked in instance
        .track
        .lists_mut()
        .into_iter()
        .flatten()
        .filter(weighted)
    {
        diagnostics.push(
            Diagnostic::warning(
                tracked.span,
                format!(
                    "the weight of {} is taken for 0 in a sync group",
                    quoted(&tracked.name)
                ),
            )
            .label("as in keepalived: while it fails, the whole group is in FAULT")
            .related(
                group.span,
                "the group, without `sync_group_tracking_weight`",
            )
            .note(
                "members whose priorities differ would make the group change sides again and again",
            )
            .help("track it in the group, whose weights count for all members"),
        );
        tracked.weight = 0;
    }
}

fn weights_of_owner(instance: &VrrpInstance, diagnostics: &mut Vec<Diagnostic>) {
    for (_, tracked) in instance.track.all() {
        if tracked.weight != 0 {
            diagnostics.push(
                Diagnostic::warning(
                    tracked.span,
                    format!(
                        "the weight of {} has no effect with priority 255",
                        quoted(&tracked.name)
                    ),
                )
                .label("the owner of the addresses keeps its priority whatever happens")
                .help("write `weight 0` for FAULT while it fails, or a priority from 1 to 254"),
            );
        }
    }
}

/// Definitions that nobody tracks, and weights that are written over wherever they are tracked.
pub(in super::super) fn judge_definitions(
    definitions: &Definitions,
    diagnostics: &mut Vec<Diagnostic>,
) {
    usage(&definitions.scripts, diagnostics);
    usage(&definitions.processes, diagnostics);
    usage(&definitions.files, diagnostics);
}

fn usage<T: Named>(defined: &[Defined<T>], diagnostics: &mut Vec<Diagnostic>) {
    for definition in defined {
        let name = quoted(definition.value.name());
        match (definition.usage, definition.weight.span) {
            (Usage::None, _) => diagnostics.push(
                Diagnostic::warning(
                    definition.value.span(),
                    format!("nobody tracks `{}` {name}", T::KEYWORD),
                )
                .label("it is not looked at, as in keepalived")
                .help(
                    "name it in the block of an instance or a sync group that shall depend on it",
                ),
            ),
            (Usage::Overridden, Some(span)) => diagnostics.push(
                Diagnostic::warning(span, format!("this weight of {name} has no effect"))
                    .label("each line that tracks it has a weight of its own")
                    .help("take it away, or take it out of the lines"),
            ),
            (Usage::Overridden, None) | (Usage::Inherited, _) => {}
        }
    }
}
