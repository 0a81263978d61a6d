//! What another director's configuration is to this one's.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::pair::PairStanding;

/// Another director that tells the digest of its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairView {
    /// Its address.
    pub peer: IpAddr,
    /// How long ago it did so last.
    pub heard_secs_ago: f64,
    /// How its configuration is to this one's.
    #[serde(flatten)]
    pub standing: PairStanding,
}

/// `GET /v1/pair`: the digests of those that can be compared, by their address. Of each object a number for its name and one for its
/// settings, 16 hexadecimal digits each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairDigests(pub BTreeMap<IpAddr, BTreeMap<String, String>>);
