//! What is wrong with a configuration, where, and what would be right. Says nothing of how it is printed.

use super::Span;

/// Whether a configuration can be run in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration runs, but perhaps not as its author thinks.
    Warning,
}

/// One remark on one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The text that it is about.
    pub span: Span,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What stands beside the underlined text.
    pub label: Option<String>,
    /// Other places that have to do with it, and what they are.
    pub related: Vec<(Span, String)>,
    /// What stands below the text.
    pub footers: Vec<Footer>,
}

/// A sentence below the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Footer {
    /// Why it is so.
    Note(String),
    /// What to do.
    Help(String),
}

impl Diagnostic {
    /// A remark that refuses the configuration.
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, span, message.into())
    }

    /// A remark that does not.
    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, span, message.into())
    }

    const fn new(severity: Severity, span: Span, message: String) -> Self {
        Self {
            severity,
            span,
            message,
            label: None,
            related: Vec::new(),
            footers: Vec::new(),
        }
    }

    /// Writes beside the underlined text.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// Points at another place as well.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push((span, text.into()));
        self
    }

    /// Says why.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.footers.push(Footer::Note(text.into()));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.footers.push(Footer::Help(text.into()));
        self
    }
}

/// A word as it may stand in a message: in backquotes, without control characters, and not too long.
pub(super) fn quoted(word: &str) -> String {
    const MOST_CHARACTERS: usize = 60;
    let printable = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    let mut shown: String = word.chars().take(MOST_CHARACTERS).map(printable).collect();
    if word.chars().nth(MOST_CHARACTERS).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The candidate that a mistyped word most probably means.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LEAST_LIKENESS: f64 = 0.7;
    // Longer words than any keyword are not looked at: the comparison takes time by the product of both lengths.
    const LONGEST_BYTES: usize = 64;
    if word.len() > LONGEST_BYTES {
        return None;
    }
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
