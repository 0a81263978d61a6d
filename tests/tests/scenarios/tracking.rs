//! What an instance tracks besides the network: scripts and processes, how they are run, and what is said of them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use lab::{Director, Duo, Instance, Process, wait};
use serde_json::{Value, json};

use crate::SOON;

#[test]
fn s1_04_a_script_finds_the_same_whoever_runs_it_and_ends_with_the_same_code() -> Result<()> {
    let duo = Duo::create()?;
    let seen = duo.lab.folder().join("seen");
    let body = format!(
        "{{ env | sort; id; pwd; umask; echo \"$0 $@\"; readlink /proc/self/fd/0; }} > {0}.new\nmv {0}.new {0}\n\
         echo the database is away >&2\nexit 3\n",
        seen.display()
    );
    let file = write_script(&duo.lab.folder().join("chk.sh"), &body)?;
    // Once in the whole test, so that what the daemon's run wrote is not taken for the other's.
    let definition = definition("chk", &format!("{} one", file.display()), "interval 3600");
    let tracking = Instance::quick(100).with("track_script {\n    chk weight -20\n  }");
    let mut director = duo.director(&duo.first, definition + &tracking.to_string())?;
    director.start()?;
    let by_daemon = await_tracked(&director, "chk", |chk| chk["status"] == "failed")?;
    let found_by_daemon = fs::read_to_string(&seen)?;
    fs::remove_file(&seen)?;

    // Whoever calls has another environment and stands elsewhere.
    let mut run = director.command("script");
    run.args(["run", "chk", "--json", "-c"])
        .arg(&director.config)
        .env("PATH", "/nowhere")
        .env("MYSQL_PWD", "secret")
        .current_dir("/usr");
    let output = director.outcome(&mut run)?;
    let by_hand: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(by_hand["code"], 3);
    for word in ["code", "exit", "output"] {
        assert_eq!(by_hand[word], by_daemon["last"][word], "{word}");
    }
    let found_by_hand = fs::read_to_string(&seen)?;
    assert_eq!(found_by_hand, found_by_daemon);
    for words in ["PATH=", "HOME=/root\n", "DIRECTOR_SCRIPT=chk\n", "uid=0("] {
        ensure!(found_by_hand.contains(words), "no {words}: {found_by_hand}");
    }
    let page = director.ask(&["vrrp", "show"])?;
    ensure!(page.contains("wrote: the database is away\n"), "{page}");
    Ok(())
}

#[test]
fn s1_05_a_process_that_is_away_is_not_found_in_whatever_only_names_it() -> Result<()> {
    /// The kernel knows it by this name, and no other test has it.
    const NAME: &str = "mycat_s1_05";
    let duo = Duo::create()?;
    let folder = duo.lab.folder();
    // A check that has the very name, and a process that has it in its arguments: `ps | grep` would count both.
    fs::create_dir(folder.join("checks"))?;
    let check = write_script(&folder.join("checks").join(NAME), "sleep 1\n")?;
    let names_it = folder.join(format!("{NAME}.log"));
    fs::write(&names_it, "")?;
    let mut tail = Command::new("tail");
    tail.arg("-f").arg(&names_it);
    let _tail = Process::start(&duo.first.namespace, &mut tail, &folder.join("tail.log"))?;
    let definitions = definition("busy", &check.display().to_string(), "interval 1")
        + &format!("vrrp_track_process mycat {{\n  process {NAME}\n}}\n");
    let tracking = Instance::quick(100)
        .with("track_script {\n    busy weight 1\n  }")
        .with("track_process {\n    mycat\n  }");
    let mut director = duo.director(&duo.first, definitions + &tracking.to_string())?;
    director.start()?;
    let checked = |busy: &Value| busy["in_a_row"].as_u64() >= Some(2);
    await_tracked(&director, "busy", checked)?;
    let mycat = await_tracked(&director, "mycat", |mycat| mycat["basis"] == "seen")?;
    assert_eq!(mycat["status"], "failed", "{mycat}");
    assert_eq!(mycat["effect"], "fault", "{mycat}");
    director.await_role("FAULT", SOON)?;

    let program = folder.join(NAME);
    fs::copy("/bin/sleep", &program)?;
    let mut run = Command::new(&program);
    let log = folder.join("program.log");
    let process = Process::start(&duo.first.namespace, run.arg("3600"), &log)?;
    let mycat = await_tracked(&director, "mycat", |mycat| mycat["status"] == "well")?;
    assert_eq!(mycat["pids"], json!([process.pid()]), "{mycat}");
    director.await_role("MASTER", SOON)?;
    drop(process);
    director.await_role("FAULT", SOON)
}

#[test]
fn s1_06_a_command_outside_of_the_path_is_named_and_moves_nothing_that_was_well() -> Result<()> {
    const SAID: &str = "exit 127: command not found: mycat";
    let duo = Duo::create()?;
    let file = write_script(&duo.lab.folder().join("chk.sh"), "exit 0\n")?;
    let definition = definition("chk", &file.display().to_string(), "interval 1");
    let tracking = Instance::quick(100).with("track_script {\n    chk weight -20\n  }");
    let mut director = duo.director(&duo.first, definition + &tracking.to_string())?;
    director.start()?;
    await_tracked(&director, "chk", |chk| chk["basis"] == "seen")?;

    write_script(&file, "mycat status\n")?;
    let chk = await_tracked(&director, "chk", |chk| chk["broken"] == true)?;
    assert_eq!(chk["why"], SAID, "{chk}");
    assert_eq!(chk["last"]["code"], 127);
    assert_eq!(chk["status"], "well", "a broken script took the health");
    assert_eq!(chk["effect"], json!({ "priority": 0 }));
    assert_eq!(director.election("INT")?["priority"], 100);
    let page = director.ask(&["vrrp", "show"])?;
    ensure!(
        page.contains("broken, counts as ok") && page.contains(SAID),
        "{page}"
    );
    let doctor = doctor(&director)?;
    let finding = finding_of(&doctor, "script chk")?;
    assert_eq!(finding["level"], "problem");
    ensure!(finding["text"].to_string().contains(SAID), "{finding}");
    let help = finding["help"].to_string();
    ensure!(help.contains("director script run chk"), "{finding}");

    // There is no health to speak of where it never worked.
    director.terminate()?;
    director.start()?;
    let chk = await_tracked(&director, "chk", |chk| chk["broken"] == true)?;
    assert_eq!(chk["status"], "failed", "{chk}");
    assert_eq!(chk["effect"], json!({ "priority": -20 }));
    wait::until("the priority is 80", SOON, || {
        (director.election("INT").ok()?["priority"] == 80).then_some(())
    })
}

#[test]
fn s1_07_what_each_way_to_end_means() -> Result<()> {
    let duo = Duo::create()?;
    let folder = duo.lab.folder();
    let rows = [
        ("succeeds", "exit 0\n", ("well", false, "exit 0")),
        ("fails", "exit 1\n", ("failed", false, "exit 1")),
        ("hangs", "sleep 60\n", ("failed", false, "timed out")),
        (
            "refused",
            "exit 0\n",
            ("failed", true, "cannot be executed"),
        ),
        ("deleted_well", "exit 0\n", ("well", false, "exit 0")),
        ("deleted_failed", "exit 1\n", ("failed", false, "exit 1")),
    ];
    let (mut definitions, mut tracks) = (String::new(), String::new());
    for (name, body, _) in rows {
        let file = write_script(&folder.join(name), body)?;
        definitions += &definition(name, &file.display().to_string(), "interval 1\n  timeout 1");
        tracks += &format!("    {name} weight 1\n");
    }
    fs::set_permissions(folder.join("refused"), Permissions::from_mode(0o644))?;
    let tracking = Instance::quick(100).with(&format!("track_script {{\n{tracks}  }}"));
    let mut director = duo.director(&duo.first, definitions + &tracking.to_string())?;
    director.start()?;
    for (name, _, expected) in rows {
        expect(&director, name, expected)?;
    }
    assert_eq!(director.election("INT")?["priority"], 102);

    // keepalived takes both for successes from now on.
    for name in ["deleted_well", "deleted_failed"] {
        fs::remove_file(folder.join(name))?;
    }
    expect(&director, "deleted_well", ("well", true, "is not there"))?;
    expect(
        &director,
        "deleted_failed",
        ("failed", true, "is not there"),
    )?;
    assert_eq!(director.election("INT")?["priority"], 102);
    let doctor = doctor(&director)?;
    for (name, level) in [
        ("succeeds", "ok"),
        ("fails", "warning"),
        ("hangs", "warning"),
        ("refused", "problem"),
        ("deleted_well", "problem"),
        ("deleted_failed", "problem"),
    ] {
        let finding = finding_of(&doctor, &format!("script {name} "))?;
        assert_eq!(finding["level"], level, "{finding}");
    }
    Ok(())
}

#[test]
fn an_instance_is_not_master_before_its_scripts_have_said_something() -> Result<()> {
    let duo = Duo::create()?;
    let wire = duo.lab.listen()?;
    let go = duo.lab.folder().join("go");
    // It is slower by far than the third of a second after which nobody else would be MASTER.
    let body = format!(
        "while ! test -e {}; do sleep 0.1; done\nexit 1\n",
        go.display()
    );
    let file = write_script(&duo.lab.folder().join("chk.sh"), &body)?;
    let pace = "interval 1\n  timeout 60";
    let definitions = definition("chk", &file.display().to_string(), pace)
        + &definition("hangs", "/bin/sleep 60", "interval 1\n  timeout 1");
    let tracking =
        Instance::quick(100).with("track_script {\n    chk weight 20\n    hangs weight 30\n  }");
    let mut director = duo.director(&duo.first, definitions + &tracking.to_string())?;
    director.start_as("INITIALIZE")?;
    // What hangs has failed; what may take longer is waited for.
    expect(&director, "hangs", ("failed", false, "timed out"))?;
    let election = director.election("INT")?;
    assert_eq!(election["role"], "INITIALIZE");
    assert_eq!(
        election["reason"],
        "it waits for the first result of script chk"
    );
    let page = director.ask(&["vrrp", "show"])?;
    ensure!(page.contains("not seen yet, counts as ok"), "{page}");
    assert_eq!(wire.adverts(), []);

    fs::write(&go, "")?;
    director.await_role("MASTER", SOON)?;
    expect(&director, "chk", ("failed", false, "exit 1"))?;
    wait::until("it is heard", SOON, || {
        (wire.adverts().len() > 3).then_some(())
    })?;
    let adverts = wire.adverts();
    ensure!(
        adverts.iter().all(|advert| advert.priority == 100),
        "it was worth more than it is: {adverts:?}"
    );
    Ok(())
}

/// Waits until a script stands so: its status, whether it is broken, and words of why.
fn expect(
    director: &Director,
    name: &str,
    (status, broken, why): (&str, bool, &str),
) -> Result<()> {
    let stands_so = |tracked: &Value| {
        tracked["basis"] == "seen"
            && tracked["status"] == status
            && tracked["broken"] == broken
            && tracked["why"]
                .as_str()
                .is_some_and(|told| told.contains(why))
    };
    await_tracked(director, name, stands_so).map(drop)
}

/// Waits until something that `INT` tracks is as wanted, and gives what `vrrp show` says of it.
fn await_tracked(director: &Director, name: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    let seen = || tracked(director, name).ok().filter(&is_so);
    wait::until(&format!("{name} is as wanted"), SOON, seen)
        .with_context(|| format!("{:?}", tracked(director, name)))
}

fn tracked(director: &Director, name: &str) -> Result<Value> {
    let election = director.election("INT")?;
    let mut tracked = election["tracked"].as_array().into_iter().flatten();
    let found = tracked.find(|one| one["name"] == name);
    found
        .cloned()
        .with_context(|| format!("{name} is not tracked: {election}"))
}

/// `director doctor --json`, which fails if it finds anything.
fn doctor(director: &Director) -> Result<Vec<Value>> {
    let mut doctor = director.command("doctor");
    doctor
        .arg("--json")
        .arg("--socket")
        .arg(&director.socket)
        .arg("--pins")
        .arg(&director.pins);
    let output = director.outcome(&mut doctor)?;
    serde_json::from_slice(&output.stdout).context("the findings are not JSON")
}

fn finding_of(findings: &[Value], words: &str) -> Result<Value> {
    let has_them = |finding: &&Value| {
        let text = finding["text"].as_str();
        text.is_some_and(|text| text.contains(words))
    };
    let found = findings.iter().find(has_them);
    found
        .cloned()
        .with_context(|| format!("nothing on {words}: {findings:?}"))
}

/// A `vrrp_script` that counts at once.
fn definition(name: &str, command: &str, pace: &str) -> String {
    format!(
        "vrrp_script {name} {{\n  script \"{command}\"\n  user root\n  rise 1\n  fall 1\n  {pace}\n}}\n"
    )
}

/// Writes an executable shell script, in one step: a daemon may be about to run it.
fn write_script(path: &Path, body: &str) -> Result<PathBuf> {
    let new = path.with_extension("new");
    fs::write(&new, format!("#!/bin/sh\n{body}"))?;
    fs::set_permissions(&new, Permissions::from_mode(0o755))?;
    fs::rename(&new, path)?;
    Ok(path.to_owned())
}
