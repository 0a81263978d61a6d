//! Real packets: what keepalived 2.2.7 sent over Ethernet, from the IP header on. The MAC header is left out.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use crate::vrrp::packet::{Advertisement, Authentication, Coverage, Endpoints, Version};

/// One packet and what its sender's configuration says.
pub(in crate::vrrp) struct Vector {
    pub(in crate::vrrp) packet: &'static [u8],
    /// Where the message begins.
    pub(in crate::vrrp) header_bytes: usize,
    pub(in crate::vrrp) endpoints: Endpoints,
    pub(in crate::vrrp) coverage: Coverage,
    pub(in crate::vrrp) advertisement: Advertisement,
}

impl Vector {
    pub(in crate::vrrp) fn message(&self) -> &'static [u8] {
        &self.packet[self.header_bytes..]
    }
}

/// `version 2`, two addresses, multicast.
const VERSION_2: &[u8] = &[
    0x45, 0xc0, 0x00, 0x2c, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xd7, 0xdf, 192, 168, 66, 6, 224,
    0, 0, 18, // IPv4
    0x21, 0x01, 0x64, 0x02, 0x00, 0x01, 0x73, 0xb2, // header
    192, 168, 66, 251, 192, 168, 66, 252, // addresses
    0, 0, 0, 0, 0, 0, 0, 0, // authentication data
];
/// `auth_type PASS`, `auth_pass lvs50test`, `advert_int 2`.
const VERSION_2_PASSWORD: &[u8] = &[
    0x45, 0xc0, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xd7, 0xe3, 192, 168, 66, 6, 224,
    0, 0, 18, // IPv4
    0x21, 0x02, 0x64, 0x01, 0x01, 0x02, 0x00, 0xc4, // header
    192, 168, 66, 250, // address
    b'l', b'v', b's', b'5', b'0', b't', b'e', b's', // password
];
/// The same when keepalived stops.
const VERSION_2_RELEASE: &[u8] = &[
    0x45, 0xc0, 0x00, 0x28, 0x00, 0x04, 0x00, 0x00, 0xff, 0x70, 0xd7, 0xe0, 192, 168, 66, 6, 224,
    0, 0, 18, // IPv4
    0x21, 0x02, 0x00, 0x01, 0x01, 0x02, 0x64, 0xc4, // header
    192, 168, 66, 250, // address
    b'l', b'v', b's', b'5', b'0', b't', b'e', b's', // password
];
/// `unicast_peer`, `auth_pass abc`.
const VERSION_2_UNICAST: &[u8] = &[
    0x45, 0xc0, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xb5, 0x41, 192, 168, 66, 6, 192,
    168, 66, 12, // IPv4
    0x21, 0x05, 0x64, 0x01, 0x01, 0x01, 0xb1, 0xf5, // header
    192, 168, 66, 247, // address
    b'a', b'b', b'c', 0, 0, 0, 0, 0, // password
];
/// `version 3`, `priority 200`, `advert_int 0.5`, two addresses, multicast.
const VERSION_3: &[u8] = &[
    0x45, 0xc0, 0x00, 0x24, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xd7, 0xe7, 192, 168, 66, 6, 224,
    0, 0, 18, // IPv4
    0x31, 0x03, 0xc8, 0x02, 0x00, 0x32, 0x1c, 0x43, // header
    192, 168, 66, 249, 192, 168, 66, 248, // addresses
];
/// `version 3`, `unicast_peer`.
const VERSION_3_UNICAST: &[u8] = &[
    0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xb5, 0x49, 192, 168, 66, 6, 192,
    168, 66, 12, // IPv4
    0x31, 0x06, 0x64, 0x01, 0x00, 0x64, 0x61, 0x15, // header
    192, 168, 66, 246, // address
];
/// IPv6, two addresses, multicast.
const VERSION_3_IPV6: &[u8] = &[
    0x6c, 0x00, 0x44, 0xb9, 0x00, 0x28, 0x70, 0xff, // IPv6
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x06, // source
    0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, // destination
    0x31, 0x04, 0x64, 0x02, 0x00, 0x64, 0x6b, 0xd7, // header
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x51, // address
    0xfd, 0x00, 0, 0x66, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x51, // address
];
/// IPv6, `unicast_peer`: the hop limit is not 255.
const VERSION_3_IPV6_UNICAST: &[u8] = &[
    0x6c, 0x00, 0xa5, 0xe6, 0x00, 0x18, 0x70, 0x40, // IPv6
    0xfd, 0x00, 0, 0x66, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x06, // source
    0xfd, 0x00, 0, 0x66, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, // destination
    0x31, 0x07, 0x64, 0x01, 0x00, 0x64, 0x6e, 0x54, // header
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x50, // address
];

const DIRECTOR: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 6);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 12);
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// All of them.
pub(in crate::vrrp) fn vectors() -> [Vector; 8] {
    let ipv4 = |destination| Endpoints::V4 {
        source: DIRECTOR,
        destination,
    };
    let ipv6 = |source: &str, destination: &str| Endpoints::V6 {
        source: ipv6(source),
        destination: ipv6(destination),
    };
    let version_2 = |virtual_router_id, secs, password: Option<&[u8]>, last: &[u8]| Advertisement {
        version: Version::Two,
        virtual_router_id,
        priority: 100,
        interval: Duration::from_secs(secs),
        authentication: password.map_or(Authentication::None, Authentication::password),
        addresses: vips(last),
    };
    let version_3 = |virtual_router_id, addresses| Advertisement {
        version: Version::Three,
        virtual_router_id,
        priority: 100,
        interval: Duration::from_secs(1),
        authentication: Authentication::None,
        addresses,
    };
    let vector = |packet, endpoints, coverage, advertisement| Vector {
        packet,
        header_bytes: match endpoints {
            Endpoints::V4 { .. } => 20,
            Endpoints::V6 { .. } => 40,
        },
        endpoints,
        coverage,
        advertisement,
    };
    let (message, pseudo_header) = (Coverage::Message, Coverage::PseudoHeader);
    let password: Option<&[u8]> = Some(b"lvs50test");
    let stopped = Advertisement {
        priority: 0,
        ..version_2(2, 2, password, &[250])
    };
    let fast = Advertisement {
        priority: 200,
        interval: Duration::from_millis(500),
        ..version_3(3, vips(&[249, 248]))
    };
    let vips_v6 = ["fe80::251", "fd00:66::251"].map(|address| IpAddr::V6(self::ipv6(address)));
    let vip_v6 = vec![IpAddr::V6(self::ipv6("fe80::250"))];
    [
        vector(
            VERSION_2,
            ipv4(GROUP),
            message,
            version_2(1, 1, None, &[251, 252]),
        ),
        vector(
            VERSION_2_PASSWORD,
            ipv4(GROUP),
            message,
            version_2(2, 2, password, &[250]),
        ),
        vector(VERSION_2_RELEASE, ipv4(GROUP), message, stopped),
        vector(
            VERSION_2_UNICAST,
            ipv4(PEER),
            message,
            version_2(5, 1, Some(b"abc"), &[247]),
        ),
        vector(VERSION_3, ipv4(GROUP), pseudo_header, fast),
        vector(
            VERSION_3_UNICAST,
            ipv4(PEER),
            pseudo_header,
            version_3(6, vips(&[246])),
        ),
        vector(
            VERSION_3_IPV6,
            ipv6("fe80::6", "ff02::12"),
            pseudo_header,
            version_3(4, vips_v6.to_vec()),
        ),
        vector(
            VERSION_3_IPV6_UNICAST,
            ipv6("fd00:66::6", "fd00:66::12"),
            pseudo_header,
            version_3(7, vip_v6),
        ),
    ]
}

fn vips(last: &[u8]) -> Vec<IpAddr> {
    let vip = |last: &u8| IpAddr::V4(Ipv4Addr::new(192, 168, 66, *last));
    last.iter().map(vip).collect()
}

fn ipv6(address: &str) -> Ipv6Addr {
    address.parse().expect("an IPv6 address")
}
