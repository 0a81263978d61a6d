//! `vrrp_instance`, `vrrp_sync_group`, and the trackers that they can refer to.

use super::{
    ALONE, BLOCK, COMMAND, Keywords, ONE, SWITCH, Shape, Support, Table, WEIGHT, honoured,
    names_only, not_yet,
};

const NO_TRACKING: &str = "the role does not depend on it";
const NO_MAIL: &str = "no mail is sent";

pub(in super::super) const VRRP_SYNC_GROUP: Table = Table {
    block: "vrrp_sync_group",
    groups: &[
        honoured(
            BLOCK,
            &[
                "group",
                "track_interface",
                "track_script",
                "track_process",
                "track_file",
            ],
        ),
        honoured(ALONE, &["sync_group_tracking_weight"]),
        honoured(
            COMMAND,
            &[
                "notify_backup",
                "notify_master",
                "notify_fault",
                "notify_stop",
                "notify",
            ],
        ),
        honoured(SWITCH, &["notify_priority_changes"]),
        not_yet(Shape::Anything, NO_TRACKING, &["track_bfd"]),
        not_yet(
            Shape::Anything,
            "what a member tracks counts for this member; `track_script` and the like in the group count for all",
            &["global_tracking"],
        ),
        not_yet(SWITCH, NO_MAIL, &["smtp_alert"]),
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
                "down_timer_adverts",
                "version",
                "preempt_delay",
                "mcast_src_ip",
                "unicast_src_ip",
                "unicast_ttl",
            ],
        ),
        honoured(
            ONE,
            &[
                "garp_master_delay",
                "garp_master_repeat",
                "garp_master_refresh",
                "garp_master_refresh_repeat",
                "garp_lower_prio_delay",
                "garp_lower_prio_repeat",
            ],
        ),
        honoured(
            ALONE,
            &[
                "nopreempt",
                "preempt",
                "native_ipv6",
                "unicast_fault_no_peer",
                "vmac_xmit_base",
            ],
        ),
        honoured(
            SWITCH,
            &[
                "lower_prio_no_advert",
                "higher_prio_send_advert",
                "v3_checksum_as_v2",
                "check_unicast_src",
                "notify_priority_changes",
            ],
        ),
        // The director's own word, with its hosts in braces or on its line: keepalived does not understand braces after a word
        // that it does not know.
        honoured(Shape::Anything, &["director_witness"]),
        // A name, and words that are passed over: a MAC address, `netlink_notify_msg`, `group N`.
        honoured(Shape::Words(0, 5), &["use_vmac"]),
        honoured(
            BLOCK,
            &[
                "authentication",
                "virtual_ipaddress",
                "virtual_ipaddress_excluded",
                "unicast_peer",
                "track_interface",
                "track_script",
                "track_process",
                "track_file",
            ],
        ),
        honoured(
            COMMAND,
            &[
                "notify_backup",
                "notify_master",
                "notify_fault",
                "notify_stop",
                "notify",
                "notify_master_rx_lower_pri",
            ],
        ),
        honoured(Shape::Words(0, 3), &["notify_deleted"]),
        Keywords {
            names: &["lvs_sync_daemon_interface"],
            shape: ONE,
            support: Support::Deprecated(
                "connection sync is not supported yet; keepalived, too, has deprecated this setting in favor of `lvs_sync_daemon` in `global_defs`",
            ),
        },
        not_yet(Shape::Anything, NO_TRACKING, &["track_bfd", "track_src_ip"]),
        not_yet(
            ALONE,
            "an instance whose interface is down is in FAULT",
            &["dont_track_primary"],
        ),
        not_yet(SWITCH, NO_MAIL, &["smtp_alert"]),
        not_yet(
            Shape::Anything,
            "the interface's own hardware address answers for the addresses",
            &["use_vmac_addr", "use_ipvlan"],
        ),
        not_yet(
            Shape::Anything,
            "its checksums are those of keepalived since 1.3.6",
            &["old_unicast_checksum"],
        ),
        not_yet(
            ONE,
            "multicast goes to 224.0.0.18 or ff02::12",
            &["mcast_dst_ip"],
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
            ALONE,
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
            "addresses are announced on the interface that they are on, at the pace of `garp_master_refresh`",
            &["garp_extra_if", "vmac_garp_intvl"],
        ),
        not_yet(
            SWITCH,
            "RFC 9568 is followed",
            &["skip_check_adv_addr", "strict_mode", "owner_ignore_adverts"],
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

pub(in super::super) const VRRP_SCRIPT: Table = Table {
    block: "vrrp_script",
    groups: &[
        // Its reader says how arguments are written.
        honoured(Shape::Anything, &["script"]),
        honoured(ONE, &["interval", "timeout", "rise", "fall"]),
        honoured(WEIGHT, &["weight"]),
        honoured(Shape::Words(1, 2), &["user"]),
        honoured(ALONE, &["init_fail"]),
    ],
};

pub(in super::super) const VRRP_TRACK_PROCESS: Table = Table {
    block: "vrrp_track_process",
    groups: &[
        // A name, and any number of arguments.
        honoured(Shape::Anything, &["process"]),
        honoured(Shape::Words(0, 1), &["param_match"]),
        honoured(WEIGHT, &["weight"]),
        honoured(
            ONE,
            &[
                "quorum",
                "quorum_max",
                "delay",
                "terminate_delay",
                "fork_delay",
            ],
        ),
        honoured(ALONE, &["full_command"]),
    ],
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
