//! Reading `track_interface`, `track_script`, `track_process` and `track_file` of an instance or a sync group: lines of
//! `NAME [weight N] [reverse|noreverse]`.

use std::collections::HashMap;

use super::{
    super::{
        Diagnostic, Span,
        diagnostic::{nearest, quoted},
        settings::Settings,
        tree::{Statement, Word},
        value,
    },
    Track, Tracked,
    definition::{Defined, Definitions, FILE_WEIGHT, Named, Usage, WEIGHT, Weight, reversed},
};

impl Track {
    /// What the four blocks say.
    pub(in super::super) fn read(
        settings: &mut Settings<'_, '_>,
        definitions: &mut Definitions,
    ) -> Self {
        Self {
            interfaces: block(settings, "track_interface", WEIGHT, interface),
            scripts: block(settings, "track_script", WEIGHT, |word, own| {
                defined(&mut definitions.scripts, word, own)
            }),
            processes: block(settings, "track_process", FILE_WEIGHT, |word, own| {
                defined(&mut definitions.processes, word, own)
            }),
            files: block(settings, "track_file", FILE_WEIGHT, |word, own| {
                defined(&mut definitions.files, word, own)
            }),
        }
    }

    /// Everything, with the keyword that it is tracked by.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Tracked)> {
        let kinds = [
            ("track_interface", &self.interfaces),
            ("track_script", &self.scripts),
            ("track_process", &self.processes),
            ("track_file", &self.files),
        ];
        kinds
            .into_iter()
            .flat_map(|(keyword, tracked)| tracked.iter().map(move |tracked| (keyword, tracked)))
    }

    /// The four lists.
    pub(super) fn lists_mut(&mut self) -> [&mut Vec<Tracked>; 4] {
        [
            &mut self.interfaces,
            &mut self.scripts,
            &mut self.processes,
            &mut self.files,
        ]
    }
}

/// An interface needs no definition.
fn interface(word: &Word, _: Options) -> Result<Weight, Diagnostic> {
    value::interface(word).map(|_| Weight {
        weight: 0,
        reverse: false,
        span: None,
    })
}

fn defined<T: Named>(
    defined: &mut [Defined<T>],
    word: &Word,
    own: Options,
) -> Result<Weight, Diagnostic> {
    if let Some(found) = defined
        .iter_mut()
        .find(|defined| defined.value.name() == word.text)
    {
        found.usage = found.usage.max(match own.weight {
            Some(_) => Usage::Overridden,
            None => Usage::Inherited,
        });
        return Ok(found.weight);
    }
    let error = Diagnostic::error(
        word.span,
        format!("there is no `{}` {}", T::KEYWORD, quoted(&word.text)),
    );
    let names = defined.iter().map(|defined| defined.value.name());
    Err(match nearest(&word.text, names) {
        Some(near) => error.label(format!("did you mean {}?", quoted(near))),
        None => error.help(format!(
            "define it outside of all other blocks: `{} {} {{ ... }}`",
            T::KEYWORD,
            word.text
        )),
    })
}

/// All lines of the blocks of one keyword. `look_up` says what a thing weighs where its line does not say so.
fn block(
    settings: &mut Settings<'_, '_>,
    keyword: &'static str,
    most: i32,
    mut look_up: impl FnMut(&Word, Options) -> Result<Weight, Diagnostic>,
) -> Vec<Tracked> {
    let mut tracked = Vec::new();
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for setting in settings.take_all(keyword) {
        let lines = setting
            .block
            .into_iter()
            .flat_map(|block| &block.statements);
        for statement in lines {
            let Some(name) = name(settings, keyword, statement) else {
                continue;
            };
            if let Some(earlier) = seen.insert(&name.text, name.span) {
                settings.diagnostics.push(
                    Diagnostic::error(
                        name.span,
                        format!("{} is tracked twice", quoted(&name.text)),
                    )
                    .related(earlier, "first tracked here")
                    .help("take one of the lines away"),
                );
                continue;
            }
            let rest = statement.words.get(1..).unwrap_or_default();
            let own = options(settings, rest, most);
            let Some(default) = settings.keep(look_up(name, own)) else {
                continue;
            };
            tracked.push(Tracked {
                name: name.text.clone(),
                weight: own.weight.unwrap_or(default.weight),
                reverse: own.reverse.unwrap_or(default.reverse),
                span: name.span,
            });
        }
    }
    tracked
}

fn name<'a>(
    settings: &mut Settings<'_, '_>,
    keyword: &'static str,
    statement: &'a Statement,
) -> Option<&'a Word> {
    let name = statement.words.first()?;
    if statement.block.is_some() {
        settings.diagnostics.push(Diagnostic::error(
            name.span,
            format!("a block cannot stand in `{keyword}`"),
        ));
        return None;
    }
    Some(name)
}

/// What a line says after the name.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    weight: Option<i32>,
    reverse: Option<bool>,
}

/// What is wrong is told, and left out.
fn options(settings: &mut Settings<'_, '_>, words: &[Word], most: i32) -> Options {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "weight" => {
                let Some(number) = words.next() else {
                    settings.diagnostics.push(
                        Diagnostic::error(word.span, "`weight` needs its value")
                            .label("its number is missing after this word"),
                    );
                    return options;
                };
                let weight = value::signed(number, "weight", -most..=most);
                options.weight = settings.keep(weight);
            }
            "reverse" | "noreverse" | "no_reverse" => {
                options.reverse = settings.keep(reversed(word));
            }
            _ => {
                settings.diagnostics.push(unknown_option(word));
                return options;
            }
        }
    }
    options
}

fn unknown_option(word: &Word) -> Diagnostic {
    let error = Diagnostic::error(
        word.span,
        format!("unknown word {} after a name", quoted(&word.text)),
    );
    match nearest(&word.text, ["weight", "reverse", "noreverse"]) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error
            .label("`weight N`, `reverse` or `noreverse` can stand here")
            .help("write each name on a line of its own"),
    }
}
