//! The outermost level, and its small blocks.

use super::{BLOCK, NAMED_BLOCK, ONE, Shape, Table, WEIGHT, honoured, names_only, not_yet};

const NO_TRACKING: &str = "no priority and no role changes by it";

pub(in super::super) const ROOT: Table = Table {
    block: "the outermost level",
    groups: &[
        honoured(BLOCK, &["global_defs"]),
        honoured(NAMED_BLOCK, &["vrrp_sync_group", "vrrp_instance"]),
        honoured(
            NAMED_BLOCK,
            &[
                "vrrp_script",
                "vrrp_track_process",
                "track_file",
                "vrrp_track_file",
            ],
        ),
        honoured(Shape::Block(1, 2), &["virtual_server"]),
        not_yet(
            Shape::Anything,
            "no virtual server can refer to it",
            &["virtual_server_group"],
        ),
        not_yet(
            Shape::Anything,
            NO_TRACKING,
            &[
                "track_group",
                "bfd_instance",
                "linkbeat_interfaces",
                "interface_up_down_delays",
            ],
        ),
        not_yet(
            Shape::Anything,
            "add them by the system's own network configuration",
            &["static_ipaddress", "static_routes", "static_rules"],
        ),
        not_yet(
            Shape::Anything,
            "gratuitous ARP is sent as each instance says",
            &["garp_group"],
        ),
        not_yet(Shape::Anything, "no check uses TLS", &["SSL"]),
        not_yet(
            Shape::Words(0, 0),
            "the kernel reports links by itself",
            &["linkbeat_use_polling"],
        ),
        not_yet(
            ONE,
            "the director works in the network namespace that it is started in",
            &["net_namespace", "net_namespace_ipvs"],
        ),
        not_yet(
            Shape::Words(0, 0),
            "no ipsets are used",
            &["namespace_with_ipsets"],
        ),
        not_yet(
            ONE,
            "the director has one instance on a machine",
            &["instance"],
        ),
        not_yet(
            Shape::Words(0, 0),
            "no pid files are written",
            &["use_pid_dir"],
        ),
        not_yet(
            ONE,
            "the director has no child processes",
            &["child_wait_time"],
        ),
    ],
};

pub(super) const SSL: Table = Table {
    block: "SSL",
    groups: &[names_only(&["password", "ca", "certificate", "key"])],
};

pub(super) const GARP_GROUP: Table = Table {
    block: "garp_group",
    groups: &[names_only(&[
        "garp_interval",
        "gna_interval",
        "interface",
        "interfaces",
    ])],
};

pub(in super::super) const TRACK_FILE: Table = Table {
    block: "track_file",
    groups: &[
        honoured(ONE, &["file"]),
        honoured(WEIGHT, &["weight"]),
        honoured(Shape::Words(0, 2), &["init_file"]),
    ],
};
