//! Whether virtual addresses have the masks of the networks that they are in (scenario 2.38).

use super::Survey;
use crate::{
    config::{
        Config, Diagnostic, VirtualAddress,
        address::{host_prefix, is_in_network},
    },
    host::InterfaceAddress,
};

impl Survey {
    /// Tells each virtual address whose mask is not that of its network.
    pub(super) fn judge_masks(&mut self, config: &Config) {
        for instance in &config.vrrp_instances {
            for vip in instance.addresses() {
                let name = instance.interface_of(vip);
                let Some(link) = self.link_named(name) else {
                    continue;
                };
                let found = judge(vip, name, self.own_addresses(link.index));
                self.diagnostics.extend(found);
            }
        }
    }
}

/// `own`: the addresses of the interface, without the virtual ones. A virtual address of a network of its own, or without a mask, is as
/// it should be. Pure.
fn judge(vip: &VirtualAddress, interface: &str, own: &[InterfaceAddress]) -> Option<Diagnostic> {
    if vip.prefix_length == host_prefix(vip.address) {
        return None;
    }
    let is_near = |own: &&InterfaceAddress| {
        own.prefix_length != host_prefix(own.address)
            && is_in_network(
                own.address,
                own.prefix_length.min(vip.prefix_length),
                vip.address,
            )
    };
    let near: Vec<_> = own.iter().filter(is_near).collect();
    if near
        .iter()
        .any(|own| own.prefix_length == vip.prefix_length)
    {
        return None;
    }
    let own = near.first()?;
    let shown = format!("{}/{}", vip.address, vip.prefix_length);
    Some(
        Diagnostic::warning(
            vip.span,
            format!(
                "{shown} has another mask than {interface}, which has {}/{}",
                own.address, own.prefix_length
            ),
        )
        .label("hosts that are in the one network and not in the other are reached by the MASTER alone, or not at all")
        .help("write the mask of the interface on both directors, or none; `director config diff` compares the two files"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Span;

    fn vip(text: &str) -> VirtualAddress {
        let (address, bits) = text.split_once('/').expect("a mask");
        VirtualAddress {
            address: address.parse().expect("an address"),
            prefix_length: bits.parse().expect("bits"),
            interface: None,
            label: None,
            broadcast: None,
            span: Span::default(),
        }
    }

    fn judged(text: &str, own: &[&str]) -> Option<String> {
        let own: Vec<_> = own
            .iter()
            .map(|own| InterfaceAddress::from(&vip(own)))
            .collect();
        judge(&vip(text), "eth0", &own).map(|found| found.message)
    }

    #[test]
    fn s2_38_a_mask_that_is_not_the_networks_is_told_with_both() {
        assert_eq!(
            judged("192.168.66.12/23", &["192.168.66.6/24"]).as_deref(),
            Some("192.168.66.12/23 has another mask than eth0, which has 192.168.66.6/24")
        );
        // The wider one decides whether they meet at all.
        assert!(judged("192.168.66.12/24", &["192.168.67.6/23"]).is_some());
        assert!(judged("192.168.67.12/23", &["192.168.66.6/24"]).is_some());
        assert!(judged("fd00:66::12/48", &["fd00:66::6/64"]).is_some());
    }

    #[test]
    fn what_is_as_it_should_be_is_not_told() {
        assert_eq!(judged("192.168.66.12/24", &["192.168.66.6/24"]), None);
        assert_eq!(judged("192.168.66.12/32", &["192.168.66.6/24"]), None);
        // A network of its own, and an interface that has both.
        assert_eq!(judged("10.9.9.9/24", &["192.168.66.6/24"]), None);
        assert_eq!(
            judged("192.168.66.12/23", &["192.168.66.6/24", "192.168.67.6/23"]),
            None
        );
        // The mask of one host says nothing of a network.
        assert_eq!(judged("192.168.66.12/23", &["192.168.66.6/32"]), None);
        assert_eq!(judged("192.168.66.12/23", &["fe80::6/64"]), None);
    }
}
