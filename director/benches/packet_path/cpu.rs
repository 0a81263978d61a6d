//! CPUs: where the benchmark runs, and what it runs on.

use std::fs;

use anyhow::{Context, Result};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

const THIS_PROCESS: Pid = Pid::from_raw(0);

/// The CPUs that this process may use.
pub(crate) fn usable() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(THIS_PROCESS).context("asking for the CPUs of this process")?;
    Ok((0..CpuSet::count())
        .filter(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .collect())
}

/// Keeps this process on one CPU.
pub(crate) fn stay_on(cpu: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu).with_context(|| format!("CPU {cpu}"))?;
    sched_setaffinity(THIS_PROCESS, &cpus).with_context(|| format!("staying on CPU {cpu}"))
}

/// The processor's name, as the kernel tells it.
pub(crate) fn model() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    cpus.lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown CPU", |model| {
            model.trim_start_matches([' ', '\t', ':'])
        })
        .to_owned()
}
