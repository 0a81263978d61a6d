//! Each field made wrong, each reason, and their order.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::vrrp::{
    election::RELEASE,
    packet::vectors::{Vector, vectors},
};

const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 12));
const THEIRS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 6));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 99));
const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 251));
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const SECOND: Duration = Duration::from_secs(1);

/// What the other end of a vector's sender expects.
fn counterpart(vector: &Vector) -> Expected {
    let Advertisement {
        version,
        virtual_router_id,
        interval,
        authentication,
        ref addresses,
        ..
    } = vector.advertisement;
    let destination = vector.endpoints.destination();
    Expected {
        version,
        virtual_router_id,
        authentication,
        interval,
        coverage: Coverage::PseudoHeader,
        delivery: if destination.is_multicast() {
            Delivery::Multicast
        } else {
            Delivery::Unicast {
                peers: vec![vector.endpoints.source().into()],
                unknown: UnknownPeers::Reject,
            }
        },
        own_address: OURS,
        addresses: addresses.clone(),
    }
}

fn expected(version: Version) -> Expected {
    Expected {
        version,
        virtual_router_id: 66,
        authentication: match version {
            Version::Two => Authentication::password(b"lvs50test"),
            Version::Three => Authentication::None,
        },
        interval: SECOND,
        coverage: Coverage::PseudoHeader,
        delivery: Delivery::Multicast,
        own_address: OURS,
        addresses: vec![VIP],
    }
}

fn advertisement(expected: &Expected) -> Advertisement {
    Advertisement {
        version: expected.version,
        virtual_router_id: 66,
        priority: 100,
        interval: SECOND,
        authentication: expected.authentication,
        addresses: vec![VIP],
    }
}

fn received(source: IpAddr, destination: IpAddr, ttl: u8) -> Received {
    let endpoints = Endpoints::new(source, destination).expect("one family");
    Received { endpoints, ttl }
}

fn multicast() -> Received {
    received(THEIRS, GROUP, 255)
}

/// A message with one byte changed, and its checksum corrected unless that is the byte.
fn mutated(expected: &Expected, byte: usize, value: u8) -> Vec<u8> {
    let endpoints = multicast().endpoints;
    let mut message = advertisement(expected).emit(endpoints, Coverage::PseudoHeader);
    message[byte] = value;
    if !(6..8).contains(&byte)
        && let Ok(packet) = Packet::new(&message, endpoints)
    {
        let sum = packet.computed_checksum(Coverage::PseudoHeader);
        message[6..8].copy_from_slice(&sum.to_be_bytes());
    }
    message
}

#[test]
fn the_packets_of_keepalived_count() {
    for vector in vectors() {
        let received = Received {
            endpoints: vector.endpoints,
            ttl: 255,
        };
        let accepted = counterpart(&vector).judge(received, vector.message());
        let wanted = Accepted {
            source: vector.endpoints.source(),
            advertisement: vector.advertisement.clone(),
            // Of version 2 both are the same, and what is configured is told.
            coverage: Coverage::PseudoHeader,
            addresses: AddressList::Agrees,
        };
        assert_eq!(accepted, Ok(wanted));
    }
}

#[test]
fn each_field_that_is_wrong_has_its_reason() {
    let two = expected(Version::Two);
    let three = expected(Version::Three);
    let length = |expected_bytes, received_bytes| {
        Some(Rejected::Length {
            expected_bytes,
            received_bytes,
        })
    };
    let table = [
        // Version and type.
        (&two, 0, 0x41, length(12, 20)),
        (&two, 0, 0x31, length(12, 20)),
        (&two, 0, 0x22, Some(Rejected::Type { theirs: 2 })),
        (&three, 0, 0x21, length(20, 12)),
        (
            &three,
            0,
            0x41,
            Some(Rejected::Version {
                ours: Version::Three,
                theirs: 4,
            }),
        ),
        (&three, 0, 0x30, Some(Rejected::Type { theirs: 0 })),
        // Virtual router ID.
        (
            &two,
            1,
            65,
            Some(Rejected::VirtualRouterId {
                ours: 66,
                theirs: 65,
            }),
        ),
        (
            &three,
            1,
            0,
            Some(Rejected::VirtualRouterId {
                ours: 66,
                theirs: 0,
            }),
        ),
        // Every priority counts.
        (&two, 2, RELEASE, None),
        (&three, 2, 255, None),
        // Number of addresses.
        (&two, 3, 2, length(24, 20)),
        (&three, 3, 0, length(8, 12)),
        // Type of authentication; reserved bits in version 3.
        (
            &two,
            4,
            0,
            Some(Rejected::AuthenticationType { ours: 1, theirs: 0 }),
        ),
        (
            &two,
            4,
            2,
            Some(Rejected::AuthenticationType { ours: 1, theirs: 2 }),
        ),
        (&three, 4, 0xf0, None),
        // Interval: everybody's in version 2, the sender's in version 3.
        (
            &two,
            5,
            2,
            Some(Rejected::Interval {
                ours: SECOND,
                theirs: 2 * SECOND,
            }),
        ),
        (
            &two,
            5,
            0,
            Some(Rejected::Interval {
                ours: SECOND,
                theirs: Duration::ZERO,
            }),
        ),
        (&three, 5, 50, None),
        (
            &three,
            5,
            0,
            Some(Rejected::Interval {
                ours: SECOND,
                theirs: Duration::ZERO,
            }),
        ),
        // Password.
        (&two, 12, b'L', Some(Rejected::AuthenticationData)),
        (&two, 19, 0, Some(Rejected::AuthenticationData)),
    ];
    for (expected, byte, value, reason) in table {
        let message = mutated(expected, byte, value);
        let verdict = expected.judge(multicast(), &message);
        assert_eq!(verdict.err(), reason, "{:?} {byte}", expected.version);
    }
}

#[test]
fn a_bit_that_flips_on_the_way_is_noticed() {
    for version in [Version::Two, Version::Three] {
        let expected = expected(version);
        let whole = advertisement(&expected).emit(multicast().endpoints, Coverage::PseudoHeader);
        for bit in 0..whole.len() * 8 {
            let mut message = whole.clone();
            message[bit / 8] ^= 1 << (bit % 8);
            let verdict = expected.judge(multicast(), &message);
            assert!(verdict.is_err(), "{version:?} bit {bit}");
            // Neither length, authentication nor interval would tell.
            if [1, 2, 6, 7, 8, 11].contains(&(bit / 8)) {
                assert!(matches!(verdict, Err(Rejected::Checksum { .. })));
            }
        }
    }
}

#[test]
fn the_ttl_counts_for_multicast_only() {
    let mut expected = expected(Version::Three);
    let advertisement = advertisement(&expected);
    let unicast = received(THEIRS, OURS, 64);
    let message = advertisement.emit(multicast().endpoints, Coverage::PseudoHeader);
    let passed_on = received(THEIRS, GROUP, 254);
    let verdict = expected.judge(passed_on, &message);
    assert_eq!(verdict, Err(Rejected::Ttl { theirs: 254 }));

    expected.delivery = Delivery::Unicast {
        peers: vec![THEIRS.into()],
        unknown: UnknownPeers::Reject,
    };
    let message = advertisement.emit(unicast.endpoints, Coverage::PseudoHeader);
    assert!(expected.judge(unicast, &message).is_ok());
}

#[test]
fn a_peer_counts_only_from_as_far_away_as_it_should_be() {
    let mut expected = expected(Version::Three);
    let advertisement = advertisement(&expected);
    expected.delivery = Delivery::Unicast {
        peers: vec![Peer {
            address: THEIRS,
            ttl: 62..=64,
        }],
        unknown: UnknownPeers::Accept,
    };
    let verdict = |source, ttl| {
        let received = received(source, OURS, ttl);
        let message = advertisement.emit(received.endpoints, Coverage::PseudoHeader);
        expected.judge(received, &message).err()
    };
    let wrong = |theirs| {
        Some(Rejected::PeerTtl {
            theirs,
            least: 62,
            most: 64,
        })
    };
    assert_eq!(verdict(THEIRS, 61), wrong(61));
    assert_eq!(verdict(THEIRS, 62), None);
    assert_eq!(verdict(THEIRS, 64), None);
    assert_eq!(verdict(THEIRS, 65), wrong(65));
    assert_eq!(verdict(STRANGER, 1), None, "of others nothing is said");
}

#[test]
fn a_stranger_counts_only_if_that_is_wanted_and_we_ourselves_never() {
    let mut expected = expected(Version::Three);
    let advertisement = advertisement(&expected);
    let mut verdict = |source, unknown| {
        let received = received(source, OURS, 255);
        let peers = vec![THEIRS.into()];
        expected.delivery = Delivery::Unicast { peers, unknown };
        let message = advertisement.emit(received.endpoints, Coverage::PseudoHeader);
        expected.judge(received, &message).err()
    };
    let source_address = STRANGER;
    assert_eq!(
        verdict(STRANGER, UnknownPeers::Reject),
        Some(Rejected::NotAPeer { source_address })
    );
    assert_eq!(verdict(STRANGER, UnknownPeers::Accept), None);
    assert_eq!(verdict(THEIRS, UnknownPeers::Reject), None);
    let source_address = OURS;
    for unknown in [UnknownPeers::Accept, UnknownPeers::Reject] {
        let reason = Some(Rejected::OwnAddress { source_address });
        assert_eq!(verdict(OURS, unknown), reason);
    }
}

#[test]
fn multicast_and_unicast_are_not_mixed() {
    let mut expected = expected(Version::Three);
    let advertisement = advertisement(&expected);
    let unicast = received(THEIRS, OURS, 255);
    let message = advertisement.emit(unicast.endpoints, Coverage::PseudoHeader);
    let destination = OURS;
    let verdict = expected.judge(unicast, &message);
    assert_eq!(verdict, Err(Rejected::Destination { destination }));

    expected.delivery = Delivery::Unicast {
        peers: vec![THEIRS.into()],
        unknown: UnknownPeers::Accept,
    };
    let message = advertisement.emit(multicast().endpoints, Coverage::PseudoHeader);
    let destination = GROUP;
    let verdict = expected.judge(multicast(), &message);
    assert_eq!(verdict, Err(Rejected::Destination { destination }));
}

#[test]
fn both_checksums_are_understood_and_told_apart() {
    let mut expected = expected(Version::Three);
    let advertisement = advertisement(&expected);
    let both = [Coverage::Message, Coverage::PseudoHeader];
    for ours in both {
        for theirs in both {
            expected.coverage = ours;
            let message = advertisement.emit(multicast().endpoints, theirs);
            let verdict = expected.judge(multicast(), &message);
            assert_eq!(verdict.map(|accepted| accepted.coverage), Ok(theirs));
        }
    }
}

/// RFC 1071 section 2: 0xffff is zero too.
#[test]
fn both_zeros_are_the_same_sum() {
    assert!(is_same_sum(0, 0xffff));
    assert!(is_same_sum(0xffff, 0));
    assert!(!is_same_sum(0, 1));
    assert!(!is_same_sum(0xfffe, 0xffff));
}

/// Scenario 1.10.
#[test]
fn s1_10_a_list_of_addresses_that_differs_is_told_and_counts() {
    let other = IpAddr::V4(Ipv4Addr::new(192, 168, 66, 250));
    let differs = |ours: &[IpAddr], theirs: &[IpAddr]| AddressList::Differs {
        ours: ours.to_vec(),
        theirs: theirs.to_vec(),
    };
    let table: [(&[IpAddr], &[IpAddr], AddressList); 6] = [
        (&[VIP], &[VIP], AddressList::Agrees),
        (&[VIP, other], &[other, VIP], AddressList::Agrees),
        (&[VIP], &[other], differs(&[VIP], &[other])),
        (&[VIP, other], &[VIP], differs(&[other, VIP], &[VIP])),
        (&[VIP], &[], differs(&[VIP], &[])),
        (&[], &[], AddressList::Agrees),
    ];
    for (ours, theirs, wanted) in table {
        let mut expected = expected(Version::Two);
        expected.addresses = ours.to_vec();
        let advertisement = Advertisement {
            addresses: theirs.to_vec(),
            ..advertisement(&expected)
        };
        let message = advertisement.emit(multicast().endpoints, Coverage::Message);
        let accepted = expected.judge(multicast(), &message).expect("it counts");
        assert_eq!(accepted.addresses, wanted);
    }
}

/// Everything is wrong at once, and is put right step by step.
#[test]
fn the_reasons_come_in_the_order_of_keepalived() {
    let expected = Expected {
        delivery: Delivery::Multicast,
        ..expected(Version::Two)
    };
    let mut bad = received(OURS, OURS, 64);
    let mut message = vec![0x42, 65, 100, 1, 2, 9, 0, 0, 192, 168, 66, 251];
    let verdict = |received, message: &[u8]| expected.judge(received, message).err();
    let short = message[..11].to_vec();
    assert!(matches!(
        verdict(bad, &short),
        Some(Rejected::Length { .. })
    ));
    assert!(matches!(verdict(bad, &message), Some(Rejected::Ttl { .. })));
    bad.ttl = 255;
    assert!(matches!(
        verdict(bad, &message),
        Some(Rejected::Version { .. })
    ));
    message[0] = 0x22;
    message.extend([0; 8]);
    assert!(matches!(
        verdict(bad, &message),
        Some(Rejected::AuthenticationType { .. })
    ));
    message[4] = 1;
    assert_eq!(verdict(bad, &message), Some(Rejected::AuthenticationData));
    message[12..].copy_from_slice(b"lvs50tes");
    assert!(matches!(
        verdict(bad, &message),
        Some(Rejected::Interval { .. })
    ));
    message[5] = 1;
    assert!(matches!(
        verdict(bad, &message),
        Some(Rejected::Type { .. })
    ));
    message[0] = 0x21;
    assert!(matches!(
        verdict(bad, &message),
        Some(Rejected::Checksum { .. })
    ));
    let packet = Packet::new(&message, bad.endpoints).expect("a whole message");
    let sum = packet.computed_checksum(Coverage::Message).to_be_bytes();
    message[6..8].copy_from_slice(&sum);
    assert!(matches!(
        verdict(bad, &message),
        Some(Rejected::Destination { .. })
    ));
    let bad = received(OURS, GROUP, 255);
    assert!(matches!(
        verdict(bad, &message),
        Some(Rejected::VirtualRouterId { .. })
    ));
    let message = advertisement(&expected).emit(bad.endpoints, Coverage::Message);
    assert!(matches!(
        verdict(bad, &message),
        Some(Rejected::OwnAddress { .. })
    ));
}

#[test]
fn a_reason_names_both_sides_and_no_password() {
    let text = Rejected::Interval {
        ours: SECOND,
        theirs: 2 * SECOND,
    };
    assert_eq!(text.to_string(), "its interval is 2s, ours is 1s");
    let text = Rejected::Version {
        ours: Version::Two,
        theirs: 3,
    };
    assert_eq!(text.to_string(), "its version is 3, ours is 2");
    assert_eq!(
        Rejected::AuthenticationData.to_string(),
        "its password is not ours"
    );
}

proptest! {
    #[test]
    fn no_bytes_and_no_way_make_judging_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
        source in any::<u32>(),
        ttl in any::<u8>(),
    ) {
        let received = received(IpAddr::V4(source.into()), GROUP, ttl);
        for version in [Version::Two, Version::Three] {
            let _ = expected(version).judge(received, &bytes);
        }
    }

    #[test]
    fn mutated_packets_of_keepalived_never_panic(
        which in 0..8_usize,
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let vector = &vectors()[which];
        let mut message = vector.message().to_vec();
        for (place, value) in changes {
            let place = place % message.len();
            message[place] = value;
        }
        let received = Received { endpoints: vector.endpoints, ttl: 255 };
        let _ = counterpart(vector).judge(received, &message);
    }
}
