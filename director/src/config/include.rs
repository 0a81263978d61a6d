//! `include` and its variants: finds the files and puts their tokens in the place of the line.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Diagnostic, ReadError, Source, Sources, Span,
    diagnostic::quoted,
    lexer::{self, Token, TokenKind},
};

/// Files may include files, which may include files: no real configuration goes deeper.
const MAX_DEPTH: usize = 16;
/// Bound of all files together, so that files that include one file many times do not fill the memory.
const MAX_TOTAL_BYTES: usize = 16 << 20;

/// The variants differ in what counts as an error; keepalived says so in its page of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    /// `include`: a pattern without a match is only suspicious.
    Lenient,
    /// `includer`, `includem`, `includew`: a match is wanted.
    Match,
    /// `includeb`, `includea`: a match is wanted, and braces must match within each file.
    MatchAndBraces,
}

impl Directive {
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "include" => Some(Self::Lenient),
            "includer" | "includem" | "includew" => Some(Self::Match),
            "includeb" | "includea" => Some(Self::MatchAndBraces),
            _ => None,
        }
    }
}

/// Reads a file and all that it includes into one sequence of tokens.
pub(super) fn expand(
    source: Source,
    sources: &mut Sources,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Token> {
    let mut expansion = Expansion {
        sources,
        diagnostics,
        open: Vec::new(),
        total_bytes: 0,
        output: Vec::new(),
    };
    expansion.file(source);
    expansion.output
}

struct Expansion<'a> {
    sources: &'a mut Sources,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The files that are being read, outermost first, to notice loops.
    open: Vec<PathBuf>,
    total_bytes: usize,
    output: Vec<Token>,
}

impl Expansion<'_> {
    fn file(&mut self, source: Source) -> u32 {
        let path = source.path().to_owned();
        self.total_bytes += source.text().len();
        let index = self.sources.add(source);
        let source = self.sources.file(Span {
            file: index,
            ..Span::default()
        });
        let tokens = source
            .map(|source| lexer::tokens(source, index, self.diagnostics))
            .unwrap_or_default();
        self.open.push(identity(&path));
        for line in tokens.split_inclusive(|token| token.kind == TokenKind::LineEnd) {
            self.line(line, path.parent().unwrap_or(Path::new("")));
        }
        self.open.pop();
        index
    }

    /// One line: as it is, or what it includes. Only the first word of a line includes.
    fn line(&mut self, line: &[Token], folder: &Path) {
        let directive = match line.first() {
            Some(Token {
                kind: TokenKind::Word(word),
                ..
            }) => Directive::from_word(word),
            _ => None,
        };
        let Some(directive) = directive else {
            self.output.extend_from_slice(line);
            return;
        };
        match line {
            [
                _,
                Token {
                    kind: TokenKind::Word(pattern),
                    span,
                },
                rest @ ..,
            ] => {
                self.trailing(rest);
                self.pattern(directive, pattern, *span, folder);
            }
            [keyword, ..] => self.diagnostics.push(
                Diagnostic::error(keyword.span, "the file to include is missing")
                    .help("write a path or a pattern after it, such as `include conf.d/*.conf`"),
            ),
            [] => {}
        }
    }

    fn trailing(&mut self, rest: &[Token]) {
        if let Some(token) = rest.iter().find(|token| token.kind != TokenKind::LineEnd) {
            self.diagnostics.push(
                Diagnostic::error(token.span, "`include` takes one file or pattern").help(
                    "write one `include` line for each; put a path that has blanks in quotes",
                ),
            );
        }
    }

    fn pattern(&mut self, directive: Directive, pattern: &str, span: Span, folder: &Path) {
        let mut paths = Vec::new();
        for pattern in brace_alternatives(pattern) {
            match glob::glob(&folder.join(&pattern).to_string_lossy()) {
                Ok(found) => {
                    paths.extend(found.filter_map(Result::ok).filter(|path| !path.is_dir()))
                }
                Err(error) => {
                    self.diagnostics.push(Diagnostic::error(
                        span,
                        format!("this is not a valid pattern: {}", error.msg),
                    ));
                    return;
                }
            }
        }
        if paths.is_empty() {
            self.diagnostics
                .push(no_match(directive, pattern, span, folder));
        }
        for path in paths {
            self.include(directive, &path, span);
        }
    }

    fn include(&mut self, directive: Directive, path: &Path, span: Span) {
        if let Some(error) = self.refusal(path, span) {
            self.diagnostics.push(error);
            return;
        }
        match Source::read(path) {
            Ok(source) => {
                let first = self.output.len();
                let index = self.file(source);
                if directive == Directive::MatchAndBraces {
                    self.balance(first, index, span);
                }
            }
            Err(error) => self.diagnostics.push(unreadable(&error, span)),
        }
    }

    /// Why a file is not read, although it is there.
    fn refusal(&self, path: &Path, span: Span) -> Option<Diagnostic> {
        let shown = quoted(&path.display().to_string());
        if self.open.contains(&identity(path)) {
            return Some(
                Diagnostic::error(span, format!("{shown} includes itself"))
                    .help("take this line away, or narrow the pattern"),
            );
        }
        if self.open.len() >= MAX_DEPTH {
            return Some(Diagnostic::error(
                span,
                format!("files include files more than {MAX_DEPTH} levels deep"),
            ));
        }
        (self.total_bytes > MAX_TOTAL_BYTES).then(|| {
            Diagnostic::error(span, "the included files have more than 16 MiB together")
                .help("see whether a file is included many times")
        })
    }

    fn balance(&mut self, first: usize, index: u32, span: Span) {
        let tokens = self.output.get(first..).unwrap_or_default();
        let count = |kind: &TokenKind| tokens.iter().filter(|token| token.kind == *kind).count();
        if count(&TokenKind::Open) == count(&TokenKind::Close) {
            return;
        }
        let file = self.sources.file(Span {
            file: index,
            ..Span::default()
        });
        let shown = quoted(
            &file
                .map(|file| file.path().display().to_string())
                .unwrap_or_default(),
        );
        self.diagnostics.push(
            Diagnostic::error(span, format!("the braces of {shown} do not match"))
                .help("close every block in the file that opens it, or use plain `include`"),
        );
    }
}

/// A name for a file that is the same by whatever path it was reached.
fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn no_match(directive: Directive, pattern: &str, span: Span, folder: &Path) -> Diagnostic {
    let message = format!("no file matches {}", quoted(pattern));
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    let note = format!(
        "a relative path starts from the folder of this file, {}",
        quoted(&folder.display().to_string())
    );
    match directive {
        Directive::Lenient => Diagnostic::warning(span, message)
            .label("nothing is included here")
            .note(note),
        Directive::Match | Directive::MatchAndBraces => Diagnostic::error(span, message)
            .note(note)
            .help("use plain `include` if there may be no such file"),
    }
}

fn unreadable(error: &ReadError, span: Span) -> Diagnostic {
    let why = std::error::Error::source(error)
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    Diagnostic::error(span, format!("{error}{why}")).help(error.help())
}

/// Every pattern that a pattern with csh's `{a,b}` stands for. At most a few dozen, whatever is written.
fn brace_alternatives(pattern: &str) -> Vec<String> {
    const MOST: usize = 64;
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(next) = open.pop() {
        match innermost_braces(&next) {
            Some((before, inside, after)) if open.len() < MOST => {
                open.extend(
                    inside
                        .split(',')
                        .rev()
                        .map(|part| format!("{before}{part}{after}")),
                );
            }
            _ => done.push(next),
        }
        if done.len() >= MOST {
            break;
        }
    }
    done.dedup();
    done
}

fn innermost_braces(pattern: &str) -> Option<(&str, &str, &str)> {
    let (head, after) = pattern.split_once('}')?;
    let (before, inside) = head.rsplit_once('{')?;
    Some((before, inside, after))
}
