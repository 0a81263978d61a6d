//! Asking hosts that know nothing of elections whether this director is still connected to them (scenario 1.18).

use std::{net::IpAddr, time::Duration};

use surge_ping::{Client, ConfigBuilder, ICMP, PingIdentifier, PingSequence};
use tokio::task::JoinSet;
use tracing::warn;

use crate::{config::Witness, vrrp::Verdict};

/// A host of the same network answers within a millisecond, even a busy one within this time.
const PATIENCE: Duration = Duration::from_millis(500);
/// One lost packet is no verdict.
const QUESTIONS: u16 = 2;

/// Sends an echo request to each witness, and decides as soon as it is clear.
pub(super) async fn ask(witness: &Witness) -> Verdict {
    let mut questions = JoinSet::new();
    for (number, address) in (0..).zip(&witness.addresses) {
        questions.spawn(answers(*address, number));
    }
    let mut answered = 0;
    while answered < witness.required {
        match questions.join_next().await {
            Some(Ok(true)) => answered += 1,
            Some(Ok(false) | Err(_)) => {}
            None => return Verdict::CutOff,
        }
    }
    Verdict::Connected
}

async fn answers(address: IpAddr, number: u16) -> bool {
    let kind = match address {
        IpAddr::V4(_) => ICMP::V4,
        IpAddr::V6(_) => ICMP::V6,
    };
    let client = match Client::new(&ConfigBuilder::default().kind(kind).build()) {
        Ok(client) => client,
        Err(error) => {
            warn!(%address, %error, "a witness cannot be asked");
            return false;
        }
    };
    let identifier = PingIdentifier((std::process::id() as u16).wrapping_add(number));
    let mut pinger = client.pinger(address, identifier).await;
    pinger.timeout(PATIENCE);
    for sequence in 0..QUESTIONS {
        if pinger
            .ping(PingSequence(sequence), b"director witness")
            .await
            .is_ok()
        {
            return true;
        }
    }
    false
}
