use super::*;
use crate::pair::message;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

/// One with this many virtual servers, the first on port `from`.
fn digest(from: u16, count: u16) -> Digest {
    let servers = (from..from + count).map(|port| {
        format!("virtual_server 10.0.0.1 {port} {{\n lb_kind DR\n protocol TCP\n real_server 10.0.0.3 {port} {{ }}\n}}\n")
    });
    let text: String = servers.collect();
    let loaded = crate::config::parse(std::path::Path::new("test.conf"), text.as_bytes());
    Digest::of(&loaded.config.expect("a configuration"))
}

fn peers(ours: Digest) -> (Peers, Instant) {
    let mut peers = Peers::default();
    peers.set_ours(ours);
    (peers, Instant::now())
}

fn hear(peers: &mut Peers, now: Instant, theirs: &Digest) -> Vec<News> {
    let parts = message::emit(theirs).into_iter();
    let parts = parts.map(|bytes| Message::parse(&bytes).expect("a message"));
    parts
        .filter_map(|part| peers.hear(now, PEER, part))
        .collect()
}

fn standing(peers: &Peers, now: Instant) -> PairStanding {
    let mut standings = peers.standings(now);
    standings.pop().expect("a peer").2
}

/// Scenario 1.16.
#[test]
fn s1_16_what_differs_for_a_while_is_told_once_and_its_end_too() {
    let (mut peers, now) = peers(digest(80, 2));
    let other = digest(81, 2);
    assert_eq!(hear(&mut peers, now, &other), []);
    assert!(matches!(standing(&peers, now), PairStanding::Different(_)));
    assert_eq!(hear(&mut peers, now + TELL_EACH, &other), []);
    assert_eq!(peers.different().count(), 0);
    let later = now + TOLD_AFTER;
    let told = hear(&mut peers, later, &other);
    assert_eq!(peers.different().count(), 1);
    let [News::Different(differences)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((differences.missing.len(), differences.unknown), (2, 2));
    assert_eq!(hear(&mut peers, later + TELL_EACH, &other), []);
    let same = digest(80, 2);
    assert_eq!(
        hear(&mut peers, later + TELL_EACH * 2, &same),
        [News::Equal]
    );
    assert_eq!(hear(&mut peers, later + TELL_EACH * 3, &same), []);
    assert_eq!(standing(&peers, now), PairStanding::Equal);
    assert_eq!(peers.different().count(), 0);
}

#[test]
fn a_change_of_both_one_after_the_other_is_not_told() {
    let (mut peers, now) = peers(digest(80, 2));
    assert_eq!(hear(&mut peers, now, &digest(81, 2)), []);
    peers.set_ours(digest(81, 2));
    let later = now + TOLD_AFTER;
    assert_eq!(hear(&mut peers, later, &digest(81, 2)), []);
    assert_eq!(standing(&peers, later), PairStanding::Equal);
}

#[test]
fn another_pair_on_the_link_is_nobody_s_business() {
    let (mut peers, now) = peers(digest(80, 2));
    for at in [now, now + TOLD_AFTER] {
        assert_eq!(hear(&mut peers, at, &digest(90, 2)), []);
    }
    assert_eq!(peers.standings(now), []);
    assert_eq!(peers.different().count(), 0);
}

#[test]
fn a_large_configuration_comes_in_parts() {
    let (mut peers, now) = peers(digest(80, 100));
    let parts = message::emit(&digest(80, 101));
    assert!(parts.len() > 1, "{}", parts.len());
    for bytes in parts.iter().rev().skip(1) {
        let part = Message::parse(bytes).expect("a message");
        assert_eq!(peers.hear(now, PEER, part), None);
    }
    assert_eq!(standing(&peers, now), PairStanding::Incomplete);
    hear(&mut peers, now, &digest(80, 101));
    let PairStanding::Different(differences) = standing(&peers, now) else {
        panic!("{:?}", standing(&peers, now));
    };
    assert_eq!(differences.unknown, 2);
}

#[test]
fn a_director_of_another_version_is_not_compared() {
    let (mut peers, now) = peers(digest(80, 1));
    for _ in 0..3 {
        for bytes in message::emit(&digest(80, 1)) {
            let mut part = Message::parse(&bytes).expect("a message");
            part.vocabulary ^= 1;
            assert_eq!(peers.hear(now, PEER, part), None);
        }
    }
    assert_eq!(standing(&peers, now), PairStanding::OtherVersion);
    assert_eq!(peers.objects().count(), 0);
}

#[test]
fn parts_that_do_not_come_to_their_total_say_nothing() {
    let (mut peers, now) = peers(digest(80, 1));
    for bytes in message::emit(&digest(81, 1)) {
        let mut part = Message::parse(&bytes).expect("a message");
        part.pairs.pop();
        assert_eq!(peers.hear(now, PEER, part), None);
    }
    assert_eq!(standing(&peers, now), PairStanding::Incomplete);
}

#[test]
fn who_is_silent_is_forgotten_and_a_crowd_fills_no_memory() {
    let (mut peers, now) = peers(digest(80, 1));
    let bytes = message::emit(&digest(80, 1)).remove(0);
    for host in 0..=u8::MAX {
        let from = IpAddr::from([10, 0, 0, host]);
        let part = Message::parse(&bytes).expect("a message");
        peers.hear(now, from, part);
    }
    assert_eq!(peers.standings(now).len(), MOST_PEERS);
    peers.forget(now + FORGET_AFTER);
    assert_eq!(peers.standings(now).len(), 0);
}
