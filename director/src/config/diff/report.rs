//! What a comparison found, for people and for programs.

use std::path::Path;

use serde::Serialize;
use serde_json::Value as Json;

use super::{
    super::{Color, Diagnostic, Loaded, Sources, Span, diagnostic::quoted, load, render},
    Finding, Gravity, Kind, Side, Value, compare,
};

/// Two files, and what they say of each other.
#[derive(Debug)]
pub struct Comparison {
    /// The gravest first.
    pub findings: Vec<Finding>,
    /// Of both, without passwords.
    sources: Sources,
}

/// A finding as a program reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingRecord {
    /// What it means for the pair.
    pub gravity: Gravity,
    /// What is wrong.
    pub kind: Kind,
    /// Whose setting it is.
    pub subject: String,
    /// The keyword.
    pub setting: String,
    /// How it is in the first file.
    pub a: Seen,
    /// How it is in the second file.
    pub b: Seen,
    /// What follows from it.
    pub leads_to: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// As a person reads it.
    pub value: String,
    /// Path of the file; `null` where there is no place for it.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
}

impl Comparison {
    /// Reads two files and compares them.
    ///
    /// # Errors
    /// What is wrong with each, as a compiler prints it, if one of them has an error: only what can be run can be compared.
    pub fn of(a: &Path, b: &Path, color: Color) -> Result<Self, String> {
        let (a, b) = (load(a), load(b));
        let (Some(config_a), Some(config_b)) = (&a.config, &b.config) else {
            let refused = [&a, &b].into_iter().filter(|side| side.config.is_none());
            return Err(refused.map(|side: &Loaded| side.render(color)).collect());
        };
        let mut sources = a.sources;
        let offset = sources.append(b.sources);
        sources.hide_passwords();
        let findings = compare(&Side::of(config_a), &Side::shifted(config_b, offset));
        Ok(Self { findings, sources })
    }

    /// Reads a file and compares it with what `director config show --json` has printed, here or on another director.
    ///
    /// # Errors
    /// As with [`Comparison::of`].
    pub fn with_json(a: &Path, b: Json, color: Color) -> Result<Self, String> {
        let a = load(a);
        let Some(config) = &a.config else {
            return Err(a.render(color));
        };
        let findings = compare(&Side::of(config), &Side::from_json(b));
        let mut sources = a.sources;
        sources.hide_passwords();
        Ok(Self { findings, sources })
    }

    /// So many findings are of this gravity.
    #[must_use]
    pub fn count(&self, gravity: Gravity) -> usize {
        let of_this = |finding: &&Finding| finding.gravity == gravity;
        self.findings.iter().filter(of_this).count()
    }

    /// 0: they are a pair; 1: they are, with warnings; 2: they are none.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.count(Gravity::Conflict), self.count(Gravity::Warning)) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 2,
        }
    }

    /// All findings as a compiler prints them, an empty line after each.
    #[must_use]
    pub fn render(&self, color: Color) -> String {
        self.findings
            .iter()
            .map(|finding| match finding.gravity {
                Gravity::Note => self.note(finding) + "\n\n",
                Gravity::Conflict | Gravity::Warning => {
                    render::render(&diagnostic(finding), &self.sources, color) + "\n\n"
                }
            })
            .collect()
    }

    /// What is allowed needs no lines of the files.
    fn note(&self, finding: &Finding) -> String {
        let side = |value: &Value| match self.seen(value) {
            Seen {
                value,
                file: Some(file),
                line: Some(line),
                column: Some(column),
            } => format!(" --> {file}:{line}:{column}: {value}"),
            Seen { value, .. } => format!(" --> {value}"),
        };
        format!(
            "note: {}\n{}\n{}\n  = note: {}",
            message(finding),
            side(&finding.a),
            side(&finding.b),
            finding.leads_to
        )
    }

    /// All findings for programs.
    #[must_use]
    pub fn records(&self) -> Vec<FindingRecord> {
        self.findings
            .iter()
            .map(|finding| FindingRecord {
                gravity: finding.gravity,
                kind: finding.kind,
                subject: finding.subject.clone(),
                setting: finding.setting.clone(),
                a: self.seen(&finding.a),
                b: self.seen(&finding.b),
                leads_to: finding.leads_to.clone(),
                help: finding.help.clone(),
            })
            .collect()
    }

    fn seen(&self, value: &Value) -> Seen {
        let file = value.span.and_then(|span| self.sources.file(span));
        let place = file.zip(value.span);
        let place = place.map(|(file, span)| file.place(span.start as usize));
        Seen {
            value: value.shown.clone(),
            file: file.map(|file| file.path().display().to_string()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
        }
    }
}

fn message(finding: &Finding) -> String {
    let (subject, setting) = (&finding.subject, quoted(&finding.setting));
    match finding.kind {
        Kind::Differs => format!("{subject}: {setting} differs"),
        Kind::Same => format!("{subject}: {setting} is the same in both files"),
        // A whole block is its own setting.
        Kind::Missing if subject.starts_with(&finding.setting) => {
            format!("{subject} is in one of the files only")
        }
        Kind::Missing => format!("{subject}: {setting} has more in one of the files"),
        Kind::Outside => format!("{subject} is not in the network of its virtual address"),
    }
}

/// The first file's place is the main one, wherever there is one.
fn diagnostic(finding: &Finding) -> Diagnostic {
    let new = match finding.gravity {
        Gravity::Conflict => Diagnostic::error,
        Gravity::Warning | Gravity::Note => Diagnostic::warning,
    };
    let mut places = [&finding.a, &finding.b]
        .into_iter()
        .filter_map(|value| value.span.map(|span| (span, value)));
    let (main, shown) = match places.next() {
        Some((span, value)) => (span, value.shown.clone()),
        None => (
            Span::default(),
            format!("{} and {}", finding.a.shown, finding.b.shown),
        ),
    };
    let mut diagnostic = new(main, message(finding)).label(shown);
    for (span, value) in places {
        diagnostic = diagnostic.related(span, value.shown.clone());
    }
    // What a daemon runs has no place.
    if let (Kind::Differs, Some(_), None) = (finding.kind, finding.a.span, finding.b.span) {
        diagnostic = diagnostic.note(format!("the other one has {}", finding.b.shown));
    }
    diagnostic = diagnostic.note(finding.leads_to.clone());
    match &finding.help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}
