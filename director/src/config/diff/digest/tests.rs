use super::*;
use crate::config::diff::tests::{A, OF_B, config, edited};

fn digest(text: &str) -> Digest {
    Digest::of(&config(text))
}

/// How the second director of the pair, with these further edits, is to the first.
fn differences(edits: &[(&str, &str)]) -> Differences {
    let other = digest(&edited(&edited(A, &OF_B), edits));
    digest(A).differences(&other.pairs().collect())
}

fn differ(name: &str) -> Differences {
    Differences {
        differ: vec![name.to_owned()],
        ..Differences::default()
    }
}

#[test]
fn what_must_differ_or_may_is_no_difference() {
    assert_eq!(differences(&[]), Differences::default());
    let free = [("interface eth0", "interface ens3"), ("VI_1", "VRRP1")];
    assert_eq!(differences(&free), Differences::default());
    assert_eq!(digest(A).total(), digest(&edited(A, &OF_B)).total());
}

/// Scenario 1.16.
#[test]
fn s1_16_each_setting_that_must_be_equal_is_seen_in_its_object() {
    let server = "virtual_server 192.168.1.200 8066 TCP";
    for (from, to, name) in [
        ("192.168.1.201/24", "192.168.1.211/24", "vrrp_instance VI_1"),
        ("192.168.1.201/24", "192.168.1.201/23", "vrrp_instance VI_1"),
        ("advert_int 1", "advert_int 2", "vrrp_instance VI_1"),
        (
            "  authentication {\n    auth_type PASS\n    auth_pass secret\n  }\n",
            "",
            "vrrp_instance VI_1",
        ),
        ("advert_int 1", "use_vmac", "vrrp_instance VI_1"),
        ("lb_algo wrr", "lb_algo rr", server),
        (
            "sorry_server 192.168.1.9",
            "sorry_server 192.168.1.8",
            server,
        ),
        (
            "weight 3",
            "weight 2",
            "real_server 192.168.1.11 of virtual_server 192.168.1.200 8066 TCP",
        ),
        (
            "connect_timeout 2",
            "connect_timeout 3",
            "real_server 192.168.1.11 of virtual_server 192.168.1.200 8066 TCP",
        ),
    ] {
        assert_eq!(differences(&[(from, to)]), differ(name), "{from} {to}");
    }
}

#[test]
fn what_one_has_alone_is_counted_or_named() {
    let other_server = ("real_server 192.168.1.12", "real_server 192.168.1.13");
    let found = differences(&[other_server]);
    let name = "real_server 192.168.1.12 of virtual_server 192.168.1.200 8066 TCP";
    assert_eq!(found.missing, [name]);
    assert_eq!((found.differ.len(), found.unknown), (0, 1));
    assert_eq!(
        found.to_string(),
        format!("{name} is not there, 1 object there is not here")
    );
}

#[test]
fn a_long_list_is_cut_in_one_line() {
    let differences = Differences {
        differ: vec!["a".to_owned(); 7],
        missing: vec!["b".to_owned()],
        unknown: 0,
    };
    let five = "a differs, a differs, a differs, a differs, a differs";
    assert_eq!(differences.to_string(), format!("{five}, 3 more"));
}

#[test]
fn the_order_of_addresses_is_no_difference() {
    let lines = "    192.168.1.200/24\n    192.168.1.201/24\n";
    let turned = "    192.168.1.201/24\n    192.168.1.200/24\n";
    assert_eq!(differences(&[(lines, turned)]), Differences::default());
}

/// The numbers go over the network: another build must come to the same ones.
#[test]
fn the_numbers_are_those_of_fnv_1a() {
    assert_eq!(number("foobar"), 0x8594_4171_f739_67e8);
}
