//! Fragments: the first one of a packet has ports and finds its flow; the others follow it to the same server.

use aya_ebpf::programs::XdpContext;
use director_common::{
    counters::Counter,
    fragment::{Fragment, FragmentKey},
    server::RealServer,
};

use crate::{
    clock,
    family::{Family, Packet, Part},
    flow,
    maps::FRAGMENTS,
    path, service,
    verdict::{Verdict, count},
};

#[inline(always)]
fn key<F: Family>(packet: &Packet<F>, identification: u32) -> FragmentKey {
    let bytes = |words: [u32; 4]| -> [u8; 16] {
        // SAFETY: sixteen bytes are sixteen bytes.
        unsafe { core::mem::transmute(words) }
    };
    FragmentKey {
        source: bytes(F::mapped(&packet.source)),
        destination: bytes(F::mapped(&packet.destination)),
        identification,
        protocol: F::fragments_protocol(packet.protocol).into(),
    }
}

/// Remembers where the first fragment of a packet goes.
#[inline(always)]
pub fn remember<F: Family>(packet: &Packet<F>, server: u32, entry: &RealServer) {
    let Part::First(identification) = packet.part else {
        return;
    };
    let fragment = Fragment {
        server,
        generation: entry.generation,
        seen: clock::now(),
        _reserved: 0,
    };
    let key = key(packet, identification);
    if FRAGMENTS.insert(&key, &fragment, 0).is_err() {
        count(Counter::FragmentTableFull);
    }
}

/// A later fragment. One that comes before the first one is the kernel's, and so lost: its sender sends the packet again.
#[inline(always)]
pub fn follow<F: Family>(context: &XdpContext, packet: &Packet<F>, identification: u32) -> Verdict {
    let Some((id, server)) = find(&key(packet, identification)) else {
        return Verdict::Pass(Counter::PassFragment);
    };
    path::deliver(context, packet, id, server, Counter::ForwardFragment)
}

#[inline(always)]
fn find(key: &FragmentKey) -> Option<(u32, &'static RealServer)> {
    let fragment = FRAGMENTS.get_ptr(key)?;
    // SAFETY: the map's memory outlives the program's run; each field is valid with any value.
    let fragment = unsafe { *fragment };
    let timeout = service::settings().map_or(0, |settings| settings.fragment_timeout);
    if clock::is_over(fragment.seen, timeout) {
        return None;
    }
    let server = flow::living(fragment.server, fragment.generation)?;
    Some((fragment.server, server))
}
