//! The settings of pace that can stand at the virtual server, the real server and the check.

use std::time::Duration;

use super::{
    super::settings::{Setting, Settings},
    super::value::{Spanned, number},
    CheckPace,
};

/// keepalived's default of `delay_loop`.
const INTERVAL: Duration = Duration::from_secs(60);
/// keepalived's defaults for TCP_CHECK.
const RETRIES: u32 = 1;
const RETRY_DELAY: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks without a pause would be an attack.
const LEAST_INTERVAL: Duration = Duration::from_millis(10);
const LEAST_TIMEOUT: Duration = Duration::from_millis(1);
const MOST_RETRIES: u32 = 1000;

/// What one level says; `None` leaves it to the level around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct PaceSettings {
    interval: Option<Duration>,
    retries: Option<u32>,
    retry_delay: Option<Duration>,
    warmup: Option<Duration>,
    connect_timeout: Option<Duration>,
}

impl PaceSettings {
    pub(in super::super) fn read(settings: &mut Settings<'_, '_>) -> Self {
        let retry = settings.take("retry");
        Self::read_with_retry(settings, retry)
    }

    /// The same with a `retry` that was taken already, as it may have another spelling.
    pub(super) fn read_with_retry(
        settings: &mut Settings<'_, '_>,
        retry: Option<Setting<'_>>,
    ) -> Self {
        let retries = retry.and_then(|setting| {
            settings.one(&setting, |word| {
                number(word, setting.name, 0..=MOST_RETRIES)
            })
        });
        let mut duration = |name, least| settings.duration(name, least).map(|found| found.value);
        Self {
            retries: retries.map(|Spanned { value, .. }| value),
            interval: duration("delay_loop", LEAST_INTERVAL),
            retry_delay: duration("delay_before_retry", Duration::ZERO),
            warmup: duration("warmup", Duration::ZERO),
            connect_timeout: duration("connect_timeout", LEAST_TIMEOUT),
        }
    }

    /// This level within another: the inner one wins.
    pub(in super::super) fn within(self, outer: Self) -> Self {
        Self {
            interval: self.interval.or(outer.interval),
            retries: self.retries.or(outer.retries),
            retry_delay: self.retry_delay.or(outer.retry_delay),
            warmup: self.warmup.or(outer.warmup),
            connect_timeout: self.connect_timeout.or(outer.connect_timeout),
        }
    }

    pub(super) fn pace(self) -> CheckPace {
        let interval = self.interval.unwrap_or(INTERVAL);
        CheckPace {
            interval,
            retries: self.retries.unwrap_or(RETRIES),
            retry_delay: self.retry_delay.unwrap_or(RETRY_DELAY),
            warmup: self.warmup.unwrap_or(interval),
        }
    }

    pub(super) fn connect_timeout(self) -> Duration {
        self.connect_timeout.unwrap_or(CONNECT_TIMEOUT)
    }
}
