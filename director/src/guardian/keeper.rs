//! The daemon's end: starts the guardian, tells it what to watch over, and starts it again should it die.

use std::{
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::charge::Charge;

/// The guardian process.
#[derive(Debug)]
pub struct Guardian {
    pins: PathBuf,
    child: Child,
    charge: Charge,
}

impl Guardian {
    /// Starts it; it watches over nothing yet.
    ///
    /// # Errors
    ///
    /// This program cannot be started anew.
    pub fn start(pins: &Path) -> io::Result<Self> {
        Ok(Self {
            pins: pins.to_owned(),
            child: spawn(pins)?,
            charge: Charge::default(),
        })
    }

    /// Tells it what to watch over from now on.
    ///
    /// # Errors
    ///
    /// It is dead; [`Guardian::revive`] starts it again.
    pub fn charge(&mut self, charge: Charge) -> io::Result<()> {
        if charge == self.charge {
            return Ok(());
        }
        self.charge = charge;
        self.tell()
    }

    fn tell(&mut self) -> io::Result<()> {
        let mut line = serde_json::to_vec(&self.charge)?;
        line.push(b'\n');
        let stdin = self.child.stdin.as_mut();
        stdin.ok_or(io::ErrorKind::BrokenPipe)?.write_all(&line)
    }

    /// Starts it again if it has died. Whether it had is returned.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn revive(&mut self) -> io::Result<Pulse> {
        if self.child.try_wait()?.is_none() {
            return Ok(Pulse::Alive);
        }
        self.child = spawn(&self.pins)?;
        self.tell()?;
        Ok(Pulse::Revived)
    }

    /// Ends it: everything has been given up in order.
    pub fn dismiss(mut self) {
        // Should it be dead already, all the better.
        let _is_dead = self.charge(Charge::default());
        drop(self.child.stdin.take());
        let _was_waited_for = self.child.wait();
    }
}

/// How the guardian was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// It lives.
    Alive,
    /// It had died, and another one lives.
    Revived,
}

/// A group of its own, so that a signal from a terminal is the daemon's alone.
fn spawn(pins: &Path) -> io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg0("director")
        .args(["guard", "--pins"])
        .arg(pins)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
}
