//! Who is told: notify scripts of instances and groups, pipes, and the user that scripts run as.

use std::path::Path;

use super::{
    super::{Config, Script, ScriptUser},
    GOOD, config, none, remarks, text,
};

fn with(lines: &str) -> super::Loaded {
    text(&GOOD.replacen(
        "  priority 100\n",
        &format!("  priority 100\n  {lines}\n"),
        1,
    ))
}

fn clean(lines: &str) -> Config {
    let loaded = with(lines);
    assert_eq!(remarks(&loaded), none(), "{lines}");
    config(loaded)
}

fn global(lines: &str) -> super::Loaded {
    text(&format!("global_defs {{\n  {lines}\n}}\n{GOOD}"))
}

fn command(script: Option<&Script>) -> Vec<&str> {
    let script = script.expect("it is set");
    script.command.iter().map(String::as_str).collect()
}

fn user(script: Option<&Script>) -> Option<(&str, Option<&str>)> {
    let ScriptUser { user, group } = script.expect("it is set").user.as_ref()?;
    Some((user, group.as_deref()))
}

#[test]
fn a_script_is_a_path_or_a_command_in_quotes_with_its_user() {
    let config = clean(
        "notify_master /etc/to_master.sh\n  notify_backup \"/etc/to.sh backup 'VI 1'\"\n  \
         notify_fault \"/etc/to.sh fault\" mysql\n  notify_stop /etc/stop.sh mysql dba\n  notify_deleted /etc/gone.sh\n  \
         notify \"/etc/any.sh \\\\\\\"x\" root\n  notify_master_rx_lower_pri /etc/lower.sh\n  notify_priority_changes",
    );
    let notify = &config.vrrp_instances[0].notify;
    assert_eq!(command(notify.master.as_ref()), ["/etc/to_master.sh"]);
    assert_eq!(user(notify.master.as_ref()), None);
    assert_eq!(
        command(notify.backup.as_ref()),
        ["/etc/to.sh", "backup", "VI 1"]
    );
    assert_eq!(user(notify.fault.as_ref()), Some(("mysql", None)));
    assert_eq!(user(notify.stop.as_ref()), Some(("mysql", Some("dba"))));
    assert_eq!(command(notify.deleted.as_ref()), ["/etc/gone.sh"]);
    assert_eq!(command(notify.any.as_ref()), ["/etc/any.sh", "\"x"]);
    assert_eq!(
        command(notify.lower_priority_master.as_ref()),
        ["/etc/lower.sh"]
    );
    assert!(notify.priority_changes);
}

#[test]
fn a_group_has_scripts_of_its_own() {
    let group = "vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n notify /etc/any.sh\n notify_priority_changes on\n}\n";
    let other = "vrrp_instance VI_2 {\n interface eth1\n virtual_router_id 9\n virtual_ipaddress {\n 10.1.0.1\n }\n}\n";
    let loaded = text(&format!("{GOOD}{other}{group}"));
    assert_eq!(remarks(&loaded), none());
    let config = config(loaded);
    assert_eq!(
        command(config.sync_groups[0].notify.any.as_ref()),
        ["/etc/any.sh"]
    );
    assert!(config.sync_groups[0].notify.priority_changes);
    let deleted = text(&format!(
        "{GOOD}{other}{}",
        group.replace("notify /etc", "notify_deleted /etc")
    ));
    assert_eq!(
        remarks(&deleted),
        ["33 error: unknown keyword `notify_deleted` in `vrrp_sync_group`"]
    );
}

#[test]
fn what_is_no_script_is_refused_on_its_line() {
    for (line, remark) in [
        ("notify", "error: `notify` needs its value"),
        ("notify \"\"", "error: this command names no program"),
        (
            "notify \"/x 'y\"",
            "error: a quote within this command is not closed",
        ),
        (
            "notify \"/x \\\\000\"",
            "error: this command has a NUL byte",
        ),
        (
            "notify /x user group more",
            "error: unexpected `more` after `notify`",
        ),
        (
            "notify \"/x > /var/log/x\"",
            "warning: no shell reads this command",
        ),
        (
            "notify_deleted",
            "warning: `notify_deleted` without a script changes nothing",
        ),
        (
            "notify_priority_changes maybe",
            "error: `maybe` is neither yes nor no",
        ),
        ("smtp_alert", "warning: `smtp_alert` is not supported yet"),
    ] {
        assert_eq!(remarks(&with(line)), [format!("6 {remark}")], "{line}");
    }
}

#[test]
fn pipes_and_their_readers_are_of_all_or_of_vrrp() {
    let loaded = global(
        "notify_fifo /run/all\n  notify_fifo_script \"/bin/reader -v\" nobody\n  vrrp_notify_fifo /run/vrrp\n  \
         script_user mysql dba\n  enable_script_security",
    );
    assert_eq!(remarks(&loaded), none());
    let global = config(loaded).global;
    let fifo = global.notify_fifo.expect("it is set");
    assert_eq!(fifo.path, Path::new("/run/all"));
    assert_eq!(command(fifo.script.as_ref()), ["/bin/reader", "-v"]);
    assert_eq!(user(fifo.script.as_ref()), Some(("nobody", None)));
    let fifo = global.vrrp_notify_fifo.expect("it is set");
    assert_eq!((fifo.path, fifo.script), ("/run/vrrp".into(), None));
    let user = global.script_user.expect("it is set");
    assert_eq!(
        (user.user.as_str(), user.group.as_deref()),
        ("mysql", Some("dba"))
    );
    assert!(global.script_security);
}

#[test]
fn what_pipes_cannot_be_is_said() {
    for (lines, remark) in [
        (
            "notify_fifo run/all",
            "2 error: `run/all` is no absolute path",
        ),
        (
            "notify_fifo_script /bin/reader",
            "2 warning: `notify_fifo_script` has no `notify_fifo` to read",
        ),
        (
            "notify_fifo /run/a\n vrrp_notify_fifo /run/a",
            "3 error: two pipes have the path `/run/a`",
        ),
        (
            "notify_fifo /run/a nobody",
            "2 warning: the owner of a pipe is not supported yet",
        ),
        (
            "lvs_notify_fifo /run/a",
            "2 warning: `lvs_notify_fifo` is not supported yet",
        ),
        ("script_user", "2 error: `script_user` needs its value"),
        (
            "script_user a b c",
            "2 error: unexpected `c` after `script_user`",
        ),
    ] {
        assert_eq!(remarks(&global(lines)), [remark], "{lines}");
    }
}
