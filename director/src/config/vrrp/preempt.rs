//! Reading `nopreempt`, `preempt` and `preempt_delay`.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    super::{Diagnostic, Span, settings::Settings},
    ADDRESS_OWNER, InitialState,
};

/// keepalived's limits.
const DELAYS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(1000);

/// When a Master of lower priority is followed by this director.
pub(super) struct Preemption {
    /// `nopreempt` was not given, or has no effect.
    pub(super) preempt: bool,
    /// `preempt_delay`.
    pub(super) delay: Duration,
}

impl Preemption {
    pub(super) fn read(settings: &mut Settings<'_, '_>, state: InitialState, priority: u8) -> Self {
        let preempt = preempt(settings, state, priority);
        let Some(delay) = settings.duration_in("preempt_delay", DELAYS) else {
            return Self {
                preempt,
                delay: Duration::ZERO,
            };
        };
        let preemption = Self {
            preempt,
            delay: delay.value,
        };
        if let Some(warning) = preemption.warning(delay.span, state, priority) {
            settings.diagnostics.push(warning);
        }
        preemption
    }

    fn warning(&self, span: Span, state: InitialState, priority: u8) -> Option<Diagnostic> {
        if priority == ADDRESS_OWNER {
            let warning =
                Diagnostic::warning(span, "`preempt_delay` has no effect with priority 255")
                    .label("the owner of the addresses takes over at once (RFC 9568 section 6.4.1)")
                    .help("write a priority from 1 to 254");
            return Some(warning);
        }
        if !self.preempt {
            let warning =
                Diagnostic::warning(span, "`preempt_delay` has no effect with `nopreempt`")
                    .label("this director never takes over from a lower priority")
                    .help("take one of them away");
            return Some(warning);
        }
        if state == InitialState::Backup {
            return None;
        }
        let warning = Diagnostic::warning(
            span,
            "`preempt_delay` is honoured here in spite of `state MASTER`",
        )
        .label("keepalived ignores it unless the state is BACKUP")
        .help("write `state BACKUP` on both directors, so that both programs read it alike");
        Some(warning)
    }
}

fn preempt(settings: &mut Settings<'_, '_>, state: InitialState, priority: u8) -> bool {
    settings.take("preempt");
    let Some(nopreempt) = settings.take("nopreempt") else {
        return true;
    };
    if priority == ADDRESS_OWNER {
        settings.diagnostics.push(
            Diagnostic::warning(
                nopreempt.span,
                "`nopreempt` has no effect with priority 255",
            )
            .label("the owner of the addresses always takes over (RFC 9568 section 6.1)")
            .help("write a priority from 1 to 254"),
        );
        return true;
    }
    if state == InitialState::Master {
        settings.diagnostics.push(
            Diagnostic::warning(
                nopreempt.span,
                "`nopreempt` is honoured here in spite of `state MASTER`",
            )
            .label("keepalived ignores it unless the state is BACKUP")
            .help("write `state BACKUP` on both directors, so that both programs read it alike"),
        );
    }
    false
}
