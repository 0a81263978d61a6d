//! Reading a `track_file`.

use std::path::PathBuf;

use super::{
    super::{
        Diagnostic,
        diagnostic::quoted,
        grammar::TRACK_FILE,
        settings::{Setting, Settings},
        tree::Word,
        value,
    },
    InitFile, TrackFile,
    definition::{Defined, FILE_WEIGHT, Weight},
};

pub(super) fn read(
    setting: &Setting<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Defined<TrackFile>> {
    let name = setting.arguments.first()?;
    let mut settings = Settings::read(&TRACK_FILE, setting.block?, diagnostics);
    let file = path(&mut settings, name);
    let init = settings
        .take("init_file")
        .and_then(|setting| init(&mut settings, setting.arguments));
    let weight = Weight::read(&mut settings, 1, FILE_WEIGHT);
    settings.finish();
    let value = TrackFile {
        name: name.text.clone(),
        file: file.unwrap_or_default(),
        init,
        span: name.span,
    };
    Some(Defined::new(value, weight))
}

fn path(settings: &mut Settings<'_, '_>, name: &Word) -> Option<PathBuf> {
    let Some(setting) = settings.take("file") else {
        settings.diagnostics.push(
            Diagnostic::error(
                name.span,
                format!("`track_file` {} has no `file`", quoted(&name.text)),
            )
            .help("add `file`, the path of a file that holds a number"),
        );
        return None;
    };
    let example = format!("file /run/director/{}", name.text);
    let path = settings.one(&setting, |word| value::absolute_path(word, &example));
    path.map(|path| path.value)
}

/// `init_file [VALUE] [overwrite]`.
fn init(settings: &mut Settings<'_, '_>, words: &[Word]) -> Option<InitFile> {
    let (number, overwrite) = match words {
        [] => (None, None),
        [word] if word.text.eq_ignore_ascii_case("overwrite") => (None, Some(word)),
        [number] => (Some(number), None),
        [number, word, ..] => (Some(number), Some(word)),
    };
    let value = match number {
        Some(number) => settings.keep(value::signed(number, "init_file", i32::MIN..=i32::MAX))?,
        None => 0,
    };
    if let Some(word) = overwrite {
        settings.keep(value::choice(word, "init_file", &[("overwrite", ())]))?;
    }
    Some(InitFile {
        value,
        overwrite: overwrite.is_some(),
    })
}
