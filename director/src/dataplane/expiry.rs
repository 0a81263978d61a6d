//! When a flow is over. Pure: the time is an argument.
//!
//! Timeouts are those of IPVS's TCP and UDP tables (`ip_vs_proto_tcp.c`, `ip_vs_proto_udp.c`).

use std::time::Duration;

use director_common::{flow::Flow, tcp::FlowState};

/// How long a flow in each state is kept after the client was last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `ESTABLISHED` (`ipvsadm --set`, first value).
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jiffies {
    /// Low 32 bits of jiffies now.
    pub now: u32,
    /// Ticks in a second (`CONFIG_HZ`).
    pub per_second: u32,
}

impl Jiffies {
    /// Time since an earlier point. A point that seems to lie ahead was written on another CPU in this instant.
    #[must_use]
    pub fn since(self, earlier: u32) -> Duration {
        let ticks = self.now.wrapping_sub(earlier);
        if ticks > u32::MAX / 2 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(f64::from(ticks) / f64::from(self.per_second.max(1)))
    }
}

/// Time that a flow has left; zero: it is over.
#[must_use]
pub fn remaining(flow: &Flow, now: Jiffies, timeouts: &Timeouts) -> Duration {
    timeouts
        .of(FlowState(flow.state))
        .saturating_sub(now.since(flow.last_seen))
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
        assert_eq!(remaining(&fresh, NOW, &timeouts), Duration::from_secs(900));
        let later = Jiffies {
            now: NOW.now + 900 * 250,
            ..NOW
        };
        assert_eq!(remaining(&fresh, later, &timeouts), Duration::ZERO);
        let just_before = Jiffies {
            now: later.now - 250,
            ..NOW
        };
        assert_eq!(
            remaining(&fresh, just_before, &timeouts),
            Duration::from_secs(1)
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
