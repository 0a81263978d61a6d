//! What a lab may have beside its four hosts. Each piece is added when a scenario asks for it.
//!
//! ```text
//!   remote client ---- router ---+                                  10.9.0.0/24, fd00:9::/64; a small MTU on the way there
//!                                |
//!   ------ br0 ------------------+--- eth0 director eth1 ---+       192.168.66.0/23, fd00:66::/64
//!                                |                          |
//!                             router2 ----------------------+--- real server behind the director
//!                                                                   10.8.0.0/24, fd00:8::/64
//! ```

use anyhow::Result;

use crate::{
    bridge::Bridge,
    client::Client,
    host::Host,
    lab::Lab,
    place::{
        BACKUP_DIRECTOR, DIRECTOR_BEHIND, Families, INNER_ROUTER, INNER_ROUTER_BEHIND, Place,
        REMOTE_CLIENT, ROUTER, ROUTER_TO_REMOTE, SERVER_BEHIND, VIP, VIP6,
    },
};

const SEGMENT: [&str; 2] = ["192.168.66.0/23", "fd00:66::/64"];
const REMOTE: [&str; 2] = ["10.9.0.0/24", "fd00:9::/64"];

/// A client that is not on the segment, and the router on its way.
#[derive(Debug)]
pub struct Remote {
    pub client: Client,
    pub router: Host,
}

/// A real server on a segment of its own, which the director is on with its second interface.
#[derive(Debug)]
pub struct Behind {
    pub real_server: Host,
    bridge: Bridge,
}

impl Lab {
    /// Adds a real server to the segment.
    pub fn add_real_server(&self, place: Place) -> Result<Host> {
        let host = self.join(place)?;
        host.serve()?;
        Ok(host)
    }

    /// Adds the second director host, 192.168.66.12.
    pub fn add_director(&self) -> Result<Host> {
        Host::join(&self.id, &self.bridge, self.families, BACKUP_DIRECTOR)
    }

    /// Adds a client behind a router. On the last part of the way, from the router to the client, packets have to be as small
    /// as `mtu`; the client itself does not know, so it asks for segments that are too large.
    pub fn add_remote_client(&self, mtu: u16) -> Result<Remote> {
        let router = self.join(ROUTER)?;
        let host = Host::create(&self.id, self.families, REMOTE_CLIENT)?;
        router.namespace.ip(&format!(
            "link add eth1 mtu {mtu} type veth peer name eth0 mtu 1500 netns {}",
            host.namespace.name()
        ))?;
        router.configure("eth1", ROUTER_TO_REMOTE, 24)?;
        host.configure("eth0", REMOTE_CLIENT, 24)?;
        self.prepare_to_be_bounced(&host)?;
        router.forward()?;
        host.route(&SEGMENT, ROUTER_TO_REMOTE)?;
        for neighbor in [&self.director, &self.real_server, &self.sorry_server] {
            neighbor.route(&REMOTE, ROUTER)?;
        }
        let client = Client { host };
        Ok(Remote { client, router })
    }

    /// Adds `eth1` to the director and a real server behind it, whose answers go to the clients by a router.
    pub fn add_segment_behind(&self) -> Result<Behind> {
        let bridge = Bridge::create(&self.id, "bridge2", 24)?;
        bridge.plug(&self.director, "eth1", DIRECTOR_BEHIND)?;
        let router = self.join(INNER_ROUTER)?;
        bridge.plug(&router, "eth1", INNER_ROUTER_BEHIND)?;
        router.forward()?;
        let real_server = Host::join(&self.id, &bridge, self.families, SERVER_BEHIND)?;
        real_server.serve()?;
        real_server.route(&SEGMENT, INNER_ROUTER_BEHIND)?;
        self.prepare_to_be_bounced(&real_server)?;
        self.pass_at_the_far_end(&bridge, &self.director)?;
        Ok(Behind {
            real_server,
            bridge,
        })
    }
}

impl Remote {
    /// Has the router no longer tell the VIP of packets that were too large: its own packets to the VIP lead nowhere.
    pub fn keep_errors_from_the_vip(&self) -> Result<()> {
        let router = &self.router;
        router
            .namespace
            .ip(&format!("rule add iif lo to {VIP} blackhole"))?;
        if router.families == Families::Both {
            router
                .namespace
                .ip(&format!("-6 rule add iif lo to {VIP6} blackhole"))?;
        }
        Ok(())
    }
}

impl Behind {
    /// How many frames have been sent on the segment behind the director.
    pub fn frames(&self) -> Result<u64> {
        self.bridge.frames()
    }
}
