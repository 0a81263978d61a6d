//! `quorum` and `hysteresis`: when a pool is good enough to serve.

use super::{
    super::{Diagnostic, settings::Settings},
    RealServer,
};

/// Weights are signed 32-bit numbers in the kernel's interface; sums of them are kept to the same range.
pub(in super::super) const MOST_WEIGHT: u32 = i32::MAX as u32;

/// Both in units of weight.
pub(super) struct Limits {
    pub(super) quorum: u32,
    pub(super) hysteresis: u32,
}

/// Reads both, and brings them into the range in which they can be met, as keepalived does.
pub(super) fn limits(settings: &mut Settings<'_, '_>, real_servers: &[RealServer]) -> Limits {
    let written = settings.number("quorum", 1..=MOST_WEIGHT);
    let mut quorum = written.map_or(1, |quorum| quorum.value);
    let total = real_servers
        .iter()
        .fold(0, |sum: u32, server| sum.saturating_add(server.weight))
        .max(1);
    if let Some(written) = written
        && quorum > total
    {
        settings.diagnostics.push(
            Diagnostic::warning(
                written.span,
                "the quorum is larger than the weight of all real servers together",
            )
            .label(format!(
                "it could never be met; {total} is used, as in keepalived"
            ))
            .help("lower the quorum, or raise the weights"),
        );
        quorum = total;
    }
    Limits {
        quorum,
        hysteresis: hysteresis(settings, quorum),
    }
}

fn hysteresis(settings: &mut Settings<'_, '_>, quorum: u32) -> u32 {
    let Some(written) = settings.number("hysteresis", 0..=MOST_WEIGHT) else {
        return 0;
    };
    if written.value < quorum {
        return written.value;
    }
    let most = quorum.saturating_sub(1);
    if written.value > most {
        settings.diagnostics.push(
            Diagnostic::warning(
                written.span,
                "the hysteresis is not smaller than the quorum",
            )
            .label(format!(
                "the pool could never go down; {most} is used, as in keepalived"
            ))
            .help(format!(
                "write a hysteresis below the quorum, which is {quorum}"
            )),
        );
    }
    most
}
