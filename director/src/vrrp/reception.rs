//! Which advertisements count: RFC 3768 section 7.1, RFC 9568 section 7.1, in keepalived's order, so that both programs name the
//! same reason for the same packet.
//!
//! A list of addresses that differs is no reason: two routers that did not listen to each other would both be Master. It is
//! told instead ([`AddressList::Differs`]).

use std::{net::IpAddr, ops::RangeInclusive, time::Duration};

use thiserror::Error;

use super::{
    frame::TTL,
    packet::{ADVERTISEMENT, Advertisement, Authentication, Coverage, Endpoints, Packet, Version},
};

/// What the IP layer knows of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where it came from, and where it went.
    pub endpoints: Endpoints,
    /// TTL or hop limit, as it arrived.
    pub ttl: u8,
}

/// What an instance knows of the advertisements that it may hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Which VRRP it speaks.
    pub version: Version,
    /// Its virtual router, 1 to 255.
    pub virtual_router_id: u8,
    /// Its password, if it has one.
    pub authentication: Authentication,
    /// Its own pace. In version 2 everybody's.
    pub interval: Duration,
    /// How it computes checksums itself; the other way is understood too.
    pub coverage: Coverage,
    /// How advertisements come.
    pub delivery: Delivery,
    /// Where its own advertisements come from.
    pub own_address: IpAddr,
    /// Its addresses, in any order.
    pub addresses: Vec<IpAddr>,
}

/// How advertisements come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To the group.
    Multicast,
    /// To us alone.
    Unicast {
        /// Who we know.
        peers: Vec<Peer>,
        /// Who we do not know.
        unknown: UnknownPeers,
    },
}

/// Another director that advertisements are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl` to `max_ttl`: what its packets may have left when they arrive.
    pub ttl: RangeInclusive<u8>,
}

impl From<IpAddr> for Peer {
    /// However many routers its packets pass.
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            ttl: 0..=u8::MAX,
        }
    }
}

/// What a unicast advertisement from a stranger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownPeers {
    /// As good as any other: keepalived's way, unless `check_unicast_src` is set.
    Accept,
    /// [`Rejected::NotAPeer`].
    Reject,
}

/// An advertisement that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Primary address of the sender.
    pub source: IpAddr,
    /// What it says.
    pub advertisement: Advertisement,
    /// How its checksum was computed. A sender of version 3 over IPv4 that wants to be understood computes it likewise.
    pub coverage: Coverage,
    /// Whether it is about the same addresses as ours.
    pub addresses: AddressList,
}

/// Whether a virtual router has the same addresses on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressList {
    /// It has, in whatever order.
    Agrees,
    /// It has not: one of the two configurations is wrong.
    Differs {
        /// All of ours, in order.
        ours: Vec<IpAddr>,
        /// All of theirs, in order.
        theirs: Vec<IpAddr>,
    },
}

impl AddressList {
    fn compare(ours: &[IpAddr], theirs: &[IpAddr]) -> Self {
        let sorted = |addresses: &[IpAddr]| {
            let mut sorted = addresses.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            sorted
        };
        let (ours, theirs) = (sorted(ours), sorted(theirs));
        if ours == theirs {
            Self::Agrees
        } else {
            Self::Differs { ours, theirs }
        }
    }
}

/// Why an advertisement does not count: the first reason that applies, with what a person needs to find the wrong side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    /// It does not hold what its header promises.
    #[error("it has {received_bytes} bytes instead of {expected_bytes}")]
    Length {
        /// By its header.
        expected_bytes: usize,
        /// As it came.
        received_bytes: usize,
    },
    /// A router has passed it on, so it is not of this link.
    #[error("its TTL is {theirs} instead of {TTL}")]
    Ttl {
        /// As it came.
        theirs: u8,
    },
    /// A peer is farther away than it should be, or nearer.
    #[error("its TTL is {theirs}, and this peer's should be from {least} to {most}")]
    PeerTtl {
        /// As it arrived.
        theirs: u8,
        /// `min_ttl`.
        least: u8,
        /// `max_ttl`.
        most: u8,
    },
    /// The sender speaks another VRRP.
    #[error("its version is {theirs}, ours is {}", ours.number())]
    Version {
        /// Of the instance.
        ours: Version,
        /// Of the packet.
        theirs: u8,
    },
    /// One side has a password and the other has none, or something else.
    #[error("its authentication is of type {theirs}, ours of type {ours}")]
    AuthenticationType {
        /// 0: none; 1: a password.
        ours: u8,
        /// 2: AH, which is not supported.
        theirs: u8,
    },
    /// The passwords differ. They are not told.
    #[error("its password is not ours")]
    AuthenticationData,
    /// Both sides must have the same pace in version 2; in version 3 it must only be one.
    #[error("its interval is {theirs:?}, ours is {ours:?}")]
    Interval {
        /// Of the instance.
        ours: Duration,
        /// Of the packet.
        theirs: Duration,
    },
    /// It is no advertisement.
    #[error("its type is {theirs} instead of {ADVERTISEMENT}")]
    Type {
        /// Of the packet.
        theirs: u8,
    },
    /// It was damaged on its way, or computed in a way that nobody knows.
    #[error("its checksum is {theirs:#06x} instead of {ours:#06x}")]
    Checksum {
        /// As we would compute it for ourselves.
        ours: u16,
        /// Of the packet.
        theirs: u16,
    },
    /// One side has the group in its configuration, and the other a peer.
    #[error("it was sent to {destination}: one side uses multicast, and the other does not")]
    Destination {
        /// Of the packet.
        destination: IpAddr,
    },
    /// It is for another virtual router.
    #[error("its virtual router ID is {theirs}, ours is {ours}")]
    VirtualRouterId {
        /// Of the instance.
        ours: u8,
        /// Of the packet.
        theirs: u8,
    },
    /// It is one of ours that came back, or another host has our address.
    #[error("it comes from {source_address}, which is our own address")]
    OwnAddress {
        /// Of the packet.
        source_address: IpAddr,
    },
    /// A stranger sent it.
    #[error("it comes from {source_address}, which is none of our peers")]
    NotAPeer {
        /// Of the packet.
        source_address: IpAddr,
    },
}

impl Expected {
    /// Judges a message.
    ///
    /// # Errors
    ///
    /// The first reason why it does not count.
    pub fn judge(&self, received: Received, message: &[u8]) -> Result<Accepted, Rejected> {
        let packet =
            Packet::new(message, received.endpoints).map_err(|wrong| Rejected::Length {
                expected_bytes: wrong.expected_bytes,
                received_bytes: wrong.received_bytes,
            })?;
        self.judge_ttl(received)?;
        if packet.version() != self.version.number() {
            return Err(Rejected::Version {
                ours: self.version,
                theirs: packet.version(),
            });
        }
        self.judge_authentication(&packet)?;
        self.judge_interval(packet.interval())?;
        if packet.kind() != ADVERTISEMENT {
            return Err(Rejected::Type {
                theirs: packet.kind(),
            });
        }
        let coverage = self.judge_checksum(&packet)?;
        self.judge_destination(received.endpoints.destination())?;
        if packet.virtual_router_id() != self.virtual_router_id {
            return Err(Rejected::VirtualRouterId {
                ours: self.virtual_router_id,
                theirs: packet.virtual_router_id(),
            });
        }
        let source = received.endpoints.source();
        self.judge_source(source)?;
        let addresses = packet.addresses();
        Ok(Accepted {
            source,
            coverage,
            addresses: AddressList::compare(&self.addresses, &addresses),
            advertisement: Advertisement {
                version: self.version,
                virtual_router_id: self.virtual_router_id,
                priority: packet.priority(),
                interval: packet.interval(),
                authentication: self.authentication,
                addresses,
            },
        })
    }

    /// RFC 9568 section 7.1: it MUST be 255. A unicast advertisement may have passed routers, as in keepalived, but not more or fewer than
    /// its peer says.
    fn judge_ttl(&self, received: Received) -> Result<(), Rejected> {
        let theirs = received.ttl;
        match &self.delivery {
            Delivery::Multicast if theirs == TTL => Ok(()),
            Delivery::Multicast => Err(Rejected::Ttl { theirs }),
            Delivery::Unicast { peers, .. } => {
                let source = received.endpoints.source();
                let peer = peers.iter().find(|peer| peer.address == source);
                match peer.filter(|peer| !peer.ttl.contains(&theirs)) {
                    None => Ok(()),
                    Some(peer) => Err(Rejected::PeerTtl {
                        theirs,
                        least: *peer.ttl.start(),
                        most: *peer.ttl.end(),
                    }),
                }
            }
        }
    }

    /// RFC 3768 section 7.1. Version 3 has none (RFC 9568 section 9).
    fn judge_authentication(&self, packet: &Packet<'_>) -> Result<(), Rejected> {
        if self.version == Version::Three {
            return Ok(());
        }
        let theirs = packet.authentication_type();
        let ours = self.authentication.type_number();
        if theirs != ours {
            return Err(Rejected::AuthenticationType { ours, theirs });
        }
        match self.authentication {
            Authentication::Password(password)
                if packet.authentication_data() != Some(password) =>
            {
                Err(Rejected::AuthenticationData)
            }
            Authentication::None | Authentication::Password(_) => Ok(()),
        }
    }

    /// RFC 3768 section 7.1: both sides MUST have the same. In version 3 a Backup follows the Master's (RFC 9568 section 6.4.2);
    /// it could not follow a pace of zero, which would take every Master for gone.
    fn judge_interval(&self, theirs: Duration) -> Result<(), Rejected> {
        let is_usable = match self.version {
            Version::Two => theirs == self.interval,
            Version::Three => !theirs.is_zero(),
        };
        if is_usable {
            return Ok(());
        }
        Err(Rejected::Interval {
            ours: self.interval,
            theirs,
        })
    }

    fn judge_checksum(&self, packet: &Packet<'_>) -> Result<Coverage, Rejected> {
        let other = match self.coverage {
            Coverage::Message => Coverage::PseudoHeader,
            Coverage::PseudoHeader => Coverage::Message,
        };
        let theirs = packet.checksum();
        let fits = |coverage: &Coverage| is_same_sum(packet.computed_checksum(*coverage), theirs);
        [self.coverage, other]
            .into_iter()
            .find(fits)
            .ok_or_else(|| Rejected::Checksum {
                ours: packet.computed_checksum(self.coverage),
                theirs,
            })
    }

    fn judge_destination(&self, destination: IpAddr) -> Result<(), Rejected> {
        let is_expected = match self.delivery {
            Delivery::Multicast => destination.is_multicast(),
            Delivery::Unicast { .. } => !destination.is_multicast(),
        };
        if is_expected {
            return Ok(());
        }
        Err(Rejected::Destination { destination })
    }

    fn judge_source(&self, source_address: IpAddr) -> Result<(), Rejected> {
        if source_address == self.own_address {
            return Err(Rejected::OwnAddress { source_address });
        }
        match &self.delivery {
            Delivery::Unicast {
                peers,
                unknown: UnknownPeers::Reject,
            } if !peers.iter().any(|peer| peer.address == source_address) => {
                Err(Rejected::NotAPeer { source_address })
            }
            Delivery::Multicast | Delivery::Unicast { .. } => Ok(()),
        }
    }
}

/// Zero has two forms in one's complement, and a sender may use either (RFC 1071 section 2).
fn is_same_sum(a: u16, b: u16) -> bool {
    let zero_in_one_form = |sum| if sum == u16::MAX { 0 } else { sum };
    zero_in_one_form(a) == zero_in_one_form(b)
}

#[cfg(test)]
mod tests;
