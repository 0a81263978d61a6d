//! The orders for each change, and keepalived's behaviour as it was seen.

use super::*;
use Standing::{Backup, Fault as InFault, Held, Initialize, Master, Ready};

const A: &str = "A";
const B: &str = "B";
const C: &str = "C";

fn group(standings: [Standing; 3]) -> SyncGroup {
    let mut group = SyncGroup::new([A, B, C].map(Arc::from));
    for (member, standing) in [A, B, C].into_iter().zip(standings) {
        group.update(member, standing);
    }
    group
}

fn orders(members: &[&str], event: &Event) -> Vec<Order> {
    let order = |member: &&str| Order {
        member: Arc::from(*member),
        event: event.clone(),
    };
    members.iter().map(order).collect()
}

#[test]
fn each_change_of_a_member_has_its_orders() {
    let began = &Event::FaultBegan(Fault::SyncGroup);
    let ended = &Event::FaultEnded(Fault::SyncGroup);
    let table: [([Standing; 3], Standing, &[&str], &Event); 18] = [
        // As soon as the last member is ready, all are told.
        ([Backup, Ready, Ready], Ready, &[A, B, C], &Event::TakeOver),
        ([Backup, Ready, Master], Ready, &[A, B], &Event::TakeOver),
        ([Backup, Backup, Ready], Ready, &[], &Event::TakeOver),
        ([Backup, Initialize, Ready], Ready, &[], &Event::TakeOver),
        ([Backup, Held, Ready], Ready, &[], &Event::TakeOver),
        ([Backup, InFault, Ready], Ready, &[], &Event::TakeOver),
        ([Ready, Master, Master], Master, &[], &Event::TakeOver),
        // One that gives way takes all with it.
        ([Master, Master, Master], Backup, &[B, C], &Event::Yield),
        ([Master, Backup, Master], Backup, &[C], &Event::Yield),
        ([Master, Master, Master], Initialize, &[B, C], &Event::Yield),
        // One in fault takes all with it, whatever they are.
        ([Master, Master, Master], InFault, &[B, C], began),
        ([Backup, Ready, Initialize], InFault, &[B, C], began),
        // The second fault reaches the first member.
        ([Held, InFault, Held], InFault, &[B], began),
        // And its end releases it.
        ([InFault, InFault, Held], Held, &[B], ended),
        ([InFault, Held, Held], Backup, &[B, C], ended),
        ([InFault, Held, Held], Initialize, &[B, C], ended),
        // What changes nothing orders nothing.
        ([Backup, Backup, Backup], Backup, &[], &Event::Yield),
        ([InFault, Held, Held], InFault, &[], began),
    ];
    for (before, after, members, event) in table {
        let mut group = group(before);
        let given = group.update(A, after);
        assert_eq!(given, orders(members, event), "{before:?} {after:?}");
    }
}

#[test]
fn a_stranger_and_an_empty_group_do_nothing() {
    assert_eq!(group([Backup; 3]).update("stranger", Master), []);
    assert_eq!(SyncGroup::new([]).update(A, Ready), []);
}

#[test]
fn a_member_whose_fault_ends_while_another_goes_on_is_held_without_a_pause() {
    let mut group = group([Backup; 3]);
    let began = Event::FaultBegan(Fault::SyncGroup);
    let ended = Event::FaultEnded(Fault::SyncGroup);
    assert_eq!(group.update(A, InFault), orders(&[B, C], &began));
    group.update(B, Held);
    group.update(C, Held);
    // A is told before its own fault ends.
    assert_eq!(group.update(B, InFault), orders(&[A], &began));
    assert_eq!(group.update(A, Held), orders(&[B], &ended));
    assert_eq!(group.update(B, Backup), orders(&[A, C], &ended));
}

/// As keepalived 2.2.7 was seen to do it: while a Master was heard for B only, A stayed Backup in spite of its silence.
#[test]
fn one_link_that_is_silent_does_not_make_a_group_master() {
    let mut group = group([Backup, Backup, Backup]);
    assert_eq!(group.update(A, Ready), []);
    assert_eq!(group.update(C, Ready), []);
    assert_eq!(group.update(B, Backup), []);
    let all = orders(&[A, B, C], &Event::TakeOver);
    assert_eq!(group.update(B, Ready), all);
}
