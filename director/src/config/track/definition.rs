//! What can be tracked by its name, and the weight that it has where nobody gives it another.

use super::{
    super::{
        Diagnostic, Span,
        diagnostic::quoted,
        settings::{Setting, Settings},
        tree::Word,
        value,
    },
    TrackFile, TrackProcess, VrrpScript, file, process, script,
};

/// The most that a weight can be: a file's may take a whole priority away.
pub(super) const FILE_WEIGHT: i32 = 254;
/// The most that the weight of something else can be.
pub(super) const WEIGHT: i32 = 253;

/// A tracker as it is defined.
#[derive(Clone, Debug)]
pub(in super::super) struct Defined<T> {
    pub(in super::super) value: T,
    pub(super) weight: Weight,
    pub(super) usage: Usage,
}

/// What comes of a definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Usage {
    /// Nobody tracks it.
    #[default]
    None,
    /// All who track it give it another weight.
    Overridden,
    /// Somebody tracks it with its own weight.
    Inherited,
}

impl<T> Defined<T> {
    pub(super) const fn new(value: T, weight: Weight) -> Self {
        Self {
            value,
            weight,
            usage: Usage::None,
        }
    }
}

/// `weight N [reverse]` of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) weight: i32,
    pub(super) reverse: bool,
    /// Where the keyword stands, if it does.
    pub(super) span: Option<Span>,
}

/// All that instances and sync groups can track by its name.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Definitions {
    pub(in super::super) scripts: Vec<Defined<VrrpScript>>,
    pub(in super::super) processes: Vec<Defined<TrackProcess>>,
    pub(in super::super) files: Vec<Defined<TrackFile>>,
}

/// A kind of definition, for those who only look up names.
pub(super) trait Named {
    fn name(&self) -> &str;
    fn span(&self) -> Span;
    /// How the file calls it.
    const KEYWORD: &'static str;
}

impl Named for VrrpScript {
    fn name(&self) -> &str {
        &self.name
    }
    fn span(&self) -> Span {
        self.span
    }
    const KEYWORD: &'static str = "vrrp_script";
}

impl Named for TrackProcess {
    fn name(&self) -> &str {
        &self.name
    }
    fn span(&self) -> Span {
        self.span
    }
    const KEYWORD: &'static str = "vrrp_track_process";
}

impl Named for TrackFile {
    fn name(&self) -> &str {
        &self.name
    }
    fn span(&self) -> Span {
        self.span
    }
    const KEYWORD: &'static str = "track_file";
}

impl Definitions {
    /// Reads all blocks of the outermost level that define something.
    pub(in super::super) fn read(root: &mut Settings<'_, '_>) -> Self {
        let mut files = root.take_all("track_file");
        files.extend(root.take_all("vrrp_track_file"));
        files.sort_by_key(|setting| setting.span);
        let definitions = Self {
            scripts: all(root.take_all("vrrp_script"), root.diagnostics, script::read),
            processes: all(
                root.take_all("vrrp_track_process"),
                root.diagnostics,
                process::read,
            ),
            files: all(files, root.diagnostics, file::read),
        };
        unique(&definitions.scripts, root.diagnostics);
        unique(&definitions.processes, root.diagnostics);
        unique(&definitions.files, root.diagnostics);
        definitions
    }
}

type Reader<T> = fn(&Setting<'_>, &mut Vec<Diagnostic>) -> Option<Defined<T>>;

fn all<T>(
    settings: Vec<Setting<'_>>,
    diagnostics: &mut Vec<Diagnostic>,
    read: Reader<T>,
) -> Vec<Defined<T>> {
    settings
        .iter()
        .filter_map(|setting| read(setting, diagnostics))
        .collect()
}

fn unique<T: Named>(defined: &[Defined<T>], diagnostics: &mut Vec<Diagnostic>) {
    for (index, later) in defined.iter().enumerate() {
        let earlier = defined.iter().take(index);
        let Some(earlier) = earlier
            .map(|defined| &defined.value)
            .find(|earlier| earlier.name() == later.value.name())
        else {
            continue;
        };
        diagnostics.push(
            Diagnostic::error(
                later.value.span(),
                format!("a second `{}` {}", T::KEYWORD, quoted(earlier.name())),
            )
            .related(earlier.span(), "the first one")
            .help("give each of them a name of its own"),
        );
    }
}

impl Weight {
    /// `weight N [reverse]` of a definition; `default` is what it is without that.
    pub(super) fn read(settings: &mut Settings<'_, '_>, default: i32, most: i32) -> Self {
        let unset = Self {
            weight: default,
            reverse: false,
            span: None,
        };
        let Some(setting) = settings.take("weight") else {
            return unset;
        };
        let [number, rest @ ..] = setting.arguments else {
            return unset;
        };
        let weight = settings.keep(value::signed(number, "weight", -most..=most));
        let reverse = rest
            .first()
            .is_some_and(|word| settings.keep(reversed(word)).unwrap_or(false));
        Self {
            weight: weight.unwrap_or(default),
            reverse,
            span: Some(setting.span),
        }
    }
}

/// `reverse`, `noreverse`.
pub(super) fn reversed(word: &Word) -> Result<bool, Diagnostic> {
    // keepalived's manual has the last one, too.
    value::choice(
        word,
        "weight",
        &[
            ("reverse", true),
            ("noreverse", false),
            ("no_reverse", false),
        ],
    )
}
