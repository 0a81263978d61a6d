//! What a configuration means on this host: its interfaces, and the link of each real server.
//!
//! Direct routing needs every server on a link of ours; what does not fit is told at the place in the file.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    api::response::Problem,
    config::{Config, Diagnostic, Span, VirtualServer},
    dataplane::Interface,
    host::{Host, Link, Route},
    model::{self, Topology},
};

/// The configuration's places on this host.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    /// What the model needs to know.
    pub(super) topology: Topology,
    /// The links of this host, by index.
    pub(super) links: BTreeMap<u32, Link>,
    /// What does not fit.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Survey {
    /// Looks at the host with the eyes of a configuration.
    pub(super) async fn of(host: &Host, config: &Config) -> Result<Self, Problem> {
        let links = host
            .links()
            .await
            .map_err(|error| Problem::from_error(&error))?;
        let mut survey = Self {
            links: links.into_iter().map(|link| (link.index, link)).collect(),
            ..Self::default()
        };
        survey.find_interfaces(config);
        for virtual_server in &config.virtual_servers {
            let receives_on = survey.receiving_interface(config, virtual_server);
            let real = virtual_server
                .real_servers
                .iter()
                .map(|server| (server.address, server.span));
            let sorry = virtual_server
                .sorry_server
                .iter()
                .map(|server| (server.address, server.span));
            for (address, span) in real.chain(sorry) {
                let route = host
                    .route(address)
                    .await
                    .map_err(|error| Problem::from_error(&error))?;
                survey.place_server(address, span, route, receives_on);
            }
        }
        Ok(survey)
    }

    fn find_interfaces(&mut self, config: &Config) {
        for instance in &config.vrrp_instances {
            match self.link_named(&instance.interface) {
                Some(link) => {
                    let index = link.index;
                    self.topology.instances.insert(instance.name.clone(), index);
                }
                None => self.report_missing(&instance.interface, instance.interface_span),
            }
            let addresses = instance
                .virtual_ipaddress
                .iter()
                .chain(&instance.virtual_ipaddress_excluded);
            for address in addresses {
                if let Some(name) = &address.interface
                    && self.link_named(name).is_none()
                {
                    self.report_missing(name, address.span);
                }
            }
        }
    }

    /// The link of that name.
    pub(super) fn link_named(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }

    fn report_missing(&mut self, name: &str, span: Span) {
        let names: Vec<_> = self.links.values().map(|link| link.name.as_str()).collect();
        let diagnostic = Diagnostic::error(span, format!("this host has no interface `{name}`"))
            .help(format!("the interfaces here are: {}", names.join(", ")));
        self.diagnostics.push(diagnostic);
    }

    /// The interface that a service's packets come in by; `None` where no VRRP instance says so.
    fn receiving_interface(&self, config: &Config, virtual_server: &VirtualServer) -> Option<u32> {
        config.vrrp_instances.iter().find_map(|instance| {
            let mut addresses = instance
                .virtual_ipaddress
                .iter()
                .chain(&instance.virtual_ipaddress_excluded);
            let address = addresses.find(|address| address.address == virtual_server.address)?;
            let name = address.interface.as_ref().unwrap_or(&instance.interface);
            self.link_named(name).map(|link| link.index)
        })
    }

    fn place_server(
        &mut self,
        address: IpAddr,
        span: Span,
        route: Route,
        receives_on: Option<u32>,
    ) {
        let unusable = match route {
            Route::OnLink { ifindex, .. } if receives_on.is_none_or(|index| index == ifindex) => {
                let mac = self.links.get(&ifindex).map_or([0; 6], |link| link.mac);
                self.topology.servers.insert(address, model::Link { ifindex, mac });
                return;
            }
            Route::OnLink { ifindex, .. } => format!(
                "is on the link of {}, but its virtual server receives on {}; forwarding between interfaces is not supported yet",
                self.name(ifindex),
                self.name(receives_on.unwrap_or_default())
            ),
            Route::Gateway { gateway, ifindex } => format!(
                "is not on a link of this host: the route to it goes through {gateway} on {}",
                self.name(ifindex)
            ),
            Route::Local => "is an address of this host itself; a director that is its own real server is not supported yet".to_owned(),
            Route::Unreachable => "is not on a link of this host: there is no route to it".to_owned(),
        };
        let diagnostic = Diagnostic::error(span, format!("{address} {unusable}"))
            .note("direct routing rewrites only the MAC address, so a real server must be a neighbour on the link that the packets come in by")
            .help(format!("`ip route get {address}` shows the kernel's way to it"));
        self.diagnostics.push(diagnostic);
    }

    fn name(&self, ifindex: u32) -> String {
        self.links
            .get(&ifindex)
            .map_or_else(|| format!("interface {ifindex}"), |link| link.name.clone())
    }

    /// The interfaces that the program must sit on: those of the servers, which are those that packets come in by.
    pub(super) fn interfaces(&self) -> Vec<Interface> {
        let mut indexes: Vec<_> = self
            .topology
            .servers
            .values()
            .map(|link| link.ifindex)
            .collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes
            .into_iter()
            .map(|index| Interface {
                index,
                name: self.name(index),
            })
            .collect()
    }
}
