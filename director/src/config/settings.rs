//! A block held against its table: statements become settings that are known, complete and asked for by name.

use std::collections::BTreeMap;

use super::{
    Diagnostic, Span,
    diagnostic::{nearest, quoted},
    grammar::{Keywords, Shape, Support, TABLES, Table},
    tree::{Block, Statement, Word},
};

/// One keyword with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) name: &'static str,
    /// Where the keyword stands.
    pub(super) span: Span,
    pub(super) arguments: &'a [Word],
    pub(super) block: Option<&'a Block>,
}

/// Where each keyword of a block stands, the last one of each name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<&'static str, Span>);

impl Places {
    /// Where a keyword stands; `None` where it is left to its default.
    #[must_use]
    pub fn of(&self, keyword: &str) -> Option<Span> {
        self.0.get(keyword).copied()
    }

    /// Takes over what a later block of the same kind says.
    pub(super) fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }
}

/// The settings of one block that are honoured. Whatever is wrong with the others was said when they were read.
pub(super) struct Settings<'a, 'd> {
    table: &'static Table,
    settings: Vec<Setting<'a>>,
    asked: Vec<&'static str>,
    pub(super) diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'a, 'd> Settings<'a, 'd> {
    pub(super) fn read(
        table: &'static Table,
        block: &'a Block,
        diagnostics: &'d mut Vec<Diagnostic>,
    ) -> Self {
        let mut settings = Self {
            table,
            settings: Vec::new(),
            asked: Vec::new(),
            diagnostics,
        };
        for statement in &block.statements {
            settings.statement(statement);
        }
        settings
    }

    /// Where its keywords stand.
    pub(super) fn places(&self) -> Places {
        let places = self.settings.iter();
        Places(places.map(|setting| (setting.name, setting.span)).collect())
    }

    /// The setting of a name. The last one wins, as in keepalived; the earlier ones get a warning.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Setting<'a>> {
        self.take_either(&[name])
    }

    /// The same for a keyword that has two spellings.
    pub(super) fn take_either(&mut self, names: &[&'static str]) -> Option<Setting<'a>> {
        let mut found = Vec::new();
        for name in names {
            found.extend(self.take_all(name));
        }
        found.sort_by_key(|setting| setting.span);
        let last = found.pop()?;
        for earlier in found {
            self.diagnostics.push(
                Diagnostic::warning(
                    earlier.span,
                    format!("`{}` is set more than once", last.name),
                )
                .label("this one has no effect")
                .related(last.span, "the last one wins")
                .help("take one of them away"),
            );
        }
        Some(last)
    }

    /// Every setting of a name, in order.
    pub(super) fn take_all(&mut self, name: &'static str) -> Vec<Setting<'a>> {
        self.asked.push(name);
        self.settings
            .iter()
            .filter(|setting| setting.name == name)
            .copied()
            .collect()
    }

    /// To be called when a block was read: a keyword that the table honours and nobody asked for would be ignored in
    /// silence.
    pub(super) fn finish(self) {
        debug_assert!(
            self.table
                .read_names()
                .all(|name| self.asked.contains(&name)),
            "a keyword of {} is in its table as honoured, and not read: asked for {:?}",
            self.table.block,
            self.asked,
        );
    }

    /// Takes the words of a line apart, by the number of words that each keyword takes.
    fn statement(&mut self, statement: &'a Statement) {
        let mut rest = statement.words.as_slice();
        let mut first = true;
        while let [keyword, arguments @ ..] = rest {
            if !first {
                self.diagnostics.push(second_on_line(keyword));
            }
            first = false;
            let Some((name, keywords)) = self.table.find(&keyword.text) else {
                // Conditions and definitions were refused when the tree was made.
                if !keyword.text.starts_with(['@', '$']) {
                    let error = self.unknown_keyword(keyword);
                    self.diagnostics.push(error);
                }
                return;
            };
            let (arguments, following) =
                arguments.split_at(self.own_words(keywords.shape, arguments));
            let block = statement.block.as_ref().filter(|_| following.is_empty());
            self.setting(
                keywords,
                Setting {
                    name,
                    span: keyword.span,
                    arguments,
                    block,
                },
            );
            rest = following;
        }
    }

    /// How many of the words after a keyword are its own. The others start with another keyword of this block; what is
    /// neither is left to the keyword, to be found too much.
    fn own_words(&self, shape: Shape, arguments: &[Word]) -> usize {
        if shape == Shape::Anything {
            return arguments.len();
        }
        let least = shape.least_words();
        let keyword = |word: &Word| self.table.find(&word.text).is_some();
        arguments
            .iter()
            .skip(least)
            .position(keyword)
            .map_or(arguments.len(), |index| least + index)
    }

    /// The search for a remedy takes time, which a file full of unknown words must not multiply.
    fn unknown_keyword(&self, word: &Word) -> Diagnostic {
        const MOST_SEARCHES: usize = 1000;
        if self.diagnostics.len() < MOST_SEARCHES {
            return unknown_keyword(self.table, word);
        }
        Diagnostic::error(
            word.span,
            format!(
                "unknown keyword {} in {}",
                quoted(&word.text),
                place(self.table)
            ),
        )
    }

    fn setting(&mut self, keywords: &Keywords, setting: Setting<'a>) {
        match keywords.support {
            Support::NotYet(instead) => {
                self.diagnostics.push(not_yet(&setting, instead));
                return;
            }
            Support::Deprecated(why) => self.diagnostics.push(
                Diagnostic::warning(
                    setting.span,
                    format!("`{}` has no effect yet", setting.name),
                )
                .note(why),
            ),
            Support::Honoured => {}
        }
        match misshapen(keywords.shape, &setting) {
            Some(error) => self.diagnostics.push(error),
            None => self.settings.push(setting),
        }
    }
}

fn not_yet(setting: &Setting<'_>, instead: &str) -> Diagnostic {
    Diagnostic::warning(
        setting.span,
        format!("`{}` is not supported yet", setting.name),
    )
    .label(instead)
}

fn second_on_line(keyword: &Word) -> Diagnostic {
    Diagnostic::warning(keyword.span, "a second setting on one line")
        .label("taken as a setting of its own")
        .note("keepalived reads only the first setting of a line and ignores the others")
        .help("write each setting on a line of its own")
}

/// What is wrong with the number of words, or with a block that is there or is not.
fn misshapen(shape: Shape, setting: &Setting<'_>) -> Option<Diagnostic> {
    let name = setting.name;
    if setting.arguments.len() < shape.least_words() {
        return Some(missing_words(shape, setting));
    }
    if let Some(word) = setting.arguments.get(shape.most_words()) {
        let error = Diagnostic::error(
            word.span,
            format!("unexpected {} after `{name}`", quoted(&word.text)),
        );
        return Some(error.help(match shape.most_words() {
            0 => format!("`{name}` takes no value"),
            1 => format!("`{name}` takes one value; comments start with `#` or `!`"),
            most => format!("`{name}` takes at most {most} values; comments start with `#` or `!`"),
        }));
    }
    match (shape, setting.block) {
        (Shape::Block(..), None) => Some(
            Diagnostic::error(setting.span, format!("`{name}` has no block")).help(format!(
                "write its settings in braces: `{name} ... {{ ... }}`"
            )),
        ),
        (Shape::Words(..), Some(_)) => Some(Diagnostic::error(
            setting.span,
            format!("`{name}` takes no block in braces"),
        )),
        _ => None,
    }
}

fn missing_words(shape: Shape, setting: &Setting<'_>) -> Diagnostic {
    let name = setting.name;
    let what = if matches!(shape, Shape::Block(..)) {
        "a name or an address"
    } else {
        "its value"
    };
    Diagnostic::error(setting.span, format!("`{name}` needs {what}"))
        .label(format!("{what} is missing after this word"))
}

/// An unknown keyword, with the likeliest remedy.
fn unknown_keyword(table: &Table, word: &Word) -> Diagnostic {
    let error = Diagnostic::error(
        word.span,
        format!("unknown keyword {} in {}", quoted(&word.text), place(table)),
    );
    let others: Vec<&str> = TABLES
        .iter()
        .filter(|other| other.find(&word.text).is_some())
        .map(|other| other.block)
        .collect();
    if !others.is_empty() {
        return error
            .label(format!("it belongs to {}", others.join(", ")))
            .help("move it there; see also whether a brace above closes too early or too late");
    }
    if let Some(name) = nearest(&word.text, table.names()) {
        return error.label(format!("did you mean `{name}`?"));
    }
    let elsewhere = TABLES
        .iter()
        .find_map(|other| nearest(&word.text, other.names()).map(|name| (name, other)));
    match elsewhere {
        Some((name, other)) => error.label(format!(
            "it looks like `{name}`, which belongs to {}",
            other.block
        )),
        None => error.help(
            "see keepalived.conf(5) for the keywords; text for people starts with `#` or `!`",
        ),
    }
}

fn place(table: &Table) -> String {
    if table.block.contains(' ') {
        table.block.to_owned()
    } else {
        format!("`{}`", table.block)
    }
}
