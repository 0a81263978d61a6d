//! `virtual_server` and `real_server`.

use super::{ONE, SWITCH, Shape, Table, honoured, not_yet};

const NO_NOTIFY: &str = "changes are only logged";
const NOT_CHECKED: &str = "the real server is not checked by it; without a TCP_CHECK it counts as up, whatever happens to it";

pub(in super::super) const VIRTUAL_SERVER: Table = Table {
    block: "virtual_server",
    groups: &[
        honoured(
            ONE,
            &[
                "delay_loop",
                "retry",
                "delay_before_retry",
                "connect_timeout",
                "warmup",
                "weight",
            ],
        ),
        honoured(SWITCH, &["inhibit_on_failure", "alpha"]),
        honoured(
            ONE,
            &["lb_algo", "lvs_sched", "protocol", "quorum", "hysteresis"],
        ),
        honoured(Shape::Words(1, 5), &["lb_kind", "lvs_method"]),
        honoured(
            Shape::Words(0, 0),
            &[
                "hashed",
                "flag-1",
                "flag-2",
                "flag-3",
                "sh-port",
                "sh-fallback",
                "mh-port",
                "mh-fallback",
                "ops",
            ],
        ),
        honoured(SWITCH, &["persistence_timeout"]),
        honoured(ONE, &["persistence_granularity"]),
        // The director's own words.
        honoured(
            ONE,
            &["idle_timeout", "on_no_flow", "on_idle", "on_switchover"],
        ),
        honoured(
            Shape::Words(1, 2),
            &["on_failure", "on_removal", "on_relief", "failback"],
        ),
        honoured(Shape::Words(1, 2), &["sorry_server"]),
        honoured(Shape::Block(1, 2), &["real_server"]),
        not_yet(
            ONE,
            "clients are told apart by their addresses alone",
            &["persistence_engine"],
        ),
        not_yet(
            Shape::Words(0, 0),
            "the sorry server is removed, not inhibited, when it is relieved",
            &["sorry_server_inhibit"],
        ),
        not_yet(
            Shape::Anything,
            "direct routing is used for it",
            &["sorry_server_lvs_method"],
        ),
        not_yet(
            Shape::Words(0, 0),
            "checks also run on a Backup, so that its table is right when it takes over",
            &["ha_suspend"],
        ),
        not_yet(SWITCH, "no notice is given at the stop", &["omega"]),
        not_yet(
            Shape::Anything,
            NO_NOTIFY,
            &["quorum_up", "quorum_down", "smtp_alert", "snmp_name"],
        ),
        not_yet(ONE, "no check speaks HTTP yet", &["virtualhost"]),
        not_yet(ONE, "the address itself tells its family", &["ip_family"]),
    ],
};

pub(in super::super) const REAL_SERVER: Table = Table {
    block: "real_server",
    groups: &[
        honoured(
            ONE,
            &[
                "weight",
                "retry",
                "delay_before_retry",
                "connect_timeout",
                "warmup",
                "delay_loop",
                "uthreshold",
                "lthreshold",
            ],
        ),
        honoured(SWITCH, &["inhibit_on_failure", "alpha"]),
        honoured(Shape::Words(1, 5), &["lvs_method"]),
        honoured(super::BLOCK, &["TCP_CHECK"]),
        not_yet(
            Shape::Anything,
            NOT_CHECKED,
            &[
                "HTTP_GET",
                "SSL_GET",
                "SMTP_CHECK",
                "MISC_CHECK",
                "DNS_CHECK",
                "UDP_CHECK",
                "PING_CHECK",
                "FILE_CHECK",
                "BFD_CHECK",
            ],
        ),
        not_yet(
            Shape::Anything,
            NO_NOTIFY,
            &["notify_up", "notify_down", "smtp_alert", "snmp_name"],
        ),
        not_yet(ONE, "no check speaks HTTP yet", &["virtualhost"]),
    ],
};
