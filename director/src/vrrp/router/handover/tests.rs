use super::{
    super::tests::{IFINDEX, master, news, packet, profile, sent},
    *,
};
use crate::vrrp::{
    Reason,
    election::RELEASE,
    router::{News, Notice},
};

const MILLISECOND: Duration = Duration::from_millis(1);

/// What ends a handover: the daemon lets the addresses go.
fn farewell(name: &str) -> Effect {
    Effect::Tell(Notice {
        instance: name.into(),
        news: News::Role {
            role: Role::Initialize,
            reason: Reason::Shutdown,
            priority: 100,
        },
    })
}

/// Then it ends what it had.
fn succeeded(name: &str) -> Effect {
    Effect::Tell(Notice {
        instance: name.into(),
        news: News::Succeeded {
            peer: std::net::Ipv4Addr::new(10, 0, 0, 2).into(),
        },
    })
}

fn end(name: &str) -> Effect {
    Effect::EndLease {
        instance: name.into(),
    }
}

#[test]
fn a_master_that_leaves_forwards_until_its_successor_is_heard() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    let effects = router.leave(now);
    assert_eq!(sent(&effects), [RELEASE]);
    assert!(!effects.contains(&end("a")) && news(&effects).is_empty());
    assert!(!router.has_left());
    assert_eq!(router.act(now + 640 * MILLISECOND), []);

    let successor = packet("10.0.0.2", 90, &profile("a", 51));
    let effects = router.hear(now + 650 * MILLISECOND, IFINDEX, &successor);
    assert_eq!(effects, [farewell("a"), succeeded("a")]);
    assert!(router.has_left());
    let effects = router.stop(now + 651 * MILLISECOND);
    assert_eq!(effects, [end("a")]);
}

#[test]
fn a_lease_lasts_longer_than_any_successor_takes() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    let effects = router.leave(now);
    let until = router.next_deadline().expect("somebody is waited for");
    let lease = effects.iter().find_map(|effect| match effect {
        Effect::Transmit { lease, .. } => Some(*lease),
        _ => None,
    });
    let Some(LeaseEffect::Renew(length)) = lease else {
        panic!("{effects:?}");
    };
    // The guardian gives up a part of an interval before it ends.
    assert!(now + length - profile("a", 51).interval / 2 > until);
}

#[test]
fn a_master_whom_nobody_follows_lets_go_after_the_longest_skew_time() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    router.leave(now);
    let until = router.next_deadline().expect("somebody is waited for");
    assert!(until > now + 996 * MILLISECOND && until < now + 1100 * MILLISECOND);
    assert_eq!(router.act(until), [farewell("a")]);
    assert!(router.has_left());
    assert_eq!(router.next_deadline(), None);
}

#[test]
fn who_leaves_too_is_no_successor_and_neither_is_who_is_rejected() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    router.leave(now);
    router.hear(
        now,
        IFINDEX,
        &packet("10.0.0.2", RELEASE, &profile("a", 51)),
    );
    let other = Profile {
        version: crate::vrrp::Version::Three,
        ..profile("a", 51)
    };
    router.hear(now, IFINDEX, &packet("10.0.0.2", 90, &other));
    router.hear(now, IFINDEX, &packet("10.0.0.2", 90, &profile("b", 52)));
    assert!(!router.has_left());
}

#[test]
fn nobody_waits_for_longer_than_three_seconds() {
    let slow = Profile {
        version: crate::vrrp::Version::Three,
        interval: Duration::from_secs(40),
        ..profile("a", 51)
    };
    let (mut router, now) = (Router::default(), Instant::now());
    router.configure(now, vec![slow], &["a".into()].into());
    router.leave(now);
    assert_eq!(router.next_deadline(), Some(now + Duration::from_secs(3)));
}

#[test]
fn a_backup_leaves_at_once() {
    let (mut router, now) = (Router::default(), Instant::now());
    router.configure(now, vec![profile("a", 51)], &[].into());
    let effects = router.leave(now);
    assert_eq!(effects, [end("a"), farewell("a")]);
    assert!(router.has_left());
    assert_eq!(router.stop(now), []);
}

#[test]
fn a_stop_without_leaving_first_ends_everything() {
    let (mut router, now) = master(vec![profile("a", 51)]);
    let effects = router.stop(now);
    assert_eq!(sent(&effects), [RELEASE]);
    assert!(effects.contains(&end("a")) && effects.contains(&farewell("a")));
}
