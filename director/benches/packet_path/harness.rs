//! The harness: a program that writes the next flow's packet and tail-calls the program under test.
//!
//! A repeated test run works on the packet as the last run left it, so without the harness the TTL would run out after 255 packets
//! and every packet would be of the same flow.

use std::{panic, thread};

use anyhow::{Context, Result, ensure};
use aya::{
    Ebpf,
    maps::{Array, MapData, ProgramArray},
    programs::{ProgramFd, TestRun as _, TestRunAttrs, TestRunOptions, Xdp, XdpMode},
};

use crate::cpu;

/// Live frames that are made at a time, as many as a driver takes from a card at a time.
const BATCH: u32 = 64;

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench-xdp"));

/// The harness's memory, as `director-ebpf/src/bench/main.rs` has it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Bench {
    next: u32,
    flow_mask: u32,
    factor: u32,
    _rest_of_the_line: [u32; 13],
}

/// Frames at the far end, likewise.
#[derive(Clone, Copy)]
#[repr(C)]
struct Arrived {
    frames: u64,
    _rest_of_the_line: [u64; 7],
}

// SAFETY: integers of 4 bytes, no padding, no invalid values.
unsafe impl aya::Pod for Bench {}
// SAFETY: integers of 8 bytes, likewise.
unsafe impl aya::Pod for Arrived {}

/// Which flows the packets are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flows {
    /// Index of the first one.
    pub(crate) first: u32,
    /// Their number less one; the number is a power of two.
    pub(crate) mask: u32,
    /// In which order their clients come.
    pub(crate) clients: Clients,
}

/// The order of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    /// Port after port, address after address.
    InTurn,
    /// From addresses all over the place.
    Scattered,
}

impl Flows {
    /// As many flows, a power of two, one after the other.
    pub(crate) const fn in_turn(count: u32) -> Self {
        Self {
            first: 0,
            mask: count - 1,
            clients: Clients::InTurn,
        }
    }

    /// Flows from this one on, each once.
    pub(crate) const fn from(first: u32) -> Self {
        Self {
            first,
            mask: u32::MAX,
            clients: Clients::InTurn,
        }
    }
}

impl Clients {
    /// What the index of a flow is multiplied with: an odd number reaches every flow.
    const fn factor(self) -> u32 {
        match self {
            Self::InTurn => 1,
            Self::Scattered => 0x9e37_79b1,
        }
    }
}

/// The loaded harness.
pub(crate) struct Harness {
    object: Ebpf,
    memory: Array<MapData, Bench>,
    arrived: Array<MapData, Arrived>,
    slot: ProgramArray<MapData>,
}

impl Harness {
    /// Loads the harness and the floor.
    pub(crate) fn load() -> Result<Self> {
        let mut object = Ebpf::load(OBJECT).context("loading the benchmark's programs")?;
        for name in ["harness", "floor", "empty", "pass", "sink"] {
            program(&mut object, name)?
                .load()
                .with_context(|| format!("loading {name}"))?;
        }
        let memory = object
            .take_map("BENCH")
            .context("the map BENCH")?
            .try_into()?;
        let arrived = object
            .take_map("ARRIVED")
            .context("the map ARRIVED")?
            .try_into()?;
        let slot = object
            .take_map("BENCH_PROGRAM")
            .context("the map BENCH_PROGRAM")?
            .try_into()?;
        Ok(Self {
            object,
            memory,
            arrived,
            slot,
        })
    }

    /// Puts a program behind the harness; `None`: the harness runs alone.
    pub(crate) fn put(&mut self, program: Option<&ProgramFd>) -> Result<()> {
        match program {
            Some(program) => self.slot.set(0, program, 0)?,
            // It may be empty already.
            None => drop(self.slot.clear_index(&0)),
        }
        Ok(())
    }

    /// Puts one of the harness's own programs behind it.
    pub(crate) fn put_own(&mut self, name: &str) -> Result<()> {
        let own = program(&mut self.object, name)?.fd()?.try_clone()?;
        self.put(Some(&own))
    }

    /// Each queue begins with the same flow.
    fn remember(&mut self, flows: Flows) -> Result<()> {
        let memory = Bench {
            next: flows.first,
            flow_mask: flows.mask,
            factor: flows.clients.factor(),
            _rest_of_the_line: [0; 13],
        };
        for queue in 0..self.memory.len() {
            self.memory.set(queue, memory, 0)?;
        }
        Ok(())
    }

    /// Runs packets of `flows` and gives nanoseconds for one packet, the harness included.
    ///
    /// The figure is the kernel's own, in whole nanoseconds: the time around the system call would have the ticks in it that the
    /// kernel waits for before and after a repeated run.
    pub(crate) fn run(
        &mut self,
        packet: &[u8],
        flows: Flows,
        packets: u32,
        action: u32,
    ) -> Result<f64> {
        self.remember(flows)?;
        let options = TestRunOptions {
            data_in: Some(packet),
            repeat: packets,
            ..TestRunOptions::default()
        };
        self.run_program("harness", options, action)
    }

    /// Runs the program that does nothing: what the kernel needs to run any program.
    pub(crate) fn run_empty(&mut self, packet: &[u8], packets: u32, action: u32) -> Result<f64> {
        let options = TestRunOptions {
            data_in: Some(packet),
            repeat: packets,
            ..TestRunOptions::default()
        };
        self.run_program("empty", options, action)
    }

    /// Attaches one of the harness's own programs to an interface, in the driver. It stays as long as the harness.
    pub(crate) fn attach(&mut self, name: &str, interface: &str) -> Result<()> {
        let attached = program(&mut self.object, name)?.attach(interface, XdpMode::Driver);
        attached.with_context(|| format!("attaching {name} to {interface}"))?;
        Ok(())
    }

    /// Has frames come in by an interface, of which the verdict is carried out. Each CPU of `cpus` makes as many, on a queue of its own.
    pub(crate) fn send(
        &mut self,
        frame: &[u8],
        flows: Flows,
        packets: u32,
        ifindex: u32,
        cpus: &[usize],
    ) -> Result<()> {
        self.remember(flows)?;
        let harness: &Xdp = self
            .object
            .program("harness")
            .context("no program harness")?
            .try_into()?;
        let send = |queue, cpu| {
            cpu::stay_on(cpu)?;
            let context = context(frame, ifindex, queue)?;
            let options = TestRunOptions {
                data_in: Some(frame),
                ctx_in: Some(&context),
                repeat: packets,
                attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
                ..TestRunOptions::default()
            };
            let sent = harness.test_run(options);
            sent.context("BPF_PROG_TEST_RUN of live frames (Linux 5.18)")?;
            anyhow::Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..)
                .zip(cpus)
                .map(|(queue, cpu)| scope.spawn(move || send(queue, *cpu)))
                .collect();
            for worker in workers {
                worker
                    .join()
                    .unwrap_or_else(|panicked| panic::resume_unwind(panicked))?;
            }
            Ok(())
        })
    }

    /// Frames that have arrived at the far end so far.
    pub(crate) fn arrived(&self) -> Result<u64> {
        let mut frames = 0;
        for arrived in self.arrived.iter() {
            frames += arrived?.frames;
        }
        Ok(frames)
    }

    fn run_program(&mut self, name: &str, options: TestRunOptions<'_>, action: u32) -> Result<f64> {
        let program = program(&mut self.object, name)?;
        let result = program.test_run(options).context("BPF_PROG_TEST_RUN")?;
        ensure!(
            result.return_value == action,
            "the program under test ended with XDP action {}, not {action}",
            result.return_value
        );
        Ok(result.duration.as_nanos() as f64)
    }
}

/// A `struct xdp_md`: a frame that came in by a queue of an interface.
fn context(frame: &[u8], ifindex: u32, queue: u32) -> Result<Vec<u8>> {
    let fields = [0, u32::try_from(frame.len())?, 0, ifindex, queue, 0];
    Ok(fields
        .iter()
        .flat_map(|field| field.to_ne_bytes())
        .collect())
}

fn program<'a>(object: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    Ok(object
        .program_mut(name)
        .with_context(|| format!("no program {name}"))?
        .try_into()?)
}
