//! What the transition table cannot show: sequences, and settings other than the usual ones.

use super::*;

fn down_after(bench: &mut Bench, event: Event) -> Duration {
    bench.tell(event);
    bench.pause().expect("a Backup waits")
}

/// RFC 9568 section 6.4.2.
#[test]
fn in_version_3_the_masters_pace_is_learned() {
    let mut bench = Bench::in_role(settings(Version::Three), Role::Backup);
    let slow = Event::Advertisement(accepted(LESS, 200, 4 * SECOND));
    // Three intervals, and 156/256 of one.
    assert_eq!(down_after(&mut bench, slow), 12 * SECOND + 4 * SKEW);
    // The skew time is of the learned pace too, and a Master that leaves teaches nothing.
    let leaves = Event::Advertisement(accepted(LESS, 0, SECOND));
    assert_eq!(down_after(&mut bench, leaves), 4 * SKEW);
    // Its own pace is what it advertises with.
    bench.wait();
    assert_eq!(bench.pause(), Some(SECOND));
    // A Master that steps back learns it likewise.
    let slow = Event::Advertisement(accepted(LESS, 200, 4 * SECOND));
    assert_eq!(down_after(&mut bench, slow), 12 * SECOND + 4 * SKEW);
}

/// RFC 9568 section 6.4.2: what is discarded teaches nothing.
#[test]
fn the_pace_of_a_master_that_is_preempted_is_not_learned() {
    let mut bench = Bench::in_role(settings(Version::Three), Role::Backup);
    let slow = Event::Advertisement(accepted(LESS, 50, 4 * SECOND));
    assert_eq!(down_after(&mut bench, slow), DOWN);
}

#[test]
fn in_version_2_there_is_one_pace() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    let slow = Event::Advertisement(accepted(LESS, 200, 4 * SECOND));
    assert_eq!(down_after(&mut bench, slow), DOWN);
}

#[test]
fn more_advertisements_may_be_missed() {
    let patient = Settings {
        down_timer_adverts: NonZeroU8::new(10).expect("not zero"),
        ..settings(Version::Two)
    };
    let bench = Bench::in_role(patient, Role::Backup);
    assert_eq!(bench.pause(), Some(10 * SECOND + SKEW));
}

/// RFC 9568 sections 6.4.1 and 6.1.
#[test]
fn the_owner_starts_as_master_and_preempts_whatever_is_set() {
    let stubborn = Settings {
        preempt: Preempt::Never,
        ..settings(Version::Three)
    };
    let mut bench = Bench::new(stubborn, Priority::ADDRESS_OWNER);
    let actions = bench.tell(Event::Startup);
    assert_eq!(actions, takeover(255, Reason::AddressOwner));

    // It gave way to another owner, which is gone, and its Backup took over.
    bench.tell(heard(GREATER, 255));
    assert_eq!(bench.instance.role(), Role::Backup);
    let pause = bench.pause();
    bench.tell(heard(LESS, 254));
    assert_eq!(bench.pause(), pause);
    let (peer, priority) = (LESS, priority(254));
    let reason = Reason::Preempted { peer, priority };
    assert_eq!(bench.wait(), takeover(255, reason));
}

/// RFC 9568 section 5.2.4.
#[test]
fn two_owners_are_told_and_the_one_with_the_greater_address_stays() {
    for (peer, role) in [(LESS, Role::Master), (GREATER, Role::Backup)] {
        let mut bench = Bench::new(settings(Version::Two), Priority::ADDRESS_OWNER);
        bench.tell(Event::Startup);
        let actions = bench.tell(heard(peer, 255));
        assert!(actions.contains(&Action::Alarm(Alarm::TwoOwners { peer })));
        assert_eq!(bench.instance.role(), role);
    }
}

/// Scenario 1.17.
#[test]
fn s1_17_nopreempt_leaves_a_master_of_lower_priority_alone_until_it_is_silent() {
    let stubborn = Settings {
        preempt: Preempt::Never,
        ..settings(Version::Two)
    };
    let mut bench = Bench::in_role(stubborn, Role::Backup);
    for _ in 0..100 {
        assert_eq!(bench.tell_after(SECOND, heard(LESS, 1)), []);
        assert_eq!(bench.pause(), Some(DOWN));
    }
    assert_eq!(bench.wait(), takeover(100, Reason::MasterDown));
}

#[test]
fn a_master_of_lower_priority_is_preempted_when_the_timer_runs_out() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    for _ in 0..3 {
        bench.tell_after(SECOND, heard(LESS, 99));
    }
    assert_eq!(bench.pause(), Some(SKEW));
    let (peer, priority) = (LESS, priority(99));
    let reason = Reason::Preempted { peer, priority };
    assert_eq!(bench.wait(), takeover(100, reason));
}

/// As keepalived 2.2.7 was seen to do it: with `preempt_delay 3` and an advertisement every half second, the last one that
/// counts is that of 2.5 s, and the takeover is at 6.1 s.
#[test]
fn preempt_delay_begins_when_the_master_is_first_heard() {
    let start = Instant::now();
    let delayed = Settings {
        preempt: Preempt::After(3 * SECOND),
        ..settings(Version::Two)
    };
    let mut bench = Bench::in_role(delayed, Role::Backup);
    bench.now = start;
    bench.tell(heard(LESS, 50));
    let actions = loop {
        if bench.instance.next_deadline().expect("a timer") < bench.now + LATER {
            break bench.wait();
        }
        bench.tell_after(LATER, heard(LESS, 50));
    };
    let (peer, priority) = (LESS, priority(50));
    assert_eq!(actions, takeover(100, Reason::Preempted { peer, priority }));
    assert_eq!(bench.now - start, 5 * LATER + DOWN);
}

#[test]
fn preempt_delay_begins_anew_after_a_better_master_and_ends_with_silence() {
    let delayed = Settings {
        preempt: Preempt::After(60 * SECOND),
        ..settings(Version::Two)
    };
    let mut bench = Bench::in_role(delayed, Role::Backup);
    let since = |bench: &Bench| match bench.instance.state() {
        State::Backup(backup) => backup.preempt_from.map(|from| from - bench.now),
        State::Initialize | State::Master { .. } | State::Fault => None,
    };
    bench.tell(heard(LESS, 50));
    assert_eq!(since(&bench), Some(60 * SECOND));
    bench.tell_after(SECOND, heard(LESS, 50));
    assert_eq!(since(&bench), Some(59 * SECOND));
    bench.tell_after(SECOND, heard(LESS, 150));
    assert_eq!(since(&bench), None);
    bench.tell_after(SECOND, heard(LESS, 50));
    assert_eq!(since(&bench), Some(60 * SECOND));
    // A silent Master is not waited for.
    assert_eq!(bench.pause(), Some(DOWN));
    assert_eq!(bench.wait(), takeover(100, Reason::MasterDown));
}

#[test]
fn a_late_deadline_is_made_up_for_once_and_a_repeated_one_does_nothing() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Master);
    let late = bench.tell_after(60 * SECOND, Event::Deadline);
    assert_eq!(late, [send(100)]);
    assert_eq!(bench.tell(Event::Deadline), []);
    assert_eq!(bench.pause(), Some(SECOND));

    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    let late = bench.tell_after(DOWN + SECOND / 2, Event::Deadline);
    assert_eq!(late, takeover(100, Reason::MasterDown));
    assert_eq!(bench.tell(Event::Deadline), []);
}

/// Scenario 2.25: the host stood still, and the Master's advertisements were still in the interface.
#[test]
fn a_backup_that_comes_late_listens_for_one_interval_more_and_no_longer() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    assert_eq!(bench.tell_after(60 * SECOND, Event::Deadline), []);
    assert_eq!(bench.pause(), Some(SECOND));
    let mut heard_after_all = Bench {
        instance: bench.instance.clone(),
        now: bench.now,
    };
    heard_after_all.tell(heard(LESS, 200));
    assert_eq!(heard_after_all.pause(), Some(DOWN));
    let late_again = bench.tell_after(60 * SECOND, Event::Deadline);
    assert_eq!(late_again, takeover(100, Reason::MasterDown));
}

/// The Master was heard: it leaves, or gives way.
#[test]
fn a_backup_that_comes_late_to_succeed_waits_for_nobody() {
    for (priority, reason) in [
        (0, Reason::MasterReleased { peer: LESS }),
        (
            50,
            Reason::Preempted {
                peer: LESS,
                priority: priority(50),
            },
        ),
    ] {
        let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
        bench.tell(heard(LESS, priority));
        let late = bench.tell_after(60 * SECOND, Event::Deadline);
        assert_eq!(late, takeover(100, reason));
    }
}

/// Of a Backup that listens for one interval more.
#[test]
fn a_master_that_leaves_late_is_succeeded_after_the_skew_time() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    bench.tell_after(60 * SECOND, Event::Deadline);
    assert_eq!(down_after(&mut bench, heard(LESS, 0)), SKEW);
}

/// Scenario 2.25: the driver was stopped, and the Master's advertisements waited in the socket.
#[test]
fn an_advertisement_before_a_late_deadline_keeps_a_backup_what_it_is() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    bench.tell_after(60 * SECOND, heard(LESS, 200));
    assert_eq!(bench.tell(Event::Deadline), []);
    assert_eq!(bench.pause(), Some(DOWN));
}

#[test]
fn lower_prio_no_advert_announces_without_advertising() {
    let quiet = Settings {
        on_lower_priority: OnLowerPriority::Wait,
        ..settings(Version::Two)
    };
    let mut bench = Bench::in_role(quiet, Role::Master);
    let (peer, priority) = (LESS, priority(50));
    let alarm = Alarm::LowerPriorityMaster { peer, priority };
    assert_eq!(
        bench.tell(heard(LESS, 50)),
        [Action::AnnounceAddresses, Action::Alarm(alarm)]
    );
}

#[test]
fn higher_prio_send_advert_advertises_once_more_before_stepping_back() {
    let talkative = Settings {
        on_higher_priority: OnHigherPriority::AdvertiseOnceMore,
        ..settings(Version::Two)
    };
    let mut bench = Bench::in_role(talkative, Role::Master);
    let (peer, priority) = (LESS, priority(200));
    let reason = Reason::BetterMaster { peer, priority };
    assert_eq!(
        bench.tell(heard(LESS, 200)),
        [send(100), becomes(Role::Backup, reason)]
    );
}

#[test]
fn a_new_priority_counts_from_the_next_advertisement_on() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    bench.tell(Event::PriorityChanged(priority(50)));
    bench.tell(heard(LESS, 60));
    assert_eq!(bench.pause(), Some(3 * SECOND + SECOND * 206 / 256));
    assert_eq!(bench.wait(), takeover(50, Reason::MasterDown));
    assert_eq!(bench.instance.priority(), priority(50));
}

/// Scenario 1.9.
#[test]
fn s1_9_fault_ends_by_itself_when_the_last_reason_has_ended() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    for name in ["chk", "link", "chk"] {
        bench.tell(Event::FaultBegan(tracker(name)));
    }
    let faults = BTreeSet::from([tracker("chk"), tracker("link")]);
    assert_eq!(*bench.instance.faults(), faults);
    assert_eq!(bench.tell(Event::FaultEnded(tracker("chk"))), []);
    assert_eq!(bench.instance.role(), Role::Fault);
    assert_eq!(
        bench.tell(Event::FaultEnded(tracker("link"))),
        [becomes(Role::Backup, Reason::FaultsEnded)]
    );
}

#[test]
fn an_instance_that_starts_with_a_fault_is_in_fault_and_an_owner_leaves_it_as_master() {
    let faults = BTreeSet::from([tracker("link")]);
    let owner = Priority::ADDRESS_OWNER;
    let instance = Instance::new(settings(Version::Two), owner, faults);
    let now = Instant::now();
    let mut bench = Bench { instance, now };
    assert_eq!(
        bench.tell(Event::Startup),
        [becomes(Role::Fault, Reason::Fault(tracker("link")))]
    );
    assert_eq!(
        bench.tell(Event::FaultEnded(tracker("link"))),
        takeover(255, Reason::AddressOwner)
    );
}

#[test]
fn a_fault_that_ends_before_the_start_is_none() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Initialize);
    bench.tell(Event::FaultBegan(tracker("link")));
    bench.tell(Event::FaultEnded(tracker("link")));
    bench.tell(Event::Startup);
    assert_eq!(bench.instance.role(), Role::Backup);
}

#[test]
fn an_instance_that_was_stopped_can_be_started_again() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Master);
    bench.tell(Event::Shutdown);
    let started = bench.tell(Event::Startup);
    assert_eq!(started, [becomes(Role::Backup, Reason::Startup)]);
}

fn differing(source: IpAddr, theirs: &[IpAddr]) -> Event {
    let mut accepted = accepted(source, 200, SECOND);
    accepted.addresses = AddressList::Differs {
        ours: vec![VIP],
        theirs: theirs.to_vec(),
    };
    Event::Advertisement(accepted)
}

fn differs(peer: IpAddr, theirs: &[IpAddr]) -> Vec<Action> {
    vec![Action::Alarm(Alarm::AddressListDiffers {
        peer,
        ours: vec![VIP],
        theirs: theirs.to_vec(),
    })]
}

/// Scenario 1.10.
#[test]
fn s1_10_a_list_that_differs_counts_and_is_told_once() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    let told = bench.tell_after(SECOND, differing(LESS, &[US]));
    assert_eq!(told, differs(LESS, &[US]));
    assert_eq!(bench.pause(), Some(DOWN), "it counts");
    assert_eq!(bench.tell(differing(LESS, &[US])), []);
    // Another sender, and another list, are news.
    let told = bench.tell(differing(GREATER, &[US]));
    assert_eq!(told, differs(GREATER, &[US]));
    assert_eq!(bench.tell(differing(LESS, &[])), differs(LESS, &[]));
    // So is that it was put right.
    let alarm = Action::Alarm(Alarm::AddressListAgrees { peer: LESS });
    assert_eq!(bench.tell(heard(LESS, 200)), [alarm]);
    assert_eq!(bench.tell(heard(LESS, 200)), []);
    assert_eq!(bench.tell(differing(GREATER, &[US])), []);
}

#[test]
fn a_master_too_tells_of_a_list_that_differs() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Master);
    let actions = bench.tell(differing(LESS, &[US]));
    assert_eq!(actions[..1], differs(LESS, &[US]));
    assert_eq!(bench.instance.role(), Role::Backup, "it counts");
}

#[test]
fn forged_senders_do_not_fill_the_memory() {
    let mut bench = Bench::in_role(settings(Version::Two), Role::Backup);
    for round in 0..2 {
        for last in 1..=200 {
            let forged = IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
            let told = bench.tell(differing(forged, &[US]));
            assert_eq!(told, differs(forged, &[US]), "{round} {last}");
        }
    }
}

fn member() -> Settings {
    Settings {
        membership: Membership::InGroup,
        ..settings(Version::Two)
    }
}

#[test]
fn a_member_of_a_group_waits_for_it() {
    let mut bench = Bench::in_role(member(), Role::Backup);
    assert_eq!(bench.instance.standing(), Standing::Backup);
    assert_eq!(bench.wait(), []);
    assert_eq!(bench.instance.standing(), Standing::Ready);
    assert_eq!(bench.instance.next_deadline(), None);
    // Nor does a Master that leaves change that.
    bench.tell(heard(LESS, 0));
    assert_eq!(bench.instance.standing(), Standing::Ready);
    // One that comes does.
    bench.tell(heard(LESS, 100));
    assert_eq!(bench.instance.standing(), Standing::Backup);
    assert_eq!(bench.pause(), Some(DOWN));
    bench.wait();
    let actions = bench.tell(Event::TakeOver);
    assert_eq!(actions, takeover(100, Reason::MasterDown));
    assert_eq!(bench.instance.standing(), Standing::Master);
}

#[test]
fn an_owner_in_a_group_is_ready_at_once() {
    let mut bench = Bench::new(member(), Priority::ADDRESS_OWNER);
    bench.tell(Event::Startup);
    assert_eq!(bench.instance.standing(), Standing::Ready);
    let actions = bench.tell(Event::TakeOver);
    assert_eq!(actions, takeover(255, Reason::AddressOwner));
}

#[test]
fn a_member_is_held_while_only_its_group_is_in_fault() {
    let mut bench = Bench::in_role(member(), Role::Backup);
    bench.tell(Event::FaultBegan(Fault::SyncGroup));
    assert_eq!(bench.instance.standing(), Standing::Held);
    bench.tell(Event::FaultBegan(tracker("link")));
    assert_eq!(bench.instance.standing(), Standing::Fault);
    bench.tell(Event::FaultEnded(tracker("link")));
    assert_eq!(bench.instance.standing(), Standing::Held);
}
