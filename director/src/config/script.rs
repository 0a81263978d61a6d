//! Programs that the daemon runs: `vrrp_script`, `notify_*`, FIFO readers.

use serde::Serialize;

use super::{Diagnostic, Span, diagnostic::quoted, settings::Setting, tree::Word};

mod command;

use command::Malformed;

/// A program with its arguments, and who it runs as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// The program, then its arguments; never empty.
    pub command: Vec<String>,
    /// `None`: `script_user` of `global_defs`; without that `keepalived_script` if there is such a user, or else root.
    pub user: Option<ScriptUser>,
    /// Where it stands.
    #[serde(skip)]
    pub span: Span,
}

/// `script_user USER [GROUP]`, `user USER [GROUP]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScriptUser {
    /// Name or number.
    pub user: String,
    /// Name or number; `None`: the user's own.
    pub group: Option<String>,
}

impl Script {
    /// How an operator writes it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.command.join(" ")
    }

    /// `KEYWORD COMMAND [USER [GROUP]]`, as notify scripts are written.
    pub(super) fn with_user(
        setting: &Setting<'_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let (command, user) = setting.arguments.split_first()?;
        let script = Self::read(command, diagnostics)?;
        Some(Self {
            user: ScriptUser::read(user),
            ..script
        })
    }

    /// A command as one word, of the default user.
    pub(super) fn read(word: &Word, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        let command = match command::words(&word.text) {
            Ok(command) => command,
            Err(why) => {
                diagnostics.push(malformed(word, why));
                return None;
            }
        };
        if command::is_for_a_shell(&command) {
            let shell = ["/bin/sh", "-c", &word.text].map(str::to_owned);
            return Some(Self {
                command: shell.into(),
                user: None,
                span: word.span,
            });
        }
        if let Some(syntax) = command::shell_syntax(&command) {
            diagnostics.push(
                Diagnostic::warning(word.span, "no shell reads this command")
                    .label(format!(
                        "{} is handed to the program as it is",
                        quoted(syntax)
                    ))
                    .help("put it into a script, or write `\"/bin/sh -c '...'\"`"),
            );
        }
        Some(Self {
            command,
            user: None,
            span: word.span,
        })
    }
}

impl ScriptUser {
    /// `USER [GROUP]`; `None` if there is no word. Whether this host has such a user is found out when a script runs.
    pub(super) fn read(words: &[Word]) -> Option<Self> {
        let (user, group) = words.split_first()?;
        Some(Self {
            user: user.text.clone(),
            group: group.first().map(|group| group.text.clone()),
        })
    }
}

fn malformed(word: &Word, why: Malformed) -> Diagnostic {
    match why {
        Malformed::Empty => Diagnostic::error(word.span, "this command names no program")
            .help("write the path of a program, with its arguments in the same quotes: `\"/etc/keepalived/check.sh --port 3306\"`"),
        Malformed::Unclosed(quote) => {
            Diagnostic::error(word.span, "a quote within this command is not closed").label(
                format!("one more {quote} is wanted, or a backslash before the one that is there"),
            )
        }
        Malformed::Nul => Diagnostic::error(word.span, "this command has a NUL byte")
            .label("no argument of a program can have one"),
    }
}
