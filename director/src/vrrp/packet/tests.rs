//! Real bytes both ways, the two checksums, and the limits of what a packet can carry.

use proptest::prelude::*;

use super::{vectors::vectors, *};

const GROUP_V4: Endpoints = Endpoints::V4 {
    source: Ipv4Addr::new(192, 168, 66, 6),
    destination: Ipv4Addr::new(224, 0, 0, 18),
};

fn advertisement(version: Version, interval: Duration) -> Advertisement {
    Advertisement {
        version,
        virtual_router_id: 66,
        priority: 100,
        interval,
        authentication: Authentication::None,
        addresses: vec![Ipv4Addr::new(192, 168, 66, 251).into()],
    }
}

#[test]
fn advertisements_are_emitted_as_keepalived_emits_them() {
    for vector in vectors() {
        let message = vector.advertisement.emit(vector.endpoints, vector.coverage);
        assert_eq!(message, vector.message(), "{:?}", vector.advertisement);
    }
}

#[test]
fn each_field_of_keepalived_is_read_from_its_place() {
    for vector in vectors() {
        let packet = Packet::new(vector.message(), vector.endpoints).expect("a whole message");
        let wanted = &vector.advertisement;
        assert_eq!(packet.version(), wanted.version.number());
        assert_eq!(packet.kind(), ADVERTISEMENT);
        assert_eq!(packet.virtual_router_id(), wanted.virtual_router_id);
        assert_eq!(packet.priority(), wanted.priority);
        assert_eq!(packet.interval(), wanted.interval);
        assert_eq!(packet.addresses(), wanted.addresses);
        assert_eq!(packet.checksum(), packet.computed_checksum(vector.coverage));
        if wanted.version == Version::Two {
            let data = match wanted.authentication {
                Authentication::None => [0; PASSWORD_BYTES],
                Authentication::Password(password) => password,
            };
            assert_eq!(packet.authentication_data(), Some(data));
            let type_number = wanted.authentication.type_number();
            assert_eq!(packet.authentication_type(), type_number);
        } else {
            assert_eq!(packet.authentication_data(), None);
        }
    }
}

#[test]
fn a_password_is_cut_to_eight_bytes_or_padded_with_zeros_and_never_shown() {
    let password = Authentication::password(b"lvs50test");
    assert_eq!(password, Authentication::Password(*b"lvs50tes"));
    let password = Authentication::password(b"abc");
    assert_eq!(password, Authentication::Password(*b"abc\0\0\0\0\0"));
    assert_eq!(format!("{password:?}"), "Password(_)");
}

#[test]
fn the_two_checksums_of_version_3_differ_over_ipv4_only() {
    for vector in vectors() {
        let packet = Packet::new(vector.message(), vector.endpoints).expect("a whole message");
        let same = packet.computed_checksum(Coverage::Message)
            == packet.computed_checksum(Coverage::PseudoHeader);
        let is_disputed = matches!(
            (vector.advertisement.version, vector.endpoints),
            (Version::Three, Endpoints::V4 { .. })
        );
        assert_eq!(same, !is_disputed, "{:?}", vector.advertisement);
    }
}

/// Summed by hand: the words of the message after RFC 9568 section 5.2.8.
#[test]
fn the_checksum_of_rfc_9568_covers_the_message_alone() {
    let message =
        advertisement(Version::Three, Duration::from_secs(1)).emit(GROUP_V4, Coverage::Message);
    let sum: u32 = [0x3142, 0x6401, 0x0064, 0xc0a8, 0x42fb].iter().sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    assert_eq!(message[field::CHECKSUM], (!(folded as u16)).to_be_bytes());
}

#[test]
fn an_interval_is_cut_to_what_the_packet_has_room_for() {
    let read = |version, millis| {
        let message =
            advertisement(version, Duration::from_millis(millis)).emit(GROUP_V4, Coverage::Message);
        let packet = Packet::new(&message, GROUP_V4).expect("a whole message");
        packet.interval().as_millis()
    };
    let table = [
        (Version::Two, 1000, 1000),
        (Version::Two, 255_000, 255_000),
        (Version::Two, 300_000, 255_000),
        (Version::Two, 1999, 1000),
        (Version::Two, 10, 1000),
        (Version::Three, 10, 10),
        (Version::Three, 1000, 1000),
        (Version::Three, 40_950, 40_950),
        (Version::Three, 41_000, 40_950),
        (Version::Three, 1, 10),
        (Version::Three, 19, 10),
    ];
    for (version, millis, wanted) in table {
        assert_eq!(read(version, millis), wanted, "{version:?} {millis} ms");
    }
}

/// RFC 9568 section 5.2.6.
#[test]
fn reserved_bits_are_sent_as_zero_and_ignored_on_reception() {
    let slowest = advertisement(Version::Three, Duration::from_millis(40_950));
    let mut message = slowest.emit(GROUP_V4, Coverage::Message);
    assert_eq!(message[field::INTERVAL_CENTIS], [0x0f, 0xff]);
    message[field::INTERVAL_CENTIS.start] |= 0xf0;
    let packet = Packet::new(&message, GROUP_V4).expect("a whole message");
    assert_eq!(packet.interval(), slowest.interval);
}

#[test]
fn addresses_of_the_other_family_and_beyond_255_are_not_sent() {
    let mut advertisement = advertisement(Version::Three, Duration::from_secs(1));
    advertisement.addresses.push(Ipv6Addr::LOCALHOST.into());
    let message = advertisement.emit(GROUP_V4, Coverage::Message);
    assert_eq!(message[field::ADDRESS_COUNT], 1);
    assert_eq!(message.len(), field::HEADER_BYTES + 4);

    advertisement.addresses = vec![Ipv4Addr::LOCALHOST.into(); 300];
    let message = advertisement.emit(GROUP_V4, Coverage::Message);
    assert_eq!(message[field::ADDRESS_COUNT], 255);
    assert_eq!(message.len(), field::HEADER_BYTES + 4 * 255);
}

#[test]
fn a_message_of_another_length_than_its_header_says_is_refused() {
    for vector in vectors() {
        let whole = vector.message();
        for length in 0..whole.len() {
            let wrong = Packet::new(&whole[..length], vector.endpoints);
            let wrong = wrong.map(|packet| packet.message).expect_err("too short");
            assert_eq!(wrong.received_bytes, length);
        }
        let longer = [whole, &[0]].concat();
        let wrong = Packet::new(&longer, vector.endpoints);
        let wrong = wrong.map(|packet| packet.message).expect_err("too long");
        assert_eq!(wrong.expected_bytes, whole.len());
    }
}

#[test]
fn two_addresses_of_different_families_are_no_endpoints() {
    let (v4, v6) = (
        IpAddr::from([10, 0, 0, 1]),
        IpAddr::from(Ipv6Addr::LOCALHOST),
    );
    assert_eq!(Endpoints::new(v4, v6), None);
    assert_eq!(Endpoints::new(v6, v4), None);
    let endpoints = Endpoints::new(v6, v6).expect("one family");
    assert_eq!((endpoints.source(), endpoints.destination()), (v6, v6));
}

prop_compose! {
    fn any_advertisement()(
        is_version_2 in any::<bool>(),
        is_ipv6 in any::<bool>(),
        virtual_router_id in 1..=u8::MAX,
        priority in any::<u8>(),
        pace in 1_u64..=4095,
        password in proptest::option::of(any::<[u8; 8]>()),
        addresses in proptest::collection::vec(any::<u128>(), 0..30),
    ) -> (Advertisement, Endpoints) {
        let is_ipv6 = is_ipv6 && !is_version_2;
        let addresses = addresses.into_iter().map(|bits| if is_ipv6 {
            IpAddr::V6(bits.into())
        } else {
            IpAddr::V4((bits as u32).into())
        });
        let advertisement = Advertisement {
            version: if is_version_2 { Version::Two } else { Version::Three },
            virtual_router_id,
            priority,
            interval: if is_version_2 {
                Duration::from_secs(1 + pace % 255)
            } else {
                Duration::from_millis(pace * 10)
            },
            authentication: match password {
                Some(password) if is_version_2 => Authentication::Password(password),
                _ => Authentication::None,
            },
            addresses: addresses.collect(),
        };
        let endpoints = if is_ipv6 {
            Endpoints::V6 { source: Ipv6Addr::LOCALHOST, destination: Ipv6Addr::LOCALHOST }
        } else {
            GROUP_V4
        };
        (advertisement, endpoints)
    }
}

proptest! {
    #[test]
    fn what_is_emitted_is_read_again((advertisement, endpoints) in any_advertisement()) {
        for coverage in [Coverage::Message, Coverage::PseudoHeader] {
            let message = advertisement.emit(endpoints, coverage);
            let packet = Packet::new(&message, endpoints).expect("a whole message");
            prop_assert_eq!(packet.virtual_router_id(), advertisement.virtual_router_id);
            prop_assert_eq!(packet.priority(), advertisement.priority);
            prop_assert_eq!(packet.interval(), advertisement.interval);
            prop_assert_eq!(packet.addresses(), advertisement.addresses.clone());
            prop_assert_eq!(packet.checksum(), packet.computed_checksum(coverage));
        }
    }

    #[test]
    fn no_bytes_make_a_question_fail(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let v6 = Endpoints::V6 { source: Ipv6Addr::LOCALHOST, destination: Ipv6Addr::LOCALHOST };
        for endpoints in [GROUP_V4, v6] {
            // Also what `Packet::new` would refuse.
            let packet = Packet { message: &bytes, endpoints };
            let _ = (packet.version(), packet.kind(), packet.interval(), packet.checksum());
            let _ = (packet.authentication_data(), packet.computed_checksum(Coverage::Message));
            if let Ok(packet) = Packet::new(&bytes, endpoints) {
                prop_assert_eq!(packet.addresses().len(), usize::from(bytes[3]));
            }
        }
    }
}
