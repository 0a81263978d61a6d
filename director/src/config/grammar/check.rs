//! The checks of a real server.

use super::{ONE, SWITCH, Table, honoured, names_only, not_yet};

pub(in super::super) const TCP_CHECK: Table = Table {
    block: "TCP_CHECK",
    groups: &[
        honoured(
            ONE,
            &[
                "connect_ip",
                "connect_port",
                "bindto",
                "bind_port",
                "connect_timeout",
            ],
        ),
        honoured(
            ONE,
            &[
                "retry",
                "nb_get_retry",
                "delay_before_retry",
                "warmup",
                "delay_loop",
            ],
        ),
        honoured(SWITCH, &["alpha"]),
        not_yet(ONE, "the kernel chooses the interface", &["bind_if"]),
        not_yet(ONE, "the check's packets carry no mark", &["fwmark"]),
        not_yet(
            SWITCH,
            "every failed check is logged as it happens",
            &["log_all_failures"],
        ),
    ],
};

pub(super) const HTTP_GET: Table = Table {
    block: "HTTP_GET",
    groups: &[names_only(&[
        "nb_get_retry",
        "virtualhost",
        "http_protocol",
        "enable_sni",
        "sni_name",
        "fast_recovery",
        "url",
    ])],
};

pub(super) const URL: Table = Table {
    block: "url",
    groups: &[names_only(&[
        "path",
        "digest",
        "status_code",
        "virtualhost",
        "regex",
        "regex_no_match",
        "regex_options",
        "regex_min_offset",
        "regex_max_offset",
        "regex_stack",
        "tls_compliant",
    ])],
};

pub(super) const SMTP_CHECK: Table = Table {
    block: "SMTP_CHECK",
    groups: &[names_only(&["helo_name", "host"])],
};

pub(super) const MISC_CHECK: Table = Table {
    block: "MISC_CHECK",
    groups: &[names_only(&[
        "misc_path",
        "misc_timeout",
        "misc_dynamic",
        "user",
    ])],
};

pub(super) const DNS_CHECK: Table = Table {
    block: "DNS_CHECK",
    groups: &[names_only(&["type", "name"])],
};

pub(super) const UDP_CHECK: Table = Table {
    block: "UDP_CHECK",
    groups: &[names_only(&[
        "payload",
        "require_reply",
        "min_reply_length",
        "max_reply_length",
    ])],
};

pub(super) const FILE_CHECK: Table = Table {
    block: "FILE_CHECK",
    groups: &[names_only(&["track_file", "weight", "dynamic"])],
};

pub(super) const BFD_CHECK: Table = Table {
    block: "BFD_CHECK",
    groups: &[names_only(&["name", "alpha"])],
};
