//! The harness: a program that writes the next flow's packet and tail-calls the program under test.
//!
//! A repeated test run works on the packet as the last run left it, so without the harness the TTL would run out after 255 packets
//! and every packet would be of the same flow.

use anyhow::{Context, Result, ensure};
use aya::{
    Ebpf,
    maps::{Array, MapData, ProgramArray},
    programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp},
};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/bench-xdp"));

/// The harness's memory, as `director-ebpf/src/bench/main.rs` has it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Bench {
    next: u32,
    flow_mask: u32,
    factor: u32,
}

// SAFETY: three integers of 4 bytes, no padding, no invalid values.
unsafe impl aya::Pod for Bench {}

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
    slot: ProgramArray<MapData>,
}

impl Harness {
    /// Loads the harness and the floor.
    pub(crate) fn load() -> Result<Self> {
        let mut object = Ebpf::load(OBJECT).context("loading the benchmark's programs")?;
        for name in ["harness", "floor", "empty"] {
            program(&mut object, name)?
                .load()
                .with_context(|| format!("loading {name}"))?;
        }
        let memory = object
            .take_map("BENCH")
            .context("the map BENCH")?
            .try_into()?;
        let slot = object
            .take_map("BENCH_PROGRAM")
            .context("the map BENCH_PROGRAM")?
            .try_into()?;
        Ok(Self {
            object,
            memory,
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

    /// Puts the floor behind the harness.
    pub(crate) fn put_floor(&mut self) -> Result<()> {
        let floor = program(&mut self.object, "floor")?.fd()?.try_clone()?;
        self.put(Some(&floor))
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
        let memory = Bench {
            next: flows.first,
            flow_mask: flows.mask,
            factor: flows.clients.factor(),
        };
        self.memory.set(0, memory, 0)?;
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

fn program<'a>(object: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    Ok(object
        .program_mut(name)
        .with_context(|| format!("no program {name}"))?
        .try_into()?)
}
