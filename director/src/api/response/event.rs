//! `GET /v1/events`: connections that were ended.

use serde::{Deserialize, Serialize};

use crate::tell::Record;

/// One line of `GET /v1/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventLine {
    /// A connection that was ended.
    Record(Record),
    /// Records came faster than they were read.
    Missed {
        /// How many were left out.
        missed: u64,
    },
}
