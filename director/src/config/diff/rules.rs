//! What must be equal on both directors, what must differ, and what each may have as it likes: a row for each setting.

use serde_json::Value as Json;

use super::{Finding, Gravity, object::Object};

/// How a setting of the one director has to do with that of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Equal; otherwise of this gravity.
    Equal(Gravity),
    /// Different, where both have it; otherwise of this gravity.
    Different(Gravity),
    /// Compared by code of its own.
    Apart,
    /// Whatever it is.
    Free,
}

/// What a number or a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Plain,
    Seconds,
    /// `/24`.
    Bits,
    /// What a switch says, on and off.
    Switch(&'static str, &'static str),
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Its key in JSON.
    pub(super) key: &'static str,
    /// Its keyword in the file.
    pub(super) keyword: &'static str,
    pub(super) class: Class,
    pub(super) unit: Unit,
    pub(super) leads_to: &'static str,
}

const fn rule(
    key: &'static str,
    keyword: &'static str,
    class: Class,
    leads_to: &'static str,
) -> Rule {
    Rule {
        key,
        keyword,
        class,
        unit: Unit::Plain,
        leads_to,
    }
}

const fn equal(key: &'static str, keyword: &'static str, leads_to: &'static str) -> Rule {
    rule(key, keyword, Class::Equal(Gravity::Conflict), leads_to)
}

const fn alike(key: &'static str, keyword: &'static str, leads_to: &'static str) -> Rule {
    rule(key, keyword, Class::Equal(Gravity::Warning), leads_to)
}

const fn noted(key: &'static str, keyword: &'static str, leads_to: &'static str) -> Rule {
    rule(key, keyword, Class::Equal(Gravity::Note), leads_to)
}

const fn apart(key: &'static str) -> Rule {
    rule(key, key, Class::Apart, "")
}

const fn free(key: &'static str) -> Rule {
    rule(key, key, Class::Free, "")
}

impl Rule {
    const fn seconds(self) -> Self {
        Self {
            unit: Unit::Seconds,
            ..self
        }
    }

    const fn switch(self, on: &'static str, off: &'static str) -> Self {
        Self {
            unit: Unit::Switch(on, off),
            ..self
        }
    }

    const fn bits(self) -> Self {
        Self {
            unit: Unit::Bits,
            ..self
        }
    }
}

const NEITHER_HEARS: &str = "neither counts the other's advertisements: both are MASTER at once";
const PACE: &str = "the time until a takeover depends on who is MASTER";
const ANNOUNCED: &str =
    "switches and hosts learn of a takeover sooner from one director than from the other";
const BY_MASTER: &str = "clients are treated differently after a takeover";
const CHECKED: &str = "one director notices that the server is dead or back before the other: what clients get depends on who is MASTER";

pub(super) const GLOBAL: &[Rule] = &[
    rule(
        "router_id",
        "router_id",
        Class::Different(Gravity::Conflict),
        "nobody can tell which of the two a notice comes from",
    ),
    apart("lvs_timeouts"),
    noted(
        "table_sizes",
        "director_flow_table_size",
        "a takeover may meet a smaller table",
    ),
    free("reset_rate"),
    free("event_log"),
    noted(
        "pair_port",
        "director_pair_port",
        "they do not hear each other, and cannot tell where their configurations differ",
    ),
    free("script_user"),
    free("script_security"),
    free("notify_fifo"),
    free("vrrp_notify_fifo"),
    free("vrrp_rt_priority"),
    free("vrrp_startup_delay"),
];

pub(super) const LVS_TIMEOUTS: &[Rule] = &[
    alike("tcp", "lvs_timeouts", BY_MASTER).seconds(),
    alike("tcpfin", "lvs_timeouts", BY_MASTER).seconds(),
    alike("udp", "lvs_timeouts", BY_MASTER).seconds(),
];

pub(super) const INSTANCE: &[Rule] = &[
    apart("name"),
    free("state"),
    noted(
        "interface",
        "interface",
        "it is allowed, as long as both are on the same network",
    ),
    equal(
        "virtual_router_id",
        "virtual_router_id",
        "they are two virtual routers with the same addresses: both are MASTER at once",
    ),
    rule(
        "priority",
        "priority",
        Class::Different(Gravity::Warning),
        "the director with the higher address wins",
    ),
    equal("family", "virtual_ipaddress", NEITHER_HEARS),
    equal("version", "version", NEITHER_HEARS),
    apart("advertisement_interval"),
    equal("down_timer_adverts", "down_timer_adverts", PACE),
    apart("delivery"),
    equal(
        "v3_checksum_as_v2",
        "v3_checksum_as_v2",
        "keepalived drops packets whose checksum is of the other kind: both are MASTER at once",
    ),
    apart("authentication"),
    apart("virtual_ipaddress"),
    apart("virtual_ipaddress_excluded"),
    apart("preempt"),
    apart("preempt_delay"),
    alike(
        "lower_prio_no_advert",
        "lower_prio_no_advert",
        "how soon two MASTERs become one again depends on which one is the better",
    ),
    alike(
        "higher_prio_send_advert",
        "higher_prio_send_advert",
        "how soon two MASTERs become one again depends on which one is the better",
    ),
    apart("virtual_mac"),
    free("track"),
    free("notify"),
    free("witness"),
    apart("garp"),
    free("lvs_sync_daemon_interface"),
];

/// What counts on the director with the higher priority only, as the next one.
pub(super) const NOPREEMPT: Rule = alike(
    "preempt",
    "nopreempt",
    "the director with the higher priority takes over all the same when it comes back",
)
.switch(
    "takes over from a lower priority",
    "leaves a lower priority in place",
);

pub(super) const PREEMPT_DELAY: Rule = alike(
    "preempt_delay",
    "preempt_delay",
    "the director with the higher priority takes over without that delay when it comes back",
)
.seconds();

/// VRRP version 2 has one pace for all (RFC 3768 section 7.1).
pub(super) const INTERVAL_V2: &[Rule] = &[equal(
    "advertisement_interval",
    "advert_int",
    "each drops the other's advertisements: both are MASTER at once",
)
.seconds()];

/// In version 3 a Backup takes the pace of its Master (RFC 9568 section 6.4.2).
pub(super) const INTERVAL_V3: &[Rule] =
    &[equal("advertisement_interval", "advert_int", PACE).seconds()];

pub(super) const GARP: &[Rule] = &[
    equal("delay", "garp_master_delay", ANNOUNCED).seconds(),
    equal("repeat", "garp_master_repeat", ANNOUNCED),
    equal("refresh", "garp_master_refresh", ANNOUNCED).seconds(),
    equal("refresh_repeat", "garp_master_refresh_repeat", ANNOUNCED),
    equal("lower_prio_delay", "garp_lower_prio_delay", ANNOUNCED).seconds(),
    equal("lower_prio_repeat", "garp_lower_prio_repeat", ANNOUNCED),
];

/// An address that both hold.
pub(super) const ADDRESS: &[Rule] = &[
    apart("address"),
    equal(
        "prefix_length",
        "mask",
        "who is on the link, and is reached without a gateway, depends on who is MASTER",
    )
    .bits(),
    noted(
        "interface",
        "dev",
        "it is allowed, as long as both are on the same network",
    ),
    free("label"),
    free("broadcast"),
];

pub(super) const GROUP: &[Rule] = &[
    apart("name"),
    apart("group"),
    free("track"),
    free("notify"),
    alike(
        "tracking_weight",
        "sync_group_tracking_weight",
        "what a member tracks moves the priority on one director, and is a fault on the other",
    ),
];

pub(super) const VIRTUAL_SERVER: &[Rule] = &[
    apart("address"),
    apart("port"),
    apart("protocol"),
    equal(
        "scheduler",
        "lb_algo",
        "clients get other real servers after a takeover",
    ),
    equal(
        "scheduler_flags",
        "lb_algo",
        "clients get other real servers after a takeover",
    ),
    equal("one_packet", "ops", BY_MASTER),
    equal("forwarding", "lb_kind", BY_MASTER),
    equal(
        "quorum",
        "quorum",
        "one director goes to the sorry server while the other does not",
    ),
    equal(
        "hysteresis",
        "hysteresis",
        "one director goes to the sorry server while the other does not",
    ),
    alike(
        "alpha",
        "alpha",
        "a director that starts has fewer servers than the other would have",
    ),
    equal("persistence_timeout", "persistence_timeout", BY_MASTER).seconds(),
    equal("persistence_prefix", "persistence_granularity", BY_MASTER),
    equal("idle_timeout", "idle_timeout", BY_MASTER).seconds(),
    equal("on_no_flow", "on_no_flow", BY_MASTER),
    equal("on_idle", "on_idle", BY_MASTER),
    equal("on_switchover", "on_switchover", BY_MASTER),
    equal("on_failure", "on_failure", BY_MASTER),
    equal("on_removal", "on_removal", BY_MASTER),
    equal("on_relief", "on_relief", BY_MASTER),
    equal("failback", "failback", BY_MASTER),
    equal(
        "sorry_server",
        "sorry_server",
        "who answers when no real server does depends on who is MASTER",
    ),
    apart("real_servers"),
];

pub(super) const REAL_SERVER: &[Rule] = &[
    apart("address"),
    free("port"),
    equal(
        "weight",
        "weight",
        "it gets another share of the connections after a takeover",
    ),
    equal("upper_threshold", "uthreshold", BY_MASTER),
    equal("lower_threshold", "lthreshold", BY_MASTER),
    equal("inhibit_on_failure", "inhibit_on_failure", BY_MASTER),
    free("on_removal"),
    alike(
        "alpha",
        "alpha",
        "a director that starts has fewer servers than the other would have",
    ),
    apart("checks"),
];

pub(super) const CHECK: &[Rule] = &[
    equal("connect", "connect_ip, connect_port", CHECKED),
    free("bind"),
    equal("connect_timeout", "connect_timeout", CHECKED).seconds(),
    apart("pace"),
];

pub(super) const PACE_OF_CHECK: &[Rule] = &[
    equal("interval", "delay_loop", CHECKED).seconds(),
    equal("retries", "retry", CHECKED),
    equal("retry_delay", "delay_before_retry", CHECKED).seconds(),
    free("warmup"),
];

/// Holds two blocks against a table.
pub(super) fn apply(
    rules: &[Rule],
    subject: &str,
    a: Object<'_>,
    b: Object<'_>,
    findings: &mut Vec<Finding>,
) {
    findings.extend(rules.iter().filter_map(|rule| rule.judge(subject, a, b)));
}

impl Rule {
    pub(super) fn judge(&self, subject: &str, a: Object<'_>, b: Object<'_>) -> Option<Finding> {
        let (in_a, in_b) = (a.get(self.key), b.get(self.key));
        let (gravity, wrong): (_, fn(&str, &str, _, _) -> Finding) = match self.class {
            Class::Equal(gravity) if in_a != in_b => (gravity, Finding::differs),
            Class::Different(gravity) if in_a == in_b && !in_a.is_null() => {
                (gravity, Finding::same)
            }
            Class::Equal(_) | Class::Different(_) | Class::Apart | Class::Free => return None,
        };
        let value = |object: Object<'_>, json| object.value(self.keyword, shown(json, self.unit));
        let mut finding = wrong(subject, self.keyword, value(a, in_a), value(b, in_b));
        finding.gravity = gravity;
        Some(finding.leads_to(self.leads_to))
    }
}

/// A value as a person reads it.
pub(super) fn shown(json: &Json, unit: Unit) -> String {
    match json {
        Json::Null => "nothing".to_owned(),
        Json::Bool(value) => {
            let (on, off) = match unit {
                Unit::Switch(on, off) => (on, off),
                Unit::Plain | Unit::Seconds | Unit::Bits => ("yes", "no"),
            };
            if *value { on } else { off }.to_owned()
        }
        Json::Number(number) => match unit {
            Unit::Plain | Unit::Switch(..) => number.to_string(),
            Unit::Bits => format!("/{number}"),
            Unit::Seconds => format!("{} s", number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => text.clone(),
        Json::Array(list) => list
            .iter()
            .map(|json| shown(json, unit))
            .collect::<Vec<_>>()
            .join(", "),
        Json::Object(map) => match (map.get("address"), map.get("port")) {
            (Some(address), Some(port)) if map.len() == 2 => {
                format!("{} {}", shown(address, unit), shown(port, unit))
            }
            _ => map
                .iter()
                .map(|(key, json)| format!("{} {}", key.replace('_', " "), shown(json, unit)))
                .collect::<Vec<_>>()
                .join(", "),
        },
    }
}
