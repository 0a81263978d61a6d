//! Reading `persistence_timeout` and `persistence_granularity`: which clients stay with a real server, and how long.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::super::{
    Diagnostic, Span,
    address::host_prefix,
    diagnostic::quoted,
    settings::{Setting, Settings},
    tree::Word,
    value::number,
};

/// keepalived's value of `persistence_timeout` without a number.
const DEFAULT_SECONDS: u32 = 360;
/// IPVS's own limit: 31 days.
pub(in super::super) const MOST_PERSISTENCE_SECS: u32 = 31 * 24 * 3600;

pub(super) struct Persistence {
    /// `None`: off, or refused.
    pub(super) timeout: Option<Duration>,
    /// Bits of a client's address that count.
    pub(super) prefix: u8,
    /// Where it is switched on, also by a value that was refused.
    pub(super) span: Option<Span>,
}

/// Reads both, for a virtual server of this address.
pub(super) fn persistence(settings: &mut Settings<'_, '_>, address: IpAddr) -> Persistence {
    let setting = settings.take("persistence_timeout");
    let span = setting.map(|setting| setting.span);
    Persistence {
        timeout: setting.and_then(|setting| timeout(settings, &setting)),
        prefix: granularity(settings, address, span).unwrap_or(host_prefix(address)),
        span,
    }
}

fn timeout(settings: &mut Settings<'_, '_>, setting: &Setting<'_>) -> Option<Duration> {
    let seconds = if setting.arguments.is_empty() {
        DEFAULT_SECONDS
    } else {
        let word = |word: &Word| number(word, setting.name, 1..=MOST_PERSISTENCE_SECS);
        settings.one(setting, word)?.value
    };
    Some(Duration::from_secs(seconds.into()))
}

fn granularity(
    settings: &mut Settings<'_, '_>,
    address: IpAddr,
    persistent: Option<Span>,
) -> Option<u8> {
    let setting = settings.take("persistence_granularity")?;
    let prefix = settings.one(&setting, |word| match address {
        IpAddr::V4(_) => netmask(word),
        IpAddr::V6(_) => prefix_length(word),
    });
    if persistent.is_none() {
        settings.diagnostics.push(
            Diagnostic::warning(
                setting.span,
                "`persistence_granularity` has no effect without `persistence_timeout`",
            )
            .label("connections are scheduled one by one")
            .help("add `persistence_timeout 360`, or take this away"),
        );
    }
    Some(prefix?.value)
}

/// A dotted netmask, as ipvsadm and keepalived take it.
fn netmask(word: &Word) -> Result<u8, Diagnostic> {
    const WANTED: &str = "a netmask such as 255.255.255.0 is wanted here";
    let Ok(mask) = word.text.parse::<Ipv4Addr>() else {
        let error = Diagnostic::error(
            word.span,
            format!("{} is not a netmask", quoted(&word.text)),
        )
        .label(WANTED);
        let bits = word.text.trim_start_matches('/').parse::<u32>();
        return Err(match bits {
            Ok(bits @ 1..=32) => error.help(format!(
                "write `{}` for {bits} bits",
                Ipv4Addr::from_bits(u32::MAX << (32 - bits))
            )),
            _ => error,
        });
    };
    let bits = mask.to_bits();
    match u8::try_from(bits.leading_ones()) {
        Ok(ones @ 1..=32) if bits.leading_ones() == bits.count_ones() => Ok(ones),
        _ => Err(Diagnostic::error(
            word.span,
            format!("the netmask {} has gaps, or no bits", quoted(&word.text)),
        )
        .label(WANTED)
        .help("write ones from the left only, at least one of them")),
    }
}

fn prefix_length(word: &Word) -> Result<u8, Diagnostic> {
    number(word, "persistence_granularity", 1..=128).map_err(|error| {
        error.label("with IPv6 it is a number of bits from 1 to 128, without a slash")
    })
}
