//! `vrrp_instance`, `vrrp_sync_group`, and the trackers that they can refer to.

use super::{BLOCK, Keywords, ONE, SWITCH, Shape, Support, Table, honoured, names_only, not_yet};

const NO_TRACKING: &str = "the role does not depend on it";
const NO_NOTIFY: &str = "changes of role are only logged";

pub(in super::super) const VRRP_SYNC_GROUP: Table = Table {
    block: "vrrp_sync_group",
    groups: &[
        honoured(BLOCK, &["group"]),
        not_yet(
            Shape::Anything,
            NO_TRACKING,
            &[
                "track_interface",
                "track_script",
                "track_process",
                "track_file",
                "track_bfd",
                "global_tracking",
                "sync_group_tracking_weight",
            ],
        ),
        not_yet(
            Shape::Anything,
            NO_NOTIFY,
            &[
                "notify_backup",
                "notify_master",
                "notify_fault",
                "notify_stop",
                "notify",
                "smtp_alert",
                "notify_priority_changes",
            ],
        ),
    ],
};

pub(in super::super) const VRRP_INSTANCE: Table = Table {
    block: "vrrp_instance",
    groups: &[
        honoured(
            ONE,
            &[
                "state",
                "interface",
                "virtual_router_id",
                "priority",
                "advert_int",
                "version",
            ],
        ),
        honoured(
            ONE,
            &[
                "garp_master_delay",
                "garp_master_repeat",
                "garp_master_refresh",
                "garp_master_refresh_repeat",
            ],
        ),
        honoured(Shape::Words(0, 0), &["nopreempt", "preempt"]),
        honoured(
            BLOCK,
            &[
                "authentication",
                "virtual_ipaddress",
                "virtual_ipaddress_excluded",
            ],
        ),
        Keywords {
            names: &["lvs_sync_daemon_interface"],
            shape: ONE,
            support: Support::Deprecated(
                "connection sync is not supported yet; keepalived, too, has deprecated this setting in favor of `lvs_sync_daemon` in `global_defs`",
            ),
        },
        not_yet(
            Shape::Anything,
            NO_TRACKING,
            &[
                "track_interface",
                "track_script",
                "track_process",
                "track_file",
                "track_bfd",
                "track_src_ip",
                "dont_track_primary",
            ],
        ),
        not_yet(
            Shape::Anything,
            NO_NOTIFY,
            &[
                "notify_backup",
                "notify_master",
                "notify_fault",
                "notify_stop",
                "notify_deleted",
                "notify",
                "smtp_alert",
                "notify_master_rx_lower_pri",
                "notify_priority_changes",
            ],
        ),
        not_yet(
            Shape::Anything,
            "the interface's own hardware address answers for the addresses",
            &[
                "use_vmac",
                "use_vmac_addr",
                "vmac_xmit_base",
                "use_ipvlan",
                "vmac_garp_intvl",
            ],
        ),
        not_yet(
            Shape::Anything,
            "advertisements go by multicast from the interface's first address",
            &[
                "unicast_peer",
                "unicast_src_ip",
                "unicast_ttl",
                "unicast_fault_no_peer",
                "check_unicast_src",
                "old_unicast_checksum",
                "mcast_src_ip",
                "mcast_dst_ip",
            ],
        ),
        not_yet(
            Shape::Anything,
            "no routes or rules are added; put them into the system's own network configuration",
            &[
                "virtual_routes",
                "virtual_rules",
                "vrf",
                "promote_secondaries",
            ],
        ),
        not_yet(
            ONE,
            "there is no delay before taking over",
            &["preempt_delay"],
        ),
        not_yet(
            Shape::Words(0, 0),
            "packets to the addresses are always accepted",
            &["accept", "no_accept"],
        ),
        not_yet(
            Shape::Anything,
            "no advertisement carries a signature",
            &["auth_hmac"],
        ),
        not_yet(
            Shape::Anything,
            "gratuitous ARP goes out after a takeover and at refreshes only",
            &[
                "garp_lower_prio_delay",
                "garp_lower_prio_repeat",
                "garp_extra_if",
            ],
        ),
        not_yet(
            SWITCH,
            "RFC 9568 is followed",
            &[
                "skip_check_adv_addr",
                "strict_mode",
                "lower_prio_no_advert",
                "higher_prio_send_advert",
                "owner_ignore_adverts",
                "v3_checksum_as_v2",
            ],
        ),
        not_yet(
            ONE,
            "the default of RFC 9568 holds: 3 missed advertisements",
            &["down_timer_adverts"],
        ),
        not_yet(
            Shape::Words(0, 0),
            "IPv6 is not supported yet",
            &["native_ipv6"],
        ),
        not_yet(
            Shape::Anything,
            "it has no counterpart in the director",
            &[
                "linkbeat_use_polling",
                "debug",
                "kernel_rx_buf_size",
                "no_virtual_ipaddress",
                "timer_expired_backup",
                "vrrp_rx_bufs_policy",
                "vrrp_rx_bufs_multiplier",
            ],
        ),
    ],
};

pub(in super::super) const AUTHENTICATION: Table = Table {
    block: "authentication",
    groups: &[honoured(ONE, &["auth_type", "auth_pass"])],
};

pub(super) const VRRP_SCRIPT: Table = Table {
    block: "vrrp_script",
    groups: &[names_only(&[
        "script",
        "interval",
        "timeout",
        "weight",
        "rise",
        "fall",
        "user",
        "init_fail",
    ])],
};

pub(super) const VRRP_TRACK_PROCESS: Table = Table {
    block: "vrrp_track_process",
    groups: &[names_only(&[
        "process",
        "param_match",
        "weight",
        "quorum",
        "quorum_max",
        "delay",
        "terminate_delay",
        "fork_delay",
        "full_command",
    ])],
};

pub(super) const BFD_INSTANCE: Table = Table {
    block: "bfd_instance",
    groups: &[names_only(&[
        "source_ip",
        "neighbor_ip",
        "neighbour_ip",
        "min_rx",
        "min_tx",
        "idle_tx",
        "multiplier",
        "passive",
        "ttl",
        "hoplimit",
        "max_hops",
        "multihop",
        "weight",
        "vrrp",
        "checker",
    ])],
};
