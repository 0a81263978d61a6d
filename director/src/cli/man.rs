//! `director man`: manual pages made from the same definitions as the commands themselves.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{Cli, CliError, output};
use crate::api::response::Problem;

/// Print the manual page, or write one page for each command.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  director man | man -l -
  director man --out /usr/share/man/man8")]
pub struct ManOptions {
    /// Write director.8, director-run.8 and so on into this folder, which is made if need be.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

pub(super) fn run(options: &ManOptions) -> Result<ExitCode, CliError> {
    match &options.out {
        Some(folder) => write_pages(folder),
        None => output::print(|out| {
            let mut page = Vec::new();
            page_of(Cli::command()).render(&mut page)?;
            Ok(out.write_all(&page)?)
        }),
    }
}

fn write_pages(folder: &Path) -> Result<ExitCode, CliError> {
    fs::create_dir_all(folder)
        .and_then(|()| write_tree(Cli::command(), folder))
        .map_err(|error| {
            Problem::new(format!("cannot write manual pages to {}", folder.display()))
                .because(error.to_string())
        })?;
    Ok(ExitCode::SUCCESS)
}

fn write_tree(command: clap::Command, folder: &Path) -> std::io::Result<()> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    write_page_and_below(&command, folder)
}

fn write_page_and_below(command: &clap::Command, folder: &Path) -> std::io::Result<()> {
    for below in command.get_subcommands() {
        write_page_and_below(below, folder)?;
    }
    page_of(command.clone()).generate_to(folder)?;
    Ok(())
}

/// Section 8: commands of the administrator.
fn page_of(command: clap::Command) -> Man {
    Man::new(command).section("8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        write_pages(folder.path()).unwrap();
        for page in [
            "director.8",
            "director-run.8",
            "director-map-dump.8",
            "director-config-check.8",
        ] {
            let text = fs::read_to_string(folder.path().join(page)).unwrap();
            assert!(text.contains(".SH SYNOPSIS"), "{page}");
        }
    }
}
