//! The real kernel in network namespaces of the test's own; every wait is for an event, never for a time.

use std::{
    net::{IpAddr, Ipv4Addr},
    process::Command,
    time::Duration,
};

use pnet_datalink::{Channel, Config, DataLinkReceiver};

use super::{
    addresses::*,
    links::LinkError,
    netns::{self, Peer, ip, ip_batch},
    *,
};

const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 6);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 253);
const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);
const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 251);
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 2, 0x53];

/// `lan0` of ours with an address, and a peer behind it.
async fn lan() -> (Host, Link, Peer) {
    let peer = Peer::join("lan0", PEER, "02:00:00:00:02:53");
    ip(&format!("address add {OURS}/24 dev lan0"));
    let host = Host::connect().expect("netlink");
    let link = host.link("lan0").await.expect("the link");
    (host, link, peer)
}

/// Waits until the monitor tells what is looked for; anything else is skipped.
async fn wait_for(monitor: &mut Monitor, wanted: impl Fn(&HostEvent) -> bool) -> HostEvent {
    loop {
        let event = monitor.next().await.expect("the monitor runs");
        if wanted(&event) {
            return event;
        }
    }
}

async fn resolution_of(monitor: &mut Monitor, wanted: Ipv4Addr) -> Resolution {
    let event = wait_for(
        monitor,
        |event| matches!(event, HostEvent::NeighborChanged(n) if n.address == IpAddr::V4(wanted)),
    );
    match event.await {
        HostEvent::NeighborChanged(neighbor) => neighbor.resolution,
        other => panic!("waited for a neighbor, not {other:?}"),
    }
}

fn output_of_ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .expect("`ip`");
    String::from_utf8(output.stdout).expect("text")
}

/// Everything that arrives at an interface of ours.
fn listen(name: &str) -> Box<dyn DataLinkReceiver> {
    let config = Config {
        read_timeout: Some(Duration::from_secs(10)),
        ..Config::default()
    };
    let interfaces = pnet_datalink::interfaces();
    let interface = interfaces.iter().find(|interface| interface.name == name);
    match pnet_datalink::channel(interface.expect("the interface"), config) {
        Ok(Channel::Ethernet(_sender, receiver)) => receiver,
        _ => panic!("no packet socket on {name}"),
    }
}

/// The next frame of ARP, as it was on the wire.
fn next_arp(arrivals: &mut dyn DataLinkReceiver) -> Vec<u8> {
    loop {
        let frame = arrivals.next().expect("a frame");
        if frame.get(12..14) == Some(&[0x08, 0x06]) {
            return frame.to_vec();
        }
    }
}

fn vip() -> InterfaceAddress {
    InterfaceAddress {
        address: VIP.into(),
        prefix_length: 32,
        label: None,
        broadcast: None,
    }
}

#[test]
fn a_link_is_found_by_its_name() {
    netns::run(async || {
        let (host, _, _peer) = lan().await;
        ip("link set lan0 address 02:00:00:00:00:06 mtu 1400");
        let link = host.link("lan0").await.expect("the link");
        assert_eq!(link.name, "lan0");
        assert_eq!(
            (link.mac, link.mtu, link.up),
            ([2, 0, 0, 0, 0, 6], 1400, true)
        );
        assert!(host.links().await.expect("all links").contains(&link));
    });
}

#[test]
fn a_link_that_does_not_exist_is_named_in_the_error() {
    netns::run(async || {
        let host = Host::connect().expect("netlink");
        for name in ["eth9", "a-name-of-sixteen", ""] {
            let error = host.link(name).await.expect_err("no such link");
            assert!(matches!(error, LinkError::NotFound { .. }), "{error:?}");
            assert!(error.to_string().contains(name));
        }
    });
}

/// Scenario 2.4.
#[test]
fn a_vip_is_added_once_and_removed_once() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        let vip = InterfaceAddress {
            label: Some("lan0:vip".to_owned()),
            ..vip()
        };
        let add = async || {
            host.add_address(link.index, &vip)
                .await
                .expect("the address")
        };
        let remove = async || {
            host.remove_address(link.index, vip.address, 32)
                .await
                .expect("done")
        };
        assert_eq!(add().await, Added::Added);
        assert_eq!(add().await, Added::AlreadyThere);
        let shown = output_of_ip("-4 -oneline address show dev lan0");
        assert!(
            shown.contains("inet 192.0.2.251/32 scope global lan0:vip"),
            "{shown}"
        );
        assert!(
            host.addresses(link.index)
                .await
                .expect("the list")
                .contains(&vip)
        );
        assert_eq!(remove().await, Removed::Removed);
        assert_eq!(remove().await, Removed::NotThere);
        assert!(
            !host
                .addresses(link.index)
                .await
                .expect("the list")
                .contains(&vip)
        );
    });
}

#[test]
fn adding_to_an_interface_that_is_gone_says_what_and_where() {
    netns::run(async || {
        let host = Host::connect().expect("netlink");
        let error = host
            .add_address(4321, &vip())
            .await
            .expect_err("no such interface");
        assert_eq!(error.to_string(), "adding 192.0.2.251/32 to interface 4321");
    });
}

#[test]
fn without_the_capability_the_error_names_it() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        caps::clear(None, caps::CapSet::Effective).expect("fewer capabilities");
        let error = host
            .add_address(link.index, &vip())
            .await
            .expect_err("not permitted");
        let why = std::error::Error::source(&error)
            .expect("a reason")
            .to_string();
        assert!(why.contains("CAP_NET_ADMIN"), "{why}");
        let error = host
            .announce(&link, VIP.into(), 1)
            .expect_err("not permitted");
        let why = std::error::Error::source(&error)
            .expect("a reason")
            .to_string();
        assert!(why.contains("CAP_NET_RAW"), "{why}");
    });
}

#[test]
fn routes_tell_neighbors_from_those_behind_a_router() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        let route = async |address: [u8; 4]| host.route(address.into()).await.expect("an answer");
        let far = [198, 51, 100, 1];
        assert_eq!(route(far).await, Route::Unreachable);
        ip("route add default via 192.0.2.253");
        ip("route add blackhole 203.0.113.0/24");
        let ifindex = link.index;
        assert_eq!(
            route(PEER.octets()).await,
            Route::OnLink {
                ifindex,
                source: OURS.into()
            }
        );
        assert_eq!(
            route(far).await,
            Route::Gateway {
                ifindex,
                gateway: PEER.into()
            }
        );
        assert_eq!(route(OURS.octets()).await, Route::Local);
        assert_eq!(route([203, 0, 113, 1]).await, Route::Unreachable);
    });
}

#[test]
fn a_solicited_neighbor_is_resolved_and_told() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        let mut monitor = host.monitor().expect("a subscription");
        let asked = host.solicit(link.index, PEER.into()).await.expect("asked");
        assert_eq!(asked, Solicited::Asked);
        while resolution_of(&mut monitor, PEER).await != Resolution::Resolved(PEER_MAC) {}
        let known = Neighbor {
            ifindex: link.index,
            address: PEER.into(),
            resolution: Resolution::Resolved(PEER_MAC),
        };
        assert!(
            host.neighbors(link.index)
                .await
                .expect("the table")
                .contains(&known)
        );
    });
}

#[test]
fn soliciting_again_keeps_what_is_known() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        let mut monitor = host.monitor().expect("a subscription");
        host.solicit(link.index, PEER.into()).await.expect("asked");
        while resolution_of(&mut monitor, PEER).await != Resolution::Resolved(PEER_MAC) {}
        host.solicit(link.index, PEER.into()).await.expect("asked");
        let known = Neighbor {
            ifindex: link.index,
            address: PEER.into(),
            resolution: Resolution::Resolved(PEER_MAC),
        };
        assert!(
            host.neighbors(link.index)
                .await
                .expect("the table")
                .contains(&known)
        );
    });
}

#[test]
fn an_administrator_s_neighbor_is_left_alone() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        ip(&format!(
            "neighbor add {PEER} dev lan0 lladdr 02:00:00:00:00:99 nud permanent"
        ));
        let asked = host
            .solicit(link.index, PEER.into())
            .await
            .expect("an answer");
        assert_eq!(asked, Solicited::Fixed);
        let shown = output_of_ip("neighbor show dev lan0");
        assert!(
            shown.contains("lladdr 02:00:00:00:00:99 PERMANENT"),
            "{shown}"
        );
    });
}

#[test]
fn a_neighbor_that_does_not_answer_is_unresolved() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        ip("ntable change name arp_cache dev lan0 retrans 20");
        let mut monitor = host.monitor().expect("a subscription");
        host.solicit(link.index, NOBODY.into())
            .await
            .expect("asked");
        while resolution_of(&mut monitor, NOBODY).await != Resolution::Failed {}
        let unresolved = Neighbor {
            ifindex: link.index,
            address: NOBODY.into(),
            resolution: Resolution::Failed,
        };
        assert!(
            host.neighbors(link.index)
                .await
                .expect("the table")
                .contains(&unresolved)
        );
    });
}

#[test]
fn a_neighbor_that_fell_silent_becomes_unresolved_when_it_is_solicited() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        ip("ntable change name arp_cache dev lan0 delay_probe 20 retrans 20");
        ip(&format!(
            "neighbor add {NOBODY} dev lan0 lladdr 02:00:00:00:00:99 nud stale"
        ));
        let mut monitor = host.monitor().expect("a subscription");
        host.solicit(link.index, NOBODY.into())
            .await
            .expect("asked");
        while resolution_of(&mut monitor, NOBODY).await != Resolution::Failed {}
    });
}

#[test]
fn the_monitor_tells_of_links_and_addresses() {
    netns::run(async || {
        let (host, link, _peer) = lan().await;
        let mut monitor = host.monitor().expect("a subscription");
        host.add_address(link.index, &vip())
            .await
            .expect("the address");
        let (ifindex, address) = (link.index, IpAddr::V4(VIP));
        wait_for(&mut monitor, |e| {
            *e == HostEvent::AddressAdded { ifindex, address }
        })
        .await;
        ip("link set lan0 down");
        wait_for(
            &mut monitor,
            |e| matches!(e, HostEvent::LinkChanged(l) if !l.up),
        )
        .await;
        ip("link delete lan0");
        wait_for(&mut monitor, |e| {
            *e == HostEvent::AddressRemoved { ifindex, address }
        })
        .await;
        wait_for(&mut monitor, |e| {
            *e == HostEvent::LinkRemoved { index: ifindex }
        })
        .await;
    });
}

#[test]
fn events_that_the_kernel_had_no_room_for_are_told_as_lost() {
    netns::run(async || {
        let (host, _, _peer) = lan().await;
        let mut monitor = host.monitor().expect("a subscription");
        // The only thread of the runtime is here, so nobody reads the socket in the meantime.
        ip_batch((0..5000).map(|i| {
            let [.., high, low] = u32::to_be_bytes(i);
            format!("neighbor add 10.0.{high}.{low} dev lan0 lladdr 02:00:00:00:00:99")
        }));
        wait_for(&mut monitor, |event| *event == HostEvent::Lost).await;
    });
}

#[test]
fn an_announcement_moves_the_vip_in_the_table_of_the_others() {
    netns::run(async || {
        // Both ends of this link are here, and one takes the other's announcement for a new neighbor's.
        ip("link add lan0 address 02:00:00:00:00:06 type veth peer name lan1");
        ip("link set lan0 up");
        ip("link set lan1 up");
        ip(&format!(
            "neighbor add {VIP} dev lan1 lladdr 02:00:00:00:00:99 nud stale"
        ));
        let host = Host::connect().expect("netlink");
        let link = host.link("lan0").await.expect("the link");
        let mut monitor = host.monitor().expect("a subscription");
        let mut arrivals = listen("lan1");
        host.announce(&link, VIP.into(), 2).expect("two frames");
        assert_eq!(
            resolution_of(&mut monitor, VIP).await,
            Resolution::Resolved(link.mac)
        );
        let frame = arp::announcement(link.mac, VIP);
        assert_eq!(next_arp(&mut *arrivals), frame);
        assert_eq!(next_arp(&mut *arrivals), frame);
    });
}

/// Compiles only if the daemon can spawn them on its runtime of several threads.
#[test]
fn every_operation_can_move_between_threads() {
    fn movable(_: &impl Send) {}
    let _ = |host: &Host, monitor: &mut Monitor| {
        movable(&host.link("lan0"));
        movable(&host.links());
        movable(&host.route(VIP.into()));
        movable(&host.add_address(1, &vip()));
        movable(&host.remove_address(1, VIP.into(), 32));
        movable(&host.addresses(1));
        movable(&host.neighbors(1));
        movable(&host.solicit(1, VIP.into()));
        movable(&monitor.next());
    };
}
