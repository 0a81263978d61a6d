//! Frames as they pass in a namespace, each with the kernel's time: heard before any packet filter, and of our own reading.

use std::{
    io::{self, IoSliceMut},
    os::fd::AsRawFd as _,
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt},
    sys::time::TimeSpec,
};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::namespace::Namespace;

pub(crate) const ETHERNET_HEADER_BYTES: usize = 14;
/// `ETH_P_ALL` (include/uapi/linux/if_ether.h).
const EVERY_PROTOCOL: u16 = 3;
/// Longer than any frame of the lab.
const LONGEST_FRAME_BYTES: usize = 0x1_0000;
/// Room for frames that come while this host does other things.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// How long nothing is waited for.
const PATIENCE: Duration = Duration::from_millis(20);

/// Hears all interfaces of a namespace.
#[derive(Debug)]
pub(crate) struct Tap(Socket);

/// A frame, from its Ethernet header on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Since 1970, by the kernel's clock.
    pub(crate) at: Duration,
    pub(crate) bytes: Vec<u8>,
}

impl Tap {
    /// Hears what a filter of classic BPF lets pass.
    pub(crate) fn open(namespace: &Namespace, filter: &[SockFilter]) -> Result<Self> {
        let opened = namespace.enter(|| {
            let protocol = Protocol::from(i32::from(EVERY_PROTOCOL.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
            socket.attach_filter(filter)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES)?;
            setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
            io::Result::Ok(socket)
        })?;
        let tap = Self(opened.with_context(|| format!("cannot listen in {}", namespace.name()))?);
        // It has heard everything until the filter was there.
        while tap.receive(MsgFlags::MSG_DONTWAIT)?.is_some() {}
        Ok(tap)
    }

    /// The next frame; `None` if none came for a while.
    pub(crate) fn next(&self) -> Result<Option<Frame>> {
        self.receive(MsgFlags::empty())
    }

    fn receive(&self, flags: MsgFlags) -> Result<Option<Frame>> {
        let mut bytes = vec![0; LONGEST_FRAME_BYTES];
        let mut control = nix::cmsg_space!(TimeSpec);
        let mut slices = [IoSliceMut::new(&mut bytes)];
        let received = recvmsg::<()>(self.0.as_raw_fd(), &mut slices, Some(&mut control), flags);
        let (length, at) = match received {
            Ok(message) => {
                let mut messages = message.cmsgs()?;
                let at = messages.find_map(|message| match message {
                    ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
                    _ => None,
                });
                (
                    message.bytes,
                    at.context("the kernel gives frames no time")?,
                )
            }
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error).context("cannot hear frames"),
        };
        bytes.truncate(length);
        Ok(Some(Frame { at, bytes }))
    }
}

impl Frame {
    /// MAC address of the sender, `aa:bb:cc:dd:ee:ff`.
    pub(crate) fn source_mac(&self) -> Option<String> {
        let mac: &[u8; 6] = self.bytes.get(6..12)?.try_into().ok()?;
        Some(display_mac(*mac))
    }

    pub(crate) fn ether_type(&self) -> Option<u16> {
        self.bytes.get(12..14).map(word)
    }

    /// What follows the Ethernet header.
    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(ETHERNET_HEADER_BYTES..).unwrap_or_default()
    }
}

/// As `ip` writes it.
pub(crate) fn display_mac(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Two bytes in the order of the network; 0 if there are not two.
pub(crate) fn word(bytes: &[u8]) -> u16 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

/// Instructions of classic BPF (bpf(4)), for filters over whole frames.
pub(crate) mod filter {
    use socket2::SockFilter;

    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// `SKF_AD_OFF` (include/uapi/linux/filter.h): what the kernel knows of a frame stands at offsets from here on.
    const ANCILLARY: u32 = 0xffff_f000;

    /// Which way a frame goes; [`OUTGOING`] if it leaves by this interface.
    pub(crate) const DIRECTION: SockFilter = SockFilter::new(LOAD_WORD, 0, 0, ANCILLARY + 4);
    /// `PACKET_OUTGOING` (include/uapi/linux/if_packet.h).
    pub(crate) const OUTGOING: u32 = 4;
    /// Index of the interface.
    pub(crate) const INTERFACE: SockFilter = SockFilter::new(LOAD_WORD, 0, 0, ANCILLARY + 8);

    pub(crate) const KEEP: SockFilter = SockFilter::new(RETURN, 0, 0, u32::MAX);
    pub(crate) const DROP: SockFilter = SockFilter::new(RETURN, 0, 0, 0);

    pub(crate) const fn word_at(offset: u32) -> SockFilter {
        SockFilter::new(LOAD_WORD, 0, 0, offset)
    }

    pub(crate) const fn half_at(offset: u32) -> SockFilter {
        SockFilter::new(LOAD_HALF, 0, 0, offset)
    }

    pub(crate) const fn byte_at(offset: u32) -> SockFilter {
        SockFilter::new(LOAD_BYTE, 0, 0, offset)
    }

    /// Skips so many instructions if what was loaded is this value, or is not.
    pub(crate) const fn skip(value: u32, if_equal: u8, if_not: u8) -> SockFilter {
        SockFilter::new(JUMP_IF_EQUAL, if_equal, if_not, value)
    }
}
