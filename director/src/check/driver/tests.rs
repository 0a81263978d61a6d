//! Real probes on loopback; every wait is for an event, never for a time.

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener},
    time::Duration,
};

use super::*;
use crate::config::{CheckPace, Protocol};

fn spec(connect: SocketAddr, index: usize) -> CheckSpec {
    let service = ServiceId {
        address: IpAddr::from([192, 0, 2, 1]),
        port: 3306,
        protocol: Protocol::Tcp,
    };
    let pace = CheckPace {
        interval: Duration::from_millis(10),
        retries: 1,
        retry_delay: Duration::from_millis(5),
        warmup: Duration::ZERO,
    };
    let check = TcpCheck {
        connect,
        bind: None,
        connect_timeout: Duration::from_secs(5),
        pace,
    };
    CheckSpec {
        id: CheckId {
            service,
            server: connect,
            index,
        },
        check,
        alpha: false,
    }
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

async fn next(events: &mut mpsc::Receiver<CheckEvent>) -> CheckEvent {
    events.recv().await.expect("a running check")
}

#[tokio::test]
async fn a_server_is_confirmed_lost_and_found_again() {
    let (listener, address) = listener();
    let (mut checks, mut events) = Checks::new();
    let spec = spec(address, 0);
    let id = spec.id;
    checks.reconcile(vec![spec]);

    let confirmed = next(&mut events).await;
    assert_eq!((confirmed.id, confirmed.report), (id, Report::Confirmed));

    drop(listener);
    let reason = FailReason::Refused;
    let retrying = next(&mut events).await;
    assert_eq!(
        retrying.report,
        Report::Retrying {
            attempt: 1,
            attempts: 2,
            reason
        }
    );
    assert_eq!(retrying.health, Health::Up);
    let died = next(&mut events).await;
    assert_eq!(
        died.report,
        Report::Died {
            attempts: 2,
            reason
        }
    );
    assert_eq!((died.health, died.reason()), (Health::Down, Some(reason)));
    assert_eq!(checks.health(&id), Some(Health::Down));

    let _listener = TcpListener::bind(address).expect("the same port");
    let recovered = loop {
        let event = next(&mut events).await;
        if event.report != (Report::StillDown { reason }) {
            break event;
        }
    };
    assert_eq!(recovered.report, Report::Recovered);
}

/// Scenario 3.14.
#[tokio::test]
async fn a_reload_leaves_unchanged_checks_alone() {
    let (_listener, address) = listener();
    let (mut checks, mut events) = Checks::new();
    let wanted = vec![spec(address, 0)];
    assert_eq!(
        checks.reconcile(wanted.clone()),
        Reconciled {
            started: 1,
            ..Default::default()
        }
    );
    assert_eq!(next(&mut events).await.report, Report::Confirmed);
    let task = checks.running[&wanted[0].id].task.id();

    assert_eq!(
        checks.reconcile(wanted.clone()),
        Reconciled {
            unchanged: 1,
            ..Default::default()
        }
    );
    assert_eq!(checks.running[&wanted[0].id].task.id(), task);
}

#[tokio::test]
async fn a_changed_check_goes_on_from_the_health_that_was_seen() {
    let (listener, address) = listener();
    drop(listener);
    let (mut checks, mut events) = Checks::new();
    let mut wanted = spec(address, 0);
    let id = wanted.id;
    checks.reconcile(vec![wanted.clone()]);
    assert_eq!(next(&mut events).await.health, Health::Down);

    wanted.check.pace.retries = 5;
    assert_eq!(
        checks.reconcile(vec![wanted]),
        Reconciled {
            replaced: 1,
            ..Default::default()
        }
    );
    assert_eq!(checks.health(&id), Some(Health::Down));
}

#[tokio::test]
async fn a_check_that_is_gone_stops() {
    let (_listener, address) = listener();
    let (mut checks, mut events) = Checks::new();
    checks.reconcile(vec![spec(address, 0), spec(address, 1)]);
    assert_eq!(
        checks.reconcile(vec![spec(address, 1)]),
        Reconciled {
            stopped: 1,
            unchanged: 1,
            ..Default::default()
        }
    );
    assert_eq!(checks.health(&spec(address, 0).id), None);
    assert_eq!(next(&mut events).await.id.index, 1);
}

#[tokio::test]
async fn dropping_the_set_ends_every_task_and_the_channel() {
    let (_listener, address) = listener();
    let (mut checks, mut events) = Checks::new();
    checks.reconcile(vec![spec(address, 0)]);
    drop(checks);
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn alpha_starts_down() {
    let (_listener, address) = listener();
    let (mut checks, mut events) = Checks::new();
    let spec = CheckSpec {
        alpha: true,
        ..spec(address, 0)
    };
    let id = spec.id;
    checks.reconcile(vec![spec]);
    assert_eq!(checks.health(&id), Some(Health::Down));
    assert_eq!(next(&mut events).await.report, Report::Recovered);
}
