//! `cargo xtask demo`: the example configuration forwards real MySQL, loses its real server, and gets it back; then two directors
//! share its address. For somebody who has never seen the project.
//!
//! This file parses the arguments and tells how it ended; the story is in `story.rs`, `told.rs` and `pair.rs`, how it is told in `narrator.rs`.
#![forbid(unsafe_code)]

use std::{process::ExitCode, time::Instant};

use clap::{Parser, ValueEnum};
use lab::{Lab, LabId, XdpMode, remnants, target};

mod narrator;
mod pair;
mod story;
mod told;

/// Shows the director at work in network namespaces on this machine.
#[derive(Parser)]
struct Options {
    /// Leave the lab up, and tell how to enter it
    #[arg(long)]
    keep: bool,
    /// Remove the labs that --keep left, and do nothing else
    #[arg(long, conflicts_with = "keep")]
    remove: bool,
    /// How the XDP program is attached
    #[arg(long, value_enum, default_value_t = Mode::Native)]
    xdp_mode: Mode,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Native,
    Generic,
}

impl From<Mode> for XdpMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Native => Self::Native,
            Mode::Generic => Self::Generic,
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.remove {
        remove_kept();
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    narrator::title();
    let lab = match narrator::step("Four hosts on a bridge, network namespaces", || {
        story::make_lab(options.xdp_mode.into())
    }) {
        Ok(lab) => lab,
        Err(error) => return failed(&error, None),
    };
    let outcome = story::tell(&lab);
    let exit_code = match &outcome {
        Ok(_) => {
            narrator::end(began.elapsed());
            if !options.keep {
                narrator::aside("The lab is removed now; --keep would leave it up.\n");
            }
            ExitCode::SUCCESS
        }
        Err(error) => failed(error, Some(&lab)),
    };
    if options.keep {
        keep(&lab.id);
        // What runs in the lab goes on running; dropping any of it would end it.
        std::mem::forget((lab, outcome));
    }
    exit_code
}

fn failed(error: &anyhow::Error, lab: Option<&Lab>) -> ExitCode {
    let log = lab
        .map(|lab| std::fs::read_to_string(lab.folder().join("director.log")).unwrap_or_default());
    narrator::failure(error, log.as_deref());
    ExitCode::FAILURE
}

fn keep(id: &LabId) {
    if let Err(error) = remnants::keep(id) {
        eprintln!("cannot mark the lab as kept, so the next one removes it: {error}");
    }
    let client = format!("nsenter --net=/run/netns/{}", id.namespace("client"));
    let director = format!("nsenter --net=/run/netns/{}", id.namespace("director"));
    let director_binary = target::director().unwrap_or_else(|_| "director".into());
    let ask = director_binary.display();
    let socket = id.folder().join("director.sock");
    narrator::commands(
        "The lab stays up. In it:",
        &[
            (
                "a query",
                format!(
                    "{client} mariadb --no-defaults --protocol=tcp -h 192.168.66.251 -u lab lab -e 'select @@server_id'"
                ),
            ),
            (
                "the status",
                format!("{ask} status --socket {}", socket.display()),
            ),
            (
                "the maps",
                format!(
                    "{ask} map list --pins {}",
                    id.pins().join("director").display()
                ),
            ),
            (
                "the elections",
                format!("{ask} vrrp show --socket {}", socket.display()),
            ),
            ("a shell on the director", format!("{director} bash")),
            ("the end of it", "cargo xtask demo --remove".to_owned()),
        ],
    );
}

fn remove_kept() {
    let kept = remnants::kept();
    if kept.is_empty() {
        println!("No lab was kept.");
    }
    for id in kept {
        remnants::remove(&id);
        println!("Removed {id}.");
    }
}
