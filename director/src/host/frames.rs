//! Packet sockets that only send whole frames.

use std::{io, os::fd::IntoRawFd as _, time::Duration};

use nix::sys::socket::{AddressFamily, SockFlag, SockType};
use pnet_datalink::{Channel, ChannelType, Config, DataLinkSender, NetworkInterface};

/// How long one frame may wait for room in the device's queue. A link that is stuck must not stop the daemon.
const SEND_TIMEOUT: Duration = Duration::from_millis(100);

/// A socket that sends by an interface. With protocol 0 it receives nothing (packet(7)), where one that receives would
/// get a copy of every packet that the director forwards.
///
/// # Errors
///
/// CAP_NET_RAW is missing, or the interface is gone.
pub fn sender(ifindex: u32) -> io::Result<Box<dyn DataLinkSender>> {
    let socket = nix::sys::socket::socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let config = Config {
        write_timeout: Some(SEND_TIMEOUT),
        promiscuous: false,
        // The channel takes the socket over and closes it. It has the protocol for `bind` from here; the frames are
        // whole all the same, since the socket is a raw one.
        socket_fd: Some(socket.into_raw_fd()),
        channel_type: ChannelType::Layer3(0),
        ..Config::default()
    };
    // Only the index counts.
    let interface = NetworkInterface {
        name: String::new(),
        description: String::new(),
        index: ifindex,
        mac: None,
        ips: Vec::new(),
        flags: 0,
    };
    match pnet_datalink::channel(&interface, config)? {
        Channel::Ethernet(sender, _receiver) => Ok(sender),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
