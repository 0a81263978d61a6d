//! What runs, held against a file of this host and against the file of the other director.

use std::process::{Command, Output};

use anyhow::Result;
use lab::{Director, Instance};

use crate::{elections::Pair, expect};

#[test]
fn s1_16_a_file_that_was_changed_and_not_loaded_is_told_by_its_settings() -> Result<()> {
    let pair = Pair::start(Instance::quick(100), Instance::quick(90))?;
    let director = &pair.first;
    let diff = || {
        let mut diff = director.command("config");
        diff.arg("diff").arg(&director.config);
        director.outcome(diff.arg("--socket").arg(&director.socket))
    };
    expect(&diff()?, 0, "the daemon runs what ")?;
    director.configure(&Instance::quick(95).with("nopreempt").to_string())?;
    let output = diff()?;
    expect(
        &output,
        1,
        "vrrp_instances INT priority: 95 in the file, 100 runs\n",
    )?;
    expect(
        &output,
        1,
        "vrrp_instances INT preempt: false in the file, true runs\n",
    )?;
    expect(&output, 1, "2 differences")?;
    director.reload()?;
    expect(&diff()?, 0, "the daemon runs what ")
}

#[test]
fn s1_16_a_file_is_compared_with_what_the_other_director_runs() -> Result<()> {
    let pair = Pair::start(
        Instance::quick(100).address("192.168.66.240/23"),
        Instance::quick(90).address("192.168.66.240/24"),
    )?;
    let output = with_what_runs(&pair.first, &pair.second)?;
    expect(&output, 2, "mask")?;
    expect(&output, 2, "the other one has /24")?;
    pair.second.configure(&Instance::quick(90).to_string())?;
    pair.second.reload()?;
    let output = with_what_runs(&pair.first, &pair.second)?;
    expect(&output, 0, "they are a pair")
}

/// As a person does it over ssh: what runs there goes into the comparison here.
fn with_what_runs(here: &Director, there: &Director) -> Result<Output> {
    let pipe = format!(
        "'{0}' config show --running --socket '{1}' | '{0}' config diff '{2}' -",
        here.command("config").get_program().to_string_lossy(),
        there.socket.display(),
        here.config.display()
    );
    here.outcome(Command::new("/bin/sh").args(["-c", &pipe]))
}
