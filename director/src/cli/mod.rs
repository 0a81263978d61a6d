//! The command line: the tree of commands, one file a verb, and how errors reach the user.
//!
//! Thin: verbs ask the daemon over its socket or the pins, render, and print. Rendering is pure.
//!
//! Exit codes: 0 done, 1 done with warnings (`config check`, `config diff`, `doctor`), 2 not done.

pub mod completions;
pub mod config;
pub mod doctor;
pub mod edit;
pub mod events;
pub mod flow;
pub mod guard;
pub mod ipvsadm;
pub mod list;
pub mod load;
pub mod man;
pub mod map;
pub mod output;
pub mod reload;
pub mod run;
pub mod script;
pub mod status;
mod table;
mod vrrp;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    api::{DEFAULT_SOCKET, client::Client},
    dataplane::DEFAULT_ROOT,
};

pub use output::CliError;

/// A load balancer in direct routing.
///
/// director reads keepalived.conf, holds virtual IPs by VRRP, checks the real servers, and forwards packets with an XDP
/// program. `director run` is the daemon; the other commands ask it, or look at what it left in the kernel.
#[derive(Debug, Parser)]
#[command(
    name = "director",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 done, 1 done with warnings (config check), 2 not done."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "the options of a verb say what it does, once, here and in --help"
)]
pub enum Command {
    Run(run::RunOptions),
    Status(status::StatusOptions),
    /// Show elections: what each instance is, why, and what was heard of others.
    #[command(subcommand)]
    Vrrp(vrrp::VrrpCommand),
    List(list::ListOptions),
    Reload(reload::ReloadOptions),
    Load(load::LoadOptions),
    Unload(load::UnloadOptions),
    /// Look into the BPF maps, straight from their pins, daemon or no daemon.
    #[command(subcommand)]
    Map(map::Command),
    /// Add, change or remove a virtual server, until the daemon ends.
    #[command(subcommand)]
    Service(edit::ServiceCommand),
    /// Add, change, drain or remove a real server, until the daemon ends.
    #[command(subcommand)]
    Real(edit::RealCommand),
    /// List, count or reset connections, chosen by what they are.
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    Events(events::EventsOptions),
    Doctor(doctor::DoctorOptions),
    /// Run what is tracked by hand.
    #[command(subcommand)]
    Script(script::ScriptCommand),
    Config(config::ConfigArgs),
    Ipvsadm(ipvsadm::command::IpvsadmOptions),
    #[command(hide = true)]
    Guard(guard::GuardOptions),
    Completions(completions::CompletionsOptions),
    Man(man::ManOptions),
}

/// Which daemon to ask.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct SocketOptions {
    /// The daemon's API socket.
    #[arg(long = "socket", value_name = "PATH", default_value = DEFAULT_SOCKET)]
    pub path: PathBuf,
}

impl SocketOptions {
    fn client(&self) -> Client {
        Client::new(&self.path)
    }
}

/// Which pins to use.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct PinOptions {
    /// Folder of a BPF file system in which maps, program and link are pinned.
    #[arg(long = "pins", value_name = "FOLDER", default_value = DEFAULT_ROOT)]
    pub folder: PathBuf,
}

impl Cli {
    /// What was typed. Under the name `ipvsadm` the binary is that: every word is an option of `director ipvsadm`.
    #[must_use]
    pub fn from_words(words: impl IntoIterator<Item = OsString>) -> Self {
        let mut words: Vec<_> = words.into_iter().collect();
        let name = words.first().map(Path::new).and_then(Path::file_stem);
        if name.is_some_and(|name| name == "ipvsadm") {
            words.insert(1, "ipvsadm".into());
        }
        Self::parse_from(words)
    }
}

/// Does what the user asked for and prints what there is to print.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    output::report(dispatch(cli.command))
}

fn dispatch(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Run(options) => run::run(options),
        Command::Status(options) => status::run(&options),
        Command::Vrrp(command) => vrrp::run(&command),
        Command::List(options) => list::run(&options),
        Command::Reload(options) => reload::run(&options),
        Command::Load(options) => load::load(&options),
        Command::Unload(options) => load::unload(&options),
        Command::Map(command) => map::run(command),
        Command::Service(command) => edit::service(&command),
        Command::Real(command) => edit::real(&command),
        Command::Flow(command) => flow::run(&command),
        Command::Events(options) => events::run(&options),
        Command::Ipvsadm(options) => ipvsadm::command::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Script(command) => script::run(&command),
        Command::Config(args) => Ok(ExitCode::from(config::run(&args))),
        Command::Guard(options) => guard::run(&options),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
    }
}

#[cfg(test)]
mod tests;
