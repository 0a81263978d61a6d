//! Diagnostics for people (as a compiler prints them) and for programs (JSON records).

use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
};
use serde::Serialize;

use super::{Diagnostic, Severity, Source, Sources, Span, diagnostic::Footer};

/// Whether the text has escape sequences for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// For files, pipes and tests.
    Plain,
    /// For a terminal.
    Styled,
}

impl Color {
    /// Color if `stream` is a terminal and the user did not ask for none (`NO_COLOR`).
    #[must_use]
    pub fn for_stream(stream: &impl std::io::IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && !refused {
            Self::Styled
        } else {
            Self::Plain
        }
    }
}

/// One diagnostic as a program reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Path of the file.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// `error` or `warning`.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What stands beside the underlined word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The underlined text.
    pub text: String,
    /// Why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
}

impl Record {
    pub(super) fn new(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let span = diagnostic.span;
        let place = sources
            .file(span)
            .map(|file| file.place(span.start as usize));
        Self {
            file: sources
                .file(span)
                .map(|file| file.path().display().to_string())
                .unwrap_or_default(),
            line: place.map_or(1, |place| place.line),
            column: place.map_or(1, |place| place.column),
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            label: diagnostic.label.clone(),
            text: sources.text(span).to_owned(),
            notes: diagnostic.footers.iter().filter_map(note).collect(),
            help: diagnostic.footers.iter().filter_map(help).collect(),
        }
    }
}

fn note(footer: &Footer) -> Option<String> {
    match footer {
        Footer::Note(text) => Some(text.clone()),
        Footer::Help(_) => None,
    }
}

fn help(footer: &Footer) -> Option<String> {
    match footer {
        Footer::Help(text) => Some(text.clone()),
        Footer::Note(_) => None,
    }
}

/// One diagnostic as a compiler prints it, without a line end after it.
pub(super) fn render(diagnostic: &Diagnostic, sources: &Sources, color: Color) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let group = Group::with_title(level.primary_title(diagnostic.message.as_str()))
        .elements(snippets(diagnostic, sources))
        .elements(diagnostic.footers.iter().map(|footer| match footer {
            Footer::Note(text) => Level::NOTE.message(text.as_str()),
            Footer::Help(text) => Level::HELP.message(text.as_str()),
        }));
    renderer(color).render(&[group])
}

const fn renderer(color: Color) -> Renderer {
    match color {
        Color::Plain => Renderer::plain(),
        Color::Styled => Renderer::styled(),
    }
}

/// A snippet for each file that the diagnostic speaks of, the main one first.
fn snippets<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Vec<Element<'a>> {
    let mut marks = vec![Mark {
        span: diagnostic.span,
        text: diagnostic.label.as_deref(),
        kind: AnnotationKind::Primary,
    }];
    marks.extend(diagnostic.related.iter().map(|(span, text)| Mark {
        span: *span,
        text: Some(text),
        kind: AnnotationKind::Context,
    }));
    let mut files: Vec<u32> = Vec::new();
    for mark in &marks {
        if !files.contains(&mark.span.file) {
            files.push(mark.span.file);
        }
    }
    files
        .into_iter()
        .filter_map(|file| snippet(file, &marks, sources))
        .collect()
}

struct Mark<'a> {
    span: Span,
    text: Option<&'a str>,
    kind: AnnotationKind,
}

/// More text than this is not shown: a file that is one long line, or marks at both ends of a large file.
const MOST_SHOWN_BYTES: usize = 16 << 10;

fn snippet<'a>(file: u32, marks: &[Mark<'a>], sources: &'a Sources) -> Option<Element<'a>> {
    let marks: Vec<&Mark<'a>> = marks.iter().filter(|mark| mark.span.file == file).collect();
    let main = *marks.first()?;
    let source = sources.file(main.span)?;
    let shown = shown_lines(source, &marks).or_else(|| shown_lines(source, &[main]));
    Some(shown.unwrap_or_else(|| place_only(source, main.span).into()))
}

/// The lines that the marks stand in, and those between them; `None` if that is nothing or too much.
fn shown_lines<'a>(source: &'a Source, marks: &[&Mark<'a>]) -> Option<Element<'a>> {
    let first = marks
        .iter()
        .map(|mark| range(source, mark.span).start)
        .min()?;
    let last = marks
        .iter()
        .map(|mark| range(source, mark.span).end)
        .max()?;
    let (lines, line_start) = source.lines_around(first..last);
    let annotations = marks
        .iter()
        .map(|mark| annotation(mark, range(source, mark.span), lines.start));
    let text = source.text().get(lines.clone())?;
    if text.is_empty() || text.len() > MOST_SHOWN_BYTES {
        return None;
    }
    let path = source.path().display().to_string();
    Some(
        Snippet::source(text)
            .line_start(line_start)
            .path(path)
            .annotations(annotations)
            .into(),
    )
}

fn place_only(source: &Source, span: Span) -> Origin<'_> {
    let origin = Origin::path(source.path().display().to_string());
    if source.text().is_empty() {
        return origin;
    }
    let place = source.place(span.start as usize);
    origin.line(place.line).char_column(place.column)
}

fn annotation<'a>(mark: &Mark<'a>, range: Range<usize>, offset: usize) -> Annotation<'a> {
    mark.kind
        .span(range.start - offset..range.end - offset)
        .label(mark.text)
}

/// The span as a range that surely lies within the text and between characters.
fn range(source: &Source, span: Span) -> Range<usize> {
    let text = source.text();
    let start = text.floor_char_boundary(span.start as usize);
    let end = text.ceil_char_boundary((span.end as usize).min(text.len()));
    start..end.max(start)
}
