//! The text of configurations with virtual servers of a scenario's choice.

use std::net::{IpAddr, SocketAddr};

use crate::{
    host::Host,
    instance::Instance,
    place::{VIP, VIP6},
};

/// A virtual server, written as `keepalived.conf` has it.
#[derive(Debug, Clone)]
pub struct Service {
    address: SocketAddr,
    head: String,
    check: String,
    real_servers: Vec<(IpAddr, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Tcp,
    Udp,
}

/// The role that a configuration asks for at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Master,
    Backup,
}

impl Service {
    /// A service over TCP whose real servers are checked.
    pub fn tcp(address: impl Into<SocketAddr>, scheduler: &str) -> Self {
        Self::new(address.into(), Protocol::Tcp, scheduler)
    }

    /// A service over UDP whose real servers are not checked.
    pub fn udp(address: impl Into<SocketAddr>, scheduler: &str) -> Self {
        Self::new(address.into(), Protocol::Udp, scheduler)
    }

    fn new(address: SocketAddr, protocol: Protocol, scheduler: &str) -> Self {
        let protocol_lines = match protocol {
            // Detection within half a second.
            Protocol::Tcp => {
                "protocol TCP\n  delay_loop 0.2\n  warmup 0\n  retry 1\n  delay_before_retry 0.1"
            }
            Protocol::Udp => "protocol UDP",
        };
        let check = match protocol {
            Protocol::Tcp => "    TCP_CHECK {\n      connect_timeout 1\n    }\n".to_owned(),
            Protocol::Udp => String::new(),
        };
        Self {
            address,
            head: format!("  lb_algo {scheduler}\n  lb_kind DR\n  {protocol_lines}\n"),
            check,
            real_servers: Vec::new(),
        }
    }

    /// Leaves its real servers unchecked: a server that is busy with one client takes a check for another one.
    pub fn unchecked(mut self) -> Self {
        self.check.clear();
        self
    }

    /// Has its real servers checked on another port than the one that clients use.
    pub fn checked_on(mut self, port: u16) -> Self {
        self.check = format!(
            "    TCP_CHECK {{\n      connect_port {port}\n      connect_timeout 1\n    }}\n"
        );
        self
    }

    /// Adds a line to the virtual server: `persistence_timeout 120`.
    pub fn with(mut self, line: &str) -> Self {
        self.head += &format!("  {line}\n");
        self
    }

    /// Adds a real server, by its address of the service's family and on the service's port, with these settings:
    /// `weight 3`, or none.
    pub fn real_server(self, host: &Host, settings: &str) -> Self {
        let address = match self.address {
            SocketAddr::V4(_) => host.address.into(),
            SocketAddr::V6(_) => host.address6.into(),
        };
        self.real_server_at(address, settings)
    }

    /// Adds a real server that may be nobody.
    pub fn real_server_at(mut self, address: IpAddr, settings: &str) -> Self {
        self.real_servers.push((address, settings.to_owned()));
        self
    }

    /// Adds several real servers with the same settings.
    pub fn real_servers<'host>(
        self,
        hosts: impl IntoIterator<Item = &'host Host>,
        settings: &str,
    ) -> Self {
        hosts
            .into_iter()
            .fold(self, |service, host| service.real_server(host, settings))
    }

    /// Port and address of each real server, as the daemon's status is asked for them.
    pub fn servers(&self) -> impl Iterator<Item = (u16, IpAddr)> {
        self.real_servers
            .iter()
            .map(|(address, _)| (self.address.port(), *address))
    }

    fn write(&self, text: &mut String) {
        let (vip, port) = (self.address.ip(), self.address.port());
        *text += &format!("virtual_server {vip} {port} {{\n{}", self.head);
        for (address, settings) in &self.real_servers {
            *text += &format!("  real_server {address} {port} {{\n");
            for line in settings.lines() {
                *text += &format!("    {line}\n");
            }
            *text += &self.check;
            *text += "  }\n";
        }
        *text += "}\n";
    }
}

/// A whole configuration for `role`: one instance that holds the VIP of each family that is served, and the services.
pub fn configuration_as(role: Role, services: &[Service]) -> String {
    // The owner of the addresses is MASTER at once, and with this interval a daemon that was killed has half a minute to come back.
    let (state, priority) = match role {
        Role::Master => ("MASTER", 255),
        Role::Backup => ("BACKUP", 90),
    };
    let mut text = format!(
        "vrrp_instance INT {{\n  state {state}\n  interface eth0\n  virtual_router_id 200\n  priority {priority}\n  \
         advert_int 10\n  virtual_ipaddress {{\n    {VIP}\n  }}\n"
    );
    // An advertisement lists addresses of one family only, so the other is held without being advertised.
    if services.iter().any(|service| service.address.is_ipv6()) {
        text += &format!("  virtual_ipaddress_excluded {{\n    {VIP6}\n  }}\n");
    }
    text += "}\n";
    for service in services {
        service.write(&mut text);
    }
    text
}

/// A whole configuration with an instance of a scenario's choice.
pub fn configuration_with(instance: &Instance, services: &[Service]) -> String {
    let mut text = instance.to_string();
    for service in services {
        service.write(&mut text);
    }
    text
}

/// A whole configuration for the director that is to hold the VIPs.
pub fn configuration(services: &[Service]) -> String {
    configuration_as(Role::Master, services)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{vip, vip6};

    #[test]
    fn a_configuration_has_a_vip_of_each_family_and_every_setting() {
        let address = "192.168.66.253".parse().expect("an address");
        let tcp = Service::tcp(vip(80), "sh").with("sh-port");
        let tcp = tcp.real_server_at(address, "weight 2\nuthreshold 4");
        let udp = Service::udp(vip6(53), "rr");
        let text = configuration_as(Role::Backup, &[tcp, udp]);
        for words in [
            "state BACKUP",
            "virtual_ipaddress_excluded {\n    fd00:66::251\n  }",
            "virtual_server 192.168.66.251 80 {\n  lb_algo sh\n  lb_kind DR\n  protocol TCP\n",
            "  sh-port\n",
            "real_server 192.168.66.253 80 {\n    weight 2\n    uthreshold 4\n    TCP_CHECK",
            "virtual_server fd00:66::251 53 {\n  lb_algo rr\n  lb_kind DR\n  protocol UDP\n",
        ] {
            assert!(text.contains(words), "no `{words}` in:\n{text}");
        }
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
