//! Runs a `vrrp_script` again and again.

use std::time::Instant;

use tokio::time::sleep_until;
use tracing::{info, warn};

use super::{
    super::{
        script::{ScriptTracker, Soundness, Standing, call},
        view::{Found, RunView},
    },
    Sight, Voice, Why,
};
use crate::{
    config::VrrpScript,
    script::{Exit, Outcome, Policy, Runner},
    vrrp::Status,
};

pub(super) async fn run(script: VrrpScript, policy: Policy, voice: Voice) {
    let standing = match voice.believed() {
        Some(Status::Failed) => Standing::Failed,
        Some(Status::Well | Status::Number(_)) => Standing::Well,
        None => Standing::from(script.starts_as),
    };
    let mut core = ScriptTracker::new(&script, standing, Instant::now());
    let call = call(&script, &policy);
    let mut runner = Runner::default();
    let mut last = None;
    loop {
        sleep_until(core.next_start().into()).await;
        let began = Instant::now();
        let outcome = runner.run(&call, Some(script.timeout)).await;
        let now = Instant::now();
        let report = core.ended(began, now, outcome.exit.verdict());
        warn_of(&voice, report.soundness, last.as_ref(), &outcome);
        let sight = Sight {
            why: Why::Script(outcome.exit.clone()),
            broken: core.is_broken(),
            found: Found::Script {
                in_a_row: core.in_a_row(),
                last: Some(RunView::from(&outcome)),
            },
        };
        let Ok(()) = voice.tell(now, sight, report.status).await else {
            return;
        };
        last = Some(outcome.exit);
    }
}

/// A script that is broken in another way than before is news, too.
fn warn_of(voice: &Voice, soundness: Soundness, last: Option<&Exit>, outcome: &Outcome) {
    let name = voice.name();
    match (soundness, &outcome.exit) {
        (Soundness::Mended, exit) => info!("script {name} can be run again: {exit}"),
        (Soundness::Broke | Soundness::Unchanged, exit @ Exit::Broken(broken)) => {
            if last != Some(exit) {
                warn!(
                    output = outcome.output.trim_end(),
                    "script {name} is broken and says nothing of what it checks: {exit}; {}",
                    broken.help()
                );
            }
        }
        (Soundness::Broke | Soundness::Unchanged, _) => {}
    }
}
