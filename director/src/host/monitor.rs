//! What changes in the kernel without our doing: a subscription to netlink's multicast groups.
//!
//! Subscribe first and read the tables afterwards: then nothing falls between the two. An event may repeat what was
//! already read.

use std::{io, net::IpAddr};

use futures_util::{Stream, StreamExt};
use rtnetlink::{
    MulticastGroup,
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::RouteNetlinkMessage,
};
use thiserror::Error;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::AbortHandle,
};

use super::{Host, addresses::InterfaceAddress, links::Link, neighbors::Neighbor};

/// Events that may wait for the daemon. A link with a thousand neighbors that goes down makes a thousand events at
/// once; more than that are replaced by one [`HostEvent::Lost`].
const EVENT_DEPTH: usize = 1024;

/// A change in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostEvent {
    /// What is known of a neighbor; often the same as before.
    NeighborChanged(Neighbor),
    /// A link is new, or something about it changed.
    LinkChanged(Link),
    /// A link is gone, with its addresses and neighbors.
    LinkRemoved {
        /// Its number, which a later link may get.
        index: u32,
    },
    /// An interface has an address.
    AddressAdded {
        /// The interface.
        ifindex: u32,
        /// The address.
        address: IpAddr,
    },
    /// An interface has an address no more.
    AddressRemoved {
        /// The interface.
        ifindex: u32,
        /// The address.
        address: IpAddr,
    },
    /// Events were lost: read everything anew.
    Lost,
}

/// Subscribing failed.
#[derive(Debug, Error)]
#[error("subscribing to the kernel's changes of links, addresses and neighbors by netlink")]
pub struct MonitorError(#[source] io::Error);

/// The subscription. It ends when it is dropped.
#[derive(Debug)]
pub struct Monitor {
    events: mpsc::Receiver<HostEvent>,
    connection: AbortHandle,
    pump: AbortHandle,
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.connection.abort();
        self.pump.abort();
    }
}

impl Monitor {
    /// The next change; `None` when the netlink socket has failed. May be dropped and called again at any time.
    pub async fn next(&mut self) -> Option<HostEvent> {
        self.events.recv().await
    }
}

impl Host {
    /// Subscribes to changes from now on.
    ///
    /// # Errors
    ///
    /// The kernel gives no netlink socket.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn monitor(&self) -> Result<Monitor, MonitorError> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Neigh,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
        ];
        let (connection, _requests, messages) =
            rtnetlink::new_multicast_connection(&groups).map_err(MonitorError)?;
        let (sender, events) = mpsc::channel(EVENT_DEPTH);
        let changes =
            messages.filter_map(|(message, _from)| std::future::ready(understand(message)));
        Ok(Monitor {
            events,
            connection: tokio::spawn(connection).abort_handle(),
            pump: tokio::spawn(pump(changes, sender)).abort_handle(),
        })
    }
}

/// Hands changes on. It never waits for the receiver while there are more, because they would pile up in the
/// unbounded channel of the netlink socket's task.
async fn pump(changes: impl Stream<Item = HostEvent>, events: mpsc::Sender<HostEvent>) {
    let mut changes = std::pin::pin!(changes.fuse());
    while let Some(change) = changes.next().await {
        match events.try_send(change) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => return,
            Err(TrySendError::Full(_)) => {
                drop_until_room(&mut changes, &events).await;
            }
        }
    }
}

/// Drops changes until the receiver has room to hear that some are lost.
async fn drop_until_room(
    changes: &mut (impl Stream<Item = HostEvent> + Unpin),
    events: &mpsc::Sender<HostEvent>,
) {
    loop {
        tokio::select! {
            room = events.reserve() => {
                if let Ok(room) = room {
                    room.send(HostEvent::Lost);
                }
                return;
            }
            change = changes.next() => {
                if change.is_none() {
                    return;
                }
            }
        }
    }
}

fn understand(message: NetlinkMessage<RouteNetlinkMessage>) -> Option<HostEvent> {
    match message.payload {
        NetlinkPayload::InnerMessage(message) => understand_route(&message),
        // The socket's buffer was full (ENOBUFS).
        NetlinkPayload::Overrun(_) => Some(HostEvent::Lost),
        _ => None,
    }
}

fn understand_route(message: &RouteNetlinkMessage) -> Option<HostEvent> {
    match message {
        RouteNetlinkMessage::NewLink(message) => {
            Link::from_message(message).map(HostEvent::LinkChanged)
        }
        RouteNetlinkMessage::DelLink(message) => {
            let link = Link::from_message(message)?;
            Some(HostEvent::LinkRemoved { index: link.index })
        }
        RouteNetlinkMessage::NewNeighbour(message) => {
            Neighbor::from_message(message).map(HostEvent::NeighborChanged)
        }
        RouteNetlinkMessage::DelNeighbour(message) => {
            let neighbor = Neighbor::from_message(message)?.forgotten();
            Some(HostEvent::NeighborChanged(neighbor))
        }
        RouteNetlinkMessage::NewAddress(message) => {
            let address = InterfaceAddress::from_message(message)?.address;
            Some(HostEvent::AddressAdded {
                ifindex: message.header.index,
                address,
            })
        }
        RouteNetlinkMessage::DelAddress(message) => {
            let address = InterfaceAddress::from_message(message)?.address;
            Some(HostEvent::AddressRemoved {
                ifindex: message.header.index,
                address,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(index: u32) -> HostEvent {
        HostEvent::LinkRemoved { index }
    }

    #[tokio::test]
    async fn changes_are_handed_on_in_their_order() {
        let (sender, mut events) = mpsc::channel(4);
        pump(futures_util::stream::iter([removed(1), removed(2)]), sender).await;
        assert_eq!(events.recv().await, Some(removed(1)));
        assert_eq!(events.recv().await, Some(removed(2)));
        assert_eq!(events.recv().await, None);
    }

    #[tokio::test]
    async fn a_slow_receiver_is_told_that_it_missed_something() {
        let (sender, mut events) = mpsc::channel(1);
        let (changes, queue) = mpsc::unbounded_channel();
        let stream = futures_util::stream::unfold(queue, |mut queue| async {
            Some((queue.recv().await?, queue))
        });
        for index in 1..=3 {
            changes
                .send(removed(index))
                .expect("the pump's end is open");
        }
        let pump = tokio::spawn(pump(stream, sender));
        assert_eq!(events.recv().await, Some(removed(1)));
        assert_eq!(events.recv().await, Some(HostEvent::Lost));
        changes.send(removed(4)).expect("the pump's end is open");
        assert_eq!(events.recv().await, Some(removed(4)));
        drop(changes);
        pump.await.expect("the pump ends with its stream");
    }

    #[test]
    fn a_full_socket_buffer_means_lost_events() {
        let overrun = NetlinkMessage::new(Default::default(), NetlinkPayload::Overrun(vec![]));
        assert_eq!(understand(overrun), Some(HostEvent::Lost));
    }
}
