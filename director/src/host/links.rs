//! Network interfaces: index, name, MAC address, whether they can carry frames.

use futures_util::TryStreamExt;
use nix::errno::Errno;
use rtnetlink::packet_route::{
    AddressFamily,
    link::{InfoData, InfoKind, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};
use thiserror::Error;

use super::{Host, error::KernelError};

/// Longest name of an interface in bytes (`IFNAMSIZ` - 1, include/uapi/linux/if.h).
const NAME_LIMIT_BYTES: usize = 15;

/// One interface as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number for it; never 0.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its MAC address; all zero if it has none of six bytes (`lo`, tunnels).
    pub mac: [u8; 6],
    /// Switched on by the administrator, and with carrier.
    pub up: bool,
    /// Largest packet in bytes, Ethernet header not counted.
    pub mtu: u32,
    /// What it is made of.
    pub kind: LinkKind,
    /// The bond or bridge that it is a port of.
    pub controller: Option<u32>,
}

/// What an interface is made of, as far as it matters to who sends frames by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkKind {
    /// A device by itself.
    #[default]
    Plain,
    /// A VLAN of another interface, its frames carry a tag.
    Vlan {
        /// The interface below.
        parent: u32,
        /// VLAN identifier, 1 to 4094.
        id: u16,
    },
    /// Several devices that act as one.
    Bond,
}

impl Link {
    /// `None` for what is not a link of its own, such as a bridge's view of its port.
    pub(super) fn from_message(message: &LinkMessage) -> Option<Self> {
        if message.header.interface_family != AddressFamily::Unspec {
            return None;
        }
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            mac: [0; 6],
            up: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
            mtu: 0,
            kind: LinkKind::default(),
            controller: None,
        };
        let mut below = None;
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Address(bytes) => link.mac = mac(bytes).unwrap_or_default(),
                LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
                LinkAttribute::Link(index) => below = Some(*index),
                LinkAttribute::Controller(index) => link.controller = Some(*index),
                LinkAttribute::LinkInfo(infos) => link.kind = kind(infos),
                _ => {}
            }
        }
        if let (LinkKind::Vlan { parent, .. }, Some(index)) = (&mut link.kind, below) {
            *parent = index;
        }
        (!link.name.is_empty()).then_some(link)
    }
}

/// The interface below a VLAN stands elsewhere in the message.
fn kind(infos: &[LinkInfo]) -> LinkKind {
    let mut kind = LinkKind::Plain;
    for info in infos {
        match info {
            LinkInfo::Kind(InfoKind::Bond) => kind = LinkKind::Bond,
            LinkInfo::Data(InfoData::Vlan(settings)) => {
                let id = settings.iter().find_map(|setting| match setting {
                    InfoVlan::Id(id) => Some(*id),
                    _ => None,
                });
                kind = id.map_or(kind, |id| LinkKind::Vlan { parent: 0, id });
            }
            _ => {}
        }
    }
    kind
}

/// Six bytes, or it is no Ethernet address.
pub(super) fn mac(bytes: &[u8]) -> Option<[u8; 6]> {
    bytes.try_into().ok()
}

/// A MAC address as operators write it.
#[must_use]
pub fn display_mac(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// An interface's name for a message, or its number once it is gone.
pub(super) fn display_name(ifindex: u32) -> String {
    let name = nix::net::if_::if_indextoname(ifindex)
        .ok()
        .and_then(|name| name.into_string().ok());
    // `nix` 0.31 gives an empty name instead of an error.
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("interface {ifindex}"))
}

/// Looking up one interface failed.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The name is wrong, or the interface does not exist yet.
    #[error("there is no interface {name:?}; `ip link` lists those that exist")]
    NotFound {
        /// The name that was looked for.
        name: String,
    },
    /// The kernel did not tell.
    #[error("looking up interface {name:?}")]
    Read {
        /// The name that was looked for.
        name: String,
        /// Why it failed.
        source: KernelError,
    },
}

/// Reading the list of interfaces failed.
#[derive(Debug, Error)]
#[error("listing the interfaces")]
pub struct ListLinksError(#[from] KernelError);

impl Host {
    /// The interface of this name.
    ///
    /// # Errors
    ///
    /// There is none, or the kernel does not tell.
    pub async fn link(&self, name: &str) -> Result<Link, LinkError> {
        if name.is_empty() || name.len() > NAME_LIMIT_BYTES {
            return Err(LinkError::NotFound {
                name: name.to_owned(),
            });
        }
        match self.read_link(name).await {
            Ok(link) => Ok(link),
            Err(KernelError::Refused(Errno::ENODEV)) => Err(LinkError::NotFound {
                name: name.to_owned(),
            }),
            Err(source) => Err(LinkError::Read {
                name: name.to_owned(),
                source,
            }),
        }
    }

    async fn read_link(&self, name: &str) -> Result<Link, KernelError> {
        let mut answers = Box::pin(self.netlink.link().get().match_name(name).execute());
        let message = answers.try_next().await?.ok_or(KernelError::Unexpected)?;
        Link::from_message(&message).ok_or(KernelError::Unexpected)
    }

    /// All interfaces, in the kernel's order.
    ///
    /// # Errors
    ///
    /// The kernel does not tell.
    pub async fn links(&self) -> Result<Vec<Link>, ListLinksError> {
        let answers = self.netlink.link().get().execute();
        let messages: Vec<_> = answers.try_collect().await.map_err(KernelError::from)?;
        Ok(messages.iter().filter_map(Link::from_message).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: LinkFlags) -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.flags = flags;
        message.attributes = vec![
            LinkAttribute::IfName("eth0".to_owned()),
            LinkAttribute::Mtu(1500),
            LinkAttribute::Address(vec![2, 0, 0, 0, 0, 7]),
        ];
        message
    }

    #[test]
    fn a_link_is_up_only_with_carrier() {
        let up = |flags| Link::from_message(&message(flags)).expect("a link").up;
        assert!(up(LinkFlags::Up | LinkFlags::LowerUp));
        assert!(!up(LinkFlags::Up));
        assert!(!up(LinkFlags::LowerUp));
    }

    #[test]
    fn a_vlan_knows_its_number_and_the_interface_below() {
        let mut message = message(LinkFlags::Up);
        message.attributes.extend([
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Vlan),
                LinkInfo::Data(InfoData::Vlan(vec![InfoVlan::Id(100)])),
            ]),
            LinkAttribute::Link(2),
        ]);
        assert_eq!(
            Link::from_message(&message).expect("a link").kind,
            LinkKind::Vlan { parent: 2, id: 100 }
        );
    }

    #[test]
    fn a_mac_address_has_six_bytes_or_is_none() {
        let mut message = message(LinkFlags::Up);
        assert_eq!(
            Link::from_message(&message).expect("a link").mac,
            [2, 0, 0, 0, 0, 7]
        );
        message.attributes[2] = LinkAttribute::Address(vec![10, 0, 0, 1]);
        assert_eq!(Link::from_message(&message).expect("a link").mac, [0; 6]);
    }

    #[test]
    fn a_bridge_s_view_of_its_port_is_not_a_link() {
        let mut message = message(LinkFlags::Up);
        message.header.interface_family = AddressFamily::Bridge;
        assert_eq!(Link::from_message(&message), None);
    }
}
