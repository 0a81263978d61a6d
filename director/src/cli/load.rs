//! `director load` and `director unload`: the XDP program without the daemon, and the end of everything pinned.

use std::process::ExitCode;

use clap::Args;

use super::{CliError, PinOptions};
use crate::{
    api::response::Problem,
    config::TableSizes,
    dataplane::{AttachOutcome, DataPlane, Interface, Machine, Sizes, XdpMode, pins},
};

/// Attach the XDP program without the daemon, for development.
///
/// Loads the program and its maps, pins them, and attaches the program to one interface. With empty tables every packet
/// passes to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Example:
  director load --interface eth0 --xdp-mode generic && director map list")]
pub struct LoadOptions {
    /// The interface to attach to.
    #[arg(long, value_name = "NAME")]
    pub interface: String,

    /// Where in the kernel the XDP program runs.
    #[arg(long, value_enum, value_name = "MODE", default_value_t)]
    pub xdp_mode: XdpMode,

    /// Which pins to use.
    #[command(flatten)]
    pub pins: PinOptions,
}

/// Detach the XDP program and remove every pin: all forwarding ends.
///
/// What `director run` leaves in the kernel on purpose, so that a restart touches no connection, this takes away.
/// Nothing loaded is no error.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Example:
  director unload")]
pub struct UnloadOptions {
    /// Which pins to use.
    #[command(flatten)]
    pub pins: PinOptions,
}

pub(super) fn load(options: &LoadOptions) -> Result<ExitCode, CliError> {
    let interface = interface(&options.interface)?;
    let sizes = Sizes::of(&TableSizes::default(), &Machine::this());
    let mut dataplane = DataPlane::load(&options.pins.folder, &sizes)
        .map_err(|error| Problem::from_error(&error).help(error.help()))?;
    let outcomes = dataplane
        .attach(std::slice::from_ref(&interface), options.xdp_mode)
        .map_err(|error| Problem::from_error(&error).help(error.help()))?;
    dataplane.keep();
    for outcome in outcomes.values() {
        if let AttachOutcome::Fallback(refused) = outcome {
            eprintln!("warning: {}", Problem::from_error(refused).why.join(": "));
        }
        println!(
            "attached to {} in {} mode; pinned in {}",
            interface.name,
            outcome.mode().name(),
            options.pins.folder.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn interface(name: &str) -> Result<Interface, Problem> {
    let index = nix::net::if_::if_nametoindex(name).map_err(|error| {
        Problem::new(format!("this host has no interface {name}"))
            .because(error.to_string())
            .help("`ip -br link` lists the interfaces")
    })?;
    Ok(Interface {
        index,
        name: name.to_owned(),
    })
}

pub(super) fn unload(options: &UnloadOptions) -> Result<ExitCode, CliError> {
    let folder = &options.pins.folder;
    let unloaded =
        pins::unload(folder).map_err(|error| Problem::from_error(&error).help(error.help()))?;
    match unloaded {
        pins::Unloaded::Removed => println!("removed all pins in {}", folder.display()),
        pins::Unloaded::NothingThere => println!("nothing is pinned in {}", folder.display()),
    }
    Ok(ExitCode::SUCCESS)
}
