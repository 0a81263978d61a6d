//! When a flow is over. Pure: the time is an argument.
//!
//! Timeouts are those of IPVS's TCP and UDP tables (`ip_vs_proto_tcp.c`, `ip_vs_proto_udp.c`).

use std::time::Duration;

use director_common::{
    flow::Flow,
    settings::{Settings, TIMEOUTS},
    tcp::FlowState,
};

/// How long later fragments follow the first one: Linux gives up on a packet after this (`net.ipv4.ipfrag_time`).
const FRAGMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// When lblcr makes a set smaller (`net.ipv4.vs.lblcr_expiration`).
const LOCALITY_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// ICMP errors that each CPU may send: 50 in a twentieth of a second, 1000 in a second (`net.ipv4.icmp_msgs_per_sec`, `_burst`).
const REPLY_WINDOW: Duration = Duration::from_millis(50);
const REPLIES: u32 = 50;

/// How long a flow in each state is kept after the client was last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `ESTABLISHED` (`ipvsadm --set`, first value), unless its service has one of its own.
    pub established: Duration,
    /// `FIN_WAIT` (`ipvsadm --set`, second value).
    pub fin_wait: Duration,
    /// UDP (`ipvsadm --set`, third value).
    pub udp: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            established: Duration::from_secs(900),
            fin_wait: Duration::from_secs(120),
            udp: Duration::from_secs(300),
        }
    }
}

/// A time in jiffies, at least 1: 0 would be for ever.
#[must_use]
pub fn jiffies(time: Duration, per_second: u32) -> u32 {
    let jiffies = time.as_millis() * u128::from(per_second) / 1000;
    // Longer than half the circle would be taken for a time that lies ahead.
    u32::try_from(jiffies)
        .unwrap_or(u32::MAX / 2)
        .clamp(1, u32::MAX / 2)
}

/// What the packet path is told once.
#[must_use]
pub fn settings(timeouts: &Timeouts, per_second: u32) -> Settings {
    let mut settings = Settings {
        fragment_timeout: jiffies(FRAGMENT_TIMEOUT, per_second),
        locality_timeout: jiffies(LOCALITY_TIMEOUT, per_second),
        reply_window: jiffies(REPLY_WINDOW, per_second),
        replies: REPLIES,
        ..Settings::default()
    };
    for (state, timeout) in (0..).zip(&mut settings.timeouts).take(TIMEOUTS) {
        *timeout = jiffies(timeouts.of(FlowState(state)), per_second);
    }
    settings
}

impl Timeouts {
    /// Time that a flow in this state is kept.
    #[must_use]
    pub const fn of(&self, state: FlowState) -> Duration {
        match state {
            FlowState::ESTABLISHED => self.established,
            FlowState::FIN_WAIT => self.fin_wait,
            FlowState::UDP => self.udp,
            FlowState::SYN_RECV => Duration::from_secs(60),
            FlowState::TIME_WAIT => Duration::from_secs(120),
            FlowState::CLOSE => Duration::from_secs(10),
            _ => Duration::from_secs(2),
        }
    }
}

/// A point of the kernel's coarse clock.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jiffies {
    /// Low 32 bits of jiffies now.
    pub now: u32,
    /// Ticks in a second (`CONFIG_HZ`).
    pub per_second: u32,
}

impl Jiffies {
    /// Length of a number of ticks.
    #[must_use]
    pub fn length(self, ticks: u32) -> Duration {
        Duration::from_millis(u64::from(ticks) * 1000 / u64::from(self.per_second.max(1)))
    }

    /// Time since an earlier point. A point that seems to lie ahead was written on another CPU in this instant.
    #[must_use]
    pub fn since(self, earlier: u32) -> Duration {
        let ticks = self.now.wrapping_sub(earlier);
        if ticks > u32::MAX / 2 {
            return Duration::ZERO;
        }
        self.length(ticks)
    }
}

/// Time that a flow has left; zero: it is over. `idle_timeout` is its service's, if it has one of its own.
#[must_use]
pub fn remaining(
    flow: &Flow,
    now: Jiffies,
    timeouts: &Timeouts,
    idle_timeout: Option<Duration>,
) -> Duration {
    let timeout = match (FlowState(flow.state), idle_timeout) {
        (FlowState::ESTABLISHED, Some(timeout)) => timeout,
        (state, _) => timeouts.of(state),
    };
    timeout.saturating_sub(now.since(flow.last_seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Jiffies = Jiffies {
        now: 100_000,
        per_second: 250,
    };

    fn flow(state: FlowState, last_seen: u32) -> Flow {
        Flow {
            state: state.0,
            last_seen,
            ..Flow::default()
        }
    }

    #[test]
    fn an_established_flow_lasts_fifteen_minutes_after_its_last_packet() {
        let timeouts = Timeouts::default();
        let fresh = flow(FlowState::ESTABLISHED, NOW.now);
        assert_eq!(
            remaining(&fresh, NOW, &timeouts, None),
            Duration::from_secs(900)
        );
        let later = Jiffies {
            now: NOW.now + 900 * 250,
            ..NOW
        };
        assert_eq!(remaining(&fresh, later, &timeouts, None), Duration::ZERO);
        let just_before = Jiffies {
            now: later.now - 250,
            ..NOW
        };
        assert_eq!(
            remaining(&fresh, just_before, &timeouts, None),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn s0_07_a_service_may_keep_its_idle_flows_longer() {
        let timeouts = Timeouts::default();
        let later = Jiffies {
            now: NOW.now + 1200 * 250,
            ..NOW
        };
        let day = Some(Duration::from_secs(86_400));
        let idle = flow(FlowState::ESTABLISHED, NOW.now);
        assert_eq!(
            remaining(&idle, later, &timeouts, day),
            Duration::from_secs(85_200)
        );
        let closing = flow(FlowState::FIN_WAIT, NOW.now);
        assert_eq!(remaining(&closing, later, &timeouts, day), Duration::ZERO);
    }

    #[test]
    fn times_in_jiffies_are_never_none_and_never_more_than_half_the_circle() {
        assert_eq!(jiffies(Duration::from_secs(2), 250), 500);
        assert_eq!(jiffies(Duration::ZERO, 250), 1);
        assert_eq!(
            jiffies(Duration::from_secs(u64::MAX / 2), 1000),
            u32::MAX / 2
        );
    }

    #[test]
    fn every_state_has_the_timeout_of_ipvs() {
        let seconds = |state| Timeouts::default().of(state).as_secs();
        assert_eq!(seconds(FlowState::SYN_RECV), 60);
        assert_eq!(seconds(FlowState::FIN_WAIT), 120);
        assert_eq!(seconds(FlowState::TIME_WAIT), 120);
        assert_eq!(seconds(FlowState::CLOSE), 10);
        assert_eq!(seconds(FlowState::UDP), 300);
    }

    #[test]
    fn the_clock_may_wrap_between_two_looks() {
        let now = Jiffies {
            now: 249,
            per_second: 250,
        };
        assert_eq!(now.since(u32::MAX - 250), Duration::from_secs(2));
    }

    #[test]
    fn a_packet_on_another_cpu_in_this_instant_is_not_old() {
        assert_eq!(NOW.since(NOW.now + 1), Duration::ZERO);
    }
}
