//! The client host: the real `mariadb` client for queries, bare TCP connections for counting.

use std::{
    io::{self, Read},
    net::{SocketAddr, TcpStream, UdpSocket},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use socket2::Type;

use crate::{
    connection::Connection,
    host::Host,
    mariadb::{SCHEMA, ServerId, USER},
    source::Source,
    tcp::TcpCounters,
};

/// The host that wants something of the VIP.
#[derive(Debug, Clone)]
pub struct Client {
    pub host: Host,
}

impl Client {
    /// Runs one query on a connection of its own and returns what was printed, without the last line's end.
    pub fn query(&self, server: impl Into<SocketAddr>, query: &str) -> Result<String> {
        let answer = self
            .host
            .namespace
            .run(program(server).args(["--execute", query]))?;
        Ok(answer.trim_end().to_owned())
    }

    /// Asks who answers on this address, by a query.
    pub fn who_answers(&self, server: impl Into<SocketAddr>) -> Result<ServerId> {
        let answer = self.query(server, "select @@server_id")?;
        Ok(ServerId(answer.parse().with_context(|| {
            format!("@@server_id is no number: {answer}")
        })?))
    }

    /// Opens a connection that stays.
    pub fn open(&self, server: impl Into<SocketAddr>) -> Result<Connection> {
        Connection::open(&self.host.namespace, program(server))
    }

    /// Opens a bare TCP connection.
    pub fn connect(&self, server: impl Into<SocketAddr>, limit: Duration) -> Result<TcpStream> {
        self.connect_from(Source::ANY, server, limit)
    }

    /// Opens a bare TCP connection from an address or a port of one's choice.
    pub fn connect_from(
        &self,
        source: Source,
        server: impl Into<SocketAddr>,
        limit: Duration,
    ) -> Result<TcpStream> {
        let server = server.into();
        let opened = self.host.namespace.enter(|| {
            let socket = source.socket(Type::STREAM, server)?;
            socket.connect_timeout(&server.into(), limit)?;
            Ok(socket.into())
        })?;
        let stream: TcpStream =
            opened.map_err(|error: io::Error| cannot("connect to", server, error))?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        Ok(stream)
    }

    /// Sends one datagram and waits for the answer.
    pub fn ask_by_udp(
        &self,
        source: Source,
        server: impl Into<SocketAddr>,
        question: &[u8],
        limit: Duration,
    ) -> Result<Vec<u8>> {
        let server = server.into();
        let answered = self.host.namespace.enter(|| {
            let socket = source.socket(Type::DGRAM, server)?;
            socket.set_read_timeout(Some(limit))?;
            // Connected, so that an unreachable port is told.
            socket.connect(&server.into())?;
            let socket: UdpSocket = socket.into();
            socket.send(question)?;
            let mut answer = vec![0; 0x1_0000];
            let length = socket.recv(&mut answer)?;
            answer.truncate(length);
            Ok(answer)
        })?;
        answered.map_err(|error: io::Error| cannot("ask", server, error))
    }

    /// Opens a bare TCP connection and reads in the server's greeting who answered. Much quicker than a query.
    pub fn greeted_by(
        &self,
        server: impl Into<SocketAddr>,
        limit: Duration,
    ) -> Result<(ServerId, TcpStream)> {
        let server = server.into();
        let mut stream = self.connect(server, limit)?;
        let id = greeting(&mut stream).with_context(|| format!("no greeting from {server}"))?;
        Ok((id, stream))
    }

    /// What the client's TCP has counted so far.
    pub fn tcp_counters(&self) -> Result<TcpCounters> {
        TcpCounters::of(&self.host)
    }
}

/// Whether something failed because it was refused: by a reset, or by an unreachable port.
pub fn is_refusal(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(|cause: &io::Error| cause.kind() == io::ErrorKind::ConnectionRefused)
}

fn cannot(what: &str, server: SocketAddr, error: io::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("cannot {what} {server}"))
}

fn program(server: impl Into<SocketAddr>) -> Command {
    let server = server.into();
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
