//! What was changed by hand goes on when the file is read again. Pure.
//!
//! Three configurations meet: the file as it was, the one that runs, and the file as it is now. What the running one has different from
//! the old file was changed by hand and stays, unless the new file says something else of the very same thing: then the file counts.

use super::{
    super::{Config, RealServer, VirtualServer, says_the_same},
    find, find_server, name, of_name, rules,
};

/// The new file with what was changed by hand since the old one was read.
#[must_use]
pub fn carried_over(old_file: &Config, running: &Config, new_file: Config) -> Config {
    let mut next = new_file;
    let timeouts = &mut next.global.lvs_timeouts;
    let (old, now) = (&old_file.global.lvs_timeouts, &running.global.lvs_timeouts);
    carry(&mut timeouts.tcp, &old.tcp, &now.tcp);
    carry(&mut timeouts.tcpfin, &old.tcpfin, &now.tcpfin);
    carry(&mut timeouts.udp, &old.udp, &now.udp);
    next.virtual_servers.retain(|new| {
        let old = of_name(old_file, name(new));
        let was_removed = of_name(running, name(new)).is_none();
        !(was_removed && old.is_some_and(|old| says_the_same(old, new)))
    });
    for now in &running.virtual_servers {
        let old = of_name(old_file, name(now));
        match (find(&mut next.virtual_servers, name(now)), old) {
            (Some(new), Some(old)) => carry_service(new, old, now),
            // It was by hand alone, and the file has it now: then the file counts, and its servers by hand are added.
            (Some(new), None) => carry_servers(new, None, now),
            (None, None) => next.virtual_servers.push(now.clone()),
            // The file does without it now.
            (None, Some(_)) => {}
        }
    }
    next
}

/// What an edit sets of a virtual server: see [`super::ServiceSettings`]. Where that and the file's new settings cannot be together, the
/// file's count.
fn carry_service(new: &mut VirtualServer, old: &VirtualServer, now: &VirtualServer) {
    carry_servers(new, Some(old), now);
    let file = new.clone();
    carry(&mut new.scheduler, &old.scheduler, &now.scheduler);
    let flags = &mut new.scheduler_flags;
    carry(flags, &old.scheduler_flags, &now.scheduler_flags);
    carry(&mut new.one_packet, &old.one_packet, &now.one_packet);
    let timeout = &mut new.persistence_timeout;
    carry(timeout, &old.persistence_timeout, &now.persistence_timeout);
    let prefix = &mut new.persistence_prefix;
    carry(prefix, &old.persistence_prefix, &now.persistence_prefix);
    if rules::of_service(new).is_err() {
        *new = file;
    }
}

fn carry_servers(new: &mut VirtualServer, old: Option<&VirtualServer>, now: &VirtualServer) {
    let old = |address| old.and_then(|old| old.real_server(address));
    new.real_servers.retain(|server| {
        let old = old(server.address);
        let was_removed = now.real_server(server.address).is_none();
        !(was_removed && old.is_some_and(|old| says_the_same(old, server)))
    });
    for now in &now.real_servers {
        match (find_server(new, now.address), old(now.address)) {
            (Some(new), Some(old)) => carry_server(new, old, now),
            (None, None) => new.real_servers.push(now.clone()),
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
}

/// What an edit sets of a real server: see [`super::ServerSettings`]. Likewise.
fn carry_server(new: &mut RealServer, old: &RealServer, now: &RealServer) {
    let file = new.clone();
    carry(&mut new.weight, &old.weight, &now.weight);
    let upper = &mut new.upper_threshold;
    carry(upper, &old.upper_threshold, &now.upper_threshold);
    let lower = &mut new.lower_threshold;
    carry(lower, &old.lower_threshold, &now.lower_threshold);
    // A drain is one thing with the weight 0.
    if new.weight == now.weight {
        carry(&mut new.on_removal, &old.on_removal, &now.on_removal);
    }
    if rules::of_server(new).is_err() {
        *new = file;
    }
}

/// A setting that was changed by hand stays changed where the file did not change it.
fn carry<T: Clone + PartialEq>(new: &mut T, old: &T, now: &T) {
    if new == old && now != old {
        new.clone_from(now);
    }
}
