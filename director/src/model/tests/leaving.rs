//! What becomes of the flows of servers that get no more of them.

use super::*;
use crate::config::{Farewell, Farewells};

const MINUTE: u64 = 60;

fn with(farewells: Farewells, servers: Vec<crate::config::RealServer>) -> Config {
    config(VirtualServer {
        farewells,
        ..virtual_server(servers)
    })
}

fn both() -> Vec<crate::config::RealServer> {
    vec![real_server(FIRST, 1), real_server(SECOND, 1)]
}

fn verdict_at(model: &mut Model, seconds: u64, server: &str, verdict: Verdict) {
    let event = Event::Check {
        service: model.services()[0].id,
        server: ip(server),
        check: 0,
        verdict,
    };
    model.handle(at(seconds), event);
}

fn fail(model: &mut Model, seconds: u64, server: &str) {
    let verdict = Verdict::Fail("connection refused".to_owned());
    verdict_at(model, seconds, server, verdict);
}

fn pass(model: &mut Model, seconds: u64, server: &str) {
    verdict_at(model, seconds, server, Verdict::Pass);
}

/// Where the flows of a server go; `None`: they are over, or it is nowhere.
fn path_of(model: &Model, server: &str) -> Option<Path> {
    let wanted = model.wanted();
    let service = wanted.services.values().next().expect("a service");
    let mut all = service.servers.iter().chain(&service.leaving);
    all.find(|known| known.address == ip(server))?.path
}

fn is_member(model: &Model, server: &str) -> bool {
    let wanted = model.wanted();
    let service = wanted.services.values().next().expect("a service");
    let mut members = service.servers.iter();
    members.any(|known| known.address == ip(server) && known.weight > 0)
}

fn goes_on(model: &Model, server: &str) -> bool {
    matches!(path_of(model, server), Some(Path::Link { .. }))
}

#[test]
fn s3_10_a_removed_server_drains_for_a_minute_and_is_gone() {
    let mut model = model(&with(Farewells::default(), both()));
    let one = with(Farewells::default(), vec![real_server(SECOND, 1)]);
    model.configure(at(100), &one, &topology());
    assert!(goes_on(&model, FIRST) && !is_member(&model, FIRST));
    assert_eq!(model.next_deadline(), Some(at(100 + MINUTE)));
    model.expire(at(100 + MINUTE - 1));
    assert!(goes_on(&model, FIRST));
    model.expire(at(100 + MINUTE));
    assert_eq!(path_of(&model, FIRST), None);
    assert!(model.services()[0].leaving.is_empty());
    assert_eq!(model.next_deadline(), None);
}

#[test]
fn a_server_that_is_taken_back_in_time_never_left() {
    let two = with(Farewells::default(), both());
    let one = with(Farewells::default(), vec![real_server(SECOND, 1)]);
    let mut model = model(&two);
    model.configure(at(100), &one, &topology());
    model.configure(at(130), &two, &topology());
    assert!(goes_on(&model, FIRST) && is_member(&model, FIRST));
    assert_eq!(model.next_deadline(), None);
    model.expire(at(1000));
    assert!(goes_on(&model, FIRST));
}

#[test]
fn a_reload_does_not_put_off_the_end() {
    let mut model = model(&with(Farewells::default(), both()));
    let one = with(Farewells::default(), vec![real_server(SECOND, 1)]);
    model.configure(at(100), &one, &topology());
    model.configure(at(150), &one, &topology());
    assert_eq!(model.next_deadline(), Some(at(100 + MINUTE)));
}

#[test]
fn removed_servers_are_held_or_over_as_the_operator_wants() {
    for (on_removal, path) in [(Farewell::Reset, None), (Farewell::Hold, Some(Path::Held))] {
        let farewells = Farewells {
            on_removal,
            ..Farewells::default()
        };
        let mut model = model(&with(farewells, both()));
        let one = with(farewells, vec![real_server(SECOND, 1)]);
        model.configure(at(100), &one, &topology());
        assert_eq!(path_of(&model, FIRST), path);
        assert_eq!(model.next_deadline(), None);
        model.configure(at(200), &with(farewells, both()), &topology());
        resolve(&mut model, FIRST, 0);
        assert!(goes_on(&model, FIRST) && is_member(&model, FIRST));
    }
}

#[test]
fn a_weight_of_0_drains_and_a_weight_again_ends_the_drain() {
    let mut model = model(&with(Farewells::default(), both()));
    let quiesced = with(
        Farewells::default(),
        vec![real_server(FIRST, 0), real_server(SECOND, 1)],
    );
    model.configure(at(100), &quiesced, &topology());
    assert!(goes_on(&model, FIRST) && !is_member(&model, FIRST));
    model.expire(at(100 + MINUTE));
    assert_eq!(path_of(&model, FIRST), None);
    model.configure(at(300), &with(Farewells::default(), both()), &topology());
    assert!(goes_on(&model, FIRST) && is_member(&model, FIRST));
}

#[test]
fn a_failed_server_is_over_drains_or_is_waited_for() {
    let drain = Farewell::Drain(Duration::from_secs(10));
    for (on_failure, at_once, later) in [
        (Farewell::Reset, None, None),
        (Farewell::Hold, Some(Path::Held), Some(Path::Held)),
    ] {
        let farewells = Farewells {
            on_failure,
            ..Farewells::default()
        };
        let mut model = model(&with(farewells, both()));
        fail(&mut model, 50, FIRST);
        assert_eq!(path_of(&model, FIRST), at_once);
        model.expire(at(1000));
        assert_eq!(path_of(&model, FIRST), later);
        pass(&mut model, 1001, FIRST);
        assert!(goes_on(&model, FIRST));
    }
    let farewells = Farewells {
        on_failure: drain,
        ..Farewells::default()
    };
    let mut model = model(&with(farewells, both()));
    fail(&mut model, 50, FIRST);
    assert!(goes_on(&model, FIRST) && !is_member(&model, FIRST));
    model.expire(at(60));
    assert_eq!(path_of(&model, FIRST), None);
}

#[test]
fn s2_29_the_sorry_server_s_flows_drain_when_it_is_relieved() {
    let mut model = model(&with(Farewells::default(), both()));
    // It may be needed any time, and nothing is over before it was.
    assert!(goes_on(&model, SORRY));
    fail(&mut model, 10, FIRST);
    fail(&mut model, 10, SECOND);
    assert!(is_member(&model, SORRY));
    pass(&mut model, 20, FIRST);
    assert!(goes_on(&model, SORRY) && !is_member(&model, SORRY));
    assert_eq!(model.next_deadline(), Some(at(20 + MINUTE)));
    fail(&mut model, 30, FIRST);
    assert!(is_member(&model, SORRY));
    assert_eq!(model.next_deadline(), None, "it is needed again");
    pass(&mut model, 40, FIRST);
    model.expire(at(40 + MINUTE));
    assert_eq!(path_of(&model, SORRY), None);
    fail(&mut model, 200, FIRST);
    assert!(is_member(&model, SORRY) && goes_on(&model, SORRY));
}

fn with_failback(failback: crate::config::Failback) -> Model {
    let mut model = model(&config(VirtualServer {
        failback,
        ..virtual_server(both())
    }));
    fail(&mut model, 10, FIRST);
    fail(&mut model, 10, SECOND);
    assert!(is_member(&model, SORRY));
    pass(&mut model, 20, FIRST);
    model
}

#[test]
fn s2_33_the_sorry_server_goes_on_until_the_operator_says_so() {
    use crate::config::Failback;
    let mut model = with_failback(Failback::Manual);
    assert!(is_member(&model, SORRY) && !is_member(&model, FIRST));
    model.expire(at(100_000));
    assert!(is_member(&model, SORRY), "nobody has said so");
    let service = model.services()[0].id;
    let notices = model.handle(at(200), Event::FailBack { service });
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(!is_member(&model, SORRY) && is_member(&model, FIRST));
    assert!(goes_on(&model, SORRY), "its flows drain");
    assert_eq!(model.handle(at(201), Event::FailBack { service }), []);
}

#[test]
fn s2_33_the_sorry_server_is_relieved_after_a_delay_in_which_the_quorum_was_met() {
    use crate::config::Failback;
    let mut model = with_failback(Failback::Delay(Duration::from_secs(30)));
    model.expire(at(49));
    assert!(is_member(&model, SORRY));
    // It is lost and gained again: the delay begins anew.
    fail(&mut model, 45, FIRST);
    pass(&mut model, 47, FIRST);
    model.expire(at(50));
    assert!(is_member(&model, SORRY));
    assert_eq!(model.next_deadline(), Some(at(77)));
    model.expire(at(77));
    assert!(!is_member(&model, SORRY) && is_member(&model, FIRST));
}

#[test]
fn a_configuration_that_wants_it_at_once_ends_the_wait() {
    use crate::config::Failback;
    let mut model = with_failback(Failback::Manual);
    model.configure(at(60), &with(Farewells::default(), both()), &topology());
    assert!(!is_member(&model, SORRY) && is_member(&model, FIRST));
}

#[test]
fn a_removed_virtual_server_takes_no_new_flows_and_those_that_are_there_drain() {
    let two = with(Farewells::default(), both());
    let mut model = model(&two);
    let nothing = Config::default();
    let notices = model.configure(at(100), &nothing, &topology());
    assert!(matches!(notices[..], [Notice::ServiceRemoved(_)]));
    assert!(model.services().is_empty() && model.has_leaving());
    assert!(goes_on(&model, FIRST) && !is_member(&model, FIRST));
    // Another reload neither says so again nor puts off the end.
    assert_eq!(model.configure(at(130), &nothing, &topology()), []);
    assert_eq!(model.next_deadline(), Some(at(100 + MINUTE)));
    model.expire(at(100 + MINUTE));
    assert!(model.wanted().services.is_empty() && !model.has_leaving());
}

#[test]
fn a_virtual_server_that_is_taken_back_in_time_never_left() {
    let two = with(Farewells::default(), both());
    let mut model = model(&two);
    model.configure(at(100), &Config::default(), &topology());
    let notices = model.configure(at(130), &two, &topology());
    assert!(matches!(notices[..], [Notice::ServiceAdded(_)]));
    assert!(goes_on(&model, FIRST) && is_member(&model, FIRST));
    assert!(model.removed().is_empty());
    assert_eq!(model.next_deadline(), None);
}

#[test]
fn a_removed_virtual_server_is_over_at_once_where_the_operator_wants_it() {
    let farewells = Farewells {
        on_removal: Farewell::Reset,
        ..Farewells::default()
    };
    let mut model = model(&with(farewells, both()));
    model.configure(at(100), &Config::default(), &topology());
    assert!(model.wanted().services.is_empty());
}

#[test]
fn a_server_that_was_drained_and_is_removed_is_not_waited_for_again() {
    let mut model = model(&with(Farewells::default(), both()));
    let drained = vec![real_server(FIRST, 0), real_server(SECOND, 1)];
    model.configure(at(100), &with(Farewells::default(), drained), &topology());
    let one = with(Farewells::default(), vec![real_server(SECOND, 1)]);
    let mut earlier = model.clone();
    earlier.configure(at(130), &one, &topology());
    assert_eq!(earlier.next_deadline(), Some(at(100 + MINUTE)));
    model.expire(at(100 + MINUTE));
    model.configure(at(100 + MINUTE), &one, &topology());
    assert!(!model.has_leaving());
}
