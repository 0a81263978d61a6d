//! Reading a `vrrp_sync_group`.

use super::{
    super::{
        Diagnostic,
        diagnostic::quoted,
        grammar::VRRP_SYNC_GROUP,
        notify::Notify,
        settings::{Setting, Settings},
        track::{Definitions, Track},
        tree::Word,
    },
    InstanceDefaults, SyncGroup,
};

/// A group whose members are words with their places; [`super::judge`] needs the places.
pub(in super::super) struct WrittenGroup<'a> {
    pub(in super::super) group: SyncGroup,
    pub(in super::super) members: Vec<&'a Word>,
}

/// All groups, in order.
pub(in super::super) fn sync_groups<'a>(
    root: &mut Settings<'a, '_>,
    defaults: &InstanceDefaults,
    definitions: &mut Definitions,
) -> Vec<WrittenGroup<'a>> {
    root.take_all("vrrp_sync_group")
        .iter()
        .filter_map(|setting| sync_group(setting, defaults, definitions, root.diagnostics))
        .collect()
}

fn sync_group<'a>(
    setting: &Setting<'a>,
    defaults: &InstanceDefaults,
    definitions: &mut Definitions,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<WrittenGroup<'a>> {
    let name = setting.arguments.first()?;
    let mut settings = Settings::read(&VRRP_SYNC_GROUP, setting.block?, diagnostics);
    let group = settings.take("group");
    let track = Track::read(&mut settings, definitions);
    let notify = Notify::of_group(&mut settings, defaults);
    let tracking_weight = settings.take("sync_group_tracking_weight").is_some();
    let places = settings.places();
    settings.finish();
    let members = match group {
        Some(group) => members(&group, diagnostics),
        None => Vec::new(),
    };
    if members.is_empty() {
        diagnostics.push(
            Diagnostic::error(
                name.span,
                format!("`vrrp_sync_group` {} has no members", quoted(&name.text)),
            )
            .help("list the names of its instances: `group { NAME NAME }`"),
        );
    }
    let group = SyncGroup {
        name: name.text.clone(),
        group: members.iter().map(|word| word.text.clone()).collect(),
        track,
        notify,
        tracking_weight,
        span: name.span,
        places,
    };
    Some(WrittenGroup { group, members })
}

/// The names in `group { }`: any number of them on a line.
fn members<'a>(group: &Setting<'a>, diagnostics: &mut Vec<Diagnostic>) -> Vec<&'a Word> {
    let statements = group
        .block
        .map(|block| block.statements.as_slice())
        .unwrap_or_default();
    for statement in statements {
        if let (Some(_), Some(word)) = (&statement.block, statement.words.last()) {
            diagnostics.push(Diagnostic::error(
                word.span,
                "a block cannot stand among the names of instances",
            ));
        }
    }
    statements
        .iter()
        .flat_map(|statement| &statement.words)
        .collect()
}
