//! `TCP_CHECK`: one attempt to open a connection.
//!
//! It must not decide what a failure means: that is the health core's.
//!
//! The connection is closed at once and in the ordinary way, as keepalived does. An abort (RST) would save the
//! server nothing: MySQL counts a client that leaves before the handshake among its aborted connections either way,
//! and other servers log resets.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use nix::errno::Errno;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::probe::{FailReason, Probe};
use crate::config::TcpCheck;

/// Makes one attempt. It ends within `connect_timeout`, and may be dropped at any time.
pub async fn probe(check: &TcpCheck) -> Probe {
    let socket = match open(check) {
        Ok(socket) => socket,
        Err(error) => return Probe::Broken(errno(&error)),
    };
    let started = Instant::now();
    match timeout(check.connect_timeout, socket.connect(check.connect)).await {
        Ok(Ok(stream)) => passed(stream),
        Ok(Err(error)) => failed(errno(&error), started.elapsed()),
        Err(_elapsed) => Probe::Fail(FailReason::TimedOut(check.connect_timeout)),
    }
}

fn passed(stream: TcpStream) -> Probe {
    drop(stream);
    Probe::Pass
}

/// A socket of the right family, bound where the check wants it. Whatever goes wrong here is this host's fault.
fn open(check: &TcpCheck) -> io::Result<TcpSocket> {
    let socket = match check.connect {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some((address, port)) = check.bind {
        bind(&socket, address, port)?;
    }
    Ok(socket)
}

fn bind(socket: &TcpSocket, address: IpAddr, port: u16) -> io::Result<()> {
    if port != 0 {
        // The next attempt comes from the same port, while this connection would still linger in TIME-WAIT here
        // (RFC 9293 section 3.6.1) or in CLOSE-WAIT at a server that is slow to close. So here alone the connection
        // is aborted, and nothing of it stays on either side.
        socket.set_zero_linger()?;
        // Checks of several servers may share the port at the same time.
        socket.set_reuseaddr(true)?;
    }
    socket.bind((address, port).into())
}

fn errno(error: &io::Error) -> Errno {
    error
        .raw_os_error()
        .map_or(Errno::UnknownErrno, Errno::from_raw)
}

/// Whose fault is it that `connect` failed?
fn failed(errno: Errno, after: Duration) -> Probe {
    let reason = match errno {
        Errno::ECONNREFUSED => FailReason::Refused,
        Errno::ETIMEDOUT => FailReason::TimedOut(after),
        Errno::EHOSTUNREACH => FailReason::NoRouteToHost,
        Errno::ENETUNREACH => FailReason::NetworkUnreachable,
        Errno::ECONNRESET => FailReason::Reset,
        // No port left, no memory, or a firewall rule of this host: the server was never asked.
        Errno::EADDRINUSE
        | Errno::EADDRNOTAVAIL
        | Errno::EAGAIN
        | Errno::ENOBUFS
        | Errno::ENOMEM
        | Errno::EACCES
        | Errno::EPERM => return Probe::Broken(errno),
        other => FailReason::Other(other),
    };
    Probe::Fail(reason)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        net::{Ipv4Addr, TcpListener},
    };

    use super::*;
    use crate::config::CheckPace;

    fn check(connect: SocketAddr) -> TcpCheck {
        let pace = CheckPace {
            interval: Duration::from_secs(1),
            retries: 0,
            retry_delay: Duration::from_secs(1),
            warmup: Duration::ZERO,
        };
        TcpCheck {
            connect,
            bind: None,
            connect_timeout: Duration::from_secs(5),
            pace,
        }
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        (listener, address)
    }

    #[tokio::test]
    async fn a_connection_that_opens_is_a_pass() {
        let (_listener, address) = listener();
        assert_eq!(probe(&check(address)).await, Probe::Pass);
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_refused() {
        let (listener, address) = listener();
        drop(listener);
        assert_eq!(
            probe(&check(address)).await,
            Probe::Fail(FailReason::Refused)
        );
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_times_out() {
        // A backlog that is full drops further SYNs.
        let (listener, address) = listener();
        nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).expect("zero"))
            .expect("a smaller backlog");
        let _queued = TcpStream::connect(address)
            .await
            .expect("the one place in the queue");
        let check = TcpCheck {
            connect_timeout: Duration::from_millis(50),
            ..check(address)
        };
        let timed_out = FailReason::TimedOut(Duration::from_millis(50));
        assert_eq!(probe(&check).await, Probe::Fail(timed_out));
    }

    #[tokio::test]
    async fn the_attempt_comes_from_the_bound_address() {
        let (listener, address) = listener();
        let source = IpAddr::from([127, 0, 0, 2]);
        let check = TcpCheck {
            bind: Some((source, 0)),
            ..check(address)
        };
        assert_eq!(probe(&check).await, Probe::Pass);
        let (_stream, peer) = listener.accept().expect("the attempt");
        assert_eq!(peer.ip(), source);
    }

    /// A port that was free a moment ago.
    fn free_port() -> SocketAddr {
        listener().1
    }

    #[tokio::test]
    async fn the_connection_is_closed_in_the_ordinary_way() {
        let (listener, address) = listener();
        assert_eq!(probe(&check(address)).await, Probe::Pass);
        let (mut stream, _peer) = listener.accept().expect("the attempt");
        assert_eq!(stream.read(&mut [0]).expect("an orderly end"), 0);
    }

    #[tokio::test]
    async fn from_a_bound_port_it_is_aborted_so_that_the_next_attempt_finds_the_port_free() {
        let (listener, address) = listener();
        let bound = free_port();
        let check = TcpCheck {
            bind: Some((bound.ip(), bound.port())),
            ..check(address)
        };
        for _ in 0..3 {
            assert_eq!(probe(&check).await, Probe::Pass);
            let (mut stream, peer) = listener.accept().expect("the attempt");
            assert_eq!(peer, bound);
            let end = stream.read(&mut [0]).expect_err("an abort");
            assert_eq!(end.kind(), io::ErrorKind::ConnectionReset);
        }
    }

    #[tokio::test]
    async fn an_address_that_is_not_ours_breaks_the_check_and_blames_nobody() {
        let (_listener, address) = listener();
        // 192.0.2.0/24 is for documentation (RFC 5737): no host has it.
        let check = TcpCheck {
            bind: Some((IpAddr::from([192, 0, 2, 1]), 0)),
            ..check(address)
        };
        assert_eq!(probe(&check).await, Probe::Broken(Errno::EADDRNOTAVAIL));
    }

    #[test]
    fn errors_of_connect_are_sorted_by_whose_fault_they_are() {
        let after = Duration::from_secs(2);
        let fail = Probe::Fail;
        let table = [
            (Errno::ECONNREFUSED, fail(FailReason::Refused)),
            (Errno::ETIMEDOUT, fail(FailReason::TimedOut(after))),
            (Errno::EHOSTUNREACH, fail(FailReason::NoRouteToHost)),
            (Errno::ENETUNREACH, fail(FailReason::NetworkUnreachable)),
            (Errno::ECONNRESET, fail(FailReason::Reset)),
            (Errno::EPROTO, fail(FailReason::Other(Errno::EPROTO))),
            (Errno::EADDRNOTAVAIL, Probe::Broken(Errno::EADDRNOTAVAIL)),
            (Errno::EPERM, Probe::Broken(Errno::EPERM)),
        ];
        for (errno, probe) in table {
            assert_eq!(failed(errno, after), probe);
        }
    }
}
