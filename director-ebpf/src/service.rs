//! Virtual services: is this packet for one, and may this director forward for it?

use director_common::service::{Service, VipFilter};

use crate::{
    family::{Family, Packet},
    maps::{LEASES, SETTINGS, VIP_FILTER},
    transport::Segment,
    verifier::element,
};

/// Whether a bit is set in the filter of the VIPs.
#[inline(always)]
pub fn filter_holds(bit: u32) -> bool {
    let Some(filter) = VIP_FILTER.get(0) else {
        return false;
    };
    let word = (bit / 64) as usize;
    if word >= VipFilter::WORDS {
        return false;
    }
    // SAFETY: the index was just checked.
    let word = unsafe { *element::<{ VipFilter::WORDS - 1 }, _, _>(&filter.words, word) };
    word & (1 << (bit % 64)) != 0
}

/// The service of a packet: that of its port, or that of all ports.
#[inline(always)]
pub fn find<F: Family>(packet: &Packet<F>, segment: &Segment) -> Option<&'static Service> {
    let destination = &packet.destination;
    F::service(destination, segment.destination_port(), segment.protocol)
        .or_else(|| F::service(destination, [0; 2], segment.protocol))
}

/// Whether this director is MASTER for a VRRP instance, at this time in jiffies: its lease has not ended. That of index 0 never began.
#[inline(always)]
pub fn is_master(instance: u32, now: u64) -> bool {
    LEASES.get(instance).is_some_and(|lease| lease.until > now)
}

/// The settings.
#[inline(always)]
pub fn settings() -> Option<&'static director_common::settings::Settings> {
    SETTINGS.get(0)
}
