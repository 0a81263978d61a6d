//! A `vrrp_instance` as text that directors and keepalived read alike.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// The address that two directors share where nothing is forwarded.
pub const SHARED: Ipv4Addr = Ipv4Addr::new(192, 168, 66, 240);

/// Its companion of the other family.
pub const SHARED6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x66, 0, 0, 0, 0, 0, 0x240);

/// An instance that holds [`SHARED`], unless it is told another address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    name: &'static str,
    interface: &'static str,
    virtual_router_id: u8,
    priority: u8,
    settings: Vec<String>,
    addresses: Vec<String>,
}

impl Instance {
    /// Version 3, ten advertisements a second: a Master that falls silent is missed after a third of a second.
    pub fn quick(priority: u8) -> Self {
        Self::new(priority).with("version 3").with("advert_int 0.1")
    }

    /// Version 3, a hundred advertisements a second: as fast as the protocol goes.
    pub fn quickest(priority: u8) -> Self {
        Self::new(priority)
            .with("version 3")
            .with("advert_int 0.01")
    }

    /// Version 2, an advertisement a second, and a password: what most pairs in the field speak.
    pub fn classic(priority: u8) -> Self {
        Self::new(priority)
            .with("version 2")
            .with("advert_int 1")
            .with("authentication {\n    auth_type PASS\n    auth_pass lvs50tes\n  }")
    }

    fn new(priority: u8) -> Self {
        Self {
            name: "INT",
            interface: "eth0",
            virtual_router_id: 65,
            priority,
            settings: Vec::new(),
            addresses: Vec::new(),
        }
    }

    /// Another instance beside the first one.
    pub fn named(self, name: &'static str, virtual_router_id: u8) -> Self {
        Self {
            name,
            virtual_router_id,
            ..self
        }
    }

    /// Another virtual router.
    pub fn virtual_router_id(self, virtual_router_id: u8) -> Self {
        Self {
            virtual_router_id,
            ..self
        }
    }

    /// Speaks on another interface.
    pub fn on(self, interface: &'static str) -> Self {
        Self { interface, ..self }
    }

    /// Adds a setting: `nopreempt`, or a whole block.
    pub fn with(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// Adds an address, with its prefix length and what else follows.
    pub fn address(mut self, address: impl fmt::Display) -> Self {
        self.addresses.push(address.to_string());
        self
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "vrrp_instance {} {{\n  interface {}\n  virtual_router_id {}\n  priority {}",
            self.name, self.interface, self.virtual_router_id, self.priority
        )?;
        for setting in &self.settings {
            writeln!(f, "  {setting}")?;
        }
        f.write_str("  virtual_ipaddress {\n")?;
        if self.addresses.is_empty() {
            writeln!(f, "    {SHARED}/23")?;
        }
        for address in &self.addresses {
            writeln!(f, "    {address}")?;
        }
        f.write_str("  }\n}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_every_setting_and_the_shared_address_unless_told_another_one() {
        let text = Instance::quick(100).with("nopreempt").to_string();
        for words in [
            "virtual_router_id 65\n  priority 100\n",
            "  version 3\n  advert_int 0.1\n  nopreempt\n",
            "virtual_ipaddress {\n    192.168.66.240/23\n  }\n}\n",
        ] {
            assert!(text.contains(words), "no `{words}` in:\n{text}");
        }
        let text = Instance::classic(90)
            .named("EXT", 66)
            .on("eth1")
            .address(SHARED6)
            .to_string();
        assert!(
            text.starts_with("vrrp_instance EXT {\n  interface eth1\n  virtual_router_id 66\n")
        );
        assert!(!text.contains("192.168.66.240"), "{text}");
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
