//! What is measured: a program, the packets it gets, and the flows that its table holds.

use anyhow::{Context, Result};
use director::dataplane::DataPlane;

use crate::{
    cpu,
    frames::{Frame, Wire},
    harness::{Clients, Flows, Harness},
    setup::{self, Setup},
};

const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

const LARGE: u32 = 65_536;
const HUGE: u32 = 1_048_576;
/// Half-open flows are made and completed in portions that their table has room for on one CPU.
const PORTION: u32 = 16_384;

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// Its name in the table and in JSON.
    pub(crate) name: &'static str,
    /// What is done, in a few words.
    pub(crate) what: &'static str,
    /// Most that it may cost.
    pub(crate) limit: Option<Limit>,
    subject: Subject,
    frame: Frame,
    setup: Setup,
}

/// What a case may cost.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    /// Times the floor.
    Floors(f64),
    /// Times the case `hit_v4_1`.
    Hits(f64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Empty,
    Harness,
    Floor,
    /// The director, with the flows of its table.
    Known(u32),
    /// The director, with a flow that it has never seen for each packet.
    New(Clients),
    /// The director, with the first acknowledgement of a half-open flow for each packet.
    HalfOpen,
}

/// What the kernel needs to run any program: part of every figure, as it is of every packet.
pub(crate) const EMPTY: Case = Case {
    name: "empty",
    what: "nothing, TX",
    limit: None,
    subject: Subject::Empty,
    frame: Frame::ACK,
    setup: Setup::ONE_SERVICE,
};

/// The harness by itself, for each kind of frame that it writes. What it costs beyond [`EMPTY`] is its own work, and no case's.
pub(crate) const HARNESSES: [Case; 3] = [
    harness(Frame::ACK),
    harness(Frame::ACK_VLAN),
    harness(Frame::ACK_V6),
];

const fn harness(frame: Frame) -> Case {
    Case {
        name: "harness",
        what: "the harness alone",
        limit: None,
        subject: Subject::Harness,
        frame,
        setup: Setup::ONE_SERVICE,
    }
}

/// What every other case is compared with.
pub(crate) const FLOOR: Case = Case {
    name: "floor",
    what: "parse, both MAC addresses, TX",
    limit: None,
    subject: Subject::Floor,
    frame: Frame::ACK,
    setup: Setup::ONE_SERVICE,
};

/// A known flow, the one that others are compared with.
pub(crate) const HIT: &str = "hit_v4_1";

/// The cases of the director.
pub(crate) const CASES: [Case; 14] = [
    case(
        HIT,
        "known TCP flow",
        Limit::Floors(5.0),
        Subject::Known(1),
        Frame::ACK,
    ),
    case(
        "hit_v4_64k",
        "65,536 known TCP flows in turn, table half full",
        Limit::Floors(30.0),
        Subject::Known(LARGE),
        Frame::ACK,
    ),
    case(
        "hit_v4_1m",
        "1,048,576 known TCP flows in turn, table half full",
        Limit::Floors(30.0),
        Subject::Known(HUGE),
        Frame::ACK,
    )
    .with(Setup::HUGE_TABLE),
    case(
        "hit_v6_1",
        "known TCP flow, IPv6",
        Limit::Floors(6.5),
        Subject::Known(1),
        Frame::ACK_V6,
    ),
    case(
        "hit_udp_1",
        "known UDP flow",
        Limit::Floors(5.0),
        Subject::Known(1),
        Frame::UDP,
    ),
    case(
        "hit_vlan_1",
        "known TCP flow, one VLAN tag",
        Limit::Floors(5.5),
        Subject::Known(1),
        Frame::ACK_VLAN,
    )
    .with(Setup::VLAN),
    case(
        "hit_v4_1_services_1000",
        "known TCP flow beside 999 other services",
        Limit::Hits(1.1),
        Subject::Known(1),
        Frame::ACK,
    )
    .with(Setup::MANY_SERVICES),
    case(
        "pass_v4",
        "packet for no virtual service",
        Limit::Floors(2.9),
        Subject::Known(1),
        Frame::ELSEWHERE,
    ),
    case(
        "syn_rr",
        "SYN of a new flow, stored",
        Limit::Floors(60.0),
        Subject::New(Clients::InTurn),
        Frame::SYN,
    ),
    case(
        "syn_sh",
        "the same, by sh",
        Limit::Floors(60.0),
        Subject::New(Clients::InTurn),
        Frame::SYN,
    )
    .with(Setup::SOURCE_HASH),
    case(
        "syn_mh",
        "the same, by mh",
        Limit::Floors(60.0),
        Subject::New(Clients::InTurn),
        Frame::SYN,
    )
    .with(Setup::MAGLEV),
    case(
        "syn_wlc_64",
        "the same, by wlc among 64 servers",
        Limit::Floors(70.0),
        Subject::New(Clients::InTurn),
        Frame::SYN,
    )
    .with(Setup::LEAST_CONNECTION_64),
    case(
        "promote_v4",
        "first ACK of a half-open flow",
        Limit::Floors(60.0),
        Subject::HalfOpen,
        Frame::ACK,
    ),
    case(
        "syn_flood",
        "SYN from a random address, half-open table full",
        Limit::Floors(60.0),
        Subject::New(Clients::Scattered),
        Frame::SYN,
    ),
];

const fn case(
    name: &'static str,
    what: &'static str,
    limit: Limit,
    subject: Subject,
    frame: Frame,
) -> Case {
    Case {
        name,
        what,
        limit: Some(limit),
        subject,
        frame,
        setup: Setup::ONE_SERVICE,
    }
}

impl Case {
    const fn with(self, setup: Setup) -> Self {
        Self { setup, ..self }
    }

    /// The harness whose work is in this case's figure.
    pub(crate) fn wire(&self) -> Wire {
        self.frame.wire
    }
}

/// A case with its program and its table ready.
pub(crate) struct Ready {
    pub(crate) case: Case,
    frame: Vec<u8>,
    dataplane: Option<DataPlane>,
    next: u32,
}

impl Ready {
    /// Loads what the case needs, and makes its flows known.
    pub(crate) fn new(case: Case, harness: &mut Harness, cpus: &[usize]) -> Result<Self> {
        let dataplane = match case.subject {
            Subject::Empty | Subject::Harness | Subject::Floor => None,
            Subject::Known(_) | Subject::New(_) | Subject::HalfOpen => {
                Some(setup::dataplane(case.name, case.setup)?)
            }
        };
        let mut ready = Self {
            case,
            frame: case.frame.bytes(),
            dataplane,
            next: 0,
        };
        ready.make_known(harness, cpus)?;
        Ok(ready)
    }

    /// Every flow is opened, and heard again. The CPUs share the work, as the table shares its room between them.
    fn make_known(&mut self, harness: &mut Harness, cpus: &[usize]) -> Result<()> {
        let Subject::Known(flows) = self.case.subject else {
            return Ok(());
        };
        self.put(harness)?;
        let share = flows.div_ceil(u32::try_from(cpus.len())?);
        for (cpu, first) in cpus.iter().zip((0..flows).step_by(share as usize)) {
            cpu::stay_on(*cpu)?;
            for first in (first..first + share).step_by(PORTION as usize) {
                let packets = PORTION.min(share);
                let flows = Flows {
                    first,
                    ..Flows::in_turn(flows)
                };
                for frame in self.case.frame.opening() {
                    harness.run(&frame.bytes(), flows, packets, XDP_TX)?;
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, harness: &mut Harness) -> Result<()> {
        match (&mut self.dataplane, self.case.subject) {
            (Some(dataplane), _) => harness.put(Some(dataplane.program_fd()?)),
            (None, Subject::Floor) => harness.put_own("floor"),
            (None, _) => harness.put(None),
        }
    }

    /// Nanoseconds for one packet, the harness included.
    pub(crate) fn measure(&mut self, harness: &mut Harness, packets: u32) -> Result<f64> {
        self.put(harness)?;
        let time = match self.case.subject {
            Subject::Empty => harness.run_empty(&self.frame, packets, XDP_TX),
            Subject::Harness | Subject::Floor => {
                harness.run(&self.frame, Flows::in_turn(1), packets, XDP_TX)
            }
            Subject::Known(flows) => {
                let action = if self.case.frame.is_for_the_vip() {
                    XDP_TX
                } else {
                    XDP_PASS
                };
                harness.run(&self.frame, Flows::in_turn(flows), packets, action)
            }
            Subject::New(clients) => {
                let flows = self.unseen(packets, clients);
                harness.run(&self.frame, flows, packets, XDP_TX)
            }
            Subject::HalfOpen => self.measure_completion(harness),
        };
        time.with_context(|| format!("case {}", self.case.name))
    }

    /// The SYNs are not measured, the ACKs are.
    fn measure_completion(&mut self, harness: &mut Harness) -> Result<f64> {
        let flows = self.unseen(PORTION, Clients::InTurn);
        harness.run(&Frame::SYN.bytes(), flows, PORTION, XDP_TX)?;
        harness.run(&self.frame, flows, PORTION, XDP_TX)
    }

    /// Flows that this case has never had.
    fn unseen(&mut self, packets: u32, clients: Clients) -> Flows {
        let first = self.next;
        self.next = self.next.wrapping_add(packets);
        Flows {
            first,
            mask: u32::MAX,
            clients,
        }
    }
}
