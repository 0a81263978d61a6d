//! `failback`: when the real servers take over from the sorry server again.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use super::super::{
    Diagnostic,
    diagnostic::quoted,
    settings::{Setting, Settings},
    value,
};

/// When the real servers take over from the sorry server again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failback {
    /// `automatic`: as soon as the quorum is met.
    #[default]
    Automatic,
    /// `delay SECONDS`: when the quorum has been met for so long.
    Delay(Duration),
    /// `manual`: when the operator says so.
    Manual,
}

/// A day.
const LONGEST_DELAY: Duration = Duration::from_hours(24);

/// As it stands in a file.
impl fmt::Display for Failback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Automatic => f.write_str("automatic"),
            Self::Delay(time) => write!(f, "delay {}", time.as_secs_f64()),
            Self::Manual => f.write_str("manual"),
        }
    }
}

impl Serialize for Failback {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn failback(settings: &mut Settings<'_, '_>) -> Failback {
    let read = settings.take("failback").map(|setting| read(&setting));
    read.and_then(|read| settings.keep(read))
        .unwrap_or_default()
}

fn read(setting: &Setting<'_>) -> Result<Failback, Diagnostic> {
    match setting.arguments {
        [] => Ok(Failback::Automatic),
        [word] if word.text == "automatic" => Ok(Failback::Automatic),
        [word] if word.text == "manual" => Ok(Failback::Manual),
        [word, time] if word.text == "delay" => {
            let range = Duration::ZERO..=LONGEST_DELAY;
            value::duration(time, "failback delay", range).map(Failback::Delay)
        }
        [word] if word.text == "delay" => Err(Diagnostic::error(
            word.span,
            "`failback delay` needs its seconds",
        )),
        [word, rest @ ..] => {
            let word = match word.text.as_str() {
                "automatic" | "manual" | "delay" => rest.first().unwrap_or(word),
                _ => word,
            };
            Err(Diagnostic::error(
                word.span,
                format!("{} is not a value of `failback`", quoted(&word.text)),
            )
            .label("it takes `automatic`, `delay SECONDS` or `manual`"))
        }
    }
}
