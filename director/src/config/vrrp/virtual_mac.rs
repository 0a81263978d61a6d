//! Reading `use_vmac` and `vmac_xmit_base`.

use super::{
    super::{
        Diagnostic, Family,
        diagnostic::quoted,
        settings::Settings,
        tree::Word,
        value::{self, Spanned},
    },
    VirtualMac,
};

/// What was written; the default name needs what the rest of the instance says.
pub(super) struct WrittenMac {
    name: Option<Spanned<String>>,
    xmit_base: bool,
    span: super::Span,
}

impl WrittenMac {
    /// `use_vmac [NAME] [MAC] ...`, `vmac_xmit_base`.
    pub(super) fn read(settings: &mut Settings<'_, '_>) -> Option<Self> {
        let device = settings.take("use_vmac");
        let xmit_base = settings.take("vmac_xmit_base");
        let Some(device) = device else {
            if let Some(xmit_base) = xmit_base {
                settings.diagnostics.push(
                    Diagnostic::warning(xmit_base.span, "`vmac_xmit_base` without `use_vmac`")
                        .label("it has no effect")
                        .help("add `use_vmac`, or take it away"),
                );
            }
            return None;
        };
        let (name, rest) = match device.arguments {
            [name, rest @ ..] if !is_option(name) => (Some(name), rest),
            rest => (None, rest),
        };
        if let Some(word) = rest.first() {
            settings.diagnostics.push(
                Diagnostic::warning(
                    word.span,
                    format!("{} of `use_vmac` is not supported yet", quoted(&word.text)),
                )
                .label("the device gets the virtual router's own MAC address, and nothing else"),
            );
        }
        let name = name.and_then(|word| {
            let value = settings.keep(value::interface(word))?;
            let span = word.span;
            Some(Spanned { value, span })
        });
        Some(Self {
            name,
            xmit_base: xmit_base.is_some(),
            span: device.span,
        })
    }

    /// A virtual MAC address cannot be learned by a peer on another network, so unicast goes by the interface itself.
    pub(super) fn with_unicast(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        if self.xmit_base {
            return;
        }
        self.xmit_base = true;
        diagnostics.push(
            Diagnostic::warning(
                self.span,
                "`use_vmac` with `unicast_peer` needs `vmac_xmit_base`",
            )
            .label("advertisements leave by the interface itself, as in keepalived")
            .help("add `vmac_xmit_base`"),
        );
    }

    /// The device, under keepalived's name if it has none of its own.
    pub(super) fn settled(self, family: Family, virtual_router_id: u8) -> VirtualMac {
        let default = || match family {
            Family::V4 => format!("vrrp.{virtual_router_id}"),
            Family::V6 => format!("vrrp6.{virtual_router_id}"),
        };
        VirtualMac {
            interface: self.name.map_or_else(default, |name| name.value),
            xmit_base: self.xmit_base,
        }
    }
}

/// A MAC address, or a word that keepalived takes after the name.
fn is_option(word: &Word) -> bool {
    word.text.contains(':') || matches!(word.text.as_str(), "netlink_notify_msg" | "group")
}
