//! The emulator's process: started, its console shown line by line, ended by its deadline at the latest.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use console::style;

use super::{Clock, EMULATOR, Job};
use crate::command;

/// How much of the console is shown again when the guest did not end by itself.
const TAIL_LINES: usize = 25;
const MEMORY: &str = "2G";

/// Boots and waits for the end.
pub(super) fn run(job: &Job<'_>, kernel: &Path, initramfs: &Path) -> Result<()> {
    let began = Instant::now();
    let mut emulator = Emulator::start(&mut command_line(job, kernel, initramfs))?;
    let console = emulator.console()?;
    let mut tail = VecDeque::new();
    loop {
        match console.recv_timeout(job.limit.saturating_sub(began.elapsed())) {
            Ok(line) => {
                println!("{} {line}", style("│").dim());
                tail.push_back(line);
                if tail.len() > TAIL_LINES {
                    tail.pop_front();
                }
            }
            // The console is closed: the emulator ends.
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                show(&tail);
                bail!(
                    "the guest did not end within {} minutes and was stopped; the end of its console is above. A machine that is \
                     very busy may need another attempt",
                    job.limit.as_secs() / 60
                );
            }
        }
    }
    emulator.outcome(&tail)
}

fn show(tail: &VecDeque<String>) {
    eprintln!(
        "{} the last lines of the guest's console:",
        style("✗").red().bold()
    );
    for line in tail {
        eprintln!("  {} {line}", style("│").dim());
    }
}

fn command_line(job: &Job<'_>, kernel: &Path, initramfs: &Path) -> Command {
    let program = command::find(EMULATOR).unwrap_or_else(|| EMULATOR.into());
    let mut emulator = Command::new(program);
    emulator.args([
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "-display",
        "none",
    ]);
    emulator.args([
        "-accel", "tcg", "-cpu", "max", "-m", MEMORY, "-serial", "stdio",
    ]);
    match job.clock {
        Clock::Real => emulator.args(["-smp", "2"]),
        // A guest that has nothing to do does not wait: its clock jumps to the next timer.
        Clock::Instructions => emulator.args(["-smp", "1", "-icount", "shift=0,sleep=off"]),
    };
    // A panic ends the guest (`-no-reboot`) with a status that no script has.
    emulator.args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"]);
    emulator.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]);
    emulator
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs);
    share(&mut emulator, "root", Path::new("/"), ",readonly=on");
    if let Some(outbox) = job.outbox {
        share(&mut emulator, "outbox", outbox, "");
    }
    emulator.stdin(Stdio::null()).stdout(Stdio::piped());
    emulator
}

/// A folder of this machine that the guest mounts by the name `tag`. Its file systems are told apart.
fn share(emulator: &mut Command, tag: &str, folder: &Path, options: &str) {
    let folder = folder.display().to_string().replace(',', ",,");
    let what = format!("local,id={tag},path={folder},security_model=none,multidevs=remap{options}");
    emulator.args(["-fsdev", &what]);
    let device = format!("virtio-9p-pci,fsdev={tag},mount_tag={tag}");
    emulator.args(["-device", &device]);
}

/// The running emulator. Killed when dropped.
struct Emulator(Child);

impl Emulator {
    fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn();
        Ok(Self(child.with_context(|| {
            format!("cannot run {EMULATOR}; install what Debian calls qemu-system-x86")
        })?))
    }

    /// The lines of the console as they come; closed when the emulator ends.
    fn console(&mut self) -> Result<mpsc::Receiver<String>> {
        let output = self.0.stdout.take().context("the emulator has no output")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || read(output, &sender));
        Ok(lines)
    }

    fn outcome(mut self, tail: &VecDeque<String>) -> Result<()> {
        let status = self.0.wait().context("cannot wait for the emulator")?;
        match status.code() {
            // The debug device ends the emulator with twice the number that was written to it, plus one.
            Some(1) if tail.is_empty() => {
                bail!("{EMULATOR} did not start; its own message is above")
            }
            Some(1) => Ok(()),
            Some(code) if code % 2 == 1 => bail!(
                "the guest's job ended with status {}; what it printed is above",
                code / 2
            ),
            _ => {
                show(tail);
                bail!(
                    "the guest ended before its job did ({status}); the end of its console is above"
                )
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _killed = self.0.kill();
        let _waited = self.0.wait();
    }
}

fn read(output: ChildStdout, lines: &mpsc::Sender<String>) {
    for line in BufReader::new(output).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if lines.send(line).is_err() {
            return;
        }
    }
}
