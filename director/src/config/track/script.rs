//! Reading a `vrrp_script`.

use std::{num::NonZeroU32, time::Duration};

use super::{
    super::{
        Diagnostic,
        diagnostic::quoted,
        grammar::VRRP_SCRIPT,
        script::{Script, ScriptUser},
        settings::{Setting, Settings},
        tree::Word,
        value::number,
    },
    StartsAs, VrrpScript,
    definition::{Defined, WEIGHT, Weight},
};

/// A second, which is also keepalived's default.
const INTERVAL: Duration = Duration::from_secs(1);
/// No script says something new more often.
const LEAST: Duration = Duration::from_millis(10);

pub(super) fn read(
    setting: &Setting<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Defined<VrrpScript>> {
    let name = setting.arguments.first()?;
    let mut settings = Settings::read(&VRRP_SCRIPT, setting.block?, diagnostics);
    let script = script(&mut settings, name);
    let interval = settings
        .duration("interval", LEAST)
        .map_or(INTERVAL, |found| found.value);
    let timeout = settings
        .duration("timeout", LEAST)
        .map_or(interval, |found| found.value);
    let rise = runs(&mut settings, "rise");
    let fall = runs(&mut settings, "fall");
    let weight = Weight::read(&mut settings, 0, WEIGHT);
    let starts_as = match settings.take("init_fail") {
        Some(_) => StartsAs::Failed,
        None => StartsAs::Unknown,
    };
    let user = settings.take("user");
    settings.finish();
    let value = VrrpScript {
        name: name.text.clone(),
        // Without a command it was refused; it stays, so that whoever tracks it is not told that there is none.
        script: Script {
            user: user.and_then(|user| ScriptUser::read(user.arguments)),
            ..script.unwrap_or(Script {
                command: Vec::new(),
                user: None,
                span: name.span,
            })
        },
        interval,
        timeout,
        rise,
        fall,
        starts_as,
        span: name.span,
    };
    Some(Defined::new(value, weight))
}

fn script(settings: &mut Settings<'_, '_>, name: &Word) -> Option<Script> {
    let Some(setting) = settings.take("script") else {
        settings.diagnostics.push(
            Diagnostic::error(
                name.span,
                format!("`vrrp_script` {} has no `script`", quoted(&name.text)),
            )
            .help("add `script \"/etc/keepalived/check.sh\"`, a program that exits with 0 while all is well"),
        );
        return None;
    };
    let Some((command, rest)) = setting.arguments.split_first() else {
        settings.diagnostics.push(
            Diagnostic::error(setting.span, "`script` needs its value")
                .label("the command is missing after this word"),
        );
        return None;
    };
    if let Some(word) = rest.first() {
        let whole: Vec<_> = setting
            .arguments
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        settings.diagnostics.push(
            Diagnostic::error(
                word.span,
                format!("unexpected {} after the command", quoted(&word.text)),
            )
            .label("keepalived would run the command without it")
            .help(format!(
                "arguments stand in the quotes of the command: `script \"{}\"`",
                whole.join(" ")
            )),
        );
    }
    Script::read(command, settings.diagnostics)
}

fn runs(settings: &mut Settings<'_, '_>, name: &'static str) -> NonZeroU32 {
    const MOST: u32 = i32::MAX as u32;
    let runs = settings
        .take(name)
        .and_then(|setting| settings.one(&setting, |word| number(word, name, 1..=MOST)));
    runs.and_then(|found| NonZeroU32::new(found.value))
        .unwrap_or(NonZeroU32::MIN)
}
