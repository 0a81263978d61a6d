//! What a new configuration changes, one sentence each, for whoever asked for the reload. Pure.

use crate::{
    config::{Config, VirtualServer, VrrpInstance, says_the_same},
    model::ServiceId,
};

/// The differences between two configurations. Where a setting stands in the file makes none.
pub(super) fn changes(before: &Config, after: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    instances(&before.vrrp_instances, &after.vrrp_instances, &mut changes);
    services(
        &before.virtual_servers,
        &after.virtual_servers,
        &mut changes,
    );
    if changes.is_empty() && !says_the_same(before, after) {
        changes.push("settings changed that no virtual server's traffic depends on".to_owned());
    }
    changes
}

fn instances(before: &[VrrpInstance], after: &[VrrpInstance], changes: &mut Vec<String>) {
    for new in after {
        match before.iter().find(|old| old.name == new.name) {
            None => changes.push(format!("VRRP instance {} is new", new.name)),
            Some(old) if !says_the_same(old, new) => {
                changes.push(format!("VRRP instance {} has other settings", new.name));
            }
            Some(_) => {}
        }
    }
    for old in before {
        if !after.iter().any(|new| new.name == old.name) {
            changes.push(format!("VRRP instance {} is gone", old.name));
        }
    }
}

fn services(before: &[VirtualServer], after: &[VirtualServer], changes: &mut Vec<String>) {
    for new in after {
        let id = ServiceId::of(new);
        match before.iter().find(|old| ServiceId::of(old) == id) {
            None => changes.push(format!("virtual server {id} is new")),
            Some(old) => service(id, old, new, changes),
        }
    }
    for old in before {
        let id = ServiceId::of(old);
        if !after.iter().any(|new| ServiceId::of(new) == id) {
            changes.push(format!("virtual server {id} is gone"));
        }
    }
}

fn service(
    id: ServiceId,
    before: &VirtualServer,
    after: &VirtualServer,
    changes: &mut Vec<String>,
) {
    for new in &after.real_servers {
        match before.real_server(new.address) {
            None => changes.push(format!("{id}: real server {} is new", new.address)),
            Some(old) if old.weight != new.weight => changes.push(format!(
                "{id}: real server {} has weight {} (was {})",
                new.address, new.weight, old.weight
            )),
            Some(old) if !says_the_same(old, new) => {
                changes.push(format!(
                    "{id}: real server {} has other settings",
                    new.address
                ));
            }
            Some(_) => {}
        }
    }
    for old in &before.real_servers {
        if after.real_server(old.address).is_none() {
            changes.push(format!("{id}: real server {} is gone", old.address));
        }
    }
    if !says_the_same(&without_servers(before), &without_servers(after)) {
        changes.push(format!("virtual server {id} has other settings"));
    }
}

/// What a virtual server says beside its real servers.
fn without_servers(virtual_server: &VirtualServer) -> VirtualServer {
    VirtualServer {
        real_servers: Vec::new(),
        ..virtual_server.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FILE: &str = include_str!("../../../examples/keepalived-master.conf");

    fn config(text: &str) -> Config {
        crate::config::parse(Path::new("test.conf"), text.as_bytes())
            .config
            .expect("no errors")
    }

    fn edited(from: &str, to: &str) -> Vec<String> {
        assert!(FILE.contains(from));
        changes(&config(FILE), &config(&FILE.replacen(from, to, 1)))
    }

    #[test]
    fn s3_14_the_same_settings_elsewhere_in_the_file_are_no_change() {
        assert_eq!(changes(&config(FILE), &config(FILE)), [""; 0]);
        assert_eq!(
            edited("global_defs", "# a comment\n\n\nglobal_defs"),
            [""; 0]
        );
    }

    #[test]
    fn a_new_weight_is_told_with_the_old_one() {
        assert_eq!(
            edited("weight 1", "weight 7"),
            ["[192.168.66.251]:tcp:3306: real server 192.168.66.253 has weight 7 (was 1)"]
        );
    }

    #[test]
    fn another_real_server_comes_and_the_old_one_goes() {
        assert_eq!(
            edited("real_server 192.168.66.253", "real_server 192.168.66.252"),
            [
                "[192.168.66.251]:tcp:3306: real server 192.168.66.252 is new",
                "[192.168.66.251]:tcp:3306: real server 192.168.66.253 is gone",
            ]
        );
    }

    #[test]
    fn a_check_that_changes_is_a_change_of_its_server() {
        assert_eq!(
            edited("connect_timeout 5", "connect_timeout 4"),
            ["[192.168.66.251]:tcp:3306: real server 192.168.66.253 has other settings"]
        );
    }

    #[test]
    fn another_scheduler_is_told_of_the_virtual_server() {
        assert_eq!(
            edited("lb_algo wrr", "lb_algo rr"),
            ["virtual server [192.168.66.251]:tcp:3306 has other settings"]
        );
    }

    #[test]
    fn changes_of_a_virtual_server_and_of_its_server_are_both_told() {
        let both = FILE
            .replacen("lb_algo wrr", "lb_algo rr", 1)
            .replacen("weight 1", "weight 2", 1);
        assert_eq!(changes(&config(FILE), &config(&both)).len(), 2);
    }

    #[test]
    fn another_priority_is_told_of_the_instance() {
        assert_eq!(
            edited("priority 100", "priority 101"),
            ["VRRP instance INT has other settings"]
        );
    }
}
