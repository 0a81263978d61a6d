//! The client host: the real `mariadb` client for queries, bare TCP connections for counting.

use std::{
    io::Read,
    net::{SocketAddrV4, TcpStream},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{
    connection::Connection,
    host::Host,
    mariadb::{SCHEMA, ServerId, USER},
    tcp::TcpCounters,
};

/// The host that wants something of the VIP.
#[derive(Debug, Clone)]
pub struct Client {
    pub host: Host,
}

impl Client {
    /// Runs one query on a connection of its own and returns what was printed, without the last line's end.
    pub fn query(&self, server: SocketAddrV4, query: &str) -> Result<String> {
        let answer = self
            .host
            .namespace
            .run(program(server).args(["--execute", query]))?;
        Ok(answer.trim_end().to_owned())
    }

    /// Asks who answers on this address, by a query.
    pub fn who_answers(&self, server: SocketAddrV4) -> Result<ServerId> {
        let answer = self.query(server, "select @@server_id")?;
        Ok(ServerId(answer.parse().with_context(|| {
            format!("@@server_id is no number: {answer}")
        })?))
    }

    /// Opens a connection that stays.
    pub fn open(&self, server: SocketAddrV4) -> Result<Connection> {
        Connection::open(&self.host.namespace, program(server))
    }

    /// Opens a bare TCP connection.
    pub fn connect(&self, server: SocketAddrV4, limit: Duration) -> Result<TcpStream> {
        let opened = self
            .host
            .namespace
            .enter(|| TcpStream::connect_timeout(&server.into(), limit))?;
        let stream = opened.with_context(|| format!("cannot connect to {server}"))?;
        stream.set_read_timeout(Some(limit))?;
        Ok(stream)
    }

    /// Opens a bare TCP connection and reads in the server's greeting who answered. Much quicker than a query.
    pub fn greeted_by(
        &self,
        server: SocketAddrV4,
        limit: Duration,
    ) -> Result<(ServerId, TcpStream)> {
        let mut stream = self.connect(server, limit)?;
        let id = greeting(&mut stream).with_context(|| format!("no greeting from {server}"))?;
        Ok((id, stream))
    }

    /// What the client's TCP has counted so far.
    pub fn tcp_counters(&self) -> Result<TcpCounters> {
        TcpCounters::of(&self.host)
    }
}

fn program(server: SocketAddrV4) -> Command {
    let mut program = Command::new("mariadb");
    program.args([
        "--no-defaults",
        "--protocol=tcp",
        "--connect-timeout=3",
        "--batch",
        "--skip-column-names",
    ]);
    program
        .arg(format!("--host={}", server.ip()))
        .arg(format!("--port={}", server.port()));
    program.args(["--user", USER, "--database", SCHEMA]);
    program
}

/// Reads the server's first packet: three bytes of length in little-endian order, a sequence number, the protocol's version, and the
/// server's version up to a zero byte (MySQL protocol, `HandshakeV10`). The version ends with the server's id.
fn greeting(stream: &mut impl Read) -> Result<ServerId> {
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let mut packet = vec![0; usize::from(u16::from_le_bytes([header[0], header[1]]))];
    stream.read_exact(&mut packet)?;
    let version = packet
        .get(1..)
        .and_then(|rest| rest.split(|byte| *byte == 0).next())
        .unwrap_or_default();
    let version = String::from_utf8_lossy(version);
    let id = version.rsplit('-').next().and_then(|id| id.parse().ok());
    Ok(ServerId(id.with_context(|| {
        format!("no server of the lab: {version}")
    })?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_tells_the_server() {
        let mut packet = b"\x1d\x00\x00\x00\x0a5.5.5-10.11-lab-2533306\0\x01\x02\x03\x04".to_vec();
        assert_eq!(
            greeting(&mut packet.as_slice()).expect("a whole greeting"),
            ServerId(2_533_306)
        );
        packet.truncate(12);
        assert!(greeting(&mut packet.as_slice()).is_err());
    }

    #[test]
    fn a_refusal_is_no_greeting() {
        let packet = b"\x08\x00\x00\x00\xff\x10\x04Too m".to_vec();
        assert!(greeting(&mut packet.as_slice()).is_err());
    }
}
