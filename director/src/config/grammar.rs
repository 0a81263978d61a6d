//! The keywords of `keepalived.conf`: one table for each block says how many words a keyword takes and what becomes of it.
//!
//! Every keyword of keepalived is in a table, so that a keyword which is not supported yet can be told from a mistyped one.

mod check;
mod global;
mod root;
mod virtual_server;
mod vrrp;

pub(super) use check::TCP_CHECK;
pub(super) use global::GLOBAL_DEFS;
pub(super) use root::{ROOT, TRACK_FILE};
pub(super) use virtual_server::{REAL_SERVER, VIRTUAL_SERVER};
pub(super) use vrrp::{
    AUTHENTICATION, VRRP_INSTANCE, VRRP_SCRIPT, VRRP_SYNC_GROUP, VRRP_TRACK_PROCESS,
};

/// All tables, for finding the block that a misplaced keyword belongs to.
pub(super) const TABLES: &[&Table] = &[
    &ROOT,
    &GLOBAL_DEFS,
    &VRRP_SYNC_GROUP,
    &VRRP_INSTANCE,
    &AUTHENTICATION,
    &VIRTUAL_SERVER,
    &REAL_SERVER,
    &TCP_CHECK,
    &check::HTTP_GET,
    &check::URL,
    &check::SMTP_CHECK,
    &check::MISC_CHECK,
    &check::DNS_CHECK,
    &check::UDP_CHECK,
    &check::FILE_CHECK,
    &check::BFD_CHECK,
    &root::SSL,
    &root::GARP_GROUP,
    &TRACK_FILE,
    &VRRP_SCRIPT,
    &VRRP_TRACK_PROCESS,
    &vrrp::BFD_INSTANCE,
];

/// The keywords of one block.
#[derive(Debug)]
pub(super) struct Table {
    /// The block's keyword, or words for the outermost level.
    pub(super) block: &'static str,
    pub(super) groups: &'static [Keywords],
}

/// Keywords that are treated alike.
#[derive(Debug)]
pub(super) struct Keywords {
    pub(super) names: &'static [&'static str],
    pub(super) shape: Shape,
    pub(super) support: Support,
}

/// What follows a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Words only: the least and the greatest number.
    Words(usize, usize),
    /// Words, then a block.
    Block(usize, usize),
    /// The rest of the line, and perhaps a block. For what is passed over, and for what its reader judges word by word.
    Anything,
}

/// What becomes of a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// It does what it does in keepalived.
    Honoured,
    /// It is read, with a warning that says this.
    Deprecated(&'static str),
    /// It is passed over with its whole block, with a warning that says what happens instead.
    NotYet(&'static str),
}

impl Table {
    /// The name as the table has it, and how it is treated.
    pub(super) fn find(&self, word: &str) -> Option<(&'static str, &'static Keywords)> {
        self.groups.iter().find_map(|group| {
            group
                .names
                .iter()
                .find(|name| **name == word)
                .map(|name| (*name, group))
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.groups
            .iter()
            .flat_map(|group| group.names.iter().copied())
    }

    /// The keywords that must be asked for by whoever reads this block.
    pub(super) fn read_names(&self) -> impl Iterator<Item = &'static str> {
        let read = self
            .groups
            .iter()
            .filter(|group| !matches!(group.support, Support::NotYet(_)));
        read.flat_map(|group| group.names.iter().copied())
    }
}

impl Shape {
    /// The most words that can follow the keyword.
    pub(super) const fn most_words(self) -> usize {
        match self {
            Self::Words(_, most) | Self::Block(_, most) => most,
            Self::Anything => usize::MAX,
        }
    }

    /// The least words that must follow it.
    pub(super) const fn least_words(self) -> usize {
        match self {
            Self::Words(least, _) | Self::Block(least, _) => least,
            Self::Anything => 0,
        }
    }
}

const fn honoured(shape: Shape, names: &'static [&'static str]) -> Keywords {
    Keywords {
        names,
        shape,
        support: Support::Honoured,
    }
}

const fn not_yet(shape: Shape, instead: &'static str, names: &'static [&'static str]) -> Keywords {
    Keywords {
        names,
        shape,
        support: Support::NotYet(instead),
    }
}

/// A word that is exactly one.
const ONE: Shape = Shape::Words(1, 1);
/// A switch: `keyword` or `keyword on|off|true|false|yes|no`.
const SWITCH: Shape = Shape::Words(0, 1);
/// A keyword that stands alone.
const ALONE: Shape = Shape::Words(0, 0);
/// A command in one word, and the user and the group that it runs as.
const COMMAND: Shape = Shape::Words(1, 3);
/// A weight, and `reverse`.
const WEIGHT: Shape = Shape::Words(1, 2);
/// A block without words before it.
const BLOCK: Shape = Shape::Block(0, 0);
/// A block with a name.
const NAMED_BLOCK: Shape = Shape::Block(1, 1);

/// Tables of blocks that are passed over whole; they only tell where a misplaced keyword belongs.
const fn names_only(names: &'static [&'static str]) -> Keywords {
    not_yet(Shape::Anything, "its block is passed over", names)
}
