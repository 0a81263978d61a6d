//! A client that asks an address again and again, at a steady pace, to see for how long nobody answers.
//!
//! Questions leave by a socket; answers are taken from the wire, with the kernel's time and the sender's MAC address. So a busy host
//! makes no outage, and it is known which of several hosts with one address has answered.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::{
    client::Client,
    tap::{Frame, Tap, filter, word},
};

const ICMP: u8 = 1;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const IPV6_HEADER_BYTES: usize = 40;
/// How long answers that are on their way are waited for at the end.
const GRACE: Duration = Duration::from_millis(200);

/// A running prober.
#[derive(Debug)]
pub struct Prober {
    stop: Sender<()>,
    asker: JoinHandle<Result<Asked>>,
    listening: Sender<()>,
    listener: JoinHandle<Result<Vec<Answer>>>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// How many questions were sent.
    pub sent: usize,
    /// How many of them nobody has answered.
    pub lost: usize,
    /// The longest time without an answer, from the first question to the last one.
    pub largest_gap: Duration,
    /// How many answers came from each MAC address, `aa:bb:cc:dd:ee:ff`. [`crate::Host::mac`] tells whose it is.
    pub answered_by: BTreeMap<String, usize>,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
enum Question {
    /// An echo (RFC 792, RFC 4443 section 4.1), which the host that has the address answers itself.
    Echo(IpAddr),
    /// A datagram, which an [`crate::Echo`] answers.
    Datagram(SocketAddr),
}

/// When questions were sent, since 1970.
#[derive(Debug, Clone, Copy)]
struct Asked {
    began: Duration,
    ended: Duration,
    count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    at: Duration,
    mac: String,
}

impl Prober {
    /// Pings an address each `interval`.
    pub fn ping(client: &Client, address: impl Into<IpAddr>, interval: Duration) -> Result<Self> {
        Self::start(client, Question::Echo(address.into()), interval)
    }

    /// Asks a service over UDP each `interval`: one flow, from one port.
    pub fn ask(
        client: &Client,
        service: impl Into<SocketAddr>,
        interval: Duration,
    ) -> Result<Self> {
        Self::start(client, Question::Datagram(service.into()), interval)
    }

    fn start(client: &Client, question: Question, interval: Duration) -> Result<Self> {
        let namespace = &client.host.namespace;
        let tap = Tap::open(namespace, &from(question.address()))?;
        let socket = namespace.enter(|| question.socket())?;
        let socket = socket.with_context(|| format!("cannot ask {}", question.address()))?;
        let (stop, stopped) = channel();
        let (listening, deaf) = channel();
        Ok(Self {
            stop,
            asker: thread::spawn(move || Ok(ask(&socket, question, interval, &stopped))),
            listening,
            listener: thread::spawn(move || listen(&tap, question, &deaf)),
        })
    }

    /// Asks no more and tells how it went.
    pub fn finish(self) -> Result<Probed> {
        drop(self.stop);
        let asked = self.asker.join().ok().context("the prober panicked")??;
        thread::sleep(GRACE);
        drop(self.listening);
        let answers = self.listener.join().ok();
        let answers = answers.context("the prober's ear panicked")??;
        Ok(judge(asked, &answers))
    }
}

fn ask(socket: &Socket, question: Question, interval: Duration, stopped: &Receiver<()>) -> Asked {
    let (began, mut next, mut count) = (since_1970(), Instant::now(), 0_usize);
    loop {
        // While nobody has the address the kernel may say so: that question is lost.
        let _lost = socket.send(&question.message(count));
        count += 1;
        next += interval;
        let pause = next.saturating_duration_since(Instant::now());
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return Asked {
                began,
                ended: since_1970(),
                count,
            };
        }
    }
}

fn listen(tap: &Tap, question: Question, deaf: &Receiver<()>) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    while deaf.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
        answers.extend(tap.next()?.and_then(|frame| question.answer(&frame)));
    }
    Ok(answers)
}

/// Gaps are between answers, and from the first question to the first answer and from the last answer to the last question.
fn judge(asked: Asked, answers: &[Answer]) -> Probed {
    let mut largest_gap = Duration::ZERO;
    let mut heard = asked.began;
    for at in answers.iter().map(|answer| answer.at) {
        largest_gap = largest_gap.max(at.saturating_sub(heard));
        heard = at;
    }
    let mut answered_by = BTreeMap::new();
    for answer in answers {
        *answered_by.entry(answer.mac.clone()).or_default() += 1;
    }
    Probed {
        sent: asked.count,
        lost: asked.count.saturating_sub(answers.len()),
        largest_gap: largest_gap.max(asked.ended.saturating_sub(heard)),
        answered_by,
    }
}

impl Question {
    const fn address(self) -> IpAddr {
        match self {
            Self::Echo(address) => address,
            Self::Datagram(service) => service.ip(),
        }
    }

    fn socket(self) -> io::Result<Socket> {
        let to = match self {
            Self::Echo(address) => SocketAddr::new(address, 0),
            Self::Datagram(service) => service,
        };
        let (kind, protocol) = match self {
            Self::Echo(IpAddr::V4(_)) => (Type::RAW, Protocol::ICMPV4),
            Self::Echo(IpAddr::V6(_)) => (Type::RAW, Protocol::ICMPV6),
            Self::Datagram(_) => (Type::DGRAM, Protocol::UDP),
        };
        let socket = Socket::new(Domain::for_address(to), kind, Some(protocol))?;
        socket.connect(&to.into())?;
        // Answers are heard elsewhere.
        socket.set_recv_buffer_size(0)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// The `count`-th one.
    fn message(self, count: usize) -> Vec<u8> {
        const ECHO_REQUEST: u8 = 8;
        const ECHO_REQUEST_6: u8 = 128;
        let [high, low] = (count as u16).to_be_bytes();
        match self {
            Self::Echo(IpAddr::V4(_)) => {
                let mut message = [ECHO_REQUEST, 0, 0, 0, 0, 0, high, low];
                // One's complement of the sum of the two words that are not zero (RFC 1071).
                let (sum, carry) = word(&message).overflowing_add(word(&[high, low]));
                let checksum = !(sum + u16::from(carry));
                message[2..4].copy_from_slice(&checksum.to_be_bytes());
                message.to_vec()
            }
            // The kernel computes the checksum, which covers addresses (RFC 3542 section 3.1).
            Self::Echo(IpAddr::V6(_)) => vec![ECHO_REQUEST_6, 0, 0, 0, 0, 0, high, low],
            Self::Datagram(_) => vec![0],
        }
    }

    /// A frame from the address, if it is an answer.
    fn answer(self, frame: &Frame) -> Option<Answer> {
        const ECHO_REPLY: u8 = 0;
        const ECHO_REPLY_6: u8 = 129;
        let packet = frame.payload();
        let (protocol, message) = match self.address() {
            IpAddr::V4(_) => {
                let header_bytes = usize::from(packet.first()? & 0x0f) * 4;
                (*packet.get(9)?, packet.get(header_bytes..)?)
            }
            IpAddr::V6(_) => (*packet.get(6)?, packet.get(IPV6_HEADER_BYTES..)?),
        };
        let is_answer = match self {
            Self::Echo(IpAddr::V4(_)) => protocol == ICMP && *message.first()? == ECHO_REPLY,
            Self::Echo(IpAddr::V6(_)) => protocol == ICMPV6 && *message.first()? == ECHO_REPLY_6,
            Self::Datagram(service) => protocol == UDP && word(message) == service.port(),
        };
        is_answer.then_some(Answer {
            at: frame.at,
            mac: frame.source_mac()?,
        })
    }
}

/// Packets that come in from an address, of which the last four bytes will do.
fn from(address: IpAddr) -> [SockFilter; 9] {
    use filter::{DIRECTION, DROP, KEEP, OUTGOING, half_at, skip, word_at};
    const IPV4_SOURCE_OFFSET: u32 = 26;
    const IPV6_SOURCE_END_OFFSET: u32 = 34;
    let (ether_type, offset, last) = match address {
        IpAddr::V4(address) => (ETHERTYPE_IPV4, IPV4_SOURCE_OFFSET, address.to_bits()),
        IpAddr::V6(address) => {
            let last = address.to_bits() & u128::from(u32::MAX);
            (ETHERTYPE_IPV6, IPV6_SOURCE_END_OFFSET, last as u32)
        }
    };
    [
        DIRECTION,
        skip(OUTGOING, 0, 1),
        DROP,
        half_at(12),
        skip(ether_type.into(), 0, 3),
        word_at(offset),
        skip(last, 0, 1),
        KEEP,
        DROP,
    ]
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
