//! A small world that much happens in: a few clients, addresses, ports and servers, so that packets meet again and again.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use director::{
    config::{NoFlow, Scheduler, SchedulerFlags},
    dataplane::{
        Leases, Wanted,
        tables::{Family, InstanceKey, Path, Persistence, ServiceKey, WantedServer, WantedService},
    },
};
use director_common::{
    instance::{Lease, Role},
    protocol::{ICMP, ICMPV6, TCP, UDP},
    tcp::{ACK, FIN, RST, SYN},
};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom as _};

use crate::{
    bench::{Bench, DIRECTOR_MAC, IFINDEX, interface, mac},
    leases::wait_for_end,
};

const VIPS_V4: [Ipv4Addr; 2] = [
    Ipv4Addr::new(192, 168, 66, 251),
    Ipv4Addr::new(192, 168, 66, 250),
];
const VIPS_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, 0x251),
    Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, 0x250),
];
/// The one that stands for all services whose VIP no virtual router holds, and virtual routers of both families.
const INSTANCES: [InstanceKey; 3] = [
    InstanceKey {
        virtual_router_id: 0,
        ifindex: 0,
        family: Family::V4,
    },
    InstanceKey {
        virtual_router_id: 66,
        ifindex: IFINDEX,
        family: Family::V4,
    },
    InstanceKey {
        virtual_router_id: 66,
        ifindex: IFINDEX,
        family: Family::V6,
    },
];
const PORTS: [u16; 3] = [3306, 53, 0];
const VLAN: u16 = 100;
/// An interface that frames cannot be redirected to.
const ELSEWHERE: u32 = 77;

/// Another wish of the daemon.
pub(super) fn wanted(random: &mut StdRng) -> Wanted {
    let mut instances = BTreeMap::new();
    for instance in INSTANCES {
        let role = match random.random_bool(0.95) {
            true => Role::MASTER,
            false => Role::BACKUP,
        };
        instances.insert(instance, role);
    }
    let mut interfaces = BTreeMap::new();
    if random.random_bool(0.9) {
        interfaces.insert(IFINDEX, interface());
    }
    let mut services = BTreeMap::new();
    for vip in vips() {
        for port in PORTS {
            for protocol in [TCP, UDP] {
                if random.random_bool(0.75) {
                    let key = ServiceKey {
                        address: vip,
                        port,
                        protocol,
                    };
                    services.insert(key, service(random, &key));
                }
            }
        }
    }
    Wanted {
        instances,
        interfaces,
        services,
        ..Wanted::default()
    }
}

/// Another lease for a virtual router: one that no test outlives, or none, or one that has run out.
pub(super) fn lease(random: &mut StdRng, bench: &Bench, leases: &Leases, index: u32) -> Lease {
    let held = |length| leases.hold(index, length).expect("an index of the tables");
    match random.random_range(0..10) {
        0 => {
            leases.end(index);
            Lease::NONE
        }
        1 => {
            let lease = held(Duration::ZERO);
            wait_for_end(bench, lease);
            lease
        }
        2..5 => {
            leases.hold_for_ever(index).expect("an index of the tables");
            Lease::FOREVER
        }
        _ => held(Duration::from_hours(24)),
    }
}

fn vips() -> [IpAddr; 4] {
    let [a, b] = VIPS_V4;
    let [c, d] = VIPS_V6;
    [a.into(), b.into(), c.into(), d.into()]
}

fn service(random: &mut StdRng, key: &ServiceKey) -> WantedService {
    let prefixes: &[u8] = if key.address.is_ipv4() {
        &[32, 24, 0]
    } else {
        &[128, 64]
    };
    let persistence = (key.port == 0 || random.random_bool(0.2)).then(|| Persistence {
        timeout: Duration::from_secs(300),
        prefix_length: *prefixes.choose(random).expect("one"),
    });
    let servers = (1..=6_u8)
        .filter(|_| random.random_bool(0.5))
        .collect::<Vec<_>>();
    WantedService {
        instance: *INSTANCES.choose(random).expect("one"),
        scheduler: *Scheduler::ALL.choose(random).expect("one"),
        scheduler_flags: SchedulerFlags {
            port: random.random(),
            fallback: random.random(),
        },
        one_packet: key.protocol == UDP && persistence.is_none() && random.random_bool(0.1),
        persistence,
        idle_timeout: Duration::from_secs(900),
        servers: servers
            .into_iter()
            .map(|last| server(random, key.address, last))
            .collect(),
        leaving: Vec::new(),
        on_no_flow: *[NoFlow::Reset, NoFlow::Reset, NoFlow::Pass, NoFlow::Schedule]
            .choose(random)
            .expect("one"),
    }
}

fn server(random: &mut StdRng, vip: IpAddr, last: u8) -> WantedServer {
    let address = match vip {
        IpAddr::V4(_) => IpAddr::from([192, 168, 66, last]),
        IpAddr::V6(_) => Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, last.into()).into(),
    };
    let path = match random.random_range(0..20) {
        0 | 1 => None,
        2 => Some(Path::Local),
        5 => Some(Path::Held),
        kind => Some(Path::Link {
            mac: mac(last),
            source_mac: DIRECTOR_MAC,
            ifindex: if kind == 3 { ELSEWHERE } else { IFINDEX },
            vlan: if kind == 4 { VLAN.into() } else { 0 },
            mtu: if kind < 9 { 600 } else { 1500 },
        }),
    };
    let upper_threshold = if random.random_bool(0.2) {
        random.random_range(1..5)
    } else {
        0
    };
    WantedServer {
        address,
        path,
        weight: *[0, 1, 1, 2, 5, 0x7fff_ffff].choose(random).expect("one"),
        upper_threshold,
        lower_threshold: random.random_range(0..=upper_threshold),
    }
}

/// A frame that may come in next. Of a hundred, `mutated` have other bytes than they should.
pub(super) fn frame(random: &mut StdRng, mutated: u32) -> Vec<u8> {
    let mut frame = match random.random_bool(0.6) {
        true => v4(random),
        false => v6(random),
    };
    if random.random_ratio(mutated, 100) {
        mutate(random, &mut frame);
    }
    if random.random_bool(0.05) {
        let length = random.random_range(14..=frame.len());
        frame.truncate(length);
    }
    frame
}

/// Other bytes in a few places, most of them in the headers.
fn mutate(random: &mut StdRng, frame: &mut [u8]) {
    for _ in 0..random.random_range(1..4) {
        let reach = if random.random_bool(0.8) {
            frame.len().min(80)
        } else {
            frame.len()
        };
        let place = random.random_range(0..reach);
        frame[place] = match random.random_bool(0.5) {
            true => random.random(),
            false => frame[place] ^ (1 << random.random_range(0..8)),
        };
    }
}

/// Ethernet, and now and then tags.
fn link(random: &mut StdRng, ether_type: u16) -> Vec<u8> {
    let to = match random.random_bool(0.97) {
        true => DIRECTOR_MAC,
        // A virtual router of either family, or ourselves.
        false => match random.random_range(5..8) {
            5 => [0, 0, 0x5e, 0, 1, 65],
            7 => [0, 0, 0x5e, 0, 2, 65],
            last => [2, 0, 0, 0, 0, last],
        },
    };
    let mut frame = [to, [2, 0, 0, 0, 0, 10]].concat();
    let tags = *[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3]
        .choose(random)
        .expect("one");
    for _ in 0..tags {
        let vlan = if random.random_bool(0.7) {
            VLAN
        } else {
            random.random_range(0..4095)
        };
        let priority: u16 = random.random_range(0..8);
        frame.extend([0x81, 0x00]);
        frame.extend((priority << 13 | vlan).to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame
}

fn ttl(random: &mut StdRng) -> u8 {
    *[64, 64, 64, 64, 64, 64, 64, 64, 255, 2, 1, 0]
        .choose(random)
        .expect("one")
}

fn v4(random: &mut StdRng) -> Vec<u8> {
    let vip = match random.random_bool(0.95) {
        true => *VIPS_V4.choose(random).expect("one"),
        false => Ipv4Addr::new(192, 168, 66, random.random()),
    };
    let client = Ipv4Addr::new(10, 0, random.random_range(0..2), random.random_range(1..4));
    let (protocol, body) = body(random, ICMP, |random| {
        let mut inner = vec![0x45, 0, 0, 40, 0, 0, 0, 0, 63, 0, 0, 0];
        inner.extend(vip.octets());
        inner.extend(client.octets());
        inner[9] = if random.random_bool(0.5) { TCP } else { UDP };
        inner
    });
    let options = if random.random_bool(0.1) {
        4 * random.random_range(0..=10)
    } else {
        0
    };
    let fragment: u16 = match random.random_range(0..20) {
        0 => 0x2000,
        1 => random.random_range(1..0x2000),
        2..12 => 0x4000,
        _ => 0,
    };
    let mut frame = link(random, 0x0800);
    let length = 20 + options + body.len();
    let start = frame.len();
    frame.extend([0x40 | (5 + options / 4) as u8, 0]);
    frame.extend((length as u16).to_be_bytes());
    frame.extend([0, random.random_range(0..4)]);
    frame.extend(fragment.to_be_bytes());
    frame.extend([ttl(random), protocol]);
    frame.extend(random.random::<u16>().to_be_bytes());
    frame.extend(client.octets());
    frame.extend(vip.octets());
    frame.resize(frame.len() + options, 1);
    frame.extend(&body);
    // Short frames are padded.
    if random.random_bool(0.5) {
        frame.resize(frame.len().max(start + 46), 0);
    }
    frame
}

fn v6(random: &mut StdRng) -> Vec<u8> {
    let vip = match random.random_bool(0.95) {
        true => *VIPS_V6.choose(random).expect("one"),
        false => Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, random.random()),
    };
    let client = Ipv6Addr::new(
        0xfd00,
        1,
        0,
        random.random_range(0..2),
        0,
        0,
        0,
        random.random_range(1..4),
    );
    let (protocol, body) = body(random, ICMPV6, |random| {
        let mut inner = vec![0x60, 0, 0, 0, 0, 20, 0, 63];
        inner[6] = if random.random_bool(0.5) { TCP } else { UDP };
        inner.extend(vip.octets());
        inner.extend(client.octets());
        inner
    });
    let (first, extensions) = extensions(random, protocol);
    let mut frame = link(random, 0x86dd);
    let length = extensions.len() + body.len();
    frame.extend([0x60, 0, 0, 0]);
    frame.extend((length as u16).to_be_bytes());
    frame.extend([first, ttl(random)]);
    frame.extend(client.octets());
    frame.extend(vip.octets());
    frame.extend(extensions);
    frame.extend(body);
    frame
}

/// Extension headers before a transport header, and the number of the first one.
fn extensions(random: &mut StdRng, protocol: u8) -> (u8, Vec<u8>) {
    let count = *[0, 0, 0, 0, 0, 1, 1, 2, 6, 7].choose(random).expect("one");
    let (mut first, mut bytes) = (protocol, Vec::new());
    for _ in 0..count {
        let (number, header) = match random.random_range(0..4) {
            0 => {
                let word: u16 = match random.random_range(0..4) {
                    0 => 0,
                    1 => (8 * random.random_range(1..100)) | 1,
                    _ => 1,
                };
                let [high, low] = word.to_be_bytes();
                let identification = random.random_range(0..4);
                (44, vec![first, 0, high, low, 0, 0, 0, identification])
            }
            kind => {
                let length = random.random_range(0..2_u8);
                let mut header = vec![first, length];
                header.resize(8 + 8 * usize::from(length), 0);
                ([0, 43, 60][kind - 1], header)
            }
        };
        first = number;
        bytes = [header, bytes].concat();
    }
    (first, bytes)
}

/// What an IP packet carries, and its number.
fn body(
    random: &mut StdRng,
    icmp: u8,
    inner: impl FnOnce(&mut StdRng) -> Vec<u8>,
) -> (u8, Vec<u8>) {
    match random.random_range(0..20) {
        0..11 => (TCP, tcp(random)),
        11..16 => (UDP, udp(random)),
        16..19 => {
            let kind = *[0, 1, 2, 3, 3, 3, 4, 8, 11, 12, 128]
                .choose(random)
                .expect("one");
            let mut message = vec![kind, 4, 0, 0, 0, 0, 5, 0];
            message.extend(inner(random));
            // From the server's port to the client's.
            message.extend(PORTS.choose(random).expect("one").to_be_bytes());
            message.extend(client_port(random).to_be_bytes());
            message.extend([0; 4]);
            (icmp, message)
        }
        _ => (random.random(), vec![0; 24]),
    }
}

fn client_port(random: &mut StdRng) -> u16 {
    random.random_range(1000..1008)
}

fn service_port(random: &mut StdRng) -> u16 {
    match random.random_bool(0.9) {
        true => *[3306, 3306, 53].choose(random).expect("one"),
        false => random.random_range(1..4000),
    }
}

fn payload(random: &mut StdRng) -> usize {
    match random.random_range(0..10) {
        0 => random.random_range(500..1400),
        1..5 => 0,
        _ => random.random_range(0..64),
    }
}

fn tcp(random: &mut StdRng) -> Vec<u8> {
    let flags = *[
        SYN,
        SYN,
        SYN,
        ACK,
        ACK,
        ACK,
        ACK,
        ACK | FIN,
        RST,
        RST | ACK,
        SYN | ACK,
        FIN,
        0,
    ]
    .choose(random)
    .expect("one");
    // Near the point where numbers begin anew, so that they do.
    let sequence = (u32::MAX - 200).wrapping_add(random.random_range(0..400));
    let acknowledgement: u32 = match random.random_bool(0.9) {
        true => random.random_range(0..400),
        false => random.random(),
    };
    let options: usize = if random.random_bool(0.3) {
        4 * random.random_range(0..=10)
    } else {
        0
    };
    let mut bytes = Vec::new();
    bytes.extend(client_port(random).to_be_bytes());
    bytes.extend(service_port(random).to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(acknowledgement.to_be_bytes());
    bytes.extend([((5 + options / 4) << 4) as u8, flags, 0xfa, 0xf0]);
    bytes.extend(random.random::<[u8; 4]>());
    let length = bytes.len() + options + payload(random);
    bytes.resize(length, 0xa5);
    bytes
}

fn udp(random: &mut StdRng) -> Vec<u8> {
    let text = payload(random);
    let mut bytes = Vec::new();
    bytes.extend(client_port(random).to_be_bytes());
    bytes.extend(service_port(random).to_be_bytes());
    bytes.extend(((8 + text) as u16).to_be_bytes());
    bytes.extend(random.random::<[u8; 2]>());
    bytes.resize(8 + text, 0x5a);
    bytes
}
