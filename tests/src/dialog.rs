//! A client program that stays and is spoken with line by line.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use crate::namespace::Namespace;

/// A running program that answers each line with one line. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Dialog {
    program: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

/// Why a line was not answered.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// Nothing came in time.
    Silence,
    /// The program has ended; this is what it complained of.
    Ended(String),
}

impl Dialog {
    /// Starts the program in a namespace.
    pub(crate) fn open(namespace: &Namespace, mut program: Command) -> Result<Self> {
        program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut program = namespace.spawn(&mut program)?;
        let input = program.stdin.take().context("the program has no input")?;
        let output = program.stdout.take().context("the program has no output")?;
        let (sender, answers) = channel();
        thread::spawn(move || {
            BufReader::new(output)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Ok(Self {
            program,
            input,
            answers,
        })
    }

    /// Says a line and waits for the answer.
    pub(crate) fn ask(&mut self, line: &str, limit: Duration) -> Result<String, Unanswered> {
        // A program that no longer listens has ended, or will say nothing: either shows below.
        let _ = writeln!(self.input, "{line}").and_then(|()| self.input.flush());
        self.answers
            .recv_timeout(limit)
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => Unanswered::Silence,
                RecvTimeoutError::Disconnected => Unanswered::Ended(self.complaint()),
            })
    }

    fn complaint(&mut self) -> String {
        let complaint = self.program.stderr.take().map(std::io::read_to_string);
        complaint.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Dialog {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
