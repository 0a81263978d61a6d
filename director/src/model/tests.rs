//! Behavior of the model: events in, notices and wanted tables out.

use std::time::{Duration, UNIX_EPOCH};

use super::{event::Verdict, pool::Met, *};
use crate::{
    config::{
        CheckPace, ForwardingMethod, Protocol, Scheduler, SchedulerFlags, SorryServer, Span,
        TcpCheck, VirtualServer,
    },
    dataplane::tables::Path,
};

mod instances;
mod leaving;

const VIP: &str = "192.168.66.251";
const FIRST: &str = "192.168.66.253";
const SECOND: &str = "192.168.66.252";
const SORRY: &str = "192.168.66.254";
const IFINDEX: u32 = 2;

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn real_server(address: &str, weight: u32) -> crate::config::RealServer {
    let check = TcpCheck {
        connect: (ip(address), 3306).into(),
        bind: None,
        connect_timeout: Duration::from_secs(5),
        pace: CheckPace {
            interval: Duration::from_secs(20),
            retries: 3,
            retry_delay: Duration::from_secs(3),
            warmup: Duration::ZERO,
        },
    };
    crate::config::RealServer {
        address: ip(address),
        port: 3306,
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
        inhibit_on_failure: false,
        on_removal: None,
        alpha: false,
        checks: vec![check],
        span: Span::default(),
        places: crate::config::Places::default(),
    }
}

fn virtual_server(servers: Vec<crate::config::RealServer>) -> VirtualServer {
    VirtualServer {
        address: ip(VIP),
        port: 3306,
        protocol: Protocol::Tcp,
        scheduler: Scheduler::WeightedRoundRobin,
        scheduler_flags: SchedulerFlags::default(),
        one_packet: false,
        forwarding: ForwardingMethod::DirectRouting,
        quorum: 1,
        hysteresis: 0,
        alpha: false,
        persistence_timeout: None,
        persistence_prefix: 32,
        on_no_flow: crate::config::NoFlow::default(),
        on_idle: crate::config::Idle::default(),
        on_switchover: crate::config::Switchover::default(),
        farewells: crate::config::Farewells::default(),
        failback: crate::config::Failback::default(),
        idle_timeout: None,
        sorry_server: Some(SorryServer {
            address: ip(SORRY),
            port: 3306,
            span: Span::default(),
        }),
        real_servers: servers,
        span: Span::default(),
        places: crate::config::Places::default(),
    }
}

fn config(virtual_server: VirtualServer) -> Config {
    Config {
        virtual_servers: vec![virtual_server],
        ..Config::default()
    }
}

fn topology() -> Topology {
    let link = Place::OnLink(Link {
        ifindex: IFINDEX,
        egress: IFINDEX,
        vlan: 0,
        mac: [2, 0, 0, 0, 0, 6],
        mtu: 1500,
    });
    Topology {
        servers: [FIRST, SECOND, SORRY]
            .map(|server| (ip(server), link))
            .into(),
        ..Topology::default()
    }
}

/// A model of one virtual server whose servers all have a MAC address.
fn model(config: &Config) -> Model {
    let mut model = Model::default();
    model.configure(at(0), config, &topology());
    for (last, server) in [FIRST, SECOND, SORRY].into_iter().enumerate() {
        resolve(&mut model, server, last as u8);
    }
    model
}

fn resolve(model: &mut Model, server: &str, last: u8) -> Vec<Notice> {
    neighbor(model, server, Neighbor::Resolved([2, 0, 0, 0, 1, last]))
}

fn neighbor(model: &mut Model, server: &str, neighbor: Neighbor) -> Vec<Notice> {
    let event = Event::Neighbor {
        ifindex: IFINDEX,
        address: ip(server),
        neighbor,
    };
    model.handle(at(1), event)
}

fn verdict(model: &mut Model, server: &str, verdict: Verdict) -> Vec<String> {
    let event = Event::Check {
        service: model.services()[0].id,
        server: ip(server),
        check: 0,
        verdict,
    };
    model
        .handle(at(2), event)
        .iter()
        .map(Notice::to_string)
        .collect()
}

fn fail(model: &mut Model, server: &str) -> Vec<String> {
    verdict(
        model,
        server,
        Verdict::Fail("connection refused".to_owned()),
    )
}

/// Share of new flows by server, and whether its flows may go on.
fn shares(model: &Model) -> Vec<(String, u32, bool)> {
    let wanted = model.wanted();
    let service = wanted.services.values().next().unwrap();
    let share = |server: &crate::dataplane::tables::WantedServer| {
        (
            server.address.to_string(),
            server.weight,
            server.path.is_some(),
        )
    };
    service.servers.iter().map(share).collect()
}

fn expect(rows: &[(&str, u32, bool)]) -> Vec<(String, u32, bool)> {
    rows.iter()
        .map(|(server, weight, flows)| ((*server).to_owned(), *weight, *flows))
        .collect()
}

#[test]
fn s2_22_a_failure_tells_its_story_in_the_words_of_keepalived() {
    let mut model = model(&config(virtual_server(vec![real_server(FIRST, 1)])));
    assert_eq!(
        fail(&mut model, FIRST),
        [
            "TCP connection to [192.168.66.253]:tcp:3306 failed: connection refused",
            "Removing service [192.168.66.253]:tcp:3306 from VS [192.168.66.251]:tcp:3306",
            "Lost quorum 1-0=1 > 0 for VS [192.168.66.251]:tcp:3306",
            "Adding sorry server [192.168.66.254]:tcp:3306 to VS [192.168.66.251]:tcp:3306",
            "Removing alive servers from the pool for VS [192.168.66.251]:tcp:3306",
        ]
    );
    assert_eq!(
        verdict(&mut model, FIRST, Verdict::Pass),
        [
            "TCP connection to [192.168.66.253]:tcp:3306 success",
            "Adding service [192.168.66.253]:tcp:3306 to VS [192.168.66.251]:tcp:3306",
            "Gained quorum 1+0=1 <= 1 for VS [192.168.66.251]:tcp:3306",
            "Removing sorry server [192.168.66.254]:tcp:3306 from VS [192.168.66.251]:tcp:3306",
            "Adding alive servers to the pool for VS [192.168.66.251]:tcp:3306",
        ]
    );
}

#[test]
fn s2_15_the_sorry_server_serves_while_the_quorum_is_lost_and_only_then() {
    let mut model = model(&config(virtual_server(vec![real_server(FIRST, 1)])));
    assert_eq!(
        shares(&model),
        expect(&[(FIRST, 1, true), (SORRY, 0, true)])
    );
    fail(&mut model, FIRST);
    assert_eq!(
        shares(&model),
        expect(&[(FIRST, 0, false), (SORRY, 1, true)])
    );
    verdict(&mut model, FIRST, Verdict::Pass);
    assert_eq!(
        shares(&model),
        expect(&[(FIRST, 1, true), (SORRY, 0, true)])
    );
}

#[test]
fn with_the_quorum_lost_a_live_server_keeps_its_flows_but_gets_no_new_ones() {
    let mut wanted = virtual_server(vec![real_server(FIRST, 1), real_server(SECOND, 1)]);
    wanted.quorum = 2;
    let mut model = model(&config(wanted));
    fail(&mut model, FIRST);
    assert_eq!(
        shares(&model),
        expect(&[(FIRST, 0, false), (SECOND, 0, true), (SORRY, 1, true)])
    );
}

#[test]
fn without_a_sorry_server_the_live_servers_go_on_below_the_quorum() {
    let mut wanted = virtual_server(vec![real_server(FIRST, 1), real_server(SECOND, 1)]);
    wanted.quorum = 2;
    wanted.sorry_server = None;
    let mut model = model(&config(wanted));
    fail(&mut model, FIRST);
    assert_eq!(
        shares(&model),
        expect(&[(FIRST, 0, false), (SECOND, 1, true)])
    );
    assert_eq!(model.services()[0].quorum_met, Met::No);
}

#[test]
fn inhibit_on_failure_keeps_the_flows_of_a_failed_server() {
    let mut server = real_server(FIRST, 3);
    server.inhibit_on_failure = true;
    let mut model = model(&config(virtual_server(vec![server])));
    fail(&mut model, FIRST);
    assert_eq!(shares(&model)[0], (FIRST.to_owned(), 0, true));
}

#[test]
fn alpha_keeps_a_server_out_until_its_first_pass() {
    let mut server = real_server(FIRST, 1);
    server.alpha = true;
    let mut model = model(&config(virtual_server(vec![server])));
    assert_eq!(
        shares(&model),
        expect(&[(FIRST, 0, false), (SORRY, 1, true)])
    );
    verdict(&mut model, FIRST, Verdict::Pass);
    assert_eq!(shares(&model)[0], (FIRST.to_owned(), 1, true));
}

#[test]
fn a_server_without_a_mac_address_gets_no_connections_and_says_why() {
    let mut model = model(&config(virtual_server(vec![
        real_server(FIRST, 1),
        real_server(SECOND, 1),
    ])));
    let notices = neighbor(&mut model, FIRST, Neighbor::Unresolved(None));
    assert!(matches!(notices[0], Notice::NoNeighbor { .. }));
    assert_eq!(model.services()[0].servers[0].state(), State::NoNeighbor);
    // The MAC address that it had still serves the flows that are there.
    assert_eq!(shares(&model)[0], (FIRST.to_owned(), 0, true));
}

#[test]
fn s2_16_a_mac_address_that_is_still_being_asked_for_does_not_call_the_sorry_server() {
    let mut model = Model::default();
    model.configure(
        at(0),
        &config(virtual_server(vec![real_server(FIRST, 1)])),
        &topology(),
    );
    assert!(!model.services()[0].is_sorry());
    resolve(&mut model, FIRST, 1);
    assert_eq!(shares(&model)[0], (FIRST.to_owned(), 1, true));
}

#[test]
fn asking_again_for_a_known_mac_address_changes_nothing() {
    let mut model = model(&config(virtual_server(vec![real_server(FIRST, 1)])));
    let before = model.wanted();
    assert!(neighbor(&mut model, FIRST, Neighbor::Pending).is_empty());
    assert_eq!(model.wanted(), before);
}

#[test]
fn a_neighbor_on_another_link_is_another_neighbor() {
    let mut model = model(&config(virtual_server(vec![real_server(FIRST, 1)])));
    let before = model.clone();
    let event = Event::Neighbor {
        ifindex: IFINDEX + 1,
        address: ip(FIRST),
        neighbor: Neighbor::Unresolved(None),
    };
    assert!(model.handle(at(9), event).is_empty());
    assert_eq!(model, before);
}

#[test]
fn s2_31_a_failure_in_one_service_leaves_the_other_alone() {
    let mut other = virtual_server(vec![real_server(FIRST, 1)]);
    other.port = 3308;
    let mut config = config(virtual_server(vec![real_server(FIRST, 1)]));
    config.virtual_servers.push(other);
    let mut model = model(&config);
    let before = model.wanted().services.values().last().cloned();
    fail(&mut model, FIRST);
    assert_eq!(model.wanted().services.values().last().cloned(), before);
}

#[test]
fn s3_14_a_configuration_that_says_the_same_changes_nothing() {
    let config = config(virtual_server(vec![
        real_server(FIRST, 1),
        real_server(SECOND, 2),
    ]));
    let mut model = model(&config);
    fail(&mut model, FIRST);
    let before = model.clone();
    for second in 0..100 {
        assert!(
            model
                .configure(at(100 + second), &config, &topology())
                .is_empty()
        );
    }
    assert_eq!(model, before);
}

#[test]
fn a_new_weight_leaves_health_and_mac_address_as_they_were() {
    let mut model = model(&config(virtual_server(vec![
        real_server(FIRST, 1),
        real_server(SECOND, 1),
    ])));
    fail(&mut model, SECOND);
    let edited = config(virtual_server(vec![
        real_server(FIRST, 5),
        real_server(SECOND, 5),
    ]));
    model.configure(at(50), &edited, &topology());
    assert_eq!(
        shares(&model),
        expect(&[(FIRST, 5, true), (SECOND, 0, false), (SORRY, 0, true)])
    );
}

#[test]
fn a_weight_of_zero_quiesces() {
    let mut model = model(&config(virtual_server(vec![
        real_server(FIRST, 0),
        real_server(SECOND, 1),
    ])));
    assert_eq!(model.services()[0].servers[0].state(), State::Quiesced);
    assert_eq!(shares(&model)[0], (FIRST.to_owned(), 0, true));
    assert!(
        fail(&mut model, SECOND)
            .iter()
            .any(|notice| notice.starts_with("Lost quorum"))
    );
}

#[test]
fn a_real_server_that_is_the_sorry_server_too_has_one_entry() {
    let mut wanted = virtual_server(vec![real_server(FIRST, 1)]);
    wanted.sorry_server = Some(SorryServer {
        address: ip(FIRST),
        port: 3306,
        span: Span::default(),
    });
    let mut model = model(&config(wanted));
    assert_eq!(shares(&model), expect(&[(FIRST, 1, true)]));
    fail(&mut model, FIRST);
    assert_eq!(shares(&model), expect(&[(FIRST, 1, true)]));
}

#[test]
fn the_time_of_a_state_is_when_it_began() {
    let mut model = model(&config(virtual_server(vec![real_server(FIRST, 1)])));
    fail(&mut model, FIRST);
    assert_eq!(model.services()[0].servers[0].since, at(2));
    let again = Event::Check {
        service: model.services()[0].id,
        server: ip(FIRST),
        check: 0,
        verdict: Verdict::Fail("timed out".to_owned()),
    };
    model.handle(at(30), again);
    assert_eq!(model.services()[0].servers[0].since, at(2));
    assert_eq!(
        model.services()[0].servers[0].state(),
        State::Down("timed out".to_owned())
    );
}

#[test]
fn a_new_mac_address_of_ours_is_in_the_frames_to_every_server_of_the_link() {
    let mut model = model(&config(virtual_server(vec![real_server(FIRST, 1)])));
    let mac = [2, 9, 9, 9, 9, 9];
    let event = Event::OwnAddress {
        ifindex: IFINDEX,
        mac,
    };
    assert!(model.handle(at(3), event).is_empty());
    let wanted = model.wanted();
    let servers = &wanted.services.values().next().unwrap().servers;
    assert_eq!(servers.len(), 2);
    for server in servers {
        assert!(matches!(server.path, Some(Path::Link { source_mac, .. }) if source_mac == mac));
    }
}

#[test]
fn a_role_is_told_once() {
    let mut model = model(&config(virtual_server(vec![real_server(FIRST, 1)])));
    let stop = Event::Role {
        instance: InstanceKey::default(),
        role: Role::INITIALIZE,
    };
    assert_eq!(model.handle(at(3), stop.clone()).len(), 1);
    assert!(model.handle(at(4), stop).is_empty());
    assert_eq!(
        model.wanted().instances[&InstanceKey::default()],
        Role::INITIALIZE
    );
}

#[test]
fn a_director_that_is_its_own_real_server_needs_no_mac_address() {
    let config = config(virtual_server(vec![real_server(FIRST, 1)]));
    let mut topology = topology();
    topology.servers.insert(ip(FIRST), Place::Local);
    let mut model = Model::default();
    model.configure(at(0), &config, &topology);
    assert_eq!(model.services()[0].servers[0].state(), State::Up);
    let path = |model: &Model| model.wanted().services.values().next().unwrap().servers[0].path;
    assert_eq!(path(&model), Some(Path::Local));
    verdict(&mut model, FIRST, Verdict::Fail("refused".to_owned()));
    assert_eq!(path(&model), None);
}

#[test]
fn timeouts_of_the_configuration_count_and_those_of_a_service_before_them() {
    let mut server = virtual_server(vec![real_server(FIRST, 1)]);
    let idle = |config: &Config| {
        let wanted = model(config).wanted();
        wanted
            .services
            .values()
            .next()
            .unwrap()
            .idle_timeout
            .as_secs()
    };
    assert_eq!(idle(&config(server.clone())), 900);
    let mut all = config(server.clone());
    all.global.lvs_timeouts.tcp = Some(Duration::from_secs(1800));
    assert_eq!(idle(&all), 1800);
    server.idle_timeout = Some(Duration::from_secs(28_800));
    all.virtual_servers = vec![server];
    assert_eq!(idle(&all), 28_800);
}
