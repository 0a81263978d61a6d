//! Everything a person does to the repository: `cargo xtask <task>`. One verb per file; this one only tells them apart.

use std::process::ExitCode;

use clap::Parser;
use console::style;

mod bench;
mod build;
mod command;
mod debian;
mod demo;
mod fuzz;
mod guest;
mod load;
mod package;
mod setup;
mod step;
mod test;
mod toolchain;

/// Tasks of the repository. Each first installs what it needs and the machine lacks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Install what building, testing and the demo need, or say what to install
    Setup,
    /// Build the XDP program and the daemon into one self-contained binary
    Build(build::Options),
    /// Build the optimized binary and a Debian package of it
    Package,
    /// Build, then attach the XDP program to an interface without the daemon
    Load(load::Options),
    /// Show the director at work, in network namespaces on this machine (needs root)
    Demo(demo::Options),
    /// Run every test: units, the XDP program, and scenarios in network namespaces (needs root)
    Test(test::Options),
    /// Measure the packet path against a floor program (needs root)
    Bench(bench::Options),
    /// Send mutated packets to the XDP program and to its model, ten million of them (needs root)
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Setup => setup::run(),
        Task::Build(options) => build::run(&options),
        Task::Package => package::run(),
        Task::Load(options) => load::run(&options),
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the trace that `RUST_BACKTRACE` adds: what failed is a program that has said why itself.
            eprintln!("{} {error:#}", style("error:").red().bold());
            ExitCode::FAILURE
        }
    }
}
