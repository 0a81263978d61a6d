//! What becomes of the flows of a real server that gets no more of them: `on_failure`, `on_removal`, `on_relief`.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

use super::super::{
    Diagnostic,
    diagnostic::{nearest, quoted},
    settings::{Setting, Settings},
    value,
};

/// What becomes of a server's flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// `reset`: both ends are told at once.
    Reset,
    /// `drain SECONDS`: they go on for so long; then both ends are told.
    Drain(Duration),
    /// `hold`: their packets are dropped until the server returns, as with IPVS.
    Hold,
    /// `keep`: they go on for as long as they last.
    Keep,
}

/// What becomes of flows, by what ended their server's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Farewells {
    /// `on_failure`: a check fails. Default `reset`.
    pub on_failure: Farewell,
    /// `on_removal`: the server is taken out of the configuration, or its weight is set to 0. Default `drain 60`.
    pub on_removal: Farewell,
    /// `on_relief`: the real servers are back, and the sorry server is not needed any more. Default `drain 60`.
    pub on_relief: Farewell,
}

/// Time to drain where none is given.
const DRAIN: Duration = Duration::from_mins(1);

/// A month.
const LONGEST_DRAIN: Duration = Duration::from_hours(31 * 24);

impl Default for Farewells {
    fn default() -> Self {
        Self {
            on_failure: Farewell::Reset,
            on_removal: Farewell::Drain(DRAIN),
            on_relief: Farewell::Drain(DRAIN),
        }
    }
}

/// As it stands in a file.
impl fmt::Display for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset => f.write_str("reset"),
            Self::Drain(time) => write!(f, "drain {}", time.as_secs_f64()),
            Self::Hold => f.write_str("hold"),
            Self::Keep => f.write_str("keep"),
        }
    }
}

impl Serialize for Farewell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn farewells(settings: &mut Settings<'_, '_>) -> Farewells {
    let default = Farewells::default();
    let mut read = |name, words: &[&str]| {
        let setting = settings.take(name)?;
        let read = farewell(&setting, words);
        settings.keep(read)
    };
    let parting = ["reset", "drain", "hold"];
    Farewells {
        on_failure: read("on_failure", &parting).unwrap_or(default.on_failure),
        on_removal: read("on_removal", &parting).unwrap_or(default.on_removal),
        on_relief: read("on_relief", &["reset", "drain", "keep"]).unwrap_or(default.on_relief),
    }
}

fn farewell(setting: &Setting<'_>, words: &[&str]) -> Result<Farewell, Diagnostic> {
    let [word, rest @ ..] = setting.arguments else {
        return Ok(Farewell::Reset);
    };
    let choices = words.join("`, `");
    let farewell = match word.text.as_str() {
        known if !words.contains(&known) => {
            let error = Diagnostic::error(
                word.span,
                format!(
                    "{} is not a value of `{}`",
                    quoted(&word.text),
                    setting.name
                ),
            )
            .label(format!("it takes one of `{choices}`"));
            return Err(match nearest(&word.text, words.iter().copied()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            });
        }
        "drain" => {
            let time = rest
                .first()
                .map(|word| value::duration(word, "drain", Duration::ZERO..=LONGEST_DRAIN));
            return Ok(Farewell::Drain(time.transpose()?.unwrap_or(DRAIN)));
        }
        "hold" => Farewell::Hold,
        "keep" => Farewell::Keep,
        _ => Farewell::Reset,
    };
    match rest.first() {
        None => Ok(farewell),
        Some(extra) => Err(Diagnostic::error(
            extra.span,
            format!("unexpected {} after `{farewell}`", quoted(&extra.text)),
        )
        .help("only `drain` takes a time, in seconds")),
    }
}
