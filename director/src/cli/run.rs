//! `director run`: the daemon, in the foreground.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::CliError;
use crate::{
    api::{DEFAULT_SOCKET, response::Problem},
    config::DEFAULT_PATH,
    daemon::{self, Absence},
    dataplane::{DEFAULT_ROOT, XdpMode},
    logging::{self, LEVEL_VARIABLE, LogFormat},
};

/// Run the daemon in the foreground.
///
/// Reads the configuration, attaches the XDP program, holds the virtual IPs, checks the real servers, and answers
/// `director status` and its like. It starts only with a configuration without errors, or without any: then
/// `director service` and `director real`, or `director ipvsadm`, add what there is to serve.
///
/// SIGHUP reads the configuration again, SIGTERM and SIGINT stop the daemon. A daemon that is killed leaves the XDP
/// program forwarding; the next one takes it over.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  director run
  director run -c ./keepalived.conf --interface eth0 --xdp-mode generic --log-level debug")]
pub struct RunOptions {
    /// The configuration, in keepalived's language [default: /etc/keepalived/keepalived.conf]. Where that file is not there and none
    /// is named, nothing is configured and all is added by hand.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Attach the XDP program to this interface as well (repeatable). Default: the interfaces of the VRRP instances.
    #[arg(long = "interface", value_name = "NAME")]
    pub interfaces: Vec<String>,

    /// Where in the kernel the XDP program runs.
    #[arg(long, value_enum, value_name = "MODE", default_value_t)]
    pub xdp_mode: XdpMode,

    /// Folder of a BPF file system in which maps, program and link are pinned.
    #[arg(long, value_name = "FOLDER", default_value = DEFAULT_ROOT)]
    pub pins: PathBuf,

    /// Where to listen for `director status` and its like.
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,

    /// Flows of each address family that the tables have room for; goes before `director_flow_table_size` in the
    /// configuration. Default: by the machine's memory. A table about half full is the fastest.
    #[arg(long, value_name = "FLOWS", value_parser = clap::value_parser!(u32).range(1..))]
    pub flow_table_size: Option<u32>,

    /// How a log line looks.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace, or a list such as `info,director::check=debug`.
    #[arg(long, value_name = "LEVEL", env = LEVEL_VARIABLE, default_value = "info")]
    pub log_level: String,
}

pub(super) fn run(options: RunOptions) -> Result<ExitCode, CliError> {
    logging::start(options.log_format, &options.log_level).map_err(|error| {
        Problem::from_error(&error).help(
            "give --log-level one of error, warn, info, debug, trace, or a list of part=level",
        )
    })?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Problem::from_error(&error).because("starting the tasks of the daemon"))?;
    runtime.block_on(daemon::run(options.into()))?;
    Ok(ExitCode::SUCCESS)
}

impl From<RunOptions> for daemon::Options {
    fn from(options: RunOptions) -> Self {
        let RunOptions {
            config,
            interfaces,
            xdp_mode,
            pins,
            socket,
            flow_table_size,
            log_format: _,
            log_level: _,
        } = options;
        Self {
            absence: match config {
                Some(_) => Absence::Refused,
                None => Absence::Empty,
            },
            config: config.unwrap_or_else(|| DEFAULT_PATH.into()),
            interfaces,
            xdp_mode,
            pins,
            socket,
            flow_table_size,
        }
    }
}
