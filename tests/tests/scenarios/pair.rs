//! Two servers of which one can fail or go while it is alive, for scenarios about what its clients then see.

use std::net::{IpAddr, SocketAddr, TcpStream};

use anyhow::Result;
use lab::{Connection, Databases, Lab, Service, XdpMode, configuration, vips};

use crate::{SHORT, SOON, Serving};

/// A removed server's clients are told at once.
pub(crate) const RESET: &str = "on_removal reset";

/// Two databases on each host: clients are served by port 3306, and the checks look at port 3308, so that a server can fail that is
/// alive.
pub(crate) struct Pair {
    pub(crate) serving: Serving,
    pub(crate) databases: Databases,
    pub(crate) lab: Lab,
}

impl Pair {
    pub(crate) fn start(mode: XdpMode) -> Result<Self> {
        let lab = Lab::create_dual(mode)?;
        let databases = lab.start_databases()?;
        let serving = Serving::start(&lab, &with_both(&lab, RESET))?;
        Ok(Self {
            serving,
            databases,
            lab,
        })
    }

    /// Takes the real server out of the configuration.
    pub(crate) fn remove_real(&self) -> Result<()> {
        self.reload(&without_real(&self.lab, RESET))
    }

    pub(crate) fn reload(&self, services: &[Service]) -> Result<()> {
        let director = &self.serving.director;
        director.configure(&configuration(services))?;
        director.reload()?;
        for (port, address) in services.iter().flat_map(Service::servers) {
            director.await_state(port, address, "up", SOON)?;
        }
        Ok(())
    }

    /// A connection of the real client to the real server, and the server's own name for it.
    pub(crate) fn open_at_real(&self, vip: SocketAddr) -> Result<(Connection, String)> {
        let real = self.databases.real_3306.id().0.to_string();
        for _ in 0..4 {
            let mut open = self.lab.client.open(vip)?;
            if open.ask("select @@server_id", SHORT)? == real {
                let name = open.ask("select connection_id()", SHORT)?;
                return Ok((open, name));
            }
        }
        anyhow::bail!("no connection went to the real server")
    }

    /// A connection to the real server that its client does not speak on any more.
    pub(crate) fn idle_at_real(&self, vip: SocketAddr) -> Result<TcpStream> {
        for _ in 0..4 {
            let (id, stream) = self.lab.client.greeted_by(vip, SHORT)?;
            if id == self.databases.real_3306.id() {
                return Ok(stream);
            }
        }
        anyhow::bail!("no connection went to the real server")
    }
}

/// A service on each VIP with both servers.
pub(crate) fn with_both(lab: &Lab, farewell: &str) -> [Service; 2] {
    vips(3306).map(|vip| {
        let service = Service::tcp(vip, "rr").checked_on(3308).with(farewell);
        service.real_servers([&lab.real_server, &lab.sorry_server], "")
    })
}

/// The same without the real server.
pub(crate) fn without_real(lab: &Lab, farewell: &str) -> [Service; 2] {
    vips(3306).map(|vip| {
        let service = Service::tcp(vip, "rr").checked_on(3308).with(farewell);
        service.real_server(&lab.sorry_server, "")
    })
}

/// The real server's address of the VIP's family.
pub(crate) fn address(lab: &Lab, vip: SocketAddr) -> IpAddr {
    match vip {
        SocketAddr::V4(_) => lab.real_server.address.into(),
        SocketAddr::V6(_) => lab.real_server.address6.into(),
    }
}
