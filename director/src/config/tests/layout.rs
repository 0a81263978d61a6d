//! Braces, lines, comments and quotes in any arrangement; levels of settings.

use std::time::Duration;

use super::{GOOD, changed, config, remarks, text};

#[test]
fn a_brace_can_stand_on_the_next_line() {
    let loaded = text(&GOOD.replace(" {", "\n\n{"));
    assert_eq!(remarks(&loaded), Vec::<String>::new());
    assert_eq!(config(loaded).virtual_servers.len(), 1);
}

#[test]
fn a_whole_block_can_stand_on_one_line() {
    let loaded = text(&format!("global_defs {{ router_id lvs50 }}\n{GOOD}"));
    assert_eq!(remarks(&loaded), Vec::<String>::new());
    assert_eq!(config(loaded).global.router_id.as_deref(), Some("lvs50"));
}

#[test]
fn several_settings_on_a_line_are_taken_apart_with_a_warning() {
    let loaded = changed(
        "priority 100",
        "authentication { auth_type PASS auth_pass x } priority 100 nopreempt",
    );
    assert_eq!(
        remarks(&loaded),
        [
            "5 warning: a second setting on one line",
            "5 warning: a second setting on one line"
        ]
    );
    let config = config(loaded);
    assert_eq!(
        config.vrrp_instances[0]
            .authentication
            .as_ref()
            .expect("set")
            .auth_pass,
        b"x"
    );
    assert!(!config.vrrp_instances[0].preempt);
}

#[test]
fn a_configuration_without_line_ends_means_the_same() {
    let loaded = text(&GOOD.replace('\n', " "));
    let expected = config(text(GOOD));
    let mut found = config(loaded);
    // Only the places differ.
    found.vrrp_instances[0].span = expected.vrrp_instances[0].span;
    assert_eq!(
        serde_json::to_value(found).expect("JSON"),
        serde_json::to_value(expected).expect("JSON")
    );
}

#[test]
fn comments_start_anywhere_with_either_sign() {
    let loaded = changed("priority 100", "priority 100#99\n ! nopreempt\n");
    assert_eq!(remarks(&loaded), Vec::<String>::new());
}

#[test]
fn quotes_keep_comment_signs_and_escapes_are_resolved() {
    let loaded = text(&format!(
        "global_defs {{\n router_id \"a#\\x62 \\103\\tc\"\n}}\n{GOOD}"
    ));
    assert_eq!(config(loaded).global.router_id.as_deref(), Some("a#b C\tc"));
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
    let windows = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(remarks(&text(&windows)), Vec::<String>::new());
}

#[test]
fn the_innermost_pace_wins() {
    let with_outer = GOOD.replace(
        "  lb_kind DR",
        "  lb_kind DR\n  delay_loop 7\n  connect_timeout 9\n  retry 5",
    );
    let with_all = with_outer.replace("    weight 3", "    weight 3\n    retry 4");
    let config = config(text(&with_all));
    let check = &config.virtual_servers[0].real_servers[0].checks[0];
    assert_eq!(
        check.connect_timeout,
        Duration::from_secs(2),
        "from the check"
    );
    assert_eq!(check.pace.retries, 4, "from the real server");
    assert_eq!(
        check.pace.interval,
        Duration::from_secs(7),
        "from the virtual server"
    );
    assert_eq!(
        check.pace.retry_delay,
        Duration::from_secs(1),
        "the default"
    );
}

#[test]
fn alpha_of_the_check_wins_over_the_levels_around_it() {
    let loaded = changed("connect_timeout 2", "alpha off");
    assert!(!config(loaded).virtual_servers[0].real_servers[0].alpha);
    let outer = GOOD.replace("  lb_kind DR", "  lb_kind DR\n  alpha");
    assert!(config(text(&outer)).virtual_servers[0].real_servers[0].alpha);
    let inner_off = outer.replace("connect_timeout 2", "alpha off");
    assert!(!config(text(&inner_off)).virtual_servers[0].real_servers[0].alpha);
}

#[test]
fn an_address_line_takes_mask_broadcast_device_and_label() {
    let loaded = changed(
        "    10.0.0.1\n",
        "    10.0.0.1/24 brd + dev eth1 label eth1:1\n",
    );
    assert_eq!(remarks(&loaded), Vec::<String>::new());
    let config = config(loaded);
    let held = &config.vrrp_instances[0].virtual_ipaddress[0];
    assert_eq!(held.prefix_length, 24);
    assert_eq!(held.broadcast, Some([10, 0, 0, 255].into()));
    assert_eq!(held.interface.as_deref(), Some("eth1"));
    assert_eq!(held.label.as_deref(), Some("eth1:1"));
}

#[test]
fn the_last_of_two_settings_wins_with_a_warning() {
    let loaded = changed("priority 100", "priority 100\n  priority 90");
    assert_eq!(
        remarks(&loaded),
        ["5 warning: `priority` is set more than once"]
    );
    assert_eq!(config(loaded).vrrp_instances[0].priority, 90);
}
