//! Text to tokens: words, braces and line ends. Knows comments and quoting; knows no keyword but `include`, whose
//! pattern may have braces.

use std::{iter::Peekable, str::CharIndices};

use super::{Diagnostic, Source, Span, escape, include};

/// A word, a brace or the end of a line, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Without its quotes, escapes resolved.
    Word(String),
    Open,
    Close,
    LineEnd,
}

/// Takes one file apart. `file` is its index in the sources.
pub(super) fn tokens(source: &Source, file: u32, diagnostics: &mut Vec<Diagnostic>) -> Vec<Token> {
    let mut lexer = Lexer::new(source.text(), file);
    while lexer.step() {}
    lexer.push(TokenKind::LineEnd, lexer.text.len());
    diagnostics.append(&mut lexer.diagnostics);
    judge_undecodable(source, file, &lexer.comments, diagnostics);
    lexer.tokens
}

/// What the line has brought so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Empty,
    /// Braces are part of its words.
    Include,
    Other,
}

struct Lexer<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    file: u32,
    line: Line,
    tokens: Vec<Token>,
    /// Ranges of comments, in order.
    comments: Vec<std::ops::Range<usize>>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str, file: u32) -> Self {
        Self {
            text,
            chars: text.char_indices().peekable(),
            file,
            line: Line::Empty,
            tokens: Vec::new(),
            comments: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Takes one token, one comment or one character of white space; false at the end.
    fn step(&mut self) -> bool {
        let Some(&(start, c)) = self.chars.peek() else {
            return false;
        };
        match c {
            '\n' => self.single(TokenKind::LineEnd, start),
            '{' if self.line != Line::Include => self.single(TokenKind::Open, start),
            '}' if self.line != Line::Include => self.single(TokenKind::Close, start),
            '#' | '!' => self.comment(start),
            c if c.is_whitespace() => {
                self.chars.next();
            }
            _ => self.word(start),
        }
        true
    }

    fn single(&mut self, kind: TokenKind, start: usize) {
        // A word after a brace begins a statement, like one after a line end.
        self.line = Line::Empty;
        self.chars.next();
        self.push(kind, start);
    }

    fn comment(&mut self, start: usize) {
        while self.chars.next_if(|(_, c)| *c != '\n').is_some() {}
        let end = self.offset();
        self.comments.push(start..end);
    }

    fn word(&mut self, start: usize) {
        let mut word = String::new();
        while let Some((at, c)) = self.chars.next_if(|(_, c)| {
            self.line == Line::Include && matches!(c, '{' | '}') || !ends_word(*c)
        }) {
            match c {
                '"' | '\'' => self.quoted(at, c, &mut word),
                c => word.push(c),
            }
        }
        if self.line == Line::Empty {
            self.line = if include::Directive::from_word(&word).is_some() {
                Line::Include
            } else {
                Line::Other
            };
        }
        self.push(TokenKind::Word(word), start);
    }

    /// The rest of a quoted stretch, up to its closing quote.
    fn quoted(&mut self, start: usize, quote: char, word: &mut String) {
        while let Some((_, c)) = self.chars.next_if(|(_, c)| *c != '\n') {
            match c {
                c if c == quote => return,
                '\\' => escape::escaped(&mut self.chars, word),
                c => word.push(c),
            }
        }
        let span = self.span(start);
        self.diagnostics.push(
            Diagnostic::error(span, "this quote is not closed on its line").help(format!(
                "write the closing {quote} after the last word that belongs to it"
            )),
        );
    }

    fn offset(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn span(&mut self, start: usize) -> Span {
        let end = self.offset();
        span(self.file, start, end)
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        let span = self.span(start);
        self.tokens.push(Token { kind, span });
    }
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '{' | '}' | '#' | '!')
}

/// A span of byte offsets; files are far smaller than 4 GiB.
fn span(file: u32, start: usize, end: usize) -> Span {
    let narrow = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
    Span {
        file,
        start: narrow(start),
        end: narrow(end),
    }
}

/// Bytes that are not UTF-8 do no harm in a comment (old files have comments in GBK or Latin-1): one warning for the
/// file. Elsewhere they are part of a word that nobody could read.
fn judge_undecodable(
    source: &Source,
    file: u32,
    comments: &[std::ops::Range<usize>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let in_comment = |at: usize| {
        let after = comments.partition_point(|comment| comment.start <= at);
        after
            .checked_sub(1)
            .and_then(|index| comments.get(index))
            .is_some_and(|comment| at < comment.end)
    };
    let (harmless, harmful): (Vec<_>, Vec<_>) = source
        .undecodable()
        .iter()
        .partition(|range| in_comment(range.start));
    for range in harmful {
        diagnostics.push(
            Diagnostic::error(
                span(file, range.start, range.end),
                "these bytes are not UTF-8 text",
            )
            .help("write this word in ASCII, or convert the file with `iconv -t UTF-8`"),
        );
    }
    if let Some(first) = harmless.first() {
        diagnostics.push(
            Diagnostic::warning(
                span(file, first.start, first.end),
                "this comment is not UTF-8 text",
            )
            .note("comments are not read, so the configuration is not affected")
            .help("convert the file with `iconv -t UTF-8` to have its comments shown rightly"),
        );
    }
}
