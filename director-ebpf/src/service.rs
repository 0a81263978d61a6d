//! Virtual services: is this packet for one, and may this director forward for it?

use director_common::{
    flow::FlowKeyV4,
    instance::Role,
    service::{Service, ServiceKey},
};

use crate::maps::{INSTANCES, SERVICES};

/// The service of a packet's destination.
#[inline(always)]
pub fn find(key: &FlowKeyV4) -> Option<&'static Service> {
    let key = ServiceKey {
        address: key.destination,
        port: [key.ports[2], key.ports[3]],
        protocol: key.protocol as u8,
        _reserved: 0,
    };
    // SAFETY: the daemon replaces entries, it never edits them in place; the memory outlives the program's run.
    unsafe { SERVICES.get(&key) }
}

/// Whether this director is MASTER for a VRRP instance.
#[inline(always)]
pub fn is_master(instance: u32) -> bool {
    INSTANCES
        .get(instance)
        .is_some_and(|instance| instance.role == Role::MASTER)
}
