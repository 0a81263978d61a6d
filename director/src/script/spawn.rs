//! Starting one process in a state that does not depend on the daemon's.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, pipe},
    os::fd::OwnedFd,
    path::Path,
    process::{ExitStatus, Stdio},
};

use nix::{
    errno::Errno,
    libc,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    net::unix::pipe::Receiver,
    process::{Child, Command},
};

use super::{
    exit::Broken,
    program::{FOLDER, Program, is_absence},
};

/// Bytes of a script's first line that the kernel looks at (execve(2)).
const LONGEST_INTERPRETER_LINE: u64 = 255;

/// A running script: the leader of a process group of its own. Dropping it while it runs sends SIGTERM to the group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// The group's number, for as long as the leader is not reaped: so long it cannot be given to others.
    group: Option<Pid>,
}

impl Process {
    /// Waits until the leader has ended. May be dropped and called again.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.group = None;
        status
    }

    /// Which group, while the leader runs.
    pub(super) const fn group(&self) -> Option<Pid> {
        self.group
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            signal(group, Signal::SIGTERM);
        }
    }
}

/// Sends a signal to all of a group. It may be gone by now, which is as good.
pub(super) fn signal(group: Pid, signal: Signal) {
    let _gone = killpg(group, signal);
}

/// Starts a program. Must be called within a tokio runtime; it waits until the kernel has executed the file.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn start(program: &Program) -> Result<(Process, Receiver), Broken> {
    let (child, output) = spawn(program).map_err(|error| why_not(program, &error))?;
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let process = Process {
        child,
        group: id.map(Pid::from_raw),
    };
    Ok((process, output))
}

fn spawn(program: &Program) -> io::Result<(Child, Receiver)> {
    let (output, input) = pipe()?;
    let output = Receiver::from_owned_fd(OwnedFd::from(output))?;
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .env_clear()
        .envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .current_dir(FOLDER)
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input)
        .process_group(0)
        // The standard library drops the supplementary groups when it sets a user as root, and unblocks all signals.
        .gid(program.account.gid.as_raw())
        .uid(program.account.uid.as_raw());
    // SAFETY: between fork and exec only functions are called that are safe there (signal-safety(7)); nothing is allocated.
    unsafe { command.pre_exec(settle) };
    // The command holds the write ends of the pipe, and ends here with them.
    Ok((command.spawn()?, output))
}

/// Brings the new process into the state that every script starts with.
fn settle() -> io::Result<()> {
    // SAFETY: these three take numbers only. A signal that cannot be caught, and a kernel without `close_range`, are no errors
    // here: the daemon's own files are closed on exec anyway.
    unsafe {
        libc::umask(0o022);
        for number in 1..=libc::SIGRTMAX() {
            libc::signal(number, libc::SIG_DFL);
        }
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
    }
    Ok(())
}

/// The kernel's one number is the same for several mistakes; what is on the disk tells them apart.
fn why_not(program: &Program, error: &io::Error) -> Broken {
    let path = program.path.clone();
    let user = program.account.name.clone();
    let errno = error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw);
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => match interpreter(&path) {
            Err(error) if is_absence(&error) => Broken::Missing { path },
            Ok(Some(interpreter)) => Broken::NoInterpreter { path, interpreter },
            Ok(None) | Err(_) => Broken::Spawn { path, user, errno },
        },
        Errno::EACCES => Broken::NotExecutable { path, user },
        _ => Broken::Spawn { path, user, errno },
    }
}

/// What stands after `#!`.
fn interpreter(script: &Path) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let start = File::open(script)?.take(LONGEST_INTERPRETER_LINE);
    BufReader::new(start).read_until(b'\n', &mut line)?;
    let line = String::from_utf8_lossy(&line);
    Ok(line
        .strip_prefix("#!")
        .and_then(|rest| rest.split_whitespace().next())
        .map(str::to_owned))
}
