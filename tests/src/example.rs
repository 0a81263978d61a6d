//! The example configuration, and the overlay that makes its checks quick enough to watch.

/// The first director's file, as a company ran it in production.
pub const MASTER: &str = include_str!("../../examples/keepalived-master.conf");
/// The second director's file.
pub const BACKUP: &str = include_str!("../../examples/keepalived-backup.conf");

/// How often and how patiently real servers are checked, in seconds as the file has them.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub delay_loop: &'static str,
    pub warmup: &'static str,
    pub connect_timeout: &'static str,
    pub nb_get_retry: &'static str,
    pub delay_before_retry: &'static str,
}

impl Pace {
    /// For scenarios: a failure is a verdict within half a second.
    pub const QUICK: Self = Self {
        delay_loop: "0.2",
        warmup: "0",
        connect_timeout: "1",
        nb_get_retry: "1",
        delay_before_retry: "0.1",
    };

    /// For people: everything as in the example but ten times as often.
    pub const WATCHABLE: Self = Self {
        delay_loop: "2",
        warmup: "1",
        connect_timeout: "2",
        nb_get_retry: "3",
        delay_before_retry: "0.5",
    };
}

/// The text of one of the examples with another pace. All else stays, comments too.
pub fn at_pace(example: &str, pace: Pace) -> String {
    let delay_loop = format!("delay_loop {}\n  warmup {}", pace.delay_loop, pace.warmup);
    let settings = [
        ("delay_loop 20", delay_loop),
        (
            "connect_timeout 5",
            format!("connect_timeout {}", pace.connect_timeout),
        ),
        (
            "nb_get_retry 3",
            format!("nb_get_retry {}", pace.nb_get_retry),
        ),
        (
            "delay_before_retry 3",
            format!("delay_before_retry {}", pace.delay_before_retry),
        ),
    ];
    settings
        .iter()
        .fold(example.to_owned(), |text, (old, new)| {
            text.replace(old, new)
        })
}

/// The text of one of the examples without the one line for which keepalived's VRRP process wants IPVS. Where the kernel has none, as
/// in the lab, it ends at once.
pub fn without_ipvs(example: &str) -> String {
    let lines = example.lines();
    lines
        .filter(|line| !line.trim().starts_with("lvs_sync_daemon_interface"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// A configuration with one virtual server on port 3306 and both servers of the lab as its real servers.
pub fn two_real_servers(scheduler: &str, weights: [u32; 2]) -> String {
    let real_server = |address: &str, weight| {
        format!(
            "real_server {address} 3306 {{ weight {weight} TCP_CHECK {{ connect_timeout 1 }} }}"
        )
    };
    let real_servers = [
        real_server("192.168.66.253", weights[0]),
        real_server("192.168.66.254", weights[1]),
    ]
    .join("\n  ");
    format!(
        "vrrp_instance INT {{\n  interface eth0\n  virtual_router_id 200\n  state MASTER\n  priority 255\n  advert_int 10\n  virtual_ipaddress {{ 192.168.66.251 }}\n}}\n\
         virtual_server 192.168.66.251 3306 {{\n  delay_loop 1\n  lb_algo {scheduler}\n  lb_kind DR\n  protocol TCP\n  \
         {real_servers}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ipvs_one_line_is_missing() {
        for example in [MASTER, BACKUP] {
            let text = without_ipvs(example);
            assert_eq!(text.lines().count() + 1, example.lines().count());
            assert!(!text.contains("lvs_sync_daemon_interface"), "{text}");
        }
    }

    #[test]
    fn the_overlay_changes_the_pace_of_every_check_and_nothing_else() {
        let text = at_pace(MASTER, Pace::QUICK);
        for setting in [
            "delay_loop 0.2",
            "warmup 0",
            "connect_timeout 1",
            "nb_get_retry 1",
            "delay_before_retry 0.1",
        ] {
            assert_eq!(
                text.lines().filter(|line| line.trim() == setting).count(),
                2,
                "{setting}"
            );
        }
        let unchanged = MASTER
            .lines()
            .filter(|line| !text.contains(line))
            .map(str::trim)
            .collect::<Vec<_>>();
        let changed = [
            "delay_loop 20",
            "connect_timeout 5",
            "nb_get_retry 3",
            "delay_before_retry 3",
        ];
        assert_eq!(unchanged, [changed, changed].concat());
    }
}
