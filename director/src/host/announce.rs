//! Telling the link which MAC address a VIP has now: by gratuitous ARP, or by an unsolicited neighbor advertisement.
//!
//! [`Announcer`] says when and is pure; only [`Host::announce`] sends.

use std::{io, net::IpAddr, time::Instant};

use caps::Capability;
use thiserror::Error;

use super::{Host, arp, error::KernelError, frames, links::Link, ndp};
use crate::config::GratuitousArp;

/// When the VIPs of an instance that became Master are announced: a burst at once, a second one after a delay, for
/// those switches and hosts that missed the first, and refreshes if they are wanted.
#[derive(Clone, Debug)]
pub struct Announcer {
    pace: GratuitousArp,
    due: Option<(Instant, Burst)>,
}

#[derive(Clone, Copy, Debug)]
enum Burst {
    First,
    Second,
    Refresh,
}

impl Announcer {
    /// The first burst is due at `now`.
    #[must_use]
    pub const fn new(pace: GratuitousArp, now: Instant) -> Self {
        Self {
            pace,
            due: Some((now, Burst::First)),
        }
    }

    /// When [`Announcer::handle`] has an effect; `None`: never again.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.due.map(|(at, _)| at)
    }

    /// How many frames to send for each address now; `None` before the deadline. After a long sleep the missed
    /// refreshes are not made up for.
    pub fn handle(&mut self, now: Instant) -> Option<u32> {
        let (at, burst) = self.due?;
        if now < at {
            return None;
        }
        self.due = self.after(burst, now);
        match burst {
            Burst::First | Burst::Second => Some(self.pace.repeat),
            Burst::Refresh => Some(self.pace.refresh_repeat),
        }
    }

    fn after(&self, burst: Burst, now: Instant) -> Option<(Instant, Burst)> {
        let GratuitousArp { delay, refresh, .. } = self.pace;
        match burst {
            Burst::First if !delay.is_zero() => Some((now + delay, Burst::Second)),
            Burst::First | Burst::Second | Burst::Refresh if !refresh.is_zero() => {
                Some((now + refresh, Burst::Refresh))
            }
            Burst::First | Burst::Second | Burst::Refresh => None,
        }
    }
}

/// Announcing a VIP failed.
#[derive(Debug, Error)]
#[error("announcing {vip} on {interface}")]
pub struct AnnounceError {
    vip: IpAddr,
    interface: String,
    /// Why it failed.
    source: KernelError,
}

impl Host {
    /// Sends `frames` announcements of `vip`, one after the other.
    ///
    /// # Errors
    ///
    /// CAP_NET_RAW is missing, or the link is gone or down.
    pub fn announce(&self, link: &Link, vip: IpAddr, frames: u32) -> Result<(), AnnounceError> {
        send(link, &announcement(link.mac, vip), frames).map_err(|error| AnnounceError {
            vip,
            interface: link.name.clone(),
            source: KernelError::from_io(&error, Capability::CAP_NET_RAW),
        })
    }
}

/// The frame that tells a link which MAC address a VIP has.
#[must_use]
pub fn announcement(mac: [u8; 6], vip: IpAddr) -> Vec<u8> {
    match vip {
        IpAddr::V4(vip) => arp::announcement(mac, vip).to_vec(),
        IpAddr::V6(vip) => ndp::advertisement(mac, vip).to_vec(),
    }
}

fn send(link: &Link, frame: &[u8], frames: u32) -> io::Result<()> {
    let mut sender = frames::sender(link.index)?;
    for _ in 0..frames {
        let unsent = || Err(io::ErrorKind::Unsupported.into());
        sender.send_to(frame, None).unwrap_or_else(unsent)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn announcer(pace: GratuitousArp) -> (Announcer, Instant) {
        let now = Instant::now();
        (Announcer::new(pace, now), now)
    }

    /// The bursts until `end` as (seconds, frames).
    fn bursts(pace: GratuitousArp, end: Duration) -> Vec<(u64, u32)> {
        let (mut announcer, start) = announcer(pace);
        let mut bursts = Vec::new();
        while let Some(at) = announcer.next_deadline().filter(|at| *at <= start + end) {
            let frames = announcer.handle(at).expect("a burst at its deadline");
            bursts.push(((at - start).as_secs(), frames));
        }
        bursts
    }

    const MINUTE: Duration = Duration::from_secs(60);

    /// Scenario 2.26.
    #[test]
    fn by_default_there_are_five_frames_at_once_five_after_five_seconds_and_one_each_minute() {
        assert_eq!(
            bursts(GratuitousArp::default(), MINUTE * 2),
            [(0, 5), (5, 5), (65, 1)]
        );
    }

    #[test]
    fn without_a_delay_there_is_no_second_burst() {
        let pace = GratuitousArp {
            delay: Duration::ZERO,
            refresh: Duration::ZERO,
            ..GratuitousArp::default()
        };
        assert_eq!(bursts(pace, MINUTE), [(0, 5)]);
    }

    #[test]
    fn refreshes_follow_the_last_burst() {
        let refresh = Duration::from_secs(20);
        let pace = GratuitousArp {
            refresh,
            refresh_repeat: 2,
            ..GratuitousArp::default()
        };
        assert_eq!(bursts(pace, MINUTE), [(0, 5), (5, 5), (25, 2), (45, 2)]);
    }

    #[test]
    fn an_early_call_does_nothing() {
        let (mut announcer, now) = announcer(GratuitousArp::default());
        assert_eq!(announcer.handle(now), Some(5));
        assert_eq!(announcer.handle(now), None);
        assert_eq!(
            announcer.next_deadline(),
            Some(now + Duration::from_secs(5))
        );
    }

    #[test]
    fn missed_refreshes_are_not_made_up_for() {
        let refresh = Duration::from_secs(1);
        let pace = GratuitousArp {
            delay: Duration::ZERO,
            refresh,
            ..GratuitousArp::default()
        };
        let (mut announcer, now) = announcer(pace);
        announcer.handle(now);
        let late = now + MINUTE;
        assert_eq!(announcer.handle(late), Some(1));
        assert_eq!(announcer.next_deadline(), Some(late + refresh));
    }
}
