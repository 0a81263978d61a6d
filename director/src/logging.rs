//! Setting up the log: to stderr, for people or for machines. Nothing else configures it.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, filter::ParseError};

/// The variable that sets the level when `--log-level` does not.
pub const LEVEL_VARIABLE: &str = "DIRECTOR_LOG";

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line of text an event.
    #[default]
    Human,
    /// One JSON object an event.
    Json,
}

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is neither a level nor a list of `part=level`.
    #[error("the log level {level:?} is not understood")]
    Level {
        /// What was given.
        level: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// The log was set up before.
    #[error("the log cannot be started")]
    Started(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Starts the log of this process.
///
/// `level` is `error`, `warn`, `info`, `debug` or `trace`, or a list such as `info,director::check=debug`.
///
/// # Errors
/// `level` is not understood, or the log was started already.
pub fn start(format: LogFormat, level: &str) -> Result<(), LoggingError> {
    let filter = EnvFilter::builder()
        .parse(level)
        .map_err(|source| LoggingError::Level {
            level: level.to_owned(),
            source,
        })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match format {
        LogFormat::Human => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    }
    .map_err(LoggingError::Started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_none_is_an_error_that_names_it() {
        let error = start(LogFormat::Human, "director=loud").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the log level \"director=loud\" is not understood"
        );
    }
}
