//! `director config check`, `director config show` and `director config diff`: what files say, without running them.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use serde::Serialize;

use super::{SocketOptions, output};
use crate::{
    config::{self, Color, Config, Loaded, Record},
    dataplane::{Machine, Sizes, TooLarge},
};

mod diff;
mod show;

/// Exit code of an error, as for a configuration that has one.
const FAILED: u8 = 2;

/// Look at a configuration file without running it.
#[derive(clap::Args, Clone, Debug)]
pub struct ConfigArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with a configuration file.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum ConfigCommand {
    /// Print everything that is wrong with a file. Exit code: 0 clean, 1 warnings only, 2 errors.
    Check(FileArgs),
    /// Print what a file means, with all defaults filled in; or what runs.
    Show(ShowArgs),
    #[expect(
        missing_docs,
        reason = "the options of a verb say what it does, once, here and in --help"
    )]
    Diff(diff::DiffArgs),
}

/// A file, and the form of the output.
#[derive(clap::Args, Clone, Debug)]
pub struct FileArgs {
    /// The configuration file, in the format of keepalived.
    #[arg(value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A file, or the daemon.
#[derive(clap::Args, Clone, Debug)]
pub struct ShowArgs {
    /// Which file, and in what form.
    #[command(flatten)]
    pub file: FileArgs,
    /// What the daemon runs, as JSON: its file, and what was changed by hand.
    #[arg(long, conflicts_with = "file")]
    pub running: bool,
    /// Which daemon to ask.
    #[command(flatten)]
    pub socket: SocketOptions,
}

/// Runs `director config`; returns the exit code of the process.
#[must_use]
pub fn run(args: &ConfigArgs) -> u8 {
    let result = match &args.command {
        ConfigCommand::Check(file) => check(
            file,
            &mut io::stdout().lock(),
            Color::for_stream(&io::stdout()),
        ),
        ConfigCommand::Show(args) if args.running => show_running(
            &args.socket,
            &mut io::stdout().lock(),
            &mut io::stderr().lock(),
        ),
        ConfigCommand::Show(args) => show(
            &args.file,
            &mut io::stdout().lock(),
            &mut io::stderr().lock(),
        ),
        ConfigCommand::Diff(files) => diff::diff(
            files,
            &mut io::stdout().lock(),
            &mut io::stderr().lock(),
            Color::for_stream(&io::stdout()),
        ),
    };
    match result {
        Ok(code) => code,
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => FAILED,
        Err(error) => {
            // Nothing is left to be done if this cannot be written either.
            let _unwritable = writeln!(io::stderr(), "error: cannot write the output: {error}");
            FAILED
        }
    }
}

#[derive(Serialize)]
struct CheckReport {
    errors: usize,
    warnings: usize,
    diagnostics: Vec<Record>,
    /// Why this machine cannot do what the file says; `null` if it can.
    machine: Option<String>,
}

fn check(args: &FileArgs, output: &mut impl Write, color: Color) -> io::Result<u8> {
    let loaded = config::load(&args.file);
    let machine = loaded.config.as_ref().and_then(beyond_this_machine);
    if args.json {
        let report = CheckReport {
            errors: loaded.errors() + usize::from(machine.is_some()),
            warnings: loaded.warnings(),
            diagnostics: loaded.records(),
            machine: machine.clone(),
        };
        write_json(output, &report)?;
    } else {
        write!(output, "{}", loaded.render(color))?;
        if let Some(reason) = &machine {
            writeln!(output, "error: {}: {reason}\n", args.file.display())?;
        }
        writeln!(output, "{}", summary(args, &loaded))?;
    }
    Ok(match machine {
        Some(_) => FAILED,
        None => loaded.exit_code(),
    })
}

/// Why the tables that a file asks for are too large for this machine.
fn beyond_this_machine(config: &Config) -> Option<String> {
    let machine = Machine::this();
    let sizes = Sizes::of(&config.global.table_sizes, &machine);
    let error = sizes.check(&machine).err()?;
    Some(format!("{error}; {}", TooLarge::HELP))
}

/// The model goes to `output`; what is wrong goes to `errors`, so that JSON stays JSON.
fn show(args: &FileArgs, output: &mut impl Write, errors: &mut impl Write) -> io::Result<u8> {
    let loaded = config::load(&args.file);
    write!(
        errors,
        "{}",
        loaded.render(Color::for_stream(&io::stderr()))
    )?;
    match &loaded.config {
        None => writeln!(errors, "{}", summary(args, &loaded))?,
        Some(config) if args.json => write_json(output, config)?,
        Some(config) => write!(output, "{}", show::Shown(config))?,
    }
    // The file could be shown: warnings are no failure of this command.
    Ok(if loaded.config.is_some() { 0 } else { FAILED })
}

fn show_running(
    socket: &SocketOptions,
    output: &mut impl Write,
    errors: &mut impl Write,
) -> io::Result<u8> {
    let client = socket.client();
    match output::block_on(async { Ok(client.config().await?) }) {
        Ok(running) => {
            write_json(output, &running)?;
            Ok(0)
        }
        Err(problem) => {
            writeln!(errors, "{problem}")?;
            Ok(FAILED)
        }
    }
}

fn write_json(output: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *output, value)?;
    writeln!(output)
}

/// One line: how the file stands.
fn summary(args: &FileArgs, loaded: &Loaded) -> String {
    let file = args.file.display();
    let counts = format!(
        "{}, {}",
        plural(loaded.errors(), "error"),
        plural(loaded.warnings(), "warning")
    );
    match &loaded.config {
        None => format!("{file}: {counts}: this configuration is refused"),
        Some(config) => format!("{file}: {counts}: {}", contents(config)),
    }
}

fn contents(config: &Config) -> String {
    let servers: usize = config
        .virtual_servers
        .iter()
        .map(|server| server.real_servers.len())
        .sum();
    format!(
        "{}, {}, {}",
        plural(config.vrrp_instances.len(), "VRRP instance"),
        plural(config.virtual_servers.len(), "virtual server"),
        plural(servers, "real server"),
    )
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
