//! Who is told when a role changes.

use std::path::PathBuf;

use serde::Serialize;

use super::{
    Diagnostic,
    diagnostic::quoted,
    script::Script,
    settings::Settings,
    value::{self, Spanned},
    vrrp::InstanceDefaults,
};

/// Scripts of an instance or a sync group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Notify {
    /// `notify_master`.
    pub master: Option<Script>,
    /// `notify_backup`.
    pub backup: Option<Script>,
    /// `notify_fault`.
    pub fault: Option<Script>,
    /// `notify_stop`.
    pub stop: Option<Script>,
    /// `notify_deleted`; of instances only.
    pub deleted: Option<Script>,
    /// `notify`: called with `INSTANCE|GROUP name STATE priority` after its own arguments.
    pub any: Option<Script>,
    /// `notify_master_rx_lower_pri`; of instances only.
    pub lower_priority_master: Option<Script>,
    /// `notify_priority_changes`.
    pub priority_changes: bool,
}

/// `notify_fifo`, `vrrp_notify_fifo`, with their `_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fifo {
    /// The named pipe; it is made if it is not there. An absolute path.
    pub path: PathBuf,
    /// `notify_fifo_script`: started once, with the path as its last argument.
    pub script: Option<Script>,
}

impl Notify {
    /// The scripts of a `vrrp_instance`.
    pub(super) fn of_instance(
        settings: &mut Settings<'_, '_>,
        defaults: &InstanceDefaults,
    ) -> Self {
        Self {
            deleted: deleted(settings),
            lower_priority_master: script(settings, "notify_master_rx_lower_pri"),
            ..Self::of_group(settings, defaults)
        }
    }

    /// The scripts of a `vrrp_sync_group`.
    pub(super) fn of_group(settings: &mut Settings<'_, '_>, defaults: &InstanceDefaults) -> Self {
        Self {
            master: script(settings, "notify_master"),
            backup: script(settings, "notify_backup"),
            fault: script(settings, "notify_fault"),
            stop: script(settings, "notify_stop"),
            any: script(settings, "notify"),
            priority_changes: settings
                .switch("notify_priority_changes")
                .unwrap_or(defaults.notify_priority_changes),
            ..Self::default()
        }
    }

    /// Each script with its keyword.
    pub fn scripts(&self) -> impl Iterator<Item = (&'static str, &Script)> {
        [
            ("notify_master", &self.master),
            ("notify_backup", &self.backup),
            ("notify_fault", &self.fault),
            ("notify_stop", &self.stop),
            ("notify_deleted", &self.deleted),
            ("notify", &self.any),
            ("notify_master_rx_lower_pri", &self.lower_priority_master),
        ]
        .into_iter()
        .filter_map(|(keyword, script)| script.as_ref().map(|script| (keyword, script)))
    }
}

fn script(settings: &mut Settings<'_, '_>, name: &'static str) -> Option<Script> {
    let setting = settings.take(name)?;
    Script::with_user(&setting, settings.diagnostics)
}

/// In keepalived the keyword alone says that a deleted instance is told as `DELETED` instead of `FAULT`.
fn deleted(settings: &mut Settings<'_, '_>) -> Option<Script> {
    let setting = settings.take("notify_deleted")?;
    if setting.arguments.is_empty() {
        settings.diagnostics.push(
            Diagnostic::warning(
                setting.span,
                "`notify_deleted` without a script changes nothing",
            )
            .label("an instance that a reload takes away is always told as `DELETED`"),
        );
        return None;
    }
    Script::with_user(&setting, settings.diagnostics)
}

impl Fifo {
    /// `notify_fifo PATH [USER [GROUP]]` and `notify_fifo_script COMMAND [USER [GROUP]]`, by their names.
    pub(super) fn read(
        settings: &mut Settings<'_, '_>,
        name: &'static str,
        script_name: &'static str,
    ) -> Option<Spanned<Self>> {
        let pipe = path(settings, name);
        let reader = settings.take(script_name);
        let script = reader
            .as_ref()
            .and_then(|setting| Script::with_user(setting, settings.diagnostics));
        if let (None, Some(reader)) = (&pipe, &reader) {
            settings.diagnostics.push(
                Diagnostic::warning(
                    reader.span,
                    format!("`{script_name}` has no `{name}` to read"),
                )
                .label("it is not started, as in keepalived")
                .help(format!("add `{name} /run/director/{name}`")),
            );
        }
        let Spanned { value: path, span } = pipe?;
        Some(Spanned {
            value: Self { path, script },
            span,
        })
    }
}

/// keepalived, too, wants a path of its own for each pipe.
pub(super) fn judge_paths(
    a: Option<&Spanned<Fifo>>,
    b: Option<&Spanned<Fifo>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let (Some(a), Some(b)) = (a, b) else { return };
    if a.value.path != b.value.path {
        return;
    }
    let path = a.value.path.display().to_string();
    diagnostics.push(
        Diagnostic::error(
            a.span.max(b.span),
            format!("two pipes have the path {}", quoted(&path)),
        )
        .label("each event would be written to it twice")
        .related(a.span.min(b.span), "the other one")
        .help("give each pipe a path of its own, or take one away"),
    );
}

fn path(settings: &mut Settings<'_, '_>, name: &'static str) -> Option<Spanned<PathBuf>> {
    let setting = settings.take(name)?;
    if let Some(user) = setting.arguments.get(1) {
        settings.diagnostics.push(
            Diagnostic::warning(user.span, "the owner of a pipe is not supported yet")
                .label("a pipe that is made is root's alone")
                .help(
                    "make the pipe before, with the owner that it shall have: it is taken as it is",
                ),
        );
    }
    settings.one(&setting, |word| {
        value::absolute_path(word, &format!("{name} /run/director/{name}"))
    })
}
