//! `director completions`: made from the same definitions as the commands themselves.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, CliError, output};

/// Print the completions for a shell.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  director completions bash > /usr/share/bash-completion/completions/director
  director completions zsh > /usr/local/share/zsh/site-functions/_director")]
pub struct CompletionsOptions {
    /// For which shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

pub(super) fn run(options: &CompletionsOptions) -> Result<ExitCode, CliError> {
    output::print(|out| Ok(out.write_all(&script(options.shell))?))
}

/// Made in memory first: the generator panics when its writer fails, and a pipe may.
fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "director", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(
                    script.contains(command.get_name()),
                    "{shell}: {}",
                    command.get_name()
                );
            }
        }
    }
}
