//! Several instances, groups, witnesses and floods, through packets as they come from the wire.

use std::num::NonZeroU8;

use super::*;
use crate::vrrp::{
    Authentication, Coverage, Delivery, Direction, Endpoints, Family, Key, OnHigherPriority,
    OnLowerPriority, Preempt, Priority, TrackerKind, Version, Weighed, election::RELEASE, frame,
    group_address, packet::Advertisement,
};

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
pub(super) const IFINDEX: u32 = 7;

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(super) fn profile(name: &str, virtual_router_id: u8) -> Profile {
    Profile {
        name: name.into(),
        key: Key {
            ifindex: IFINDEX,
            family: Family::V4,
            virtual_router_id,
        },
        version: Version::Two,
        priority: Priority::new(100).expect("a priority"),
        interval: SECOND,
        down_timer_adverts: NonZeroU8::new(3).expect("not zero"),
        authentication: Authentication::None,
        coverage: Coverage::PseudoHeader,
        delivery: Delivery::Multicast,
        unicast_ttl: frame::TTL,
        group_address: group_address(Family::V4),
        source: Some(ip("10.0.0.1")),
        advertised: vec![ip(&format!("10.0.0.{virtual_router_id}"))],
        preempt: Preempt::After(std::time::Duration::ZERO),
        on_lower_priority: OnLowerPriority::Advertise,
        on_higher_priority: OnHigherPriority::StepBack,
        tracked: vec![],
        sync_group: None,
        witnessed: Witnessed::No,
    }
}

/// A packet of another director with this profile, as it comes in.
pub(super) fn packet(from: &str, priority: u8, profile: &Profile) -> Vec<u8> {
    let way = Endpoints::new(ip(from), profile.group_address).expect("one family");
    let advertisement = Advertisement {
        version: profile.version,
        virtual_router_id: profile.key.virtual_router_id,
        priority,
        interval: profile.interval,
        authentication: profile.authentication,
        addresses: profile.advertised.clone(),
    };
    frame::packet(way, frame::TTL, &advertisement.emit(way, profile.coverage))
}

fn started(profiles: Vec<Profile>) -> (Router, Instant, Vec<Effect>) {
    let (mut router, now) = (Router::default(), Instant::now());
    let effects = router.configure(now, profiles, &BTreeSet::new());
    (router, now, effects)
}

/// Lets the deadlines pass until everybody who can be is Master.
pub(super) fn master(profiles: Vec<Profile>) -> (Router, Instant) {
    let (mut router, now, _) = started(profiles);
    let later = now + SECOND * 4;
    router.act(later);
    (router, later)
}

fn roles(router: &Router) -> Vec<String> {
    let reports = router.report(Instant::now());
    reports
        .into_iter()
        .map(|report| report.role.to_string())
        .collect()
}

pub(super) fn news(effects: &[Effect]) -> Vec<&News> {
    let news = effects.iter().filter_map(|effect| match effect {
        Effect::Tell(notice) => Some(&notice.news),
        _ => None,
    });
    news.collect()
}

pub(super) fn sent(effects: &[Effect]) -> Vec<u8> {
    let priority = |effect: &Effect| match effect {
        Effect::Transmit { messages, .. } => Some(messages[0].1[2]),
        _ => None,
    };
    effects.iter().filter_map(priority).collect()
}

#[test]
fn an_advertisement_renews_the_lease_for_as_long_as_nobody_can_miss_it() {
    let (mut router, now, _) = started(vec![profile("a", 51)]);
    let effects = router.act(now + SECOND * 4);
    let lease = effects.iter().find_map(|effect| match effect {
        Effect::Transmit { lease, .. } => Some(*lease),
        _ => None,
    });
    assert_eq!(lease, Some(LeaseEffect::Renew(SECOND * 3)));
}

#[test]
fn the_lease_ends_before_the_others_learn_that_they_may_take_over() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    let effects = router.stop(now);
    let instance = Arc::from("a");
    assert_eq!(effects[0], Effect::EndLease { instance });
    assert_eq!(sent(&effects), [RELEASE]);
}

#[test]
fn a_packet_is_for_the_instance_of_its_interface_family_and_id() {
    let other = profile("b", 52);
    let (mut router, now) = master(vec![profile("a", 51), other.clone()]);
    let stronger = packet("10.0.0.2", 200, &other);
    assert_eq!(router.hear(now, IFINDEX + 1, &stronger), []);
    assert_eq!(roles(&router), ["MASTER", "MASTER"]);
    router.hear(now, IFINDEX, &stronger);
    assert_eq!(roles(&router), ["MASTER", "BACKUP"]);
}

#[test]
fn an_instance_whose_interface_comes_goes_on_and_does_not_stop() {
    let there = profile("a", 51);
    let mut missing = there.clone();
    missing.key.ifindex = 0;
    missing.source = None;
    let (mut router, now, _) = started(vec![missing]);
    assert_eq!(roles(&router), ["FAULT"]);
    let effects = router.configure(now, vec![there], &BTreeSet::new());
    let became = news(&effects).into_iter().filter_map(|news| match news {
        News::Role { role, .. } => Some(*role),
        _ => None,
    });
    assert_eq!(became.collect::<Vec<_>>(), [Role::Backup]);
}

/// Scenario 1.11: one side has 65, the other 66.
#[test]
fn s1_11_an_address_of_ours_under_another_id_is_told_once() {
    let (mut router, now) = master(vec![profile("a", 65)]);
    let mut mistyped = profile("a", 65);
    mistyped.key.virtual_router_id = 66;
    let effects = router.hear(now, IFINDEX, &packet("10.0.0.2", 100, &mistyped));
    assert_eq!(
        news(&effects),
        [&News::ClaimedUnderOtherId {
            address: ip("10.0.0.65"),
            virtual_router_id: 66,
            peer: ip("10.0.0.2"),
        }]
    );
    assert_eq!(
        router.hear(now, IFINDEX, &packet("10.0.0.2", 100, &mistyped)),
        []
    );
    let report = &router.report(now)[0];
    assert_eq!(report.counters.rejected["vrid"], 2);
    assert_eq!(report.claims.len(), 1, "{:?}", report.claims);
    mistyped.advertised = vec![ip("10.0.0.9")];
    assert_eq!(
        router.hear(now, IFINDEX, &packet("10.0.0.3", 100, &mistyped)),
        []
    );
}

/// Scenario 1.20: another cluster has our id.
#[test]
fn s1_20_a_foreign_cluster_on_our_id_is_an_alarm_that_says_so() {
    let (mut router, now) = master(vec![profile("a", 65)]);
    let mut foreign = profile("x", 65);
    foreign.advertised = vec![ip("172.16.0.1")];
    let effects = router.hear(now, IFINDEX, &packet("10.0.0.9", 50, &foreign));
    let told: Vec<_> = news(&effects).iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|news| news.contains("another cluster")),
        "{told:?}"
    );
}

/// Scenarios 1.3 and 1.14.
#[test]
fn s1_14_what_does_not_count_is_told_once_and_counted_each_time() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    let mut other = profile("a", 51);
    other.interval = SECOND * 2;
    let effects = router.hear(now, IFINDEX, &packet("10.0.0.2", 200, &other));
    assert!(matches!(news(&effects)[..], [News::Rejected { .. }]));
    assert_eq!(
        router.hear(now, IFINDEX, &packet("10.0.0.2", 200, &other)),
        []
    );
    let report = &router.report(now)[0];
    assert_eq!(
        report.counters.rejected,
        BTreeMap::from([("interval".to_owned(), 2)])
    );
    let peer = &report.peers[0];
    assert_eq!((peer.address, peer.rejections), (ip("10.0.0.2"), 2));
    assert!(peer.rejected.as_ref().is_some_and(|why| why.contains("2s")));
}

#[test]
fn a_message_that_is_cut_off_before_its_id_counts_for_every_instance_of_the_link() {
    let (mut router, now) = master(vec![profile("a", 51), profile("b", 52)]);
    let way = Endpoints::new(ip("10.0.0.2"), group_address(Family::V4)).expect("one family");
    router.hear(now, IFINDEX, &frame::packet(way, frame::TTL, &[0x21]));
    for report in router.report(now) {
        assert_eq!(report.counters.rejected["length"], 1, "{}", report.name);
    }
}

#[test]
fn a_flood_of_lower_advertisements_is_answered_ten_times_in_an_interval_at_most() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    let flood = packet("10.0.0.2", 50, &profile("a", 51));
    let mut answers = 0;
    for millis in 0..1000 {
        let at = now + std::time::Duration::from_millis(millis);
        answers += sent(&router.hear(at, IFINDEX, &flood)).len();
    }
    assert_eq!(answers, 10);
}

#[test]
fn a_flood_of_releases_does_not_silence_a_master() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    let flood = packet("10.0.0.2", RELEASE, &profile("a", 51));
    let (mut last, mut longest) = (now, std::time::Duration::ZERO);
    for millis in 0..5000 {
        let at = now + std::time::Duration::from_millis(millis);
        let mut effects = router.hear(at, IFINDEX, &flood);
        effects.extend(router.act(at));
        if !sent(&effects).is_empty() {
            longest = longest.max(at - last);
            last = at;
        }
    }
    assert!(longest <= SECOND, "{longest:?}");
}

#[test]
fn a_reload_that_changes_nothing_says_nothing_and_one_that_adds_an_address_says_it_at_once() {
    let mut changed = profile("a", 51);
    let (mut router, now) = master(vec![changed.clone()]);
    assert_eq!(
        router.configure(now, vec![changed.clone()], &BTreeSet::new()),
        []
    );
    changed.advertised.push(ip("10.0.0.99"));
    let effects = router.configure(now, vec![changed], &BTreeSet::new());
    assert_eq!(sent(&effects), [100]);
    assert_eq!(roles(&router), ["MASTER"]);
}

#[test]
fn an_instance_that_a_reload_takes_away_says_that_it_leaves() {
    let (mut router, now) = master(vec![profile("a", 51), profile("b", 52)]);
    let effects = router.configure(now, vec![profile("a", 51)], &BTreeSet::new());
    assert_eq!(sent(&effects), [RELEASE]);
    assert_eq!(roles(&router), ["MASTER"]);
}

fn succeeded(effects: &[Effect]) -> usize {
    let of = |news: &&&News| matches!(news, News::Succeeded { .. });
    news(effects).iter().filter(of).count()
}

/// Scenario 0.2.
#[test]
fn s0_2_who_has_been_master_is_told_once_that_another_one_is_now() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    let better = packet("10.0.0.2", 200, &profile("a", 51));
    let effects = router.hear(now, IFINDEX, &better);
    assert_eq!(roles(&router), ["BACKUP"]);
    // First it lets go, then it ends what it had.
    assert!(matches!(
        news(&effects)[..],
        [News::Role { .. }, News::Succeeded { .. }]
    ));
    assert_eq!(succeeded(&router.hear(now + SECOND, IFINDEX, &better)), 0);
}

#[test]
fn s0_2_a_master_in_fault_ends_nothing_before_another_one_is_heard() {
    let (tracking, script) = with_script(0);
    let (mut router, now) = master(vec![tracking]);
    let effects = router.track(now, &script, Status::Failed);
    assert_eq!(
        (roles(&router), succeeded(&effects)),
        (vec!["FAULT".to_owned()], 0)
    );
    let leaving = packet("10.0.0.2", RELEASE, &profile("a", 51));
    assert_eq!(succeeded(&router.hear(now, IFINDEX, &leaving)), 0);
    let other = packet("10.0.0.2", 90, &profile("a", 51));
    assert_eq!(succeeded(&router.hear(now, IFINDEX, &other)), 1);
}

#[test]
fn s0_2_a_fault_that_nobody_took_over_in_ends_nothing() {
    let (tracking, script) = with_script(0);
    let (mut router, now) = master(vec![tracking]);
    router.track(now, &script, Status::Failed);
    router.track(now + SECOND, &script, Status::Well);
    router.act(now + SECOND * 5);
    assert_eq!(roles(&router), ["MASTER"]);
    let lower = packet("10.0.0.2", 90, &profile("a", 51));
    let effects = router.hear(now + SECOND * 7, IFINDEX, &lower);
    assert_eq!(succeeded(&effects), 0);
}

#[test]
fn s0_2_who_was_never_master_has_nothing_to_end() {
    let (mut router, now, _) = started(vec![profile("a", 51)]);
    let better = packet("10.0.0.2", 200, &profile("a", 51));
    assert_eq!(succeeded(&router.hear(now, IFINDEX, &better)), 0);
}

#[test]
fn an_instance_whose_lease_has_not_ended_is_master_at_once() {
    let (mut router, now) = (Router::default(), Instant::now());
    let resumable = BTreeSet::from([Arc::from("a")]);
    let effects = router.configure(now, vec![profile("a", 51), profile("b", 52)], &resumable);
    assert_eq!(roles(&router), ["MASTER", "BACKUP"]);
    assert_eq!(sent(&effects), [100]);
}

#[test]
fn the_lease_of_a_member_that_goes_on_does_not_end_while_its_group_decides() {
    let grouped = Profile {
        sync_group: Some("g".into()),
        ..profile("a", 51)
    };
    let (mut router, now) = (Router::default(), Instant::now());
    let resumable = BTreeSet::from([Arc::from("a")]);
    let effects = router.configure(now, vec![grouped], &resumable);
    assert_eq!(roles(&router), ["MASTER"]);
    let instance = Arc::from("a");
    assert!(!effects.contains(&Effect::EndLease { instance }));
}

#[test]
fn an_interface_without_an_address_is_a_fault_until_it_has_one() {
    let mut bare = profile("a", 51);
    bare.source = None;
    let (mut router, now, _) = started(vec![bare]);
    assert_eq!(roles(&router), ["FAULT"]);
    router.configure(now, vec![profile("a", 51)], &BTreeSet::new());
    assert_eq!(roles(&router), ["BACKUP"]);
}

/// A profile that tracks a script.
fn with_script(weight: i32) -> (Profile, Tracker) {
    let script = Tracker {
        kind: TrackerKind::Script,
        name: "chk".into(),
    };
    let mut tracking = profile("a", 51);
    tracking.tracked.push(Weighed {
        tracker: script.clone(),
        weight,
        direction: Direction::Forward,
    });
    (tracking, script)
}

/// Scenario 1.8.
#[test]
fn s1_8_a_script_that_fails_lowers_the_priority_and_that_is_told() {
    let (tracking, script) = with_script(-20);
    let (mut router, now) = master(vec![tracking]);
    let effects = router.track(now, &script, Status::Failed);
    assert_eq!(news(&effects), [&News::Priority { from: 100, to: 80 }]);
    assert_eq!(sent(&effects), [80]);
}

/// An instance that starts later knows how everything was.
#[test]
fn what_was_told_of_a_tracker_before_an_instance_started_holds_for_it() {
    let link = Tracker {
        kind: TrackerKind::Interface,
        name: "eth0".into(),
    };
    let mut tracking = profile("a", 51);
    tracking.tracked.push(Weighed {
        tracker: link.clone(),
        weight: 0,
        direction: Direction::Forward,
    });
    let (mut router, now) = (Router::default(), Instant::now());
    router.track(now, &link, Status::Failed);
    router.configure(now, vec![tracking], &BTreeSet::new());
    assert_eq!(roles(&router), ["FAULT"]);
    router.track(now, &link, Status::Well);
    assert_eq!(roles(&router), ["BACKUP"]);
}

#[test]
fn members_of_a_sync_group_become_master_and_leave_together() {
    let grouped = |name, id| Profile {
        sync_group: Some("g".into()),
        ..profile(name, id)
    };
    let (mut router, now) = master(vec![grouped("a", 51), grouped("b", 52)]);
    assert_eq!(roles(&router), ["MASTER", "MASTER"]);
    router.hear(now, IFINDEX, &packet("10.0.0.2", 200, &profile("b", 52)));
    assert_eq!(roles(&router), ["BACKUP", "BACKUP"]);
}

mod witnesses {
    use super::*;

    fn witnessed() -> (Router, Instant, Vec<Effect>) {
        let asked = Profile {
            witnessed: Witnessed::Yes,
            ..profile("a", 51)
        };
        let (mut router, now, _) = started(vec![asked]);
        let later = now + SECOND * 4;
        let effects = router.act(later);
        (router, later, effects)
    }

    fn asks(effects: &[Effect]) -> bool {
        let instance = Arc::from("a");
        effects.contains(&Effect::AskWitnesses { instance })
    }

    /// Scenario 1.18.
    #[test]
    fn s1_18_a_backup_that_is_cut_off_from_its_witnesses_does_not_become_master() {
        let (mut router, now, effects) = witnessed();
        assert!(asks(&effects));
        assert_eq!(roles(&router), ["BACKUP"]);
        let effects = router.hear_witnesses(now, "a", Verdict::CutOff);
        assert_eq!(news(&effects), [&News::WitnessesSilent]);
        assert_eq!(roles(&router), ["BACKUP"]);
    }

    #[test]
    fn witnesses_that_were_silent_are_asked_again_after_a_second() {
        let (mut router, now, _) = witnessed();
        router.hear_witnesses(now, "a", Verdict::CutOff);
        assert_eq!(router.next_deadline(), Some(now + SECOND));
        assert!(asks(&router.act(now + SECOND)));
        router.hear_witnesses(now + SECOND, "a", Verdict::Connected);
        assert_eq!(roles(&router), ["MASTER"]);
    }

    #[test]
    fn an_answer_that_comes_after_a_master_was_heard_makes_nobody_master() {
        let (mut router, now, _) = witnessed();
        router.hear(now, IFINDEX, &packet("10.0.0.2", 200, &profile("a", 51)));
        router.hear_witnesses(now, "a", Verdict::Connected);
        assert_eq!(roles(&router), ["BACKUP"]);
        let later = now + SECOND * 4;
        assert!(asks(&router.act(later)), "an old answer does not count");
        assert_eq!(roles(&router), ["BACKUP"]);
    }

    #[test]
    fn they_are_asked_once_and_not_for_each_deadline() {
        let (mut router, now, _) = witnessed();
        assert!(!asks(&router.act(now + SECOND)));
    }
}
