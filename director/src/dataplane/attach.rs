//! Attaching the program to interfaces, and keeping the attachments pinned.

use std::{collections::BTreeMap, io};

use aya::programs::{
    ProgramError, Xdp, XdpMode as AyaMode,
    links::{FdLink, LinkError, PinnedLink},
    xdp::XdpLink,
};

use super::pins::{Pins, PinsError};

/// How the operator wants the program attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum XdpMode {
    /// Native where the driver can, else generic with a warning.
    #[default]
    Auto,
    /// In the driver, before a socket buffer is made.
    Native,
    /// In the kernel's generic path: every driver, slower.
    Generic,
}

/// How the program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// In the driver.
    Native,
    /// In the kernel's generic path.
    Generic,
}

impl Attached {
    /// The word in listings and in the pin's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

impl From<Attached> for AyaMode {
    fn from(mode: Attached) -> Self {
        match mode {
            Attached::Native => Self::Driver,
            Attached::Generic => Self::Skb,
        }
    }
}

/// What happened to the attachment of one interface.
#[derive(Debug)]
pub enum AttachOutcome {
    /// An earlier attachment was taken over: no packet missed the program.
    Adopted(Attached),
    /// Attached as wanted.
    New(Attached),
    /// Attached in generic mode, as the driver refused the native one.
    Fallback(AttachError),
}

impl AttachOutcome {
    /// The mode that the interface is in now.
    #[must_use]
    pub const fn mode(&self) -> Attached {
        match self {
            Self::Adopted(mode) | Self::New(mode) => *mode,
            Self::Fallback(_) => Attached::Generic,
        }
    }
}

/// The program could not be attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The kernel refused.
    #[error("attaching the XDP program to {interface} in {} mode", mode.name())]
    Refused {
        /// Name of the interface.
        interface: String,
        /// The mode that was tried.
        mode: Attached,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The attachment cannot be pinned.
    #[error("this kernel attaches XDP programs without links that outlive the daemon")]
    NoLinks,
    /// The attachment could not be pinned.
    #[error("pinning the attachment to {interface}")]
    Pin {
        /// Name of the interface.
        interface: String,
        /// What the kernel said.
        #[source]
        source: aya::pin::PinError,
    },
    /// The pin folder could not be read or changed.
    #[error(transparent)]
    Pins(#[from] PinsError),
}

impl AttachError {
    /// What the operator can do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Refused {
                interface,
                source,
                mode,
            } => match source.raw_os_error() {
                Some(libc::EBUSY) => format!(
                    "another XDP program sits on {interface}: `ip link show {interface}` names it, `ip link set {interface} xdp off` removes it"
                ),
                Some(libc::EPERM | libc::EACCES) => "run as root".to_owned(),
                Some(libc::ENOSPC) if *mode == Attached::Native => format!(
                    "{interface} has too few queues for XDP: `ethtool -L {interface} combined N` gives it as many to receive as its other end sends by (a veth), or one to send for each CPU; --xdp-mode generic works with every driver"
                ),
                Some(libc::ERANGE | libc::EOPNOTSUPP | ENOTSUPP | libc::EINVAL)
                    if *mode == Attached::Native =>
                {
                    format!(
                        "the driver of {interface} has no native XDP, or not at this MTU or with these offloads (`ethtool -K {interface} lro off gro-hw off` helps on virtio); --xdp-mode generic works with every driver"
                    )
                }
                _ => format!("`ip link show {interface}` and the kernel's log say more"),
            },
            Self::NoLinks => "Linux 5.9 or newer is needed".to_owned(),
            Self::Pin { .. } => "look at the pin folder and its file system".to_owned(),
            Self::Pins(error) => error.help(),
        }
    }
}

/// The kernel's own *not supported*, which is no errno of the C library.
const ENOTSUPP: i32 = 524;

/// An interface to attach to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its index, which names the pin.
    pub index: u32,
    /// Its name, for messages.
    pub name: String,
}

/// Brings the attachments to what is wanted: earlier ones are taken over, others removed, missing ones made.
pub(super) fn reconcile(
    program: &mut Xdp,
    pins: &Pins,
    interfaces: &[Interface],
    wanted: XdpMode,
) -> Result<BTreeMap<u32, AttachOutcome>, AttachError> {
    let mut pinned = pinned_links(pins)?;
    let mut outcomes = BTreeMap::new();
    for interface in interfaces {
        let earlier = pinned.remove(&interface.index);
        let adopted = match earlier {
            Some(mode) if suits(mode, wanted) => adopt(program, pins, interface.index, mode),
            Some(mode) => {
                remove_pin(pins, interface.index, mode)?;
                None
            }
            None => None,
        };
        let outcome = match adopted {
            Some(mode) => AttachOutcome::Adopted(mode),
            None => attach(program, pins, interface, wanted)?,
        };
        outcomes.insert(interface.index, outcome);
    }
    for (index, mode) in pinned {
        remove_pin(pins, index, mode)?;
    }
    Ok(outcomes)
}

const fn suits(mode: Attached, wanted: XdpMode) -> bool {
    matches!(
        (mode, wanted),
        (_, XdpMode::Auto)
            | (Attached::Native, XdpMode::Native)
            | (Attached::Generic, XdpMode::Generic)
    )
}

/// Replaces the program on a pinned link; nothing where the link's interface is gone. A stale pin is removed.
fn adopt(program: &mut Xdp, pins: &Pins, index: u32, mode: Attached) -> Option<Attached> {
    let replaced = PinnedLink::from_pin(path(pins, index, mode))
        .map(FdLink::from)
        .and_then(XdpLink::try_from)
        .map_err(|error: LinkError| io::Error::other(error))
        .and_then(|link| program.attach_to_link(link).map_err(os_error));
    match replaced {
        Ok(_) => Some(mode),
        Err(error) => {
            tracing::warn!(ifindex = index, %error, "an earlier attachment is of no use any more; attaching anew");
            let _gone = remove_pin(pins, index, mode);
            None
        }
    }
}

fn attach(
    program: &mut Xdp,
    pins: &Pins,
    interface: &Interface,
    wanted: XdpMode,
) -> Result<AttachOutcome, AttachError> {
    match wanted {
        XdpMode::Native => {
            attach_in(program, pins, interface, Attached::Native).map(AttachOutcome::New)
        }
        XdpMode::Generic => {
            attach_in(program, pins, interface, Attached::Generic).map(AttachOutcome::New)
        }
        XdpMode::Auto => match attach_in(program, pins, interface, Attached::Native) {
            Ok(mode) => Ok(AttachOutcome::New(mode)),
            Err(refused @ AttachError::Refused { .. }) if !is_final(&refused) => {
                attach_in(program, pins, interface, Attached::Generic)?;
                Ok(AttachOutcome::Fallback(refused))
            }
            Err(error) => Err(error),
        },
    }
}

/// Whether the generic mode would meet the same refusal.
fn is_final(error: &AttachError) -> bool {
    matches!(
        error,
        AttachError::Refused { source, .. }
            if matches!(source.raw_os_error(), Some(libc::EBUSY | libc::EPERM | libc::EACCES | libc::ENODEV))
    )
}

fn attach_in(
    program: &mut Xdp,
    pins: &Pins,
    interface: &Interface,
    mode: Attached,
) -> Result<Attached, AttachError> {
    let refused = |error: ProgramError| AttachError::Refused {
        interface: interface.name.clone(),
        mode,
        source: os_error(error),
    };
    let id = program
        .attach_to_if_index(interface.index, mode.into())
        .map_err(refused)?;
    let link = program.take_link(id).map_err(refused)?;
    let link = FdLink::try_from(link).map_err(|_| AttachError::NoLinks)?;
    link.pin(path(pins, interface.index, mode))
        .map_err(|source| AttachError::Pin {
            interface: interface.name.clone(),
            source,
        })?;
    Ok(mode)
}

/// The kernel's own words out of aya's error.
fn os_error(error: ProgramError) -> io::Error {
    match error {
        ProgramError::SyscallError(error) => error.io_error,
        ProgramError::IOError(error) => error,
        other => io::Error::other(other),
    }
}

fn pinned_links(pins: &Pins) -> Result<BTreeMap<u32, Attached>, PinsError> {
    Ok(pins
        .names()?
        .iter()
        .filter_map(|name| parse_name(name))
        .collect())
}

fn path(pins: &Pins, index: u32, mode: Attached) -> std::path::PathBuf {
    pins.folder().join(format!("link_{index}_{}", mode.name()))
}

fn parse_name(name: &str) -> Option<(u32, Attached)> {
    let (index, mode) = name.strip_prefix("link_")?.split_once('_')?;
    let mode = [Attached::Native, Attached::Generic]
        .into_iter()
        .find(|known| known.name() == mode)?;
    Some((index.parse().ok()?, mode))
}

/// Removing the pin of a link detaches the program.
fn remove_pin(pins: &Pins, index: u32, mode: Attached) -> Result<(), PinsError> {
    pins.remove_file(&path(pins, index, mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_pin_tells_interface_and_mode() {
        assert_eq!(parse_name("link_7_native"), Some((7, Attached::Native)));
        assert_eq!(parse_name("link_12_generic"), Some((12, Attached::Generic)));
        for other in [
            "program",
            "SERVERS",
            "link_7",
            "link_x_native",
            "link_7_offload",
        ] {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }
}
