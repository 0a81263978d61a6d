//! The whole way from a path to a configuration, and what is told of it.

use std::path::Path;

use super::{
    Color, Config, Diagnostic, ReadError, Record, Severity, Source, Sources, Span, global,
    grammar::ROOT,
    include, render,
    settings::Settings,
    track::{self, Defined, Definitions},
    tree, virtual_server, vrrp,
};

/// Where keepalived has its configuration.
pub const DEFAULT_PATH: &str = "/etc/keepalived/keepalived.conf";

/// The most diagnostics that are told of one configuration.
const MOST_DIAGNOSTICS: usize = 1000;

/// What came of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// `None` if there is an error.
    pub config: Option<Config>,
    /// Everything that was said, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read.
    pub sources: Sources,
}

/// Reads a file, and all that it includes. Whatever is wrong is in the diagnostics, also a file that is not there.
#[must_use]
pub fn load(path: &Path) -> Loaded {
    judge(path, Source::read(path))
}

/// The same for text that did not come from a file; `path` is the name for it, and where its includes start from.
#[must_use]
pub fn parse(path: &Path, bytes: &[u8]) -> Loaded {
    judge(path, Source::from_bytes(path, bytes))
}

fn judge(path: &Path, source: Result<Source, ReadError>) -> Loaded {
    let mut loaded = Loaded {
        config: None,
        diagnostics: Vec::new(),
        sources: Sources::default(),
    };
    match source {
        Ok(source) => {
            let config = config(source, &mut loaded.sources, &mut loaded.diagnostics);
            loaded.config = Some(config);
        }
        Err(error) => {
            loaded.sources.add(Source::unread(path));
            let why = std::error::Error::source(&error)
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            loaded.diagnostics.push(
                Diagnostic::error(Span::default(), format!("{error}{why}")).help(error.help()),
            );
        }
    }
    loaded.settle();
    limit(&mut loaded.diagnostics);
    loaded
}

/// A file that is no configuration at all can have a remark on every word: nobody reads more than the first ones.
fn limit(diagnostics: &mut Vec<Diagnostic>) {
    let dropped = diagnostics.split_off(diagnostics.len().min(MOST_DIAGNOSTICS));
    let Some(first) = dropped.first() else {
        return;
    };
    let message = format!("{} more remarks are not shown", dropped.len());
    let wrong = dropped
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    let rest = if wrong {
        Diagnostic::error(first.span, message)
    } else {
        Diagnostic::warning(first.span, message)
    };
    diagnostics.push(rest.help("put the ones above right first"));
}

fn config(source: Source, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) -> Config {
    let tokens = include::expand(source, sources, diagnostics);
    let tree = tree::tree(&tokens, diagnostics);
    if tree.statements.is_empty() && diagnostics.is_empty() {
        diagnostics.push(
            Diagnostic::error(Span::default(), "this file has no settings")
                .help("write at least a `vrrp_instance` or a `virtual_server`"),
        );
    }
    let mut root = Settings::read(&ROOT, &tree, diagnostics);
    let (global, defaults) = global::read(&mut root);
    let mut definitions = Definitions::read(&mut root);
    let mut vrrp_instances = vrrp::instances(&mut root, &defaults, &mut definitions);
    let groups = vrrp::sync_groups(&mut root, &defaults, &mut definitions);
    let virtual_servers = virtual_server::virtual_servers(&mut root);
    root.finish();
    vrrp::judge(&mut vrrp_instances, &groups, diagnostics);
    track::judge_definitions(&definitions, diagnostics);
    virtual_server::judge(&virtual_servers, &vrrp_instances, diagnostics);
    let sync_groups = groups.into_iter().map(|written| written.group).collect();
    Config {
        global,
        vrrp_instances,
        sync_groups,
        vrrp_scripts: defined(definitions.scripts),
        track_processes: defined(definitions.processes),
        track_files: defined(definitions.files),
        virtual_servers,
    }
}

fn defined<T>(definitions: Vec<Defined<T>>) -> Vec<T> {
    let values = definitions.into_iter();
    values.map(|defined| defined.value).collect()
}

impl Loaded {
    /// No file at all: nothing is configured.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            config: Some(Config::default()),
            diagnostics: Vec::new(),
            sources: Sources::default(),
        }
    }

    /// Adds what was found wrong later, such as an interface that is not there.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
        self.settle();
    }

    /// Sorts by place, and lets go of a configuration that has an error.
    fn settle(&mut self) {
        self.diagnostics
            .sort_by_key(|diagnostic| (diagnostic.span, diagnostic.severity));
        if self.errors() > 0 {
            self.config = None;
        }
    }

    /// The number of errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// The number of warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }

    /// 0: clean; 1: warnings only; 2: errors.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.errors(), self.warnings()) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 2,
        }
    }

    /// All diagnostics as a compiler prints them, an empty line after each; empty if there are none.
    #[must_use]
    pub fn render(&self, color: Color) -> String {
        self.diagnostics
            .iter()
            .map(|diagnostic| self.render_one(diagnostic, color) + "\n\n")
            .collect()
    }

    /// One diagnostic, without a line end after it.
    #[must_use]
    pub fn render_one(&self, diagnostic: &Diagnostic, color: Color) -> String {
        render::render(diagnostic, &self.sources, color)
    }

    /// All diagnostics for programs.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.diagnostics
            .iter()
            .map(|diagnostic| Record::new(diagnostic, &self.sources))
            .collect()
    }
}
