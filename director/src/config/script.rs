//! Programs that the daemon runs: `vrrp_script`, `notify_*`, FIFO readers.

use serde::Serialize;

use super::Span;

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
}
