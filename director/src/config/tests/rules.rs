//! The rules of each block: what is refused, what is only remarked, what is brought into range.

use super::{GOOD, changed, config, remarks, text};

fn only(from: &str, to: &str) -> String {
    let remarks = remarks(&changed(from, to));
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    remarks.into_iter().next().unwrap_or_default()
}

#[test]
fn each_wrong_value_is_one_remark_on_its_line() {
    let cases = [
        (
            "virtual_router_id 51",
            "virtual_router_id 0",
            "4 error: `0` is out of range",
        ),
        (
            "virtual_router_id 51",
            "virtual_router_id 256",
            "4 error: `256` is out of range",
        ),
        (
            "  virtual_router_id 51\n",
            "",
            "1 error: `vrrp_instance` `VI_1` has no `virtual_router_id`",
        ),
        (
            "  interface eth0\n",
            "",
            "1 error: `vrrp_instance` `VI_1` has no `interface`",
        ),
        (
            "interface eth0",
            "interface a-name-of-16-byte",
            "3 error: `a-name-of-16-byte` cannot be the name of an interface",
        ),
        (
            "state BACKUP",
            "state SLAVE",
            "2 error: `SLAVE` is not a value of `state`",
        ),
        (
            "priority 100",
            "priority 255",
            "5 warning: priority 255 means that this router owns the addresses",
        ),
        (
            "priority 100",
            "priority high",
            "5 error: `high` is not a number",
        ),
        (
            "priority 100",
            "advert_int 1s",
            "5 error: `1s` is not a duration",
        ),
        (
            "priority 100",
            "advert_int 256",
            "5 error: `256` is out of range",
        ),
        (
            "priority 100",
            "authentication {\n auth_type AH\n auth_pass x\n}",
            "6 error: `auth_type AH` is not supported",
        ),
        (
            "priority 100",
            "authentication {\n auth_type PASS\n}",
            "5 error: `authentication` has no `auth_pass`",
        ),
        (
            "priority 100",
            "nopreempt 3",
            "5 error: unexpected `3` after `nopreempt`",
        ),
        (
            "priority 100",
            "@main priority 100",
            "5 error: lines for one host (`@name`) are not supported yet",
        ),
        (
            "priority 100",
            "$P=1",
            "5 error: definitions (`$NAME=value`, `$NAME`) are not supported yet",
        ),
        (
            "priority 100",
            "priority \"100",
            "5 error: this quote is not closed on its line",
        ),
        (
            "    10.0.0.1\n",
            "    10.0.0.1/33\n",
            "7 error: `33` is out of range",
        ),
        (
            "    10.0.0.1\n",
            "    10.0.0.1\n    fd00::1\n",
            "8 error: both families in one `virtual_ipaddress`",
        ),
        (
            "    10.0.0.1\n",
            "    10.0.0.1\n    10.0.0.1\n",
            "8 warning: this address is listed twice in this instance",
        ),
        (
            "    10.0.0.1\n",
            "    10.0.0.1 lable x\n",
            "7 error: unknown word `lable` after an address",
        ),
        (
            "    10.0.0.1\n",
            "    10.0.0.1 home\n",
            "7 warning: `home` is not supported yet",
        ),
        (
            "virtual_server 10.0.0.1 80",
            "virtual_server fwmark 1",
            "10 error: virtual servers by `fwmark` are not supported yet",
        ),
        (
            "virtual_server 10.0.0.1 80",
            "virtual_server group web",
            "10 error: virtual servers by `group` are not supported yet",
        ),
        (
            "virtual_server 10.0.0.1 80",
            "virtual_server ::1 80",
            "10 error: `::1` is a loopback address",
        ),
        (
            "virtual_server 10.0.0.1 80",
            "virtual_server 10.0.0.1",
            "10 error: this virtual server has no port",
        ),
        (
            "lb_algo wrr",
            "lb_algo wr",
            "11 error: unknown scheduler `wr`",
        ),
        (
            "lb_kind DR",
            "lvs_method TUN",
            "12 error: `lvs_method TUN` is not supported",
        ),
        (
            "protocol TCP",
            "protocol SCTP",
            "13 error: SCTP is not supported",
        ),
        (
            "protocol TCP",
            "protocol TCP\n  quorum 4",
            "14 warning: the quorum is larger than the weight of all real servers together",
        ),
        (
            "protocol TCP",
            "protocol TCP\n  hysteresis 1",
            "14 warning: the hysteresis is not smaller than the quorum",
        ),
        (
            "protocol TCP",
            "protocol TCP\n  delay_loop 0",
            "14 error: `0` is out of range",
        ),
        (
            "protocol TCP",
            "protocol TCP\n  alpha maybe",
            "14 error: `maybe` is neither yes nor no",
        ),
        (
            "protocol TCP",
            "protocol TCP\n  lb_algo { }",
            "14 error: `lb_algo` needs its value",
        ),
        (
            "protocol TCP",
            "protocol TCP\n  real_server 10.0.0.2 80 { }",
            "15 error: real server 10.0.0.2:80 is listed twice in this virtual server",
        ),
        (
            "weight 3",
            "weight 2147483648",
            "15 error: `2147483648` is out of range",
        ),
        (
            "weight 3",
            "weight 1 { }",
            "15 error: `weight` takes no block in braces",
        ),
        (
            "real_server 10.0.0.2 80",
            "real_server 10.0.0.2:80",
            "14 error: `10.0.0.2:80` is not an IP address",
        ),
        (
            "connect_timeout 2",
            "connect_timeout 1e99",
            "17 error: `1e99` is out of range",
        ),
    ];
    for (from, to, remark) in cases {
        assert_eq!(only(from, to), remark, "{to}");
    }
}

#[test]
fn state_master_without_a_priority_takes_that_of_the_owner() {
    let loaded = text(
        &GOOD
            .replace("state BACKUP", "state MASTER")
            .replace("  priority 100\n", ""),
    );
    assert_eq!(
        remarks(&loaded),
        ["1 warning: `vrrp_instance` `VI_1` has `state MASTER` and no `priority`"]
    );
    assert_eq!(config(loaded).vrrp_instances[0].priority, 255);
}

#[test]
fn quorum_and_hysteresis_are_brought_into_reach() {
    let config = config(changed(
        "protocol TCP",
        "protocol TCP\n quorum 4\n hysteresis 3",
    ));
    assert_eq!(
        (
            config.virtual_servers[0].quorum,
            config.virtual_servers[0].hysteresis
        ),
        (3, 2)
    );
}

#[test]
fn a_missing_protocol_without_a_check_is_udp_with_a_warning() {
    let unchecked = GOOD
        .replace("    TCP_CHECK {\n      connect_timeout 2\n    }\n", "")
        .replace("  protocol TCP\n", "");
    let loaded = text(&unchecked);
    assert_eq!(
        remarks(&loaded),
        ["10 warning: this virtual server has no `protocol`"]
    );
    assert_eq!(
        config(loaded).virtual_servers[0].protocol,
        crate::config::Protocol::Udp
    );
}

#[test]
fn a_virtual_server_can_have_its_sorry_server_among_the_real_servers() {
    let loaded = changed("protocol TCP", "protocol TCP\n  sorry_server 10.0.0.2 80");
    assert_eq!(remarks(&loaded), Vec::<String>::new());
}

#[test]
fn a_virtual_server_without_real_servers_is_a_warning() {
    let loaded = text(&format!(
        "{}lb_algo rr\nlb_kind DR\nprotocol TCP\n}}\n",
        GOOD.split_inclusive('\n').take(10).collect::<String>()
    ));
    assert_eq!(
        remarks(&loaded),
        ["10 warning: this virtual server has no real servers"]
    );
}

#[test]
fn a_second_virtual_server_on_the_same_address_and_port_is_an_error() {
    let second = GOOD.split_inclusive('\n').skip(9).collect::<String>();
    let loaded = text(&format!("{GOOD}{second}"));
    assert_eq!(
        remarks(&loaded),
        ["21 error: a second virtual server 10.0.0.1:80 TCP"]
    );
    let udp = text(&format!(
        "{GOOD}{}",
        second.replace("protocol TCP", "protocol UDP")
    ));
    assert_eq!(remarks(&udp), Vec::<String>::new());
}

#[test]
fn instances_must_not_share_a_name_an_id_or_an_address() {
    let first = GOOD.split_inclusive('\n').take(9).collect::<String>();
    let second = first.replace("VI_1", "VI_2");
    let loaded = text(&format!("{first}{second}"));
    assert_eq!(
        remarks(&loaded),
        [
            "10 error: `virtual_router_id 51` is used twice on interface `eth0`",
            "16 error: two instances hold 10.0.0.1"
        ]
    );
    let other = first
        .replace("id 51", "id 52")
        .replace("10.0.0.1", "10.0.0.7");
    assert_eq!(
        remarks(&text(&format!("{first}{other}"))),
        ["10 error: a second `vrrp_instance` `VI_1`"]
    );
}

#[test]
fn a_sync_group_must_name_instances_that_are_there_once() {
    let with = |groups: &str| remarks(&text(&format!("{GOOD}{groups}")));
    assert_eq!(
        with("vrrp_sync_group G { group { VI_1 } }"),
        ["21 warning: `vrrp_sync_group` `G` has one member"]
    );
    assert_eq!(
        with("vrrp_sync_group G { group { VI_1 VI_9 } }"),
        ["21 error: there is no `vrrp_instance` `VI_9`"]
    );
    assert_eq!(
        with("vrrp_sync_group G { group { VI_1 VI_1 } }"),
        ["21 error: `VI_1` is in a sync group twice"]
    );
    assert_eq!(
        with("vrrp_sync_group G { group { } }"),
        ["21 error: `vrrp_sync_group` `G` has no members"]
    );
}
