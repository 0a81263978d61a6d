//! `global_defs`.

use serde::Serialize;

use super::{grammar::GLOBAL_DEFS, settings::Settings, value::Spanned, vrrp::Version};

/// Settings of the whole daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Global {
    /// `router_id`: the name of this director in notices. Default: the host name (read by the daemon, not here).
    pub router_id: Option<String>,
}

/// Reads `global_defs`, and what it says for all instances. keepalived takes several such blocks as one.
pub(super) fn read(root: &mut Settings<'_, '_>) -> (Global, Version) {
    let mut global = Global::default();
    let mut version = Version::default();
    for setting in root.take_all("global_defs") {
        let Some(block) = setting.block else { continue };
        let mut settings = Settings::read(&GLOBAL_DEFS, block, root.diagnostics);
        if let Some(Spanned { value, .. }) = settings.word("router_id") {
            global.router_id = Some(value);
        }
        version = Version::read(&mut settings, "vrrp_version").unwrap_or(version);
        settings.finish();
    }
    (global, version)
}
