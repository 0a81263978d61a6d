//! Executing scripts one after the other.

use std::{
    fs::File,
    future::pending,
    io::{self, Read as _},
    process::ExitStatus,
    time::{Duration, Instant, SystemTime},
};

use nix::{errno::Errno, sys::signal::Signal};
use tokio::{
    net::unix::pipe::Receiver,
    sync::Semaphore,
    task::{JoinHandle, spawn_blocking},
    time::sleep_until,
};

use super::{
    exit::{Broken, Exit, Outcome},
    output::Tail,
    program::Call,
    spawn::{Process, signal, start},
};

/// How long a script may go on after SIGTERM, as in keepalived; and how long SIGKILL may take to work.
const GRACE: Duration = Duration::from_secs(1);

/// Bytes that are read at once, and how often at most when a script has ended: a pipe holds 64 KiB.
const CHUNK_BYTES: usize = 4096;
const LAST_CHUNKS: usize = 16;

/// Pipes that are read on although their script has ended, for programs that it left in the background: without a reader their next
/// word would end them. When there are more, the rest has to do without.
static LEFT_OPEN: Semaphore = Semaphore::const_new(64);

/// Runs one script at a time.
///
/// A script that cannot be ended, since it waits for a disk that does not answer, is not run again before it is gone: each
/// attempt until then has timed out.
#[derive(Debug, Default)]
pub struct Runner {
    /// Waits for a process that could not be ended.
    leftover: Option<JoinHandle<()>>,
}

impl Runner {
    /// Runs a script to its end. After `limit` its process group gets SIGTERM, and a second later SIGKILL; `None`: it may take as long as it
    /// wants. So this takes two seconds more than `limit` at most.
    ///
    /// Dropping the future sends SIGTERM to the group.
    pub async fn run(&mut self, call: &Call, limit: Option<Duration>) -> Outcome {
        let started = SystemTime::now();
        let begin = Instant::now();
        let (exit, output) = if self.is_held_up() {
            (Exit::TimedOut, "the last run cannot be ended\n".to_owned())
        } else {
            let deadline = limit.and_then(|limit| begin.checked_add(limit));
            self.attempt(call.clone(), deadline).await
        };
        Outcome {
            exit,
            output,
            started,
            duration: begin.elapsed(),
        }
    }

    fn is_held_up(&mut self) -> bool {
        self.leftover.take_if(|task| task.is_finished());
        self.leftover.is_some()
    }

    async fn attempt(&mut self, call: Call, deadline: Option<Instant>) -> (Exit, String) {
        let (mut process, pipe) = match self.start(call, deadline).await {
            Ok(started) => started,
            Err(exit) => return (exit, String::new()),
        };
        let mut output = Output::new(pipe);
        let Some(status) = follow(&mut process, &mut output, deadline).await else {
            self.end(process, &mut output).await;
            return (Exit::TimedOut, output.finish());
        };
        let output = output.finish();
        let exit = match status {
            Ok(status) => Exit::of(status, &output),
            Err(error) => unwatched(&error),
        };
        (exit, output)
    }

    /// Users and files may be on hosts that do not answer, so this has a thread of its own, and the time limit covers it.
    async fn start(
        &mut self,
        call: Call,
        deadline: Option<Instant>,
    ) -> Result<(Process, Receiver), Exit> {
        let mut starting = spawn_blocking(move || {
            let program = call.resolve()?;
            start(&program)
        });
        tokio::select! {
            started = &mut starting => match started {
                Ok(started) => started.map_err(Exit::Broken),
                Err(error) => Err(unwatched(&error.into())),
            },
            () = until(deadline) => {
                self.leftover = Some(tokio::spawn(async move {
                    if let Ok(Ok((mut process, _pipe))) = starting.await {
                        process.group().inspect(|&group| signal(group, Signal::SIGKILL));
                        let _status = process.wait().await;
                    }
                }));
                Err(Exit::TimedOut)
            }
        }
    }

    /// Ends a script that takes too long.
    async fn end(&mut self, mut process: Process, output: &mut Output) {
        let Some(group) = process.group() else { return };
        signal(group, Signal::SIGTERM);
        let ended = follow(&mut process, output, Some(Instant::now() + GRACE)).await;
        // Also where the leader has ended: others of its group may not. Its number was free for a moment only, and the kernel
        // gives numbers away in turn.
        signal(group, Signal::SIGKILL);
        if ended.is_none()
            && follow(&mut process, output, Some(Instant::now() + GRACE))
                .await
                .is_none()
        {
            self.leftover = Some(tokio::spawn(async move {
                let _status = process.wait().await;
            }));
        }
    }
}

/// Waits for a process and reads what it writes. `None`: its time is over.
async fn follow(
    process: &mut Process,
    output: &mut Output,
    deadline: Option<Instant>,
) -> Option<io::Result<ExitStatus>> {
    loop {
        tokio::select! {
            status = process.wait() => return Some(status),
            () = output.take() => {}
            () = until(deadline) => return None,
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

fn unwatched(error: &io::Error) -> Exit {
    let errno = error
        .raw_os_error()
        .map_or(Errno::ECANCELED, Errno::from_raw);
    Exit::Broken(Broken::Unwatched(errno))
}

/// What a script writes.
struct Output {
    /// `None`: nobody writes any more.
    pipe: Option<Receiver>,
    tail: Tail,
}

impl Output {
    fn new(pipe: Receiver) -> Self {
        Self {
            pipe: Some(pipe),
            tail: Tail::default(),
        }
    }

    /// Reads once, when there is something to read. Nothing is lost when it is dropped before.
    async fn take(&mut self) {
        let Some(pipe) = &self.pipe else {
            return pending().await;
        };
        let mut chunk = [0; CHUNK_BYTES];
        let read = match pipe.readable().await {
            Ok(()) => pipe.try_read(&mut chunk),
            Err(error) => Err(error),
        };
        match read {
            Ok(0) => self.pipe = None,
            Ok(length) => self.tail.push(&chunk[..length]),
            Err(error) if is_transient(&error) => {}
            Err(_) => self.pipe = None,
        }
    }

    /// Takes what is left in the pipe, whether the runtime has noticed it or not.
    fn finish(mut self) -> String {
        if let Some(file) = self
            .pipe
            .take()
            .and_then(|pipe| pipe.into_nonblocking_fd().ok())
        {
            let file = File::from(file);
            if self.drain(&file) == Writers::Left {
                go_on_reading(file);
            }
        }
        self.tail.text()
    }

    fn drain(&mut self, mut file: &File) -> Writers {
        let mut chunk = [0; CHUNK_BYTES];
        for _ in 0..LAST_CHUNKS {
            match file.read(&mut chunk) {
                Ok(0) => return Writers::Gone,
                Ok(length) => self.tail.push(&chunk[..length]),
                Err(error) if is_transient(&error) => return Writers::Left,
                Err(_) => return Writers::Gone,
            }
        }
        Writers::Left
    }
}

/// Whether somebody holds the other end of a pipe.
#[derive(PartialEq, Eq)]
enum Writers {
    Left,
    Gone,
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Takes what comes later to nowhere.
fn go_on_reading(file: File) {
    let Ok(permit) = LEFT_OPEN.try_acquire() else {
        return;
    };
    if let Ok(mut pipe) = Receiver::from_file(file) {
        tokio::spawn(async move {
            let _permit = permit;
            let _ended = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing, *};
    use crate::script::Policy;

    #[tokio::test]
    async fn a_script_that_cannot_be_ended_is_not_run_again_before_it_is_gone() {
        let call = Call::new(testing::configured(["true"]), Policy::default());
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let mut runner = Runner {
            leftover: Some(tokio::spawn(async {
                let _end = released.await;
            })),
        };
        let outcome = runner.run(&call, None).await;
        assert_eq!(outcome.exit, Exit::TimedOut);
        assert_eq!(outcome.output, "the last run cannot be ended\n");
        release.send(()).unwrap();
        while runner.run(&call, None).await.exit != Exit::Success {
            tokio::task::yield_now().await;
        }
    }
}
