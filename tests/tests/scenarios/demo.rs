//! The demo is the first thing that anybody sees: it works, and it can be interrupted.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use lab::{LabId, wait};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::SOON;

#[test]
fn the_demo_succeeds_from_beginning_to_end() -> Result<()> {
    let output = demo().output().context("cannot run the demo")?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}:\n{told}", output.status);
    // Of the two directors it says what a client saw, and what the doctor says of a mistake.
    let outages = told.matches("The client's longest time without an answer");
    assert_eq!(outages.count(), 3, "{told}");
    for words in [
        "192.168.66.251 is on 192.168.66.12 alone",
        "192.168.66.6 advertises 192.168.66.251, and we 192.168.66.215/32",
        "vrrp_instance INT: `virtual_ipaddress` differs",
    ] {
        ensure!(told.contains(words), "no `{words}`:\n{told}");
    }
    Ok(())
}

#[test]
fn an_interrupted_demo_leaves_nothing() -> Result<()> {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut demo = demo()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the demo")?;
        wait::until("the demo has made a lab", SOON, || {
            (!namespaces_of(&demo).is_empty()).then_some(())
        })?;
        kill(Pid::from_raw(demo.id().try_into()?), signal)?;
        let status = wait::until("the demo has ended", SOON, || demo.try_wait().transpose())??;
        assert_eq!(status.code(), Some(128 + signal as i32));
        ensure!(
            namespaces_of(&demo).is_empty(),
            "left: {:?}",
            namespaces_of(&demo)
        );
        ensure!(
            !std::env::temp_dir()
                .join(format!("dlab-{}-0", demo.id()))
                .exists(),
            "files are left"
        );
    }
    Ok(())
}

fn demo() -> Command {
    Command::new(env!("CARGO_BIN_EXE_demo"))
}

fn namespaces_of(demo: &Child) -> Vec<String> {
    let names = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| {
            LabId::of(name).is_some_and(|id| id.to_string() == format!("dlab-{}-0", demo.id()))
        })
        .collect()
}
