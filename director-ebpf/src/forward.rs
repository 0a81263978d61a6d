//! Direct routing: the frame gets the real server's MAC address and goes out, nothing above the link layer changes but the TTL.

use aya_ebpf::{bindings::xdp_action, programs::XdpContext};
use director_common::{
    counters::{Counter, Traffic},
    interface::Interface,
    server::RealServer,
};

use crate::{
    family::{Family, Packet},
    frame::{Ethernet, WITHOUT_LAST_BYTE, mac_as_number},
    maps::{EGRESS, INTERFACES, SERVER_TRAFFIC, SERVICE_TRAFFIC},
    verdict::{Kind, Verdict},
};

/// How a frame leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Way {
    /// By the interface it came in by.
    Back,
    /// By the server's interface, which is another one.
    Across,
    /// Not at all: the server is this director.
    Local,
    /// Not to its server.
    None,
}

/// A packet's way to its server, or the verdict where it does not get there.
#[derive(Clone, Copy)]
pub struct Route {
    pub way: Way,
    /// Counts with [`Way::None`].
    pub verdict: Verdict,
}

impl Route {
    #[inline(always)]
    fn by(way: Way) -> Self {
        Self {
            way,
            verdict: Verdict::Pass(Counter::PassOtherHost),
        }
    }

    #[inline(always)]
    fn ends(verdict: Verdict) -> Self {
        Self {
            way: Way::None,
            verdict,
        }
    }
}

/// Finds the packet's way to its server, and takes one from its TTL if there is one.
///
/// The program sees a frame before the kernel has sorted out those for other hosts: on a card that receives everything, such a frame
/// would be forwarded a second time.
#[inline(always)]
pub fn find_way<F: Family>(context: &XdpContext, packet: &Packet<F>, server: &RealServer) -> Route {
    if server.flags & RealServer::LOCAL != 0 {
        return Route::by(Way::Local);
    }
    let way = way_between(context, packet, server);
    if way == Way::None {
        return Route::by(way);
    }
    if server.mtu != 0 && packet.length > usize::from(server.mtu) && is_too_big(context, packet) {
        return Route::ends(Verdict::of(Kind::RefuseSize, server.mtu.into()));
    }
    if F::decrement_ttl(packet).is_none() {
        return Route::ends(Verdict::of(Kind::RefuseTtl, 0));
    }
    Route::by(way)
}

#[inline(always)]
fn way_between<F: Family>(context: &XdpContext, packet: &Packet<F>, server: &RealServer) -> Way {
    let ifindex = context.ingress_ifindex() as u32;
    if packet.frame.vlan != server.vlan {
        return Way::None;
    }
    // Nearly every frame comes in by its server's own link.
    if packet.frame.destination() == mac_as_number(server.source_mac) && ifindex == server.ifindex {
        return Way::Back;
    }
    match interface(ifindex) {
        Some(known) if is_addressed_to(packet, known) => {
            if ifindex == server.ifindex || known.master == server.ifindex {
                Way::Back
            } else {
                Way::Across
            }
        }
        _ => Way::None,
    }
}

/// Whether a frame is addressed to the interface that it came in by.
#[inline(always)]
pub fn is_for_us<F: Family>(context: &XdpContext, packet: &Packet<F>) -> bool {
    interface(context.ingress_ifindex() as u32)
        .is_some_and(|interface| is_addressed_to(packet, interface))
}

/// Whether a frame is addressed to an interface, or to a virtual router (`use_vmac`): which director answers for that one is told by its
/// lease, and no other host has such an address.
#[inline(always)]
fn is_addressed_to<F: Family>(packet: &Packet<F>, interface: &Interface) -> bool {
    let destination = packet.frame.destination();
    destination == mac_as_number(interface.mac)
        || destination & WITHOUT_LAST_BYTE == F::VIRTUAL_ROUTER
}

/// What is known of one of our interfaces.
#[inline(always)]
pub fn interface(ifindex: u32) -> Option<&'static Interface> {
    // SAFETY: the daemon replaces entries, it never edits them in place; the memory outlives the program's run.
    unsafe { INTERFACES.get(&ifindex) }
}

/// Whether a packet that is larger than the server's link takes came in as it is. One that is larger than its own interface takes
/// was put together by the receiving side (GRO, LRO), which takes it apart again as it leaves.
#[inline(always)]
fn is_too_big<F: Family>(context: &XdpContext, packet: &Packet<F>) -> bool {
    interface(context.ingress_ifindex() as u32)
        .is_some_and(|interface| packet.length <= usize::from(interface.mtu))
}

/// Sends the frame on its way.
#[inline(always)]
pub fn send<F: Family>(
    packet: &Packet<F>,
    server: &RealServer,
    way: Way,
    counter: Counter,
) -> Verdict {
    match way {
        Way::Local => Verdict::Pass(Counter::PassLocal),
        Way::None => Verdict::Pass(Counter::PassOtherHost),
        Way::Back => {
            rewrite(packet.frame.ethernet, server);
            Verdict::Tx(counter)
        }
        Way::Across => {
            rewrite(packet.frame.ethernet, server);
            match EGRESS.redirect(server.ifindex, xdp_action::XDP_DROP.into()) {
                Ok(_) => Verdict::Redirect(counter),
                Err(_) => Verdict::Drop(Counter::DropNoEgress),
            }
        }
    }
}

/// Writes both MAC addresses.
#[inline(always)]
fn rewrite(ethernet: *mut Ethernet, server: &RealServer) {
    // SAFETY: `frame::parse` checked the bounds of the header. `RealServer` begins with the two addresses in the order of
    // the wire and is aligned to 4 bytes.
    unsafe {
        let addresses = core::ptr::from_ref(server).cast::<[u16; 6]>();
        (*ethernet).addresses = *addresses;
    }
}

/// Counts a packet that goes to a server. `connections` is 1 if it made a flow.
#[inline(always)]
pub fn count<F: Family>(id: u32, server: &RealServer, connections: u64, packet: &Packet<F>) {
    let traffic = Traffic {
        connections,
        packets: 1,
        bytes: packet.length as u64,
    };
    if let Some(total) = SERVER_TRAFFIC.get_ptr_mut(id) {
        // SAFETY: the slot belongs to this CPU.
        unsafe { *total += traffic }
    }
    if let Some(total) = SERVICE_TRAFFIC.get_ptr_mut(server.service) {
        // SAFETY: as above.
        unsafe { *total += traffic }
    }
}
