//! What one director sends to the other: the digest of its configuration, in as many datagrams as it takes. Pure.
//!
//! All numbers are in network byte order.
//!
//! ```text
//!  byte 0   4  5     6      7  8            16       24
//!      +------+--+------+-------+--+------------+--------+---------------------
//!      |"drct"| 1| part | parts | 0| vocabulary | total  | name, settings, ...
//!      +------+--+------+-------+--+------------+--------+---------------------
//! ```
//!
//! *vocabulary* and the pairs are those of [`crate::config::diff::digest`]; *total* is of all pairs of all parts.

use thiserror::Error;

use crate::config::diff::digest::{Digest, VOCABULARY, total};

const MAGIC: [u8; 4] = *b"drct";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 24;
const PAIR_BYTES: usize = 16;
/// So many fit into the smallest MTU of IPv6 (RFC 8200 section 5), with its headers.
const PAIRS_IN_PART: usize = 75;
/// No message is longer.
pub(crate) const LONGEST_BYTES: usize = HEADER_BYTES + PAIRS_IN_PART * PAIR_BYTES;
/// What does not fit is not told: 19,125 objects are.
const MOST_PARTS: usize = u8::MAX as usize;

/// One part of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Counted from 0.
    pub(crate) part: u8,
    /// How many there are; more than `part`.
    pub(crate) parts: u8,
    pub(crate) vocabulary: u64,
    /// Of all parts.
    pub(crate) total: u64,
    /// The name and the settings of each object.
    pub(crate) pairs: Vec<(u64, u64)>,
}

/// Why a datagram is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NoMessage {
    #[error("it is not from a director")]
    Foreign,
    #[error("its format is of version {0}, and this director knows version {VERSION}")]
    Version(u8),
    #[error("it is cut")]
    Length,
    #[error("its part is beyond its parts")]
    Part,
}

/// A digest as it is sent.
pub(crate) fn emit(digest: &Digest) -> Vec<Vec<u8>> {
    let pairs: Vec<_> = digest.pairs().take(MOST_PARTS * PAIRS_IN_PART).collect();
    let total = total(pairs.iter().copied());
    let parts: Vec<_> = pairs.chunks(PAIRS_IN_PART).collect();
    // A part without pairs says that there are none.
    let parts = if parts.is_empty() {
        vec![&[][..]]
    } else {
        parts
    };
    let count = u8::try_from(parts.len()).unwrap_or(u8::MAX);
    (0..=u8::MAX)
        .zip(parts)
        .map(|(part, pairs)| {
            let message = Message {
                part,
                parts: count,
                vocabulary: *VOCABULARY,
                total,
                pairs: pairs.to_vec(),
            };
            message.bytes()
        })
        .collect()
}

impl Message {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LONGEST_BYTES);
        bytes.extend(MAGIC);
        bytes.extend([VERSION, self.part, self.parts, 0]);
        bytes.extend(self.vocabulary.to_be_bytes());
        bytes.extend(self.total.to_be_bytes());
        for (name, settings) in &self.pairs {
            bytes.extend(name.to_be_bytes());
            bytes.extend(settings.to_be_bytes());
        }
        bytes
    }

    /// Reads a datagram.
    ///
    /// # Errors
    ///
    /// [`NoMessage`] says why it is none.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, NoMessage> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(NoMessage::Foreign)?;
        let [version, part, parts, _, rest @ ..] = rest else {
            return Err(NoMessage::Length);
        };
        if *version != VERSION {
            return Err(NoMessage::Version(*version));
        }
        if part >= parts {
            return Err(NoMessage::Part);
        }
        let (numbers, left) = rest.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|bytes| u64::from_be_bytes(*bytes));
        let (Some(vocabulary), Some(total)) = (numbers.next(), numbers.next()) else {
            return Err(NoMessage::Length);
        };
        let numbers: Vec<_> = numbers.collect();
        let (pairs, odd) = numbers.as_chunks::<2>();
        if !left.is_empty() || !odd.is_empty() || pairs.len() > PAIRS_IN_PART {
            return Err(NoMessage::Length);
        }
        Ok(Self {
            part: *part,
            parts: *parts,
            vocabulary,
            total,
            pairs: pairs
                .iter()
                .map(|[name, settings]| (*name, *settings))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message() -> Message {
        Message {
            part: 1,
            parts: 2,
            vocabulary: 3,
            total: 4,
            pairs: vec![(5, 6), (7, 8)],
        }
    }

    #[test]
    fn what_is_sent_is_read() {
        assert_eq!(Message::parse(&message().bytes()), Ok(message()));
    }

    #[test]
    fn a_digest_of_nothing_is_one_part_without_pairs() {
        let parts = emit(&Digest::default());
        let [part] = &parts[..] else {
            panic!("{} parts", parts.len());
        };
        let read = Message::parse(part).expect("a message");
        assert_eq!((read.part, read.parts), (0, 1));
        assert_eq!(read.pairs, []);
    }

    #[test]
    fn each_mistake_has_its_reason() {
        let good = message().bytes();
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Message::parse(&bytes)
        };
        assert_eq!(with(0, b'x'), Err(NoMessage::Foreign));
        assert_eq!(with(4, 2), Err(NoMessage::Version(2)));
        assert_eq!(with(5, 2), Err(NoMessage::Part));
        assert_eq!(with(6, 0), Err(NoMessage::Part));
        for length in MAGIC.len()..good.len() {
            let cut = Message::parse(&good[..length]);
            let is_whole = length == HEADER_BYTES || length == HEADER_BYTES + PAIR_BYTES;
            assert_eq!(cut.is_ok(), is_whole, "{length} bytes");
        }
        let long = Message {
            pairs: vec![(0, 0); PAIRS_IN_PART + 1],
            ..message()
        };
        assert_eq!(Message::parse(&long.bytes()), Err(NoMessage::Length));
    }

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), is_ours: bool) {
            let bytes = match is_ours {
                true => [&MAGIC[..], &[VERSION], &bytes].concat(),
                false => bytes,
            };
            if let Ok(read) = Message::parse(&bytes) {
                prop_assert!(read.part < read.parts);
            }
        }
    }
}
