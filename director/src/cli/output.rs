//! Printing: results to stdout, errors to stderr, and a reader that went away.

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use serde::Serialize;

use crate::api::{client::ClientError, response::Problem};

/// The exit code of everything that was not done.
const NOT_DONE: u8 = 2;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// To be told to the user.
    #[error("{0}")]
    Problem(Problem),
    /// The output could not be written.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Self::Problem(error.into())
    }
}

/// Turns the end of a command into an exit code, with the error on stderr.
///
/// A reader that closed its end (`director list | head`) has what it wanted: that is no error.
pub(super) fn report(end: Result<ExitCode, CliError>) -> ExitCode {
    let problem = match end {
        Ok(code) => return code,
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(CliError::Problem(problem)) => problem,
        Err(error) => Problem::from_error(&error),
    };
    // With stderr closed there is nobody left to tell; the exit code still does.
    drop(writeln!(io::stderr(), "{problem}"));
    ExitCode::from(NOT_DONE)
}

/// Writes to stdout and flushes, so that no error is lost.
pub(super) fn print(
    write: impl FnOnce(&mut dyn Write) -> Result<(), CliError>,
) -> Result<ExitCode, CliError> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// One JSON document, indented, with a newline.
pub(super) fn write_json<T: Serialize + ?Sized>(
    out: &mut dyn Write,
    value: &T,
) -> Result<(), CliError> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Runs what a verb asks of the daemon; verbs ask one thing, so one thread is enough.
pub(super) fn block_on<T>(
    question: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new("cannot start").because(error.to_string()))?
        .block_on(question)
}

/// One JSON document on one line.
pub(super) fn write_json_line<T: Serialize + ?Sized>(
    out: &mut dyn Write,
    value: &T,
) -> Result<(), CliError> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}
