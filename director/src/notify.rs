//! Telling scripts and named pipes what became of instances and sync groups, strictly in order.
//!
//! One queue for each instance and each group: the next script starts when the last one has ended. A script that hangs is ended
//! after a minute, so that it cannot stop the queue for ever. Pipes get a line for each change, in keepalived's format.

mod change;
mod fifo;

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tracing::{debug, warn};

pub use change::{Change, State, Subject};
pub use fifo::FifoError;

use self::fifo::Pipe;
use crate::{
    config::{Config, Notify, Script},
    script::{Call, Policy, Runner, Verdict},
};

/// A script of a change that runs longer is ended.
const LONGEST_RUN: Duration = Duration::from_secs(60);
/// What is still queued at the end may take so long together.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everybody who is told.
#[derive(Debug, Default)]
pub struct Notifier {
    queues: BTreeMap<Subject, Queue>,
    pipes: Vec<Pipe>,
    policy: Policy,
}

#[derive(Debug)]
struct Queue {
    // Unbounded, as no change may be left out; an election changes at most a few times in a second.
    calls: mpsc::UnboundedSender<Call>,
    task: JoinHandle<()>,
}

impl Notifier {
    /// Takes the pipes and the policy of a configuration. Pipes that cannot be opened are returned, and do without.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn reconcile(&mut self, config: &Config) -> Vec<FifoError> {
        self.policy = Policy::from(&config.global);
        let wanted = [&config.global.notify_fifo, &config.global.vrrp_notify_fifo];
        let wanted: Vec<_> = wanted.into_iter().flatten().collect();
        self.pipes
            .retain(|pipe| wanted.iter().any(|fifo| pipe.is_of(fifo)));
        let mut errors = Vec::new();
        for fifo in wanted {
            if self.pipes.iter().any(|pipe| pipe.is_of(fifo)) {
                continue;
            }
            match Pipe::open(fifo, &self.policy) {
                Ok(pipe) => self.pipes.push(pipe),
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    /// Tells a change. It never waits.
    pub fn tell(&mut self, change: &Change, notify: &Notify) {
        let line = change.line();
        for pipe in &mut self.pipes {
            pipe.write(&line);
        }
        let own = change.script(notify).map(|script| (script, Vec::new()));
        let any = change
            .is_for_any()
            .then_some(notify.any.as_ref())
            .flatten()
            .map(|script| (script, change.arguments()));
        for (script, arguments) in own.into_iter().chain(any) {
            self.queue(&change.subject, script, arguments);
        }
    }

    fn queue(&mut self, subject: &Subject, script: &Script, arguments: Vec<String>) {
        let call = Call {
            arguments,
            ..Call::new(script.clone(), self.policy.clone())
        };
        let queue = self
            .queues
            .entry(subject.clone())
            .or_insert_with(|| Queue::start(subject.clone()));
        if queue.calls.send(call).is_err() {
            warn!(%subject, script = script.shown(), "a script was not run: its queue has ended");
        }
    }

    /// Waits for what is queued, but not for ever.
    pub async fn finish(&mut self) {
        let queues = std::mem::take(&mut self.queues);
        let all = async {
            for queue in queues.into_values() {
                drop(queue.calls);
                let _panicked = queue.task.await;
            }
        };
        if timeout(PATIENCE, all).await.is_err() {
            warn!("scripts of changes still run; they are not waited for any longer");
        }
        self.pipes.clear();
    }
}

impl Queue {
    fn start(subject: Subject) -> Self {
        let (calls, mut queue) = mpsc::unbounded_channel::<Call>();
        let task = tokio::spawn(async move {
            let mut runner = Runner::default();
            while let Some(call) = queue.recv().await {
                let outcome = runner.run(&call, Some(LONGEST_RUN)).await;
                let (script, output) = (call.shown(), outcome.output.trim());
                match outcome.exit.verdict() {
                    Verdict::Success => debug!(%subject, script, output, "script ended"),
                    _ => {
                        warn!(%subject, script, exit = %outcome.exit, output, "a script that tells a change did not succeed");
                    }
                }
            }
        });
        Self { calls, task }
    }
}

#[cfg(test)]
mod tests;
