//! `global_defs`: timeouts and table sizes.

use std::time::Duration;

use super::{
    super::{Global, LvsTimeouts, TableSizes},
    GOOD, config, remarks, text,
};

fn with(settings: &str) -> super::Loaded {
    text(&format!("global_defs {{\n  {settings}\n}}\n{GOOD}"))
}

fn clean(settings: &str) -> Global {
    let loaded = with(settings);
    assert_eq!(remarks(&loaded), Vec::<String>::new(), "{settings}");
    config(loaded).global
}

#[test]
fn timeouts_are_read_in_any_order_and_0_keeps_the_default() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(
        clean("lvs_timeouts udp 5 tcp 60 tcpfin 0").lvs_timeouts,
        LvsTimeouts {
            tcp: seconds(60),
            tcpfin: None,
            udp: seconds(5)
        }
    );
    assert_eq!(
        clean("lvs_timeouts tcp 60\n}\nglobal_defs {\n lvs_timeouts udp 5").lvs_timeouts,
        LvsTimeouts {
            tcp: seconds(60),
            tcpfin: None,
            udp: seconds(5)
        },
        "keepalived takes several blocks as one"
    );
    let braces = config(with("lvs_timeouts {\n tcp 60 tcpfin 7\n udp 5\n }"));
    assert_eq!(
        braces.global.lvs_timeouts,
        LvsTimeouts {
            tcp: seconds(60),
            tcpfin: seconds(7),
            udp: seconds(5)
        }
    );
}

#[test]
fn the_port_of_the_pair_is_one_or_0() {
    assert_eq!(clean("director_pair_port 0").pair_port, Some(0));
    assert_eq!(clean("director_pair_port 65535").pair_port, Some(65535));
    for word in ["65536", "-1", "vrrp"] {
        let remarks = remarks(&with(&format!("director_pair_port {word}")));
        assert!(
            remarks.len() == 1 && remarks[0].starts_with("2 error"),
            "{remarks:?}"
        );
    }
}

#[test]
fn what_timeouts_cannot_be_is_said() {
    for (settings, remark) in [
        ("lvs_timeouts", "error: `lvs_timeouts` has no timeout"),
        ("lvs_timeouts tcp", "error: `tcp` needs its value"),
        ("lvs_timeouts tcp 9 udp", "error: `udp` needs its value"),
        (
            "lvs_timeouts tcp 2678401",
            "error: `2678401` is out of range",
        ),
        ("lvs_timeouts tcp 1.5", "error: `1.5` is out of range"),
        (
            "lvs_timeouts 900",
            "error: unknown word `900` in `lvs_timeouts`",
        ),
        (
            "lvs_timeouts tcpfn 9",
            "error: unknown word `tcpfn` in `lvs_timeouts`",
        ),
        (
            "lvs_timeouts tcp 1 tcp 2",
            "warning: `tcp` is set more than once",
        ),
    ] {
        assert_eq!(remarks(&with(settings)), [format!("2 {remark}")]);
    }
}

#[test]
fn table_sizes_need_not_be_powers_of_two() {
    let settings = "director_flow_table_size 1000000\n  director_half_open_table_size 1024\n  \
                    director_persistence_table_size 134217728\n  director_fragment_table_size 5000";
    assert_eq!(
        clean(settings).table_sizes,
        TableSizes {
            flows: Some(1_000_000),
            half_open: Some(1024),
            persistence: Some(134_217_728),
            fragments: Some(5000)
        }
    );
    assert_eq!(clean("router_id r").table_sizes, TableSizes::default());
}

#[test]
fn a_table_size_out_of_range_is_an_error() {
    for word in ["0", "1023", "134217729", "99999999999999999999"] {
        for table in ["flow", "half_open", "persistence", "fragment"] {
            assert_eq!(
                remarks(&with(&format!("director_{table}_table_size {word}"))),
                [format!("2 error: `{word}` is out of range")]
            );
        }
    }
}
