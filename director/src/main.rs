//! The binary: parse the arguments and call the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use director::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::from_words(std::env::args_os()))
}
