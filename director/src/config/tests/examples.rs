//! The example files: the two of report 2, which a company ran in production, and the one with everything in it.

use std::{path::PathBuf, time::Duration};

use super::{super::*, config, remarks};

fn example(name: &str) -> Loaded {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    load(&folder.join(name))
}

fn warnings_of_both_files() -> Vec<&'static str> {
    vec![
        "5 warning: `vrrp_sync_group` `VG1` has one member",
        "13 warning: `lvs_sync_daemon_interface` has no effect yet",
        "19 warning: `auth_pass` has 9 bytes; the packet has room for 8",
        "37 warning: `nb_get_retry` is not a keyword of TCP_CHECK",
        "55 warning: `nb_get_retry` is not a keyword of TCP_CHECK",
    ]
}

#[test]
fn s2_06_the_master_file_loads_with_warnings_only() {
    let loaded = example("keepalived-master.conf");
    assert_eq!(remarks(&loaded), warnings_of_both_files());
    assert_eq!(loaded.exit_code(), 1);
    let config = config(loaded);
    assert_eq!(config.global.router_id.as_deref(), Some("lvs50"));
    assert_eq!(config.vrrp_instances[0].state, InitialState::Master);
    assert_eq!(config.vrrp_instances[0].priority, 100);
    assert_eq!(config.sync_groups[0].group, ["INT"]);
}

#[test]
fn s2_06_the_backup_file_loads_with_warnings_only() {
    let loaded = example("keepalived-backup.conf");
    assert_eq!(remarks(&loaded), warnings_of_both_files());
    let config = config(loaded);
    assert_eq!(config.vrrp_instances[0].state, InitialState::Backup);
    assert_eq!(config.vrrp_instances[0].priority, 90);
}

#[test]
fn s2_04_an_address_without_a_mask_stands_for_itself_alone() {
    let config = config(example("keepalived-master.conf"));
    assert_eq!(
        config.vrrp_instances[0].virtual_ipaddress[0].prefix_length,
        32
    );
}

#[test]
fn s2_11_the_password_is_cut_to_eight_bytes() {
    let config = config(example("keepalived-master.conf"));
    let authentication = config.vrrp_instances[0]
        .authentication
        .as_ref()
        .expect("it is set");
    assert_eq!(authentication.auth_pass, b"lvs50tes");
}

#[test]
fn s2_12_scheduler_and_forwarding_are_what_the_file_says() {
    for server in config(example("keepalived-master.conf")).virtual_servers {
        assert_eq!(server.scheduler, Scheduler::WeightedRoundRobin);
        assert_eq!(server.forwarding, ForwardingMethod::DirectRouting);
        assert_eq!(server.protocol, Protocol::Tcp);
    }
}

#[test]
fn s2_13_persistence_is_kept_in_the_model() {
    let config = config(example("keepalived-master.conf"));
    assert_eq!(
        config.virtual_servers[0].persistence_timeout,
        Some(Duration::from_secs(120))
    );
    assert_eq!(config.virtual_servers[0].persistence_prefix, 32);
}

#[test]
fn s2_14_the_check_has_the_pace_that_its_author_meant() {
    let config = config(example("keepalived-master.conf"));
    let check = &config.virtual_servers[0].real_servers[0].checks[0];
    assert_eq!(check.pace.interval, Duration::from_secs(20));
    assert_eq!(check.pace.retries, 3);
    assert_eq!(check.pace.retry_delay, Duration::from_secs(3));
    assert_eq!(
        check.pace.warmup,
        Duration::from_secs(20),
        "the default is delay_loop"
    );
    assert_eq!(check.connect_timeout, Duration::from_secs(5));
    assert_eq!(check.worst_case_detection(), Duration::from_secs(49));
}

#[test]
fn s2_15_the_sorry_server_is_read() {
    let config = config(example("keepalived-master.conf"));
    let ports: Vec<_> = config
        .virtual_servers
        .iter()
        .filter_map(|server| server.sorry_server.as_ref())
        .map(|sorry| sorry.port)
        .collect();
    assert_eq!(ports, [3306, 3308]);
}

#[test]
fn the_file_with_everything_in_it_loads_without_a_remark() {
    let loaded = example("director.conf");
    assert_eq!(remarks(&loaded), Vec::<String>::new());
    let config = config(loaded);
    let ports: Vec<_> = config
        .virtual_servers
        .iter()
        .map(|server| (server.scheduler.name(), server.port, server.one_packet))
        .collect();
    assert_eq!(
        ports,
        [("mh", 80, false), ("wlc", 0, false), ("rr", 53, true)]
    );
}
