//! Addresses of both families: where they can stand, and which of them cannot be a server's.

use super::{IPV6, changed, clean, config, edited, none, remarks, text};

fn of(setting: &str) -> Vec<String> {
    remarks(&changed(
        "protocol TCP",
        &format!("protocol TCP\n  {setting}"),
    ))
}

#[test]
fn ipv6_works_wherever_an_address_stands() {
    let file = edited(
        &[
            &IPV6[..],
            &[
                ("protocol TCP", "protocol TCP\n  sorry_server fd00::3 80"),
                (
                    "connect_timeout 2",
                    "connect_ip fd00::4\n      bindto fd00::5",
                ),
                (
                    "  priority 100\n",
                    "  priority 100\n  virtual_ipaddress_excluded {\n    fd00::7/64 dev eth1 scope global\n    10.0.0.9\n  }\n",
                ),
            ],
        ]
        .concat(),
    );
    let loaded = text(&file);
    assert_eq!(remarks(&loaded), none());
    let config = config(loaded);
    let instance = &config.vrrp_instances[0];
    let held = |addresses: &[crate::config::VirtualAddress]| -> Vec<_> {
        addresses
            .iter()
            .map(|held| format!("{}/{}", held.address, held.prefix_length))
            .collect()
    };
    assert_eq!(held(&instance.virtual_ipaddress), ["fd00::1/128"]);
    assert_eq!(
        held(&instance.virtual_ipaddress_excluded),
        ["fd00::7/64", "10.0.0.9/32"]
    );
    let server = &config.virtual_servers[0];
    let check = &server.real_servers[0].checks[0];
    assert_eq!(check.connect.to_string(), "[fd00::4]:80");
    assert_eq!(
        check.bind.map(|bind| bind.0.to_string()).as_deref(),
        Some("fd00::5")
    );
    let sorry = server.sorry_server.as_ref().expect("it is set");
    assert_eq!(sorry.address.to_string(), "fd00::3");
}

#[test]
fn a_port_alone_binds_a_check_in_the_family_of_its_server() {
    let bound = edited(&[&IPV6[..], &[("connect_timeout 2", "bind_port 700")]].concat());
    assert_eq!(
        clean(&bound).real_servers[0].checks[0].bind,
        Some(("::".parse().expect("an address"), 700))
    );
}

#[test]
fn an_address_that_no_server_can_have_is_refused() {
    let cases = [
        ("::", "`::` is no host's address"),
        ("ff02::12", "`ff02::12` is a multicast address"),
        (
            "::ffff:10.0.0.2",
            "`::ffff:10.0.0.2` is an IPv4 address within IPv6",
        ),
        ("::1", "`::1` is a loopback address"),
        ("127.0.0.9", "`127.0.0.9` is a loopback address"),
        ("fe80::9", "`fe80::9` is a link-local address"),
        ("fe80::9%eth0", "`fe80::9%eth0` is not an IP address"),
        ("[fd00::2]:80", "`[fd00::2]:80` is not an IP address"),
        ("fd00::2/64", "`fd00::2/64` is not an IP address"),
        ("224.0.0.18", "`224.0.0.18` is a multicast address"),
        (
            "255.255.255.255",
            "`255.255.255.255` is a broadcast address",
        ),
    ];
    for (word, what) in cases {
        let real = changed("real_server 10.0.0.2", &format!("real_server {word}"));
        assert_eq!(remarks(&real), [format!("14 error: {what}")]);
        let virtual_server = changed("virtual_server 10.0.0.1", &format!("virtual_server {word}"));
        assert_eq!(remarks(&virtual_server), [format!("10 error: {what}")]);
    }
}

#[test]
fn families_do_not_mix_where_packets_would_have_to_change() {
    assert_eq!(
        of("sorry_server fd00::3 80"),
        ["14 error: this `sorry_server` has an IPv6 address, its virtual server an IPv4 address"]
    );
    assert_eq!(
        remarks(&changed("connect_timeout 2", "bindto fd00::3")),
        ["17 error: the check cannot connect from here to 10.0.0.2"]
    );
}

#[test]
fn an_instance_can_hold_a_link_local_address_without_label_and_broadcast() {
    let held = |line: &str| {
        let line = format!("    10.0.0.1\n  }}\n  virtual_ipaddress_excluded {{\n    {line}\n");
        remarks(&changed("    10.0.0.1\n", &line))
    };
    assert_eq!(held("fe80::1/64"), none());
    for (line, remark) in [
        ("fd00::1/129", "error: `129` is out of range"),
        (
            "fd00::1 brd +",
            "error: an IPv6 address has no broadcast address",
        ),
        (
            "fd00::1 label eth0:1",
            "warning: an IPv6 address has no label",
        ),
        ("::1", "error: `::1` is a loopback address"),
        ("ff02::1", "error: `ff02::1` is a multicast address"),
    ] {
        assert_eq!(held(line), [format!("10 {remark}")]);
    }
}
