//! What a configuration means on this host: its interfaces, and the link of each real server.
//!
//! Direct routing needs every server on a link of ours; what does not fit is told at the place in the file.

mod masks;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use director_common::server::vlan_tags;

use crate::{
    api::response::Problem,
    config::{self, Config, Diagnostic, Span, VirtualServer},
    dataplane::{Interface, tables::WantedInterface},
    host::{Host, InterfaceAddress, Link, LinkKind, Route},
    model::{self, Place, Topology},
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
    /// Interfaces that the program must sit on.
    attached: BTreeSet<u32>,
    /// Addresses of the interfaces that instances speak on, without the virtual ones.
    own: BTreeMap<u32, Vec<InterfaceAddress>>,
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
        survey.find_own_addresses(host, config).await?;
        survey.judge_peers(config);
        survey.judge_masks(config);
        for virtual_server in &config.virtual_servers {
            if let Some(index) = survey.receiving_interface(config, virtual_server) {
                survey.attach_to(index);
            }
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
                survey.place_server(address, span, route);
            }
        }
        Ok(survey)
    }

    async fn find_own_addresses(&mut self, host: &Host, config: &Config) -> Result<(), Problem> {
        for ifindex in self.spoken_on() {
            self.look_at_addresses(host, config, ifindex).await?;
        }
        Ok(())
    }

    /// Whoever lists itself as a peer hears nobody, and is MASTER alone.
    fn judge_peers(&mut self, config: &Config) {
        for instance in &config.vrrp_instances {
            let config::Delivery::Unicast { peers, .. } = &instance.delivery else {
                continue;
            };
            let ifindex = self.topology.instances.get(&instance.name);
            let own = ifindex.map_or(&[][..], |ifindex| self.own_addresses(*ifindex));
            let is_ours = |address| own.iter().any(|own| own.address == address);
            let ours = peers.iter().filter(|peer| is_ours(peer.address));
            let errors: Vec<_> = ours
                .map(|peer| {
                    Diagnostic::error(
                        peer.span,
                        format!("{} is this director itself", peer.address),
                    )
                    .label(format!("it is an address of {}", instance.interface))
                    .help("list the addresses of the other directors only")
                })
                .collect();
            self.diagnostics.extend(errors);
        }
    }

    /// Reads the addresses of an interface that an instance speaks on.
    pub(super) async fn look_at_addresses(
        &mut self,
        host: &Host,
        config: &Config,
        ifindex: u32,
    ) -> Result<(), Problem> {
        let addresses = host
            .addresses(ifindex)
            .await
            .map_err(|error| Problem::from_error(&error))?;
        let own = addresses.into_iter();
        let own = own.filter(|known| !is_vip(config, known.address));
        self.own.insert(ifindex, own.collect());
        Ok(())
    }

    /// The addresses of an interface that an instance speaks on, without the virtual ones.
    pub(super) fn own_addresses(&self, ifindex: u32) -> &[InterfaceAddress] {
        self.own.get(&ifindex).map_or(&[], Vec::as_slice)
    }

    /// Adds what the packet path needs to know of our interfaces that run the program, `more` of them and the ports of bonds
    /// among them.
    pub(super) async fn describe_interfaces(
        &mut self,
        host: &Host,
        config: &Config,
        more: &[u32],
    ) -> Result<(), Problem> {
        for index in more {
            self.attach_to(*index);
        }
        let bonds: BTreeSet<u32> = self.attached.clone();
        let ports = self.links.values().filter_map(|link| {
            let master = link.controller.filter(|master| bonds.contains(master))?;
            Some((link.index, Some(master)))
        });
        let all: Vec<_> = bonds
            .iter()
            .map(|index| (*index, None))
            .chain(ports)
            .collect();
        for (index, master) in all {
            let Some(link) = self.links.get(&index) else {
                continue;
            };
            let (mac, mtu) = (link.mac, link.mtu);
            let addresses = host
                .addresses(master.unwrap_or(index))
                .await
                .map_err(|error| Problem::from_error(&error))?;
            let own = addresses
                .into_iter()
                .map(|known| known.address)
                .filter(|address| !is_vip(config, *address) && is_usable_as_source(*address));
            let mut interface = WantedInterface {
                mac,
                mtu,
                master,
                ..WantedInterface::default()
            };
            for address in own {
                match address {
                    IpAddr::V4(address) => drop(interface.address_v4.get_or_insert(address)),
                    IpAddr::V6(address) => drop(interface.address_v6.get_or_insert(address)),
                }
            }
            self.topology.interfaces.insert(index, interface);
        }
        Ok(())
    }

    /// Leaves the program where an earlier look had it.
    pub(super) fn keep(&mut self, earlier: &Self) {
        self.attached.extend(&earlier.attached);
        for (index, interface) in &earlier.topology.interfaces {
            let known = self.topology.interfaces.entry(*index);
            known.or_insert(*interface);
        }
    }

    /// The program must sit on this interface, or where its frames come in by.
    fn attach_to(&mut self, index: u32) {
        let (egress, _) = self.below(index);
        self.attached.insert(egress);
    }

    /// The interface that carries the frames of this one, and the VLANs that they are in.
    fn below(&self, index: u32) -> (u32, u32) {
        let mut tags = Vec::new();
        let mut index = index;
        while let Some(LinkKind::Vlan { parent, id }) = self.links.get(&index).map(|link| link.kind)
            && tags.len() < director_common::limits::MAX_VLAN_TAGS
        {
            tags.push(id);
            index = parent;
        }
        // The tag of the lowest interface comes first on the wire.
        let tag = |place: usize| tags.iter().rev().nth(place).copied().unwrap_or_default();
        (index, vlan_tags(tag(0), tag(1)))
    }

    fn find_interfaces(&mut self, config: &Config) {
        for instance in &config.vrrp_instances {
            match self.link_named(&instance.interface) {
                Some(link) => {
                    let index = link.index;
                    self.topology.instances.insert(instance.name.clone(), index);
                }
                None => self.report_waited_for(&instance.interface, instance.interface_span),
            }
            for address in instance.addresses() {
                if let Some(name) = &address.interface
                    && self.link_named(name).is_none()
                {
                    self.report_waited_for(name, address.span);
                }
            }
        }
    }

    /// The interfaces that instances speak on.
    pub(super) fn spoken_on(&self) -> BTreeSet<u32> {
        self.topology.instances.values().copied().collect()
    }

    /// The link of that name.
    pub(super) fn link_named(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }

    /// An interface may come later, such as that of a tunnel; a name that is mistyped never will.
    fn report_waited_for(&mut self, name: &str, span: Span) {
        let names: Vec<_> = self.links.values().map(|link| link.name.as_str()).collect();
        let diagnostic = Diagnostic::warning(span, format!("this host has no interface `{name}`"))
            .label("the instance is in FAULT until it comes")
            .help(format!("the interfaces here are: {}", names.join(", ")));
        self.diagnostics.push(diagnostic);
    }

    /// Whether an interface that the configuration names is one that was not there.
    pub(super) fn waits_for(&self, config: &Config, name: &str) -> bool {
        let is_named = config.vrrp_instances.iter().any(|instance| {
            let mut devices = instance
                .addresses()
                .filter_map(|address| address.interface.as_deref());
            instance.interface == name || devices.any(|device| device == name)
        });
        is_named && self.link_named(name).is_none()
    }

    /// The interface that a service's packets come in by; `None` where no VRRP instance says so.
    fn receiving_interface(&self, config: &Config, virtual_server: &VirtualServer) -> Option<u32> {
        config.vrrp_instances.iter().find_map(|instance| {
            let address = instance
                .addresses()
                .find(|address| address.address == virtual_server.address)?;
            let name = address.interface.as_ref().unwrap_or(&instance.interface);
            self.link_named(name).map(|link| link.index)
        })
    }

    fn place_server(&mut self, address: IpAddr, span: Span, route: Route) {
        let unusable = match route {
            Route::OnLink { ifindex, .. } => {
                let (egress, vlan) = self.below(ifindex);
                let link = self.links.get(&ifindex);
                let place = Place::OnLink(model::Link {
                    ifindex,
                    egress,
                    vlan,
                    mac: link.map_or([0; 6], |link| link.mac),
                    mtu: link.map_or(0, |link| link.mtu),
                });
                self.topology.servers.insert(address, place);
                self.attached.insert(egress);
                return;
            }
            Route::Local => {
                self.topology.servers.insert(address, Place::Local);
                return;
            }
            Route::Gateway { gateway, ifindex } => format!(
                "is not on a link of this host: the route to it goes through {gateway} on {}",
                self.name(ifindex)
            ),
            Route::Unreachable => {
                "is not on a link of this host: there is no route to it".to_owned()
            }
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

    /// The interfaces that the program must sit on: those that VIPs' packets come in by, and those of the servers.
    pub(super) fn interfaces(&self) -> Vec<Interface> {
        self.attached
            .iter()
            .map(|index| Interface {
                index: *index,
                name: self.name(*index),
            })
            .collect()
    }
}

/// Whether an address is a virtual one.
pub(super) fn is_vip(config: &Config, address: IpAddr) -> bool {
    let held = config
        .vrrp_instances
        .iter()
        .flat_map(|instance| instance.addresses().map(|vip| vip.address));
    let served = config.virtual_servers.iter().map(|server| server.address);
    held.chain(served).any(|vip| vip == address)
}

/// Whether who gets a packet from this address can answer it: not from an address that only one link knows.
fn is_usable_as_source(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    }
}
