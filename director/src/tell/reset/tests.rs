//! Read back by another library than the one that wrote them.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use super::*;

fn connection(client: &str, vip: &str) -> Connection {
    Connection {
        client: client.parse().expect("an address"),
        vip: vip.parse().expect("an address"),
        next_sequence: u32::MAX,
        last_acknowledgement: Some(7),
    }
}

/// Source, destination, sequence number, acknowledgement number if there is one; and the checksums hold.
fn read(packet: &[u8]) -> (SocketAddr, SocketAddr, u32, Option<u32>) {
    let sliced = SlicedPacket::from_ip(packet).expect("an IP packet");
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else {
        panic!("not TCP: {sliced:?}");
    };
    assert!(tcp.rst() && !tcp.syn() && !tcp.fin() && tcp.payload().is_empty());
    let (source, destination): (IpAddr, IpAddr) = match sliced.net.expect("a network header") {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            assert_eq!(
                Ok(tcp.checksum()),
                tcp.calc_checksum_ipv4(header.source, header.destination)
            );
            (header.source.into(), header.destination.into())
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header().to_header();
            assert_eq!(
                Ok(tcp.checksum()),
                tcp.calc_checksum_ipv6(header.source, header.destination)
            );
            (header.source.into(), header.destination.into())
        }
        NetSlice::Arp(_) => panic!("not IP"),
    };
    (
        (source, tcp.source_port()).into(),
        (destination, tcp.destination_port()).into(),
        tcp.sequence_number(),
        tcp.ack().then(|| tcp.acknowledgment_number()),
    )
}

#[test]
fn each_end_gets_the_number_that_it_expects() {
    for (client, vip) in [
        ("10.0.0.1:40000", "192.168.66.251:3306"),
        ("[fd00::1]:40000", "[fd00:66::251]:3306"),
    ] {
        let connection = connection(client, vip);
        let (client, vip) = (connection.client, connection.vip);
        assert_eq!(read(&connection.reset_for_client()), (vip, client, 7, None));
        assert_eq!(
            read(&connection.reset_for_server()),
            (client, vip, u32::MAX, None)
        );
    }
}

#[test]
fn a_client_that_waits_for_the_answer_to_its_syn_gets_a_reset_that_acknowledges_it() {
    let flow = Flow {
        state: FlowState::SYN_RECV.0,
        next_sequence: 1001,
        ..Flow::default()
    };
    let (client, vip) = ("10.0.0.1:40000", "192.168.66.251:3306");
    let (client, vip) = (client.parse().expect("ok"), vip.parse().expect("ok"));
    let connection = Connection::of(client, vip, &flow);
    assert_eq!(
        read(&connection.reset_for_client()),
        (vip, client, 0, Some(1001))
    );
    assert_eq!(
        read(&connection.reset_for_server()),
        (client, vip, 1001, None)
    );
}

#[test]
fn an_established_client_may_have_acknowledged_the_number_0() {
    let flow = Flow {
        state: FlowState::ESTABLISHED.0,
        ..Flow::default()
    };
    let any = SocketAddr::from(([10, 0, 0, 1], 1));
    assert_eq!(
        Connection::of(any, any, &flow).last_acknowledgement,
        Some(0)
    );
}

#[test]
fn a_frame_has_the_tags_of_the_server_s_link() {
    let mut server = RealServer {
        mac: [2, 0, 0, 0, 0, 1],
        source_mac: [2, 0, 0, 0, 0, 6],
        ..RealServer::default()
    };
    let packet = connection("10.0.0.1:1", "10.0.0.2:2").reset_for_server();
    for (vlan, tags) in [
        (0, vec![]),
        (100, vec![100]),
        (director_common::server::vlan_tags(7, 100), vec![7, 100]),
    ] {
        server.vlan = vlan;
        let frame = frame(&server, &packet);
        assert_eq!(frame[..12], [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 6]);
        let sliced = SlicedPacket::from_ethernet(&frame).expect("a frame");
        let ids: Vec<u16> = sliced.vlan_ids().iter().map(|id| id.value()).collect();
        assert_eq!(ids, tags);
        assert!(sliced.net.is_some());
    }
}
