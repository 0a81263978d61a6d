//! The VRRP message: RFC 3768 section 5.1 (version 2), RFC 9568 section 5.2 (version 3).
//!
//! ```text
//!   0               1               2               3
//!  +-------+-------+---------------+---------------+---------------+
//!  |Version| Type  |     VRID      |   Priority    |   Addresses   |
//!  +-------+-------+---------------+---------------+---------------+
//!  |   Auth Type   |   Interval, s |           Checksum            |   version 2
//!  | Rsvd  |     Interval, cs      |           Checksum            |   version 3
//!  +---------------+---------------+---------------+---------------+
//!  |                      addresses, 4 or 16 bytes each            |
//!  +---------------+---------------+---------------+---------------+
//!  |                authentication data, 8 bytes                   |   version 2 only
//!  +---------------+---------------+---------------+---------------+
//! ```
//!
//! [`Packet`] looks at bytes whose length fits, and judges nothing else; [`super::reception`] judges. [`Advertisement`] is the
//! message as a value. Seconds and hundredths of a second end here: everywhere else an interval is a [`Duration`].

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
    time::Duration,
};

use pnet_packet::{ip::IpNextHeaderProtocols, util};

/// The only type there is (RFC 9568 section 5.2.2).
pub const ADVERTISEMENT: u8 = 1;
/// Bytes of a password (RFC 2338 section 5.3.6.1; RFC 3768 took passwords away, and everybody goes on to use them).
pub const PASSWORD_BYTES: usize = 8;

/// Where things stand in the header, in bytes.
mod field {
    use super::Range;

    pub(super) const VERSION_AND_TYPE: usize = 0;
    pub(super) const VIRTUAL_ROUTER_ID: usize = 1;
    pub(super) const PRIORITY: usize = 2;
    pub(super) const ADDRESS_COUNT: usize = 3;
    pub(super) const AUTHENTICATION_TYPE: usize = 4;
    pub(super) const INTERVAL_SECS: usize = 5;
    pub(super) const INTERVAL_CENTIS: Range<usize> = 4..6;
    pub(super) const CHECKSUM: Range<usize> = 6..8;
    pub(super) const HEADER_BYTES: usize = 8;
}

/// The upper four of the interval's 16 bits are reserved in version 3 (RFC 9568 section 5.2.6).
const MOST_CENTIS: u16 = 0x0fff;
/// The checksum's place, in words of 16 bits.
const CHECKSUM_WORD: usize = field::CHECKSUM.start / 2;

/// Which VRRP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds, a password if wanted.
    Two,
    /// RFC 9568: IPv4 and IPv6, hundredths of a second, no authentication.
    Three,
}

impl Version {
    /// As it stands in a packet.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

/// Source and destination of a packet, always of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoints {
    /// IPv4.
    V4 {
        /// Primary address of the sender (RFC 9568 section 5.1.1.1).
        source: Ipv4Addr,
        /// The group, or a peer.
        destination: Ipv4Addr,
    },
    /// IPv6.
    V6 {
        /// Link-local address of the sender (RFC 9568 section 5.1.2.1); of unicast any.
        source: Ipv6Addr,
        /// The group, or a peer.
        destination: Ipv6Addr,
    },
}

impl Endpoints {
    /// `None` if the two are of different families.
    #[must_use]
    pub const fn new(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Self::V4 {
                source,
                destination,
            }),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Self::V6 {
                source,
                destination,
            }),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// The sender.
    #[must_use]
    pub const fn source(self) -> IpAddr {
        match self {
            Self::V4 { source, .. } => IpAddr::V4(source),
            Self::V6 { source, .. } => IpAddr::V6(source),
        }
    }

    /// The group, or a peer.
    #[must_use]
    pub const fn destination(self) -> IpAddr {
        match self {
            Self::V4 { destination, .. } => IpAddr::V4(destination),
            Self::V6 { destination, .. } => IpAddr::V6(destination),
        }
    }

    const fn address_bytes(self) -> usize {
        match self {
            Self::V4 { .. } => 4,
            Self::V6 { .. } => 16,
        }
    }
}

/// What a version 3 checksum over IPv4 covers. Of version 2 it covers the message (RFC 3768 section 5.3.8), over IPv6 the
/// pseudo-header too (RFC 9568 section 5.2.8), and nobody disagrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// The message alone: RFC 9568 section 5.2.8.
    Message,
    /// A pseudo-header of both addresses, protocol and length before it: how RFC 5798 section 5.2.8 was read, by keepalived
    /// too, whose version 2.2.7 knows nothing else.
    PseudoHeader,
}

/// Authentication of version 2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Type 0. What stands in the place of the data does not matter (RFC 3768 section 5.3.10).
    None,
    /// Type 1: a password that everybody on the link can read, padded with zeros.
    Password([u8; PASSWORD_BYTES]),
}

impl Authentication {
    /// A password; what is longer than eight bytes is cut, as keepalived does.
    #[must_use]
    pub fn password(password: &[u8]) -> Self {
        let mut padded = [0; PASSWORD_BYTES];
        for (to, from) in padded.iter_mut().zip(password) {
            *to = *from;
        }
        Self::Password(padded)
    }

    /// As it stands in a packet (RFC 2338 section 5.3.6).
    #[must_use]
    pub const fn type_number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Password(_) => 1,
        }
    }
}

/// A password is not for logs.
impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password(_)",
        })
    }
}

/// A message whose length is not what its own header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongLength {
    /// By the header.
    pub expected_bytes: usize,
    /// As it came.
    pub received_bytes: usize,
}

/// A message of the right length, whatever else it says. No question to it can fail.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    message: &'a [u8],
    endpoints: Endpoints,
}

impl<'a> Packet<'a> {
    /// Looks at a message.
    ///
    /// # Errors
    ///
    /// It is shorter or longer than a header and the addresses that this promises.
    pub fn new(message: &'a [u8], endpoints: Endpoints) -> Result<Self, WrongLength> {
        let packet = Self { message, endpoints };
        let expected_bytes = field::HEADER_BYTES
            + usize::from(packet.byte(field::ADDRESS_COUNT)) * endpoints.address_bytes()
            + packet.authentication_bytes();
        if message.len() == expected_bytes {
            return Ok(packet);
        }
        Err(WrongLength {
            expected_bytes,
            received_bytes: message.len(),
        })
    }

    /// 2, 3, or anything else up to 15.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.byte(field::VERSION_AND_TYPE) >> 4
    }

    /// [`ADVERTISEMENT`], or anything else up to 15.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.byte(field::VERSION_AND_TYPE) & 0x0f
    }

    /// Which virtual router this is about.
    #[must_use]
    pub fn virtual_router_id(&self) -> u8 {
        self.byte(field::VIRTUAL_ROUTER_ID)
    }

    /// The sender's priority; 0: it leaves.
    #[must_use]
    pub fn priority(&self) -> u8 {
        self.byte(field::PRIORITY)
    }

    /// Type of authentication, in version 2.
    #[must_use]
    pub fn authentication_type(&self) -> u8 {
        self.byte(field::AUTHENTICATION_TYPE)
    }

    /// Authentication data; `None` except in version 2.
    #[must_use]
    pub fn authentication_data(&self) -> Option<[u8; PASSWORD_BYTES]> {
        if self.authentication_bytes() == 0 {
            return None;
        }
        self.message.last_chunk().copied()
    }

    /// The pace of the sender's advertisements.
    #[must_use]
    pub fn interval(&self) -> Duration {
        if self.version() == Version::Two.number() {
            // RFC 3768 section 5.3.7: seconds.
            return Duration::from_secs(self.byte(field::INTERVAL_SECS).into());
        }
        // RFC 9568 section 5.2.7: hundredths of a second. Section 5.2.6: the reserved bits are ignored on reception.
        let centis = self.word(field::INTERVAL_CENTIS) & MOST_CENTIS;
        Duration::from_millis(u64::from(centis) * 10)
    }

    /// The checksum as it stands there.
    #[must_use]
    pub fn checksum(&self) -> u16 {
        self.word(field::CHECKSUM)
    }

    /// The checksum as it should be.
    #[must_use]
    pub fn computed_checksum(&self, coverage: Coverage) -> u16 {
        checksum(self.message, self.endpoints, coverage)
    }

    /// The addresses of the virtual router.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let end = self.message.len() - self.authentication_bytes();
        let addresses = self.message.get(field::HEADER_BYTES..end);
        let addresses = addresses.unwrap_or_default();
        match self.endpoints {
            Endpoints::V4 { .. } => addresses
                .as_chunks()
                .0
                .iter()
                .map(|bytes: &[u8; 4]| IpAddr::from(*bytes))
                .collect(),
            Endpoints::V6 { .. } => addresses
                .as_chunks()
                .0
                .iter()
                .map(|bytes: &[u8; 16]| IpAddr::from(*bytes))
                .collect(),
        }
    }

    fn authentication_bytes(&self) -> usize {
        if self.version() == Version::Two.number() {
            PASSWORD_BYTES
        } else {
            0
        }
    }

    fn byte(&self, field: usize) -> u8 {
        self.message.get(field).copied().unwrap_or_default()
    }

    fn word(&self, field: Range<usize>) -> u16 {
        let bytes = self.message.get(field).and_then(<[u8]>::first_chunk);
        u16::from_be_bytes(bytes.copied().unwrap_or_default())
    }
}

/// An advertisement, as it is sent and as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Version of the message.
    pub version: Version,
    /// Which virtual router, 1 to 255 (RFC 9568 section 5.2.3).
    pub virtual_router_id: u8,
    /// The sender's priority, or [`super::election::RELEASE`].
    pub priority: u8,
    /// The sender's pace. A packet has room for 1 to 255 whole seconds (version 2), or 10 ms to 40.95 s in hundredths of a
    /// second (version 3); [`Advertisement::emit`] takes the nearest that is not longer, or the shortest.
    pub interval: Duration,
    /// Version 2 only.
    pub authentication: Authentication,
    /// The addresses of the virtual router, in the order of the packet: at most 255, and those of the family it is sent over.
    pub addresses: Vec<IpAddr>,
}

impl Advertisement {
    /// The message, with its checksum, for a packet between `endpoints`.
    #[must_use]
    pub fn emit(&self, endpoints: Endpoints, coverage: Coverage) -> Vec<u8> {
        let mut addresses = Vec::new();
        let mut count = 0_u8;
        let sent =
            self.addresses
                .iter()
                .filter_map(|address| match (endpoints, address) {
                    (Endpoints::V4 { .. }, IpAddr::V4(address)) => Some(address.octets().to_vec()),
                    (Endpoints::V6 { .. }, IpAddr::V6(address)) => Some(address.octets().to_vec()),
                    (Endpoints::V4 { .. }, IpAddr::V6(_))
                    | (Endpoints::V6 { .. }, IpAddr::V4(_)) => None,
                });
        for address in sent.take(u8::MAX.into()) {
            addresses.extend(address);
            count += 1;
        }
        let [high, low] = self.authentication_type_and_interval();
        let mut message = vec![
            self.version.number() << 4 | ADVERTISEMENT,
            self.virtual_router_id,
            self.priority,
            count,
            high,
            low,
            0,
            0,
        ];
        message.extend(addresses);
        if self.version == Version::Two {
            // Without authentication the data are zero (RFC 3768 section 5.3.10).
            message.extend(match self.authentication {
                Authentication::None => [0; PASSWORD_BYTES],
                Authentication::Password(password) => password,
            });
        }
        let sum = checksum(&message, endpoints, coverage).to_be_bytes();
        for (to, from) in message.iter_mut().skip(field::CHECKSUM.start).zip(sum) {
            *to = from;
        }
        message
    }

    /// Bytes 4 and 5 of the header.
    fn authentication_type_and_interval(&self) -> [u8; 2] {
        match self.version {
            Version::Two => {
                let secs = self.interval.as_secs().clamp(1, u8::MAX.into());
                [self.authentication.type_number(), secs as u8]
            }
            Version::Three => {
                let centis = (self.interval.as_millis() / 10).clamp(1, MOST_CENTIS.into());
                (centis as u16).to_be_bytes()
            }
        }
    }
}

fn checksum(message: &[u8], endpoints: Endpoints, coverage: Coverage) -> u16 {
    let protocol = IpNextHeaderProtocols::Vrrp;
    let is_version_2 = message
        .first()
        .is_some_and(|byte| byte >> 4 == Version::Two.number());
    match (endpoints, coverage) {
        (Endpoints::V4 { .. }, Coverage::Message) => util::checksum(message, CHECKSUM_WORD),
        // RFC 3768 section 5.3.8: the whole message from the version on; keepalived too counts the password in.
        (Endpoints::V4 { .. }, Coverage::PseudoHeader) if is_version_2 => {
            util::checksum(message, CHECKSUM_WORD)
        }
        (
            Endpoints::V4 {
                source,
                destination,
            },
            Coverage::PseudoHeader,
        ) => util::ipv4_checksum(message, CHECKSUM_WORD, &[], &source, &destination, protocol),
        // RFC 9568 section 5.2.8: over IPv6 always with the pseudo-header of RFC 8200 section 8.1.
        (
            Endpoints::V6 {
                source,
                destination,
            },
            Coverage::Message | Coverage::PseudoHeader,
        ) => util::ipv6_checksum(message, CHECKSUM_WORD, &[], &source, &destination, protocol),
    }
}

#[cfg(test)]
pub(super) mod vectors;

#[cfg(test)]
mod tests;
