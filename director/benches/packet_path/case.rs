//! What is measured: a program, the packets it gets, and the flows that its table holds.

use std::{net::IpAddr, path::PathBuf};

use anyhow::{Context, Result};
use director::{
    config::Scheduler,
    dataplane::{
        DataPlane, Wanted,
        tables::{InstanceKey, Path, WantedServer, WantedService},
    },
};
use director_common::{instance::Role, protocol, service::ServiceKey};
use etherparse::PacketBuilder;

use crate::{
    cpu,
    harness::{Flows, Harness},
};

const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

const VIP: [u8; 4] = [192, 168, 66, 251];
const PORT: u16 = 3306;
/// Flows that a table of the benchmark holds.
pub(crate) const TABLE: u32 = 131_072;
const LARGE: u32 = 65_536;
const ONE: Flows = Flows { first: 0, mask: 0 };

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// Its name in the table and in JSON.
    pub(crate) name: &'static str,
    /// What is done, in a few words.
    pub(crate) what: &'static str,
    /// Most that it may cost, as a ratio to the floor.
    pub(crate) limit: Option<f64>,
    /// Flows in the table.
    pub(crate) flows: &'static str,
    subject: Subject,
    packet: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    Empty,
    Harness,
    Floor,
    /// The director, with the flows of its table.
    Known(u32),
    /// The director, with a flow that it has never seen for each packet.
    New,
}

#[derive(Clone, Copy)]
enum Kind {
    Syn,
    Ack,
    Udp,
    Elsewhere,
}

/// What the kernel needs to run any program: part of every figure, as it is of every packet.
pub(crate) const EMPTY: Case = Case {
    name: "empty",
    what: "nothing, TX",
    limit: None,
    flows: "",
    subject: Subject::Empty,
    packet: Kind::Ack,
};

/// The harness by itself. What it costs beyond [`EMPTY`] is its own work, and no case's.
pub(crate) const HARNESS: Case = Case {
    name: "harness",
    what: "the harness alone",
    limit: None,
    flows: "",
    subject: Subject::Harness,
    packet: Kind::Ack,
};

/// What every other case is compared with.
pub(crate) const FLOOR: Case = Case {
    name: "floor",
    what: "parse, both MAC addresses, TX",
    limit: None,
    flows: "",
    subject: Subject::Floor,
    packet: Kind::Ack,
};

/// The cases of the director.
pub(crate) const CASES: [Case; 5] = [
    Case {
        name: "hit_v4_1",
        what: "known TCP flow",
        limit: Some(5.0),
        flows: "1",
        subject: Subject::Known(1),
        packet: Kind::Ack,
    },
    Case {
        name: "hit_v4_64k",
        what: "known TCP flows in turn",
        limit: None,
        flows: "65,536",
        subject: Subject::Known(LARGE),
        packet: Kind::Ack,
    },
    Case {
        name: "hit_udp_1",
        what: "known UDP flow",
        limit: None,
        flows: "1",
        subject: Subject::Known(1),
        packet: Kind::Udp,
    },
    Case {
        name: "new_flow_rr",
        what: "SYN of a new flow, stored",
        limit: None,
        flows: "table full",
        subject: Subject::New,
        packet: Kind::Syn,
    },
    Case {
        name: "pass_v4",
        what: "packet for no virtual service",
        limit: None,
        flows: "1",
        subject: Subject::Known(1),
        packet: Kind::Elsewhere,
    },
];

/// A case with its program and its table ready.
pub(crate) struct Ready {
    pub(crate) case: Case,
    packet: Vec<u8>,
    dataplane: Option<DataPlane>,
    next: u32,
}

impl Ready {
    /// Loads what the case needs, and makes its flows known.
    pub(crate) fn new(case: Case, harness: &mut Harness, cpus: &[usize]) -> Result<Self> {
        let dataplane = match case.subject {
            Subject::Empty | Subject::Harness | Subject::Floor => None,
            Subject::Known(_) | Subject::New => Some(dataplane(case.name)?),
        };
        let mut ready = Self {
            case,
            packet: packet(case.packet),
            dataplane,
            next: 0,
        };
        ready.make_known(harness, cpus)?;
        Ok(ready)
    }

    /// Every flow is opened, and its handshake completed. The CPUs share the work, as the table shares its room between them.
    fn make_known(&mut self, harness: &mut Harness, cpus: &[usize]) -> Result<()> {
        let Subject::Known(flows) = self.case.subject else {
            return Ok(());
        };
        self.put(harness)?;
        let opening: &[Kind] = match self.case.packet {
            Kind::Udp => &[Kind::Udp],
            Kind::Syn | Kind::Ack | Kind::Elsewhere => &[Kind::Syn, Kind::Ack],
        };
        let share = flows.div_ceil(u32::try_from(cpus.len())?);
        for (cpu, first) in cpus.iter().zip((0..flows).step_by(share as usize)) {
            cpu::stay_on(*cpu)?;
            for kind in opening {
                harness.run(
                    &packet(*kind),
                    Flows {
                        first,
                        mask: flows - 1,
                    },
                    share,
                    XDP_TX,
                )?;
            }
        }
        Ok(())
    }

    fn put(&mut self, harness: &mut Harness) -> Result<()> {
        match (&mut self.dataplane, self.case.subject) {
            (Some(dataplane), _) => harness.put(Some(dataplane.program_fd()?)),
            (None, Subject::Floor) => harness.put_floor(),
            (None, _) => harness.put(None),
        }
    }

    /// Nanoseconds for one packet, the harness included.
    pub(crate) fn measure(&mut self, harness: &mut Harness, packets: u32) -> Result<f64> {
        self.put(harness)?;
        let flows = match self.case.subject {
            Subject::Known(flows) => Flows {
                first: 0,
                mask: flows - 1,
            },
            Subject::New => {
                let first = self.next;
                self.next = self.next.wrapping_add(packets);
                Flows {
                    first,
                    mask: u32::MAX,
                }
            }
            Subject::Empty | Subject::Harness | Subject::Floor => ONE,
        };
        let action = match self.case.packet {
            Kind::Elsewhere => XDP_PASS,
            Kind::Syn | Kind::Ack | Kind::Udp => XDP_TX,
        };
        let time = match self.case.subject {
            Subject::Empty => harness.run_empty(&self.packet, packets, action),
            _ => harness.run(&self.packet, flows, packets, action),
        };
        time.with_context(|| format!("case {}", self.case.name))
    }
}

/// A data plane with one TCP and one UDP service on two real servers. Its pins go with it.
fn dataplane(name: &str) -> Result<DataPlane> {
    let root = PathBuf::from(format!(
        "/sys/fs/bpf/director-bench-{}-{name}",
        std::process::id()
    ));
    let mut dataplane = DataPlane::load(&root, TABLE)?;
    let instance = InstanceKey::default();
    let services = [protocol::TCP, protocol::UDP].map(|protocol| {
        let key = ServiceKey {
            address: VIP,
            port: PORT.to_be_bytes(),
            protocol,
            ..ServiceKey::default()
        };
        let servers = [server(1), server(2)].into();
        (
            key,
            WantedService {
                instance,
                scheduler: Scheduler::RoundRobin,
                servers,
            },
        )
    });
    let wanted = Wanted {
        instances: [(instance, Role::MASTER)].into(),
        services: services.into(),
    };
    dataplane.apply(&wanted)?;
    Ok(dataplane)
}

fn server(last: u8) -> WantedServer {
    WantedServer {
        address: IpAddr::from([192, 168, 66, last]),
        path: Some(Path {
            mac: [2, 0, 0, 0, 0, last],
            source_mac: [2, 0, 0, 0, 0, 6],
            ifindex: 1,
        }),
        weight: 1,
    }
}

/// A frame of 60 bytes, the shortest on a wire. The harness fills in the client.
fn packet(kind: Kind) -> Vec<u8> {
    let destination = match kind {
        Kind::Elsewhere => [192, 168, 66, 6],
        Kind::Syn | Kind::Ack | Kind::Udp => VIP,
    };
    let ip = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 10], [2, 0, 0, 0, 0, 6]).ipv4(
        [10, 0, 0, 0],
        destination,
        64,
    );
    let mut frame = Vec::new();
    let written = match kind {
        Kind::Syn => ip.tcp(1, PORT, 1000, 64_240).syn().write(&mut frame, &[]),
        Kind::Ack | Kind::Elsewhere => ip
            .tcp(1, PORT, 1001, 64_240)
            .ack(5000)
            .write(&mut frame, &[]),
        Kind::Udp => ip.udp(1, PORT).write(&mut frame, &[0; 12]),
    };
    // Writing to memory does not fail.
    written.unwrap_or_default();
    frame.resize(60, 0);
    frame
}
