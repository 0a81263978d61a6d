//! What outlives the daemon can be looked at without it.

use std::process::Command;

use anyhow::{Result, ensure};
use lab::{Director, XdpMode, vip};
use serde_json::Value;

use crate::{SHORT, Scene};

in_both_modes!(s2_17_the_maps_tell_of_every_flow_while_the_daemon_is_down);

fn s2_17_the_maps_tell_of_every_flow_while_the_daemon_is_down(mode: XdpMode) -> Result<()> {
    let mut scene = Scene::of_the_example(mode)?;
    let mut open = scene.lab.client.open(vip(3306))?;
    open.ask("select 1", SHORT)?;
    scene.director.kill_9()?;

    let listed = map(&scene.director, &["list"])?;
    for name in [
        "SERVERS",
        "FLOWS_V4",
        "FLOWS_V6",
        "HALF_OPEN_V4",
        "TEMPLATES",
    ] {
        let is_listed = listed.iter().any(|map| map["name"] == name);
        ensure!(is_listed, "{name} is not among {listed:?}");
    }
    let flows = map(&scene.director, &["dump", "FLOWS_V4"])?;
    let text = format!("{flows:?}");
    ensure!(flows.len() == 1, "not one flow: {text}");
    for word in ["192.168.66.10", "192.168.66.251", "3306"] {
        ensure!(text.contains(word), "no {word} in {text}");
    }
    Ok(())
}

/// `director map WORDS --json`: one document for `list`, one entry a line for `dump`.
fn map(director: &Director, words: &[&str]) -> Result<Vec<Value>> {
    let mut command: Command = director.command("map");
    command
        .args(words)
        .arg("--json")
        .arg("--pins")
        .arg(&director.pins);
    let output = director.outcome(&mut command)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let documents = serde_json::Deserializer::from_str(&said)
        .into_iter::<Value>()
        .collect::<Result<Vec<_>, _>>()?;
    Ok(match documents.as_slice() {
        [Value::Array(entries)] => entries.clone(),
        _ => documents,
    })
}
