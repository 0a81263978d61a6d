//! How an instance speaks: version and family, its pace, multicast and unicast, its own MAC address, witnesses.

use std::{net::IpAddr, time::Duration};

use super::{
    super::{Delivery, Family, Version, VirtualMac, VrrpInstance},
    GOOD, IPV6, config, edited, none, remarks, text,
};

fn with(lines: &str) -> super::Loaded {
    text(&GOOD.replacen(
        "  priority 100\n",
        &format!("  priority 100\n  {lines}\n"),
        1,
    ))
}

fn first(loaded: super::Loaded) -> VrrpInstance {
    config(loaded).vrrp_instances.remove(0)
}

fn clean(lines: &str) -> VrrpInstance {
    let loaded = with(lines);
    assert_eq!(remarks(&loaded), none(), "{lines}");
    first(loaded)
}

/// The IPv6 one of the good configuration.
fn ipv6(lines: &str) -> super::Loaded {
    let lines = format!("  priority 100\n  {lines}\n");
    text(&edited(
        &[&IPV6[..], &[("  priority 100\n", lines.as_str())]].concat(),
    ))
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn version_3_is_spoken_where_it_is_written_or_the_addresses_are_ipv6() {
    assert_eq!(clean("").version, Version::Two);
    assert_eq!(clean("version 3").version, Version::Three);
    let instance = first(ipv6(""));
    assert_eq!(
        (instance.version, instance.family),
        (Version::Three, Family::V6)
    );
    let loaded = text(&format!("global_defs {{\n vrrp_version 3\n}}\n{GOOD}"));
    assert_eq!(remarks(&loaded), none());
    assert_eq!(first(loaded).version, Version::Three);
    let loaded = ipv6("version 2");
    assert_eq!(remarks(&loaded), ["6 warning: VRRP version 2 has no IPv6"]);
    assert_eq!(first(loaded).version, Version::Three);
    let loaded = ipv6("version 4");
    assert_eq!(remarks(&loaded), ["6 error: `4` is out of range"]);
}

#[test]
fn an_instance_without_addresses_speaks_ipv6_if_it_says_so() {
    let bare = |line: &str| {
        first(text(&format!(
            "vrrp_instance I {{\n interface eth0\n virtual_router_id 5\n {line}\n}}\n"
        )))
    };
    assert_eq!(bare("").family, Family::V4);
    let instance = bare("native_ipv6");
    assert_eq!(
        (instance.family, instance.version),
        (Family::V6, Version::Three)
    );
    assert_eq!(bare("unicast_peer {\n fd00::9\n }").family, Family::V6);
    assert_eq!(remarks(&ipv6("native_ipv6")), none());
    assert_eq!(
        remarks(&with("native_ipv6")),
        ["6 error: `native_ipv6` with IPv4 addresses"]
    );
}

#[test]
fn the_pace_is_what_the_packets_of_a_version_can_carry() {
    for (lines, remark) in [
        ("advert_int 1", None),
        ("advert_int 255", None),
        ("version 3\n  advert_int 0.01", None),
        ("version 3\n  advert_int 0.29", None),
        ("version 3\n  advert_int 40.95", None),
        (
            "advert_int 0.5",
            Some("6 error: VRRP version 2 has no fractions of a second"),
        ),
        (
            "version 3\n  advert_int 40.96",
            Some("7 error: `40.96` is out of range"),
        ),
        (
            "version 3\n  advert_int 0.005",
            Some("7 error: `0.005` is out of range"),
        ),
        (
            "version 3\n  advert_int 0.125",
            Some("7 error: VRRP version 3 has no fractions of a hundredth of a second"),
        ),
    ] {
        let expected: Vec<_> = remark.into_iter().collect();
        assert_eq!(remarks(&with(lines)), expected, "{lines}");
    }
    let interval = clean("version 3\n  advert_int 0.29").advertisement_interval;
    assert_eq!(interval, Duration::from_millis(290));
}

#[test]
fn an_instance_and_all_of_them_have_the_same_settings() {
    let own = clean(
        "down_timer_adverts 5\n  lower_prio_no_advert\n  higher_prio_send_advert yes\n  garp_master_delay 1\n  \
         garp_master_repeat 2\n  garp_master_refresh 0\n  garp_master_refresh_repeat 3\n  garp_lower_prio_delay 4\n  \
         garp_lower_prio_repeat 0\n  unicast_peer {\n 10.0.0.9\n }\n  check_unicast_src",
    );
    let of_all = "global_defs {\n  vrrp_down_timer_adverts 5\n  vrrp_lower_prio_no_advert\n  vrrp_higher_prio_send_advert yes\n  \
                  vrrp_garp_master_delay 1\n  vrrp_garp_master_repeat 2\n  vrrp_garp_master_refresh 0\n  \
                  vrrp_garp_master_refresh_repeat 3\n  vrrp_garp_lower_prio_delay 4\n  vrrp_garp_lower_prio_repeat 0\n  \
                  vrrp_check_unicast_src\n}\n";
    let unicast = GOOD.replacen(
        "  priority 100\n",
        "  priority 100\n  unicast_peer {\n 10.0.0.9\n }\n",
        1,
    );
    let loaded = text(&format!("{of_all}{unicast}"));
    assert_eq!(remarks(&loaded), none());
    let inherited = first(loaded);
    let shown = |instance: &VrrpInstance| serde_json::to_value(instance).expect("it is JSON");
    assert_eq!(shown(&own), shown(&inherited));
    assert_eq!(own.down_timer_adverts.get(), 5);
    assert!(own.lower_prio_no_advert && own.higher_prio_send_advert);
    assert_eq!(own.garp.refresh, Duration::ZERO);
    assert_eq!(
        (own.garp.lower_prio_delay, own.garp.lower_prio_repeat),
        (Duration::from_secs(4), 0)
    );
    let overridden = text(&format!(
        "{of_all}{}",
        unicast.replace(
            "unicast_peer",
            "lower_prio_no_advert off\n  check_unicast_src off\n  garp_master_repeat 7\n  unicast_peer"
        )
    ));
    let overridden = first(overridden);
    assert!(!overridden.lower_prio_no_advert);
    assert_eq!(overridden.garp.repeat, 7);
    assert!(matches!(
        overridden.delivery,
        Delivery::Unicast {
            check_source: false,
            ..
        }
    ));
}

#[test]
fn a_lower_priority_is_answered_as_a_takeover_is_announced() {
    let garp = clean("garp_master_delay 2\n  garp_master_repeat 3").garp;
    assert_eq!(
        (garp.lower_prio_delay, garp.lower_prio_repeat),
        (Duration::from_secs(2), 3)
    );
}

#[test]
fn a_delay_before_preempting_needs_that_it_preempts() {
    let delay = clean("preempt_delay 1000").preempt_delay;
    assert_eq!(delay, Duration::from_secs(1000));
    for (lines, remark) in [
        ("preempt_delay 1001", "6 error: `1001` is out of range"),
        (
            "preempt_delay 5\n  nopreempt",
            "6 warning: `preempt_delay` has no effect with `nopreempt`",
        ),
        (
            "preempt_delay 5\n  state MASTER",
            "6 warning: `preempt_delay` is honoured here in spite of `state MASTER`",
        ),
    ] {
        let found = remarks(&with(lines));
        assert!(found.contains(&remark.to_owned()), "{lines}: {found:?}");
    }
    let owner = GOOD
        .replace("state BACKUP", "state MASTER")
        .replace("priority 100", "priority 255\n  preempt_delay 5");
    assert_eq!(
        remarks(&text(&owner)),
        ["6 warning: `preempt_delay` has no effect with priority 255"]
    );
}

#[test]
fn unicast_goes_to_peers_from_a_source() {
    let instance = clean(
        "unicast_src_ip 10.0.0.8\n  unicast_ttl 5\n  unicast_fault_no_peer\n  unicast_peer {\n  10.0.0.9\n  10.0.0.10 min_ttl 250 max_ttl 254\n  }",
    );
    let Delivery::Unicast {
        peers,
        source,
        ttl,
        check_source,
    } = instance.delivery
    else {
        panic!("it goes by multicast");
    };
    let shown: Vec<_> = peers
        .iter()
        .map(|peer| (peer.address, peer.min_ttl, peer.max_ttl))
        .collect();
    assert_eq!(
        shown,
        [
            (address("10.0.0.9"), 0, 255),
            (address("10.0.0.10"), 250, 254)
        ]
    );
    assert_eq!((source, ttl), (Some(address("10.0.0.8")), 5));
    assert!(check_source, "limits of TTL need known peers");
    let instance = clean("unicast_peer {\n 10.0.0.9\n }\n  unicast_peer {\n 10.0.0.10\n }");
    let Delivery::Unicast {
        peers,
        source: None,
        ttl: 255,
        check_source: false,
    } = instance.delivery
    else {
        panic!("defaults: {:?}", instance.delivery);
    };
    assert_eq!(peers.len(), 2, "keepalived takes several blocks as one");
}

#[test]
fn multicast_has_a_source_if_it_is_set() {
    let source = Some(address("10.0.0.8"));
    let instance = clean("mcast_src_ip 10.0.0.8");
    assert_eq!(instance.delivery, Delivery::Multicast { source });
    assert_eq!(clean("").delivery, Delivery::Multicast { source: None });
}

#[test]
fn what_unicast_cannot_be_is_said_where_it_stands() {
    let peers =
        |lines: &str| format!("unicast_src_ip 10.0.0.8\n  unicast_peer {{\n  {lines}\n  }}");
    for (lines, remark) in [
        (
            "unicast_peer {\n  }".to_owned(),
            "6 error: `unicast_peer` names no peer",
        ),
        (
            "unicast_fault_no_peer".to_owned(),
            "6 error: `unicast_fault_no_peer` without `unicast_peer`",
        ),
        (
            peers("10.0.0.8"),
            "8 error: 10.0.0.8 is this director itself",
        ),
        (
            peers("10.0.0.9\n  10.0.0.9"),
            "9 error: 10.0.0.9 is a peer twice",
        ),
        (peers("10.0.0.1"), "8 error: 10.0.0.1 is a virtual address"),
        (
            peers("fd00::9"),
            "8 error: this peer has an IPv6 address, the instance speaks IPv4",
        ),
        (
            peers("10.0.0.9 10.0.0.10"),
            "8 warning: a second address on one line",
        ),
        (
            peers("10.0.0.9 mni_ttl 5"),
            "8 error: unknown word `mni_ttl` after a peer",
        ),
        (
            peers("10.0.0.9 min_ttl"),
            "8 error: `min_ttl` needs its value",
        ),
        (
            peers("10.0.0.9 min_ttl 256"),
            "8 error: `256` is out of range",
        ),
        (
            peers("10.0.0.9 min_ttl 9 max_ttl 8"),
            "8 error: `min_ttl` of this peer is above its `max_ttl`",
        ),
        (peers("db2"), "8 error: `db2` is not an IP address"),
        (
            "unicast_peer {\n  10.0.0.9 { }\n  }".to_owned(),
            "7 error: a block cannot stand among the addresses of peers",
        ),
        (
            "unicast_src_ip fd00::8\n  unicast_peer {\n  10.0.0.9\n  }".to_owned(),
            "6 error: this source has an IPv6 address, the instance speaks IPv4",
        ),
        (
            "mcast_src_ip fd00::8".to_owned(),
            "6 error: this source has an IPv6 address, the instance speaks IPv4",
        ),
        ("unicast_ttl 0".to_owned(), "6 error: `0` is out of range"),
        (
            "unicast_src_ip 10.0.0.8".to_owned(),
            "6 warning: `unicast_src_ip` without `unicast_peer`",
        ),
        (
            "unicast_ttl 5".to_owned(),
            "6 warning: `unicast_ttl` without `unicast_peer`",
        ),
        (
            "check_unicast_src".to_owned(),
            "6 warning: `check_unicast_src` without `unicast_peer`",
        ),
        (
            "mcast_src_ip 10.0.0.8\n  unicast_peer {\n  10.0.0.9\n  }".to_owned(),
            "6 warning: `mcast_src_ip` with `unicast_peer`",
        ),
    ] {
        assert_eq!(remarks(&with(&lines)), [remark], "{lines}");
    }
}

#[test]
fn a_checksum_of_its_own_is_of_version_3_over_ipv4() {
    assert!(clean("version 3\n  v3_checksum_as_v2").v3_checksum_as_v2);
    assert!(!clean("version 3\n  v3_checksum_as_v2 off").v3_checksum_as_v2);
    let remark = ["6 warning: `v3_checksum_as_v2` has no effect here"];
    assert_eq!(remarks(&with("v3_checksum_as_v2")), remark);
    assert_eq!(remarks(&ipv6("v3_checksum_as_v2")), remark);
}

#[test]
fn a_virtual_mac_has_a_device_with_keepaliveds_name() {
    let device = |interface: &str, xmit_base| {
        Some(VirtualMac {
            interface: interface.to_owned(),
            xmit_base,
        })
    };
    assert_eq!(clean("use_vmac").virtual_mac, device("vrrp.51", false));
    assert_eq!(
        clean("use_vmac vip0\n  vmac_xmit_base").virtual_mac,
        device("vip0", true)
    );
    assert_eq!(
        first(ipv6("use_vmac")).virtual_mac,
        device("vrrp6.51", false)
    );
    for (lines, remark) in [
        (
            "vmac_xmit_base",
            "6 warning: `vmac_xmit_base` without `use_vmac`",
        ),
        (
            "use_vmac vip0 00:00:5e:00:01:33",
            "6 warning: `00:00:5e:00:01:33` of `use_vmac` is not supported yet",
        ),
        (
            "use_vmac netlink_notify_msg",
            "6 warning: `netlink_notify_msg` of `use_vmac` is not supported yet",
        ),
        (
            "use_vmac a/b",
            "6 error: `a/b` cannot be the name of an interface",
        ),
        ("use_vmac eth0", "6 error: the name `eth0` is taken"),
        (
            "use_vmac\n  unicast_peer {\n  10.0.0.9\n  }",
            "6 warning: `use_vmac` with `unicast_peer` needs `vmac_xmit_base`",
        ),
    ] {
        assert_eq!(remarks(&with(lines)), [remark], "{lines}");
    }
    let unicast = first(with("use_vmac\n  unicast_peer {\n  10.0.0.9\n  }"));
    assert_eq!(unicast.virtual_mac, device("vrrp.51", true));
}

#[test]
fn s1_18_witnesses_are_hosts_of_which_more_than_half_must_answer() {
    for (lines, hosts, required) in [
        ("director_witness {\n  10.0.0.254\n  }", 1, 1),
        ("director_witness {\n  10.0.0.254\n  10.0.0.253\n  }", 2, 2),
        (
            "director_witness {\n  10.0.0.254 10.0.0.253\n  fd00::9\n  }",
            3,
            2,
        ),
        (
            "director_witness {\n  10.0.0.254\n  10.0.0.253\n  required 1\n  }",
            2,
            1,
        ),
        ("director_witness 10.0.0.254 10.0.0.253 required 1", 2, 1),
    ] {
        let witness = clean(lines).witness.expect("it is set");
        assert_eq!(
            (witness.addresses.len(), witness.required),
            (hosts, required),
            "{lines}"
        );
    }
}

#[test]
fn s1_18_what_is_no_witness_is_refused_where_it_stands() {
    for (words, remark) in [
        ("", "6 error: `director_witness` names no host"),
        ("{\n  }", "6 error: `director_witness` names no host"),
        ("gateway", "6 error: `gateway` is not an IP address"),
        ("127.0.0.1", "6 error: `127.0.0.1` is a loopback address"),
        ("10.0.0.1", "6 error: 10.0.0.1 is a virtual address"),
        ("10.0.0.9 10.0.0.9", "6 error: 10.0.0.9 is a witness twice"),
        ("10.0.0.9 required", "6 error: `required` needs its value"),
        ("10.0.0.9 required 0", "6 error: `0` is out of range"),
        (
            "10.0.0.9 required 2",
            "6 error: 2 of 1 hosts can never answer",
        ),
        (
            "{\n  10.0.0.9 { }\n  }",
            "7 error: a block cannot stand among the addresses of witnesses",
        ),
    ] {
        let found = remarks(&with(&format!("director_witness {words}")));
        assert!(found.contains(&remark.to_owned()), "{words}: {found:?}");
    }
}

#[test]
fn families_can_share_a_number_on_an_interface() {
    let instances = GOOD.split_inclusive('\n').take(9).collect::<String>();
    let other = instances
        .replace("VI_1", "VI_6")
        .replace("10.0.0.1", "fd00::1");
    assert_eq!(remarks(&text(&format!("{instances}{other}"))), none());
    let same = other.replace("fd00::1", "10.0.0.7");
    assert_eq!(
        remarks(&text(&format!("{instances}{same}"))),
        ["10 error: `virtual_router_id 51` is used twice on interface `eth0`"]
    );
}

#[test]
fn how_all_instances_start_is_said_once() {
    let loaded = text(&format!(
        "global_defs {{\n  vrrp_startup_delay 5.5\n  vrrp_rt_priority 0\n  dynamic_interfaces allow_if_changes\n}}\n{GOOD}"
    ));
    assert_eq!(remarks(&loaded), none());
    let global = config(loaded).global;
    assert_eq!(global.vrrp_startup_delay, Some(Duration::from_millis(5500)));
    assert_eq!(global.vrrp_rt_priority, Some(0));
    for (line, remark) in [
        ("vrrp_rt_priority 100", "error: `100` is out of range"),
        ("vrrp_startup_delay soon", "error: `soon` is not a duration"),
        (
            "dynamic_interfaces never",
            "error: `never` is not a value of `dynamic_interfaces`",
        ),
        ("vrrp_down_timer_adverts 0", "error: `0` is out of range"),
    ] {
        let loaded = text(&format!("global_defs {{\n  {line}\n}}\n{GOOD}"));
        assert_eq!(remarks(&loaded), [format!("2 {remark}")], "{line}");
    }
}
