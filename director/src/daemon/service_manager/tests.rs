//! What is said and when. What arrives at a real socket is a scenario's matter (`tests/tests/scenarios/service.rs`).

use std::sync::mpsc::TryRecvError;

use super::*;

#[test]
fn the_status_names_each_instance_with_its_role_in_the_order_of_the_file() {
    let roles = [("VI_1", Role::Master), ("VI_2", Role::Backup)];
    assert_eq!(sentence(roles), "VI_1 MASTER, VI_2 BACKUP");
    assert_eq!(sentence([("INT", Role::Fault)]), "INT FAULT");
}

#[test]
fn a_daemon_without_instances_says_so() {
    assert_eq!(sentence([]), "no VRRP instance");
}

#[test]
fn the_pulse_is_twice_in_the_time_that_the_manager_waits() {
    assert_eq!(
        pulse(Duration::from_secs(30)),
        Some(Duration::from_secs(15))
    );
}

#[test]
fn a_watchdog_of_no_time_is_none_and_a_tiny_one_does_not_keep_the_owner_busy() {
    assert_eq!(pulse(Duration::ZERO), None);
    assert_eq!(pulse(Duration::from_micros(1)), Some(SHORTEST_PULSE));
}

#[tokio::test]
async fn without_a_manager_nobody_waits_for_a_pulse() {
    let manager = ServiceManager::over(None, Some(Duration::from_secs(30)));
    assert!(manager.pulse.is_none());
}

#[tokio::test]
async fn a_status_is_told_when_it_is_another_one() {
    let (line, messages) = sync_channel(QUEUE_DEPTH);
    let mut manager = ServiceManager::over(Some(line), None);
    manager.tell_ready("INT BACKUP".to_owned());
    manager.tell_status("INT BACKUP".to_owned());
    manager.tell_status("INT MASTER".to_owned());
    manager.tell_status("INT MASTER".to_owned());
    assert_eq!(
        messages.try_recv(),
        Ok(Message::Ready("INT BACKUP".to_owned()))
    );
    assert_eq!(
        messages.try_recv(),
        Ok(Message::Status("INT MASTER".to_owned()))
    );
    assert_eq!(messages.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn a_manager_that_does_not_read_keeps_nobody_waiting() {
    let (line, messages) = sync_channel(1);
    let manager = ServiceManager::over(Some(line), None);
    manager.tell_alive();
    manager.tell_alive();
    manager.tell_stopping();
    assert_eq!(messages.try_iter().collect::<Vec<_>>(), [Message::Alive]);
}
