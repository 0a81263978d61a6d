//! Golden listings (scenario 2.20), byte for byte.

use super::*;
use crate::{
    api::response::{ConnectionState, Forwarding, ListedTimeouts, Rate, Traffic},
    config::Scheduler,
};

fn server(address: &str, weight: u32) -> ListedServer {
    let endpoint: SocketAddr = address.parse().unwrap();
    ListedServer {
        address: endpoint.ip(),
        port: endpoint.port(),
        forwarding: Forwarding::Route,
        weight,
        active: 0,
        inactive: 0,
        persistent: 3,
        upper_threshold: 200,
        lower_threshold: 100,
        traffic: Traffic {
            connections: 10,
            packets: 120,
            bytes: 9_000,
        },
        rate: Rate {
            connections_per_second: 1,
            packets_per_second: 12,
            bytes_per_second: 900,
        },
    }
}

fn service(address: &str, servers: Vec<ListedServer>) -> ListedService {
    let endpoint: SocketAddr = address.parse().unwrap();
    let ListedServer { traffic, rate, .. } = server("192.0.2.1:1", 1);
    ListedService {
        address: endpoint.ip(),
        port: endpoint.port(),
        protocol: Protocol::Tcp,
        instance: None,
        role: None,
        scheduler: Scheduler::WeightedRoundRobin,
        scheduler_flags: vec![],
        persistence_timeout_secs: None,
        persistence_prefix: 32,
        one_packet: false,
        idle_timeout_secs: 900,
        traffic,
        rate,
        servers,
    }
}

fn listing(services: Vec<ListedService>) -> Listing {
    Listing {
        flow_table_size: 4096,
        timeouts: ListedTimeouts {
            tcp_secs: 900,
            tcp_fin_secs: 120,
            udp_secs: 300,
        },
        services,
    }
}

fn report_listing() -> Listing {
    let mut service = service(
        "192.168.66.251:3306",
        vec![server("192.168.66.253:3306", 1)],
    );
    service.persistence_timeout_secs = Some(120);
    listing(vec![service])
}

#[test]
fn thresholds_and_persistence_have_columns_of_their_own() {
    assert_eq!(
        render(
            &report_listing(),
            View::Thresholds,
            Numbers::Abbreviated,
            &numeric
        ),
        "IP Virtual Server version 1.2.1 (size=4096)\n\
         Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n\
         \x20 -> RemoteAddress:Port\n\
         TCP  192.168.66.251:3306 wrr persistent 120\n\
         \x20 -> 192.168.66.253:3306          200        100        0          0         \n"
    );
    assert_eq!(
        render(
            &report_listing(),
            View::Persistence,
            Numbers::Abbreviated,
            &numeric
        ),
        "IP Virtual Server version 1.2.1 (size=4096)\n\
         Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n\
         \x20 -> RemoteAddress:Port\n\
         TCP  192.168.66.251:3306 wrr persistent 120\n\
         \x20 -> 192.168.66.253:3306          1         3           0          0         \n"
    );
}

#[test]
fn a_group_of_clients_is_told_by_its_mask() {
    let mut listing = report_listing();
    listing.services[0].persistence_prefix = 24;
    let text = render(&listing, View::Table, Numbers::Abbreviated, &numeric);
    assert!(
        text.contains(" persistent 120 mask 255.255.255.0\n"),
        "{text}"
    );
}

#[test]
fn the_timeouts_stand_in_one_line() {
    assert_eq!(
        timeouts(&report_listing()),
        "Timeout (tcp tcpfin udp): 900 120 300\n"
    );
}

#[test]
fn s2_20_the_listing_of_the_report_is_that_of_ipvsadm() {
    assert_eq!(
        render(
            &report_listing(),
            View::Table,
            Numbers::Abbreviated,
            &numeric
        ),
        "IP Virtual Server version 1.2.1 (size=4096)\n\
         Prot LocalAddress:Port Scheduler Flags\n\
         \x20 -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n\
         TCP  192.168.66.251:3306 wrr persistent 120\n\
         \x20 -> 192.168.66.253:3306          Route   1      0          0         \n"
    );
}

#[test]
fn s2_20_totals_are_those_of_ipvsadm_stats() {
    assert_eq!(
        render(
            &report_listing(),
            View::Statistics,
            Numbers::Abbreviated,
            &numeric
        ),
        "IP Virtual Server version 1.2.1 (size=4096)\n\
         Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n\
         \x20 -> RemoteAddress:Port\n\
         TCP  192.168.66.251:3306                10      120        0     9000        0\n\
         \x20 -> 192.168.66.253:3306                10      120        0     9000        0\n"
    );
}

#[test]
fn s2_20_rates_are_those_of_ipvsadm_rate() {
    assert_eq!(
        render(
            &report_listing(),
            View::Rates,
            Numbers::Abbreviated,
            &numeric
        ),
        "IP Virtual Server version 1.2.1 (size=4096)\n\
         Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n\
         \x20 -> RemoteAddress:Port\n\
         TCP  192.168.66.251:3306                 1       12        0      900        0\n\
         \x20 -> 192.168.66.253:3306                 1       12        0      900        0\n"
    );
}

#[test]
fn s2_20_names_replace_numbers() {
    let naming = |address: SocketAddr, _: Protocol| format!("{}:mysql", address.ip());
    let text = render(
        &report_listing(),
        View::Table,
        Numbers::Abbreviated,
        &naming,
    );
    assert!(
        text.contains("TCP  192.168.66.251:mysql wrr persistent 120\n"),
        "{text}"
    );
    assert!(
        text.contains("  -> 192.168.66.253:mysql         Route   1      0          0         \n"),
        "{text}"
    );
}

#[test]
fn s2_20_an_empty_director_prints_the_titles() {
    assert_eq!(
        render(
            &listing(vec![]),
            View::Table,
            Numbers::Abbreviated,
            &numeric
        ),
        "IP Virtual Server version 1.2.1 (size=4096)\n\
         Prot LocalAddress:Port Scheduler Flags\n\
         \x20 -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
    );
}

#[test]
fn s2_20_services_come_by_protocol_address_and_port_and_ipv6_last() {
    let mut udp = service("192.168.66.1:53", vec![]);
    udp.protocol = Protocol::Udp;
    let listing = listing(vec![
        service("[2001:db8::1]:80", vec![]),
        udp,
        service("192.168.66.251:3308", vec![]),
        service(
            "192.168.66.251:3306",
            vec![
                server("192.168.66.254:3306", 2),
                server("192.168.66.253:3306", 1),
            ],
        ),
        service("10.0.0.1:9000", vec![]),
    ]);
    let text = render(&listing, View::Table, Numbers::Abbreviated, &numeric);
    let rows: Vec<_> = text.lines().skip(3).map(str::trim_end).collect();
    assert_eq!(
        rows,
        [
            "TCP  10.0.0.1:9000 wrr",
            "TCP  192.168.66.251:3306 wrr",
            "  -> 192.168.66.253:3306          Route   1      0          0",
            "  -> 192.168.66.254:3306          Route   2      0          0",
            "TCP  192.168.66.251:3308 wrr",
            "UDP  192.168.66.1:53 wrr",
            "TCP  [2001:db8::1]:80 wrr",
        ]
    );
}

#[test]
fn s2_20_scheduler_flags_stand_in_parentheses() {
    let mut flagged = service("192.168.66.251:80", vec![]);
    flagged.scheduler_flags = vec!["sh-fallback".into(), "sh-port".into()];
    let text = render(
        &listing(vec![flagged]),
        View::Table,
        Numbers::Abbreviated,
        &numeric,
    );
    assert!(
        text.ends_with("TCP  192.168.66.251:80 wrr (sh-fallback,sh-port)\n"),
        "{text}"
    );
}

#[test]
fn s2_20_large_numbers_are_abbreviated_from_a_hundred_million_up() {
    let rows = [
        (99_999_999, " 99999999", " 99999999"),
        (100_000_000, "  100000K", " 100000000"),
        (999_999_999, "  999999K", " 999999999"),
        (1_000_000_000, "    1000M", " 1000000000"),
        (100_000_000_000, "     100G", " 100000000000"),
        (100_000_000_000_000, "     100T", " 100000000000000"),
        (u64::MAX, "18446744T", " 18446744073709551615"),
    ];
    for (value, abbreviated, exact) in rows {
        let text = |numbers| {
            let mut row = String::new();
            push_large(&mut row, [value], numbers);
            row
        };
        assert_eq!(text(Numbers::Abbreviated), abbreviated);
        assert_eq!(text(Numbers::Exact), exact);
    }
}

#[test]
fn s2_20_a_long_ipv4_name_is_cut_and_a_long_ipv6_name_is_not() {
    let naming =
        |_: SocketAddr, _: Protocol| "a-very-long-name.of.some.host.example:mysql".to_owned();
    let text = |address| {
        let listing = listing(vec![service(address, vec![])]);
        render(&listing, View::Table, Numbers::Abbreviated, &naming)
    };
    assert!(text("192.168.66.251:3306").ends_with("\nTCP  a-very-long-name.of.some.hos wrr\n"));
    assert!(
        text("[2001:db8::1]:3306")
            .ends_with("\nTCP  a-very-long-name.of.some.host.example:mysql wrr\n")
    );
}

#[test]
fn s2_20_connections_are_those_of_ipvsadm_lnc() {
    let row = |protocol, expires_secs, state, client: &str, vip: &str, server: &str| {
        let connection = Connection {
            protocol,
            client: client.parse().unwrap(),
            vip: vip.parse().unwrap(),
            server: server.parse().unwrap(),
            state,
            expires_secs,
            idle_secs: 0,
        };
        connection_row(&connection, &numeric)
    };
    let (mysql, real) = ("192.168.66.251:3306", "192.168.66.253:3306");
    let text = connections_title()
        + &row(
            Protocol::Tcp,
            898,
            ConnectionState::Established,
            "192.168.1.20:55746",
            mysql,
            real,
        )
        + &row(
            Protocol::Udp,
            264,
            ConnectionState::Udp,
            "192.168.127.89:44117",
            "192.168.127.89:514",
            "192.168.129.116:514",
        )
        + &row(
            Protocol::Tcp,
            6_001,
            ConnectionState::None,
            "192.168.1.20:0",
            mysql,
            real,
        );
    assert_eq!(
        text,
        "IPVS connection entries\n\
         pro expire state       source             virtual            destination\n\
         TCP 14:58  ESTABLISHED 192.168.1.20:55746 192.168.66.251:3306 192.168.66.253:3306\n\
         UDP 04:24  UDP         192.168.127.89:44117 192.168.127.89:514 192.168.129.116:514\n\
         TCP 100:01 NONE        192.168.1.20:0     192.168.66.251:3306 192.168.66.253:3306\n"
    );
}
