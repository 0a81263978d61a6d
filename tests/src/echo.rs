//! A server that tells what arrived of a datagram, for datagrams that are larger than a packet.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{client::Client, host::Host, source::Source};

/// How soon the server notices that it is to end.
const PAUSE: Duration = Duration::from_millis(50);

/// A server on one address of a host. It ends when dropped.
#[derive(Debug)]
pub struct Echo {
    ending: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

/// What a server says of a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Name of the host that it arrived at.
    pub server: String,
    /// How many of its bytes are, from the first on, what the client sent.
    pub sound_bytes: usize,
}

impl Echo {
    /// Starts a server. It answers from the address that it was asked at, so it needs a socket of each address.
    pub fn start(host: &Host, address: impl Into<SocketAddr>) -> Result<Self> {
        let address = address.into();
        let socket = host.namespace.enter(|| {
            let socket = UdpSocket::bind(address)?;
            socket.set_read_timeout(Some(PAUSE))?;
            io::Result::Ok(socket)
        })?;
        let socket =
            socket.with_context(|| format!("cannot listen on {address} of {}", host.name))?;
        let ending = Arc::new(AtomicBool::new(false));
        let (told, name) = (Arc::clone(&ending), host.name);
        let server = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                let mut datagram = vec![0; 0x1_0000];
                // What goes wrong is the client's to notice: it has no answer.
                if let Ok((length, client)) = socket.recv_from(&mut datagram) {
                    let sound = sound_bytes(&datagram[..length]);
                    let _ = socket.send_to(format!("{name} {sound}").as_bytes(), client);
                }
            }
        });
        Ok(Self {
            ending,
            server: Some(server),
        })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        let _ = self.server.take().map(JoinHandle::join);
    }
}

impl Client {
    /// Sends a datagram of this many bytes and asks what arrived.
    pub fn send_datagram(
        &self,
        source: Source,
        server: impl Into<SocketAddr>,
        length: usize,
        limit: Duration,
    ) -> Result<Datagram> {
        let answer = self.ask_by_udp(source, server, &pattern(length), limit)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let told = answer.split_once(' ').and_then(|(server, sound_bytes)| {
            Some(Datagram {
                server: server.to_owned(),
                sound_bytes: sound_bytes.parse().ok()?,
            })
        });
        told.with_context(|| format!("no answer of this lab's: {answer}"))
    }
}

/// Bytes that tell where they stand: the period is prime, so that no fragment looks like another.
fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

fn sound_bytes(datagram: &[u8]) -> usize {
    let pairs = datagram.iter().zip(pattern(datagram.len()));
    pairs.take_while(|(got, sent)| *got == sent).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_sound_up_to_the_first_that_is_out_of_place() {
        let mut datagram = pattern(4000);
        assert_eq!(sound_bytes(&datagram), 4000);
        datagram.swap(2960, 2961);
        assert_eq!(sound_bytes(&datagram), 2960);
    }
}
