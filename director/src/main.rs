//! The binary: parse the arguments and call the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use director::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
