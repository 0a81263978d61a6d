//! Persistence: a client's new flows go to the server of its earlier ones.

use director_common::{
    counters::Counter,
    persistence::{Template, TemplateKey},
    server::RealServer,
    service::Service,
};

use crate::{clock, flow, maps::TEMPLATES, verdict::count};

/// Key of a client's template. `client` is its address as an IPv6 address, in words of memory order.
#[inline(always)]
fn key(service: &Service, client: [u32; 4]) -> TemplateKey {
    let mut bytes = [0; 16];
    let words = client.into_iter().zip(masks(service));
    for (part, (word, mask)) in bytes.chunks_exact_mut(4).zip(words) {
        part.copy_from_slice(&(word & mask).to_ne_bytes());
    }
    TemplateKey {
        client: bytes,
        service: service.id,
    }
}

#[inline(always)]
fn masks(service: &Service) -> [u32; 4] {
    // SAFETY: sixteen bytes are sixteen bytes.
    unsafe { core::mem::transmute(service.client_mask) }
}

/// The server that a client keeps, if it may still get new flows.
#[inline(always)]
pub fn find(service: &Service, client: [u32; 4]) -> Option<(u32, &'static RealServer)> {
    let template = TEMPLATES.get_ptr_mut(&key(service, client))?;
    // SAFETY: the map's memory outlives the program's run; each field is valid with any value.
    let (id, generation) = unsafe { ((*template).server, (*template).generation) };
    flow::living(id, generation)
        .filter(|server| server.flags & RealServer::ACCEPTS_NEW != 0)
        .map(|server| (id, server))
}

/// Remembers that a client's new flow went to a server.
#[inline(always)]
pub fn remember(service: &Service, client: [u32; 4], id: u32, server: &RealServer) {
    let key = key(service, client);
    let now = clock::now();
    if let Some(template) = TEMPLATES.get_ptr_mut(&key) {
        // SAFETY: see `find`.
        let template = unsafe { &mut *template };
        if (template.server, template.generation) == (id, server.generation) {
            template.last_seen = now;
            return;
        }
    }
    let template = Template {
        server: id,
        generation: server.generation,
        created: now,
        last_seen: now,
    };
    if TEMPLATES.insert(&key, &template, 0).is_err() {
        count(Counter::TemplateTableFull);
    }
}
