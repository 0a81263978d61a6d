//! Clients that open, speak, close, begin anew, and believe what they are answered.

use std::{net::SocketAddr, path::Path, sync::mpsc::Sender};

use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use aya_obj::programs::XdpAttachType;
use director_common::tcp::{ACK, FIN, RST, SYN};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    SENDERS, SERVERS, STEP, STEPS,
    history::{Outcome, Packet, Ticks},
};
use crate::{
    bench::{PORT, TX, VIP, mac},
    packets::{self, CLIENT_MAC},
};

/// A client: its port, from the first one on.
pub(super) type Client = u16;

const FIRST_PORT: u16 = 1000;
/// Clients of a service whose connections may be idle for as long as they like here.
const LIVELY: Client = 48;
/// Clients after them, of a service whose idle connections are told.
const SLEEPY: Client = 160;
/// The service of those who sleep.
pub(super) const SLEEPY_PORT: u16 = PORT + 1;
/// What a packet acknowledges is so far from its own number, so that the two numbers of a flow can be seen to be of one packet.
const ANSWERS: u32 = 0x4000_0000;

pub(super) const fn is_sleepy(client: Client) -> bool {
    client >= LIVELY
}

pub(super) const fn service_port(client: Client) -> u16 {
    if is_sleepy(client) { SLEEPY_PORT } else { PORT }
}

/// The client at an address.
pub(super) const fn client_at(address: SocketAddr) -> Client {
    address.port() - FIRST_PORT
}

/// What a packet with this number acknowledges.
pub(super) const fn acknowledged_with(next_sequence: u32) -> u32 {
    next_sequence.wrapping_add(ANSWERS)
}

/// What a client believes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belief {
    NoConnection,
    Opening,
    Open,
    Closing,
}

struct Mind {
    client: Client,
    belief: Belief,
    /// Connections so far. Each counts from a number of its own.
    connections: u32,
    sequence: u32,
}

/// Sends packets of random clients for as long as somebody counts the steps.
pub(super) fn send(
    folder: &Path,
    ticks: &Ticks,
    (seed, sender): (u64, u16),
    steps: Sender<()>,
) -> Vec<Packet> {
    let program = Xdp::from_pin(folder.join("program"), XdpAttachType::Interface);
    let program = program.expect("the pinned program");
    let mut random = StdRng::seed_from_u64(seed << 8 | u64::from(sender));
    let mine = |client: &Client| client % SENDERS == sender;
    let mut minds: Vec<_> = (0..LIVELY + SLEEPY).filter(mine).map(Mind::new).collect();
    let lively = minds.iter().filter(|mind| !is_sleepy(mind.client)).count();
    let mut sent = Vec::new();
    for number in 1..=STEP * STEPS {
        let who = match random.random_bool(0.7) {
            true => random.random_range(0..lively),
            // The later ones are heard less often.
            false => {
                let mut one = || random.random_range(lively..minds.len());
                one().min(one())
            }
        };
        let mind = &mut minds[who];
        let (flags, packet) = mind.speak(&mut random);
        let frame = packet.to(VIP, service_port(mind.client)).frame();
        let (span, to) = ticks.span(|| run(&program, &frame));
        mind.learn(flags, to);
        sent.push(Packet {
            client: mind.client,
            span,
            flags,
            next_sequence: mind.sequence,
            to,
        });
        if number % STEP == 0 && steps.send(()).is_err() {
            // The last edit is done.
            break;
        }
    }
    sent
}

fn run(program: &Xdp, frame: &[u8]) -> Outcome {
    let mut output = [0; 256];
    let result = program.test_run(TestRunOptions {
        data_in: Some(frame),
        data_out: Some(&mut output),
        repeat: 1,
        ..TestRunOptions::default()
    });
    if result.expect("the program runs").return_value != TX {
        return Outcome::Refused;
    }
    let to = &output[..6];
    if to == CLIENT_MAC {
        return Outcome::Refused;
    }
    (1..=SERVERS)
        .find(|server| mac(*server) == to)
        .map_or(Outcome::Astray, Outcome::Server)
}

impl Mind {
    const fn new(client: Client) -> Self {
        Self {
            client,
            belief: Belief::NoConnection,
            connections: 0,
            sequence: 0,
        }
    }

    /// The next packet, with its flags.
    fn speak(&mut self, random: &mut StdRng) -> (u8, packets::Packet) {
        let dice = random.random_range(0..100);
        let flags = match (self.belief, dice) {
            // Somebody who was told that it is over, and says one thing more.
            (Belief::NoConnection, 0..15) => ACK,
            (Belief::NoConnection, _) => SYN,
            (Belief::Opening, 0..25) => return (SYN, self.open_again()),
            (Belief::Opening, _) => ACK,
            (Belief::Open, 0..6) => FIN | ACK,
            (Belief::Open, 6..12) => RST | ACK,
            // A host that has restarted, and takes the same port.
            (Belief::Open, 12..20) => SYN,
            (Belief::Open, _) => ACK,
            (Belief::Closing, 0..50) => SYN,
            (Belief::Closing, 50..65) => RST | ACK,
            (Belief::Closing, _) => ACK,
        };
        if flags == SYN {
            self.connections += 1;
            return (SYN, self.open_again());
        }
        let length = random.random_range(1..4);
        let sequence = self.sequence;
        self.sequence += length as u32 + u32::from(flags & FIN);
        let acknowledgement = acknowledged_with(self.sequence);
        let segment = packets::segment(self.port(), flags, sequence, acknowledgement);
        (flags, segment.payload(length))
    }

    /// A SYN of the connection that the client is at.
    fn open_again(&mut self) -> packets::Packet {
        let first = self.connections << 16;
        self.sequence = first + 1;
        packets::segment(self.port(), SYN, first, 0)
    }

    const fn port(&self) -> u16 {
        FIRST_PORT + self.client
    }

    fn learn(&mut self, flags: u8, to: Outcome) {
        self.belief = match (to, self.belief) {
            (Outcome::Refused, _) => Belief::NoConnection,
            (_, _) if flags == SYN => Belief::Opening,
            (_, _) if flags & (FIN | RST) != 0 => Belief::Closing,
            (_, Belief::Opening) => Belief::Open,
            (_, belief) => belief,
        };
    }
}
