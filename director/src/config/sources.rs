//! The files that were read: their text, and which line and column a [`Span`] is. Reads files; knows no syntax.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
};

use super::Span;

/// Most bytes that one file may have. The largest real configurations have a tenth of it.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// Why a file cannot be read as a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not there, no permission, an input error.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder.
    #[error("`{}` is a directory, not a configuration file", .0.display())]
    Directory(PathBuf),
    /// Longer than [`MAX_FILE_BYTES`].
    #[error("`{}` is larger than 1 MiB", .0.display())]
    TooLarge(PathBuf),
    /// Has a NUL byte.
    #[error("`{}` is a binary file", .0.display())]
    Binary(PathBuf),
}

impl ReadError {
    /// What the operator can do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "create it, or name another file",
                io::ErrorKind::PermissionDenied => "run as root, or let this user read the file",
                _ => "see that it is a plain text file on a working file system",
            },
            Self::Directory(_) => {
                "name a file in it, or `include` its files by a pattern such as `conf.d/*.conf`"
            }
            Self::TooLarge(_) => {
                "see whether this is the file that you mean; a large configuration can be split by `include`"
            }
            Self::Binary(_) => {
                "it has NUL bytes: see whether this is the file that you mean, and that it is not UTF-16"
            }
        }
    }
}

/// One file: the text that was decoded from its bytes.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    text: String,
    /// Where bytes that are not UTF-8 stood, as ranges of `text`.
    undecodable: Vec<Range<usize>>,
    /// Offset of the first byte of each line.
    line_starts: Vec<usize>,
}

/// Where a [`Span`] starts, as a person counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ReadError`]; a file that is only badly written is read, and judged later.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let io = |source| ReadError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        if file.metadata().map_err(io)?.is_dir() {
            return Err(ReadError::Directory(path.to_owned()));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        Self::from_bytes(path, &bytes)
    }

    /// Takes bytes for what was read from `path`.
    ///
    /// # Errors
    /// [`ReadError::TooLarge`] and [`ReadError::Binary`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(ReadError::TooLarge(path.to_owned()));
        }
        if bytes.contains(&0) {
            return Err(ReadError::Binary(path.to_owned()));
        }
        let without_mark = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let (text, undecodable) = decode(without_mark);
        Ok(Self::new(path, text, undecodable))
    }

    /// A file of which nothing could be read; diagnostics about it have its path.
    pub(super) fn unread(path: &Path) -> Self {
        Self::new(path, String::new(), Vec::new())
    }

    fn new(path: &Path, text: String, undecodable: Vec<Range<usize>>) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(ends).collect();
        Self {
            path: path.to_owned(),
            text,
            undecodable,
            line_starts,
        }
    }

    /// The path as it was given, or as the `include` made it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The decoded text that spans count in.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn undecodable(&self) -> &[Range<usize>] {
        &self.undecodable
    }

    /// Line and column of a byte of the text.
    #[must_use]
    pub fn place(&self, offset: usize) -> Place {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line_of(offset);
        let start = self.line_starts.get(line).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        Place {
            line: line + 1,
            column: before.chars().count() + 1,
        }
    }

    /// The whole lines that `range` touches, as a range of the text, and the number of the first one, from 1.
    pub(super) fn lines_around(&self, range: Range<usize>) -> (Range<usize>, usize) {
        let first = self.line_of(range.start);
        let last = self.line_of(range.end.saturating_sub(1).max(range.start));
        let start = self.line_starts.get(first).copied().unwrap_or(0);
        let end = self
            .line_starts
            .get(last + 1)
            .copied()
            .unwrap_or(self.text.len());
        (start..end, first + 1)
    }

    fn line_of(&self, offset: usize) -> usize {
        self.line_starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
    }
}

/// Text from bytes that should be UTF-8, with a replacement character for each stretch that is not.
fn decode(bytes: &[u8]) -> (String, Vec<Range<usize>>) {
    let mut text = String::with_capacity(bytes.len());
    let mut undecodable = Vec::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            let start = text.len();
            text.push(char::REPLACEMENT_CHARACTER);
            undecodable.push(start..text.len());
        }
    }
    (text, undecodable)
}

/// Whatever follows the word on its line is hidden, in comments too: nobody can tell an old password from one that is still used.
fn hide_passwords(text: &mut String) {
    const KEYWORD: &str = "auth_pass";
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(KEYWORD) {
        let (before, after) = rest.split_at(at + KEYWORD.len());
        hidden.push_str(before);
        let line = after.split('\n').next().unwrap_or_default();
        for c in line.chars() {
            match c {
                c if c.is_whitespace() || matches!(c, '{' | '}') => hidden.push(c),
                c => hidden.extend(std::iter::repeat_n('*', c.len_utf8())),
            }
        }
        rest = after.get(line.len()..).unwrap_or_default();
    }
    hidden.push_str(rest);
    *text = hidden;
}

/// All files of one configuration; the first is the one that was asked for.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    pub(super) fn add(&mut self, source: Source) -> u32 {
        self.files.push(source);
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds the files of another configuration; returns by how much the numbers of its files grow.
    pub(super) fn append(&mut self, other: Self) -> u32 {
        let offset = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.extend(other.files);
        offset
    }

    /// Writes over every password, byte by byte, so that spans stay right.
    pub(super) fn hide_passwords(&mut self) {
        for file in &mut self.files {
            hide_passwords(&mut file.text);
        }
    }

    /// The file that a span is in.
    #[must_use]
    pub fn file(&self, span: Span) -> Option<&Source> {
        self.files.get(span.file as usize)
    }

    /// The text that a span covers; empty if there is none.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        let range = span.start as usize..span.end as usize;
        self.file(span)
            .and_then(|source| source.text.get(range))
            .unwrap_or("")
    }

    /// The files in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }
}
