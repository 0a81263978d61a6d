//! Packets that hardly any host would send, to virtual routers of every kind at once. A short time at each run of the tests, longer by
//! `cargo xtask fuzz --what vrrp`.

use std::{env, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::tests::{IFINDEX, ip, packet, profile};
use super::*;
use crate::vrrp::{
    Authentication, Coverage, Delivery, Family, UnknownPeers, Version, group_address,
    instance::State,
};

/// As many as take a second or two.
const PACKETS: u64 = 200_000;

fn number(variable: &str, otherwise: u64) -> u64 {
    let number = env::var(variable).ok().and_then(|text| text.parse().ok());
    number.unwrap_or(otherwise)
}

/// Version 2 with a password, version 3 with each checksum, IPv6, and unicast.
fn profiles() -> Vec<Profile> {
    let password = Profile {
        authentication: Authentication::password(b"lvs50test"),
        ..profile("password", 51)
    };
    let pseudo_header = Profile {
        version: Version::Three,
        ..profile("pseudo-header", 52)
    };
    let message = Profile {
        version: Version::Three,
        coverage: Coverage::Message,
        ..profile("message", 53)
    };
    let mut v6 = Profile {
        version: Version::Three,
        group_address: group_address(Family::V6),
        source: Some(ip("fe80::1")),
        advertised: vec![ip("fe80::51"), ip("fd00::51")],
        ..profile("v6", 51)
    };
    v6.key.family = Family::V6;
    let unicast = Profile {
        delivery: Delivery::Unicast {
            peers: vec![ip("10.0.0.2").into()],
            unknown: UnknownPeers::Reject,
        },
        ..profile("unicast", 54)
    };
    vec![password, pseudo_header, message, v6, unicast]
}

#[test]
fn no_packet_makes_it_panic_or_a_master_fall_silent() {
    let seed = number("DIRECTOR_FUZZ_SEED", 1);
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let profiles = profiles();
    let (mut router, mut now) = (Router::default(), Instant::now());
    router.configure(now, profiles.clone(), &BTreeSet::new());
    for number in 0..number("DIRECTOR_FUZZ_PACKETS", PACKETS) {
        now += Duration::from_micros(random.random_range(0..100_000));
        let of = &profiles[random.random_range(0..profiles.len())];
        let from = match of.key.family {
            Family::V4 => "10.0.0.2",
            Family::V6 => "fe80::2",
        };
        let mut packet = packet(from, random.random(), of);
        for _ in 0..random.random_range(0..4) {
            let place = random.random_range(0..packet.len());
            packet[place] = random.random();
        }
        if random.random_ratio(1, 8) {
            packet.truncate(random.random_range(0..=packet.len()));
        }
        router.hear(now, IFINDEX, &packet);
        router.act(now);
        for station in &router.stations {
            if let State::Master { adver_timer } = station.instance.state() {
                let interval = station.profile.interval;
                assert!(
                    *adver_timer <= now + interval,
                    "packet {number} of seed {seed}"
                );
            }
        }
    }
    let reports = router.report(now);
    let heard = reports.iter().map(|report| report.counters.received);
    assert!(heard.sum::<u64>() > 0, "some packets are whole");
    for report in &reports {
        let reasons = report.counters.rejected.len();
        assert!(reasons > 3, "{}: {reasons} reasons only", report.name);
    }
}
