//! `director script run NAME`: a tracked script exactly as the daemon runs it, and all that came of it (scenario 1.4).

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{CliError, output};
use crate::{
    api::response::Problem,
    config::{self, Config, DEFAULT_PATH},
    script::{PATH, Policy, Runner, Verdict},
    track,
};

/// What there is to do with scripts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ScriptCommand {
    /// Run a `vrrp_script` once, exactly as the daemon would, and show its exit, output and time.
    ///
    /// The same user, environment and search path; needs no daemon.
    Run(RunOptions),
}

/// Options of `script run`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Exit codes: 0 it succeeded, 1 it failed, 2 it is broken or could not be run.

Example:
  director script run chk_mysql")]
pub struct RunOptions {
    /// `vrrp_script NAME`.
    pub name: String,

    /// The configuration.
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub config: PathBuf,

    /// Print what came of it as JSON.
    #[arg(long)]
    pub json: bool,
}

/// One run.
#[derive(Debug, Serialize)]
struct Run {
    name: String,
    command: String,
    path: &'static str,
    exit: String,
    /// Its exit code, if it came to one.
    code: Option<i32>,
    secs: f64,
    output: String,
}

pub(super) fn run(command: &ScriptCommand) -> Result<ExitCode, CliError> {
    let ScriptCommand::Run(options) = command;
    let config = read(&options.config)?;
    let Some(script) = config
        .vrrp_scripts
        .iter()
        .find(|script| script.name == options.name)
    else {
        return Err(no_such(&options.name, &config).into());
    };
    let call = track::call(script, &Policy::from(&config.global));
    let outcome =
        output::block_on(async { Ok(Runner::default().run(&call, Some(script.timeout)).await) })?;
    let run = Run {
        name: script.name.clone(),
        command: call.shown(),
        path: PATH,
        exit: outcome.exit.to_string(),
        code: outcome.exit.code(),
        secs: outcome.duration.as_secs_f64(),
        output: outcome.output.clone(),
    };
    output::print(|out| match options.json {
        true => output::write_json(out, &run),
        false => {
            writeln!(out, "command  {}", run.command)?;
            writeln!(out, "PATH     {}", run.path)?;
            writeln!(out, "exit     {}", run.exit)?;
            writeln!(out, "time     {:.3} s", run.secs)?;
            Ok(write!(out, "output\n{}", run.output)?)
        }
    })?;
    Ok(match outcome.exit.verdict() {
        Verdict::Success => ExitCode::SUCCESS,
        Verdict::Failure => ExitCode::from(1),
        Verdict::Broken => ExitCode::from(2),
    })
}

fn read(path: &Path) -> Result<Config, Problem> {
    let loaded = config::load(path);
    let report = loaded.render(config::Color::Plain);
    loaded.config.ok_or_else(|| {
        Problem::new(format!("the configuration {} has errors", path.display()))
            .because(report.trim_end().to_owned())
            .help("mend the file; `director config check FILE` reads it, too")
    })
}

fn no_such(name: &str, config: &Config) -> Problem {
    let names: Vec<_> = config
        .vrrp_scripts
        .iter()
        .map(|script| script.name.as_str())
        .collect();
    let help = match names.is_empty() {
        true => "the configuration has no `vrrp_script`".to_owned(),
        false => format!("those that there are: {}", names.join(", ")),
    };
    Problem::new(format!("there is no `vrrp_script {name}`")).help(help)
}
