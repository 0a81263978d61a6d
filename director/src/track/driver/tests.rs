//! Real scripts, processes and files. Every wait is for an event, never for a time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    super::{testing, view::RunVerdict},
    *,
};
use crate::{
    config::{InitFile, ProcessMatch, TrackFile, TrackProcess, VrrpScript},
    script::testing::{folder, script},
    vrrp::TrackerKind,
};

fn tracker(kind: TrackerKind, name: &str) -> Tracker {
    Tracker {
        kind,
        name: name.into(),
    }
}

fn with_script(script: VrrpScript) -> Config {
    let mut config = Config::default();
    testing::track(&mut config, |track| {
        track.scripts = vec![testing::tracked(&script.name)];
    });
    config.vrrp_scripts = vec![script];
    config
}

fn with_process(process: TrackProcess) -> Config {
    let mut config = Config::default();
    testing::track(&mut config, |track| {
        track.processes = vec![testing::tracked(&process.name)];
    });
    config.track_processes = vec![process];
    config
}

fn with_file(file: TrackFile) -> Config {
    let mut config = Config::default();
    testing::track(&mut config, |track| {
        track.files = vec![testing::tracked(&file.name)];
    });
    config.track_files = vec![file];
    config
}

async fn next(events: &mut mpsc::Receiver<TrackEvent>) -> TrackEvent {
    events.recv().await.expect("a running tracker")
}

/// Waits until the only tracker is seen so.
async fn shown(trackers: &Trackers, is_so: impl Fn(&TrackerView) -> bool) -> TrackerView {
    let running = trackers.running.values().next().expect("a tracker");
    let mut view = running.view.clone();
    view.wait_for(is_so).await.expect("it runs").clone()
}

fn last_run(view: &TrackerView) -> &super::super::view::RunView {
    match &view.found {
        Found::Script {
            last: Some(last), ..
        } => last,
        found => panic!("{found:?}"),
    }
}

fn exists(flag: &Path) -> VrrpScript {
    testing::script("chk", ["test", "-e", flag.to_str().unwrap()])
}

#[tokio::test]
async fn a_script_is_told_when_it_is_first_known_and_at_every_change() {
    let folder = folder();
    let flag = folder.path().join("flag");
    fs::write(&flag, "").unwrap();
    let (mut trackers, mut events) = Trackers::new();
    trackers.reconcile(&with_script(exists(&flag)));
    let chk = tracker(TrackerKind::Script, "chk");
    assert_eq!(trackers.status(&chk), Some(Status::Well), "assumed");

    let first = next(&mut events).await;
    assert_eq!((first.tracker, first.status), (chk.clone(), Status::Well));
    assert_eq!(first.why, Why::Script(Exit::Success));
    assert!(trackers.is_seen(&chk));
    fs::remove_file(&flag).unwrap();
    let second = next(&mut events).await;
    assert_eq!(second.status, Status::Failed);
    assert_eq!(second.why.to_string(), "exit 1");
    assert_eq!(trackers.status(&chk), Some(Status::Failed));
    fs::write(&flag, "").unwrap();
    assert_eq!(next(&mut events).await.status, Status::Well);
}

/// Scenario 6.3: keepalived took a script that was deleted while it failed for a success, and became Master.
#[tokio::test]
async fn s6_3_a_failing_script_that_is_deleted_stays_failed_and_is_shown_as_broken() {
    let folder = folder();
    let path = script(&folder, "check", "echo no >&2; exit 1");
    let (mut trackers, mut events) = Trackers::new();
    let config = with_script(testing::script("chk", [path.to_str().unwrap()]));
    trackers.reconcile(&config);
    assert_eq!(next(&mut events).await.status, Status::Failed);
    let failing = shown(&trackers, |view| view.basis == Basis::Seen).await;
    assert_eq!(last_run(&failing).output, "no\n");

    fs::remove_file(&path).unwrap();
    let is_broken_for_long = |view: &TrackerView| matches!(&view.found, Found::Script { in_a_row, .. } if view.broken && *in_a_row > 3);
    let broken = shown(&trackers, is_broken_for_long).await;
    assert_eq!(broken.status, TrackedStatus::Failed);
    assert_eq!(broken.why, format!("{} is not there", path.display()));
    assert_eq!(last_run(&broken).verdict, RunVerdict::Broken);
    assert!(last_run(&broken).help.is_some());
    assert!(events.try_recv().is_err(), "nothing is told");

    script(&folder, "check", "exit 0");
    assert_eq!(next(&mut events).await.status, Status::Well);
    assert!(!shown(&trackers, |view| !view.broken).await.broken);
}

/// Scenario 1.6.
#[tokio::test]
async fn s1_6_a_script_whose_command_is_not_found_says_so_and_does_not_throw_a_well_one_out() {
    let folder = folder();
    let path = script(&folder, "check", "exit 0");
    let (mut trackers, mut events) = Trackers::new();
    let config = with_script(testing::script("chk", [path.to_str().unwrap()]));
    trackers.reconcile(&config);
    assert_eq!(next(&mut events).await.status, Status::Well);
    script(&folder, "check", "mycat status");
    let view = shown(&trackers, |view| view.broken).await;
    assert_eq!(view.why, "exit 127: command not found: mycat");
    assert_eq!(view.status, TrackedStatus::Well);
}

/// Scenario 1.7: not executable, as a first result, and a timeout.
#[tokio::test]
async fn s1_7_what_is_broken_from_the_start_or_takes_too_long_has_failed() {
    let (mut trackers, mut events) = Trackers::new();
    trackers.reconcile(&with_script(testing::script("chk", ["/etc/passwd"])));
    let event = next(&mut events).await;
    assert_eq!(event.status, Status::Failed);
    assert!(matches!(event.why, Why::Script(Exit::Broken(_))));

    let (mut trackers, mut events) = Trackers::new();
    let slow = VrrpScript {
        timeout: Duration::from_millis(100),
        ..testing::script("chk", ["sleep", "1000"])
    };
    trackers.reconcile(&with_script(slow));
    let event = next(&mut events).await;
    assert_eq!(event.status, Status::Failed);
    assert_eq!(event.why, Why::Script(Exit::TimedOut));
}

#[tokio::test]
async fn a_script_knows_its_name() {
    let (mut trackers, mut events) = Trackers::new();
    let command = ["/bin/sh", "-c", "test \"$DIRECTOR_SCRIPT\" = chk"];
    trackers.reconcile(&with_script(testing::script("chk", command)));
    assert_eq!(next(&mut events).await.status, Status::Well);
}

#[tokio::test]
async fn init_fail_is_failed_from_the_start() {
    let (mut trackers, mut events) = Trackers::new();
    let mut script = testing::script("chk", ["true"]);
    script.starts_as = StartsAs::Failed;
    trackers.reconcile(&with_script(script));
    let chk = tracker(TrackerKind::Script, "chk");
    assert_eq!(trackers.status(&chk), Some(Status::Failed));
    assert!(trackers.is_seen(&chk), "nobody has to wait for it");
    assert_eq!(next(&mut events).await.status, Status::Well);
}

#[tokio::test]
async fn a_reload_leaves_alone_what_did_not_change_and_goes_on_from_what_was_seen() {
    let (mut trackers, mut events) = Trackers::new();
    let mut config = with_script(testing::script("chk", ["false"]));
    let counts = |started, replaced, stopped, unchanged| Reconciled {
        started,
        replaced,
        stopped,
        unchanged,
    };
    assert_eq!(trackers.reconcile(&config), counts(1, 0, 0, 0));
    assert_eq!(next(&mut events).await.status, Status::Failed);
    let chk = tracker(TrackerKind::Script, "chk");
    let task = trackers.running[&chk].task.id();
    assert_eq!(trackers.reconcile(&config), counts(0, 0, 0, 1));
    assert_eq!(trackers.running[&chk].task.id(), task);

    config.vrrp_scripts[0].script.command = vec!["true".to_owned()];
    config.vrrp_scripts[0].rise = 3.try_into().unwrap();
    assert_eq!(trackers.reconcile(&config), counts(0, 1, 0, 0));
    assert_eq!(
        trackers.status(&chk),
        Some(Status::Failed),
        "until it rises"
    );
    assert_eq!(next(&mut events).await.status, Status::Well);

    config.vrrp_instances.clear();
    assert_eq!(trackers.reconcile(&config), counts(0, 0, 1, 0));
    assert_eq!(trackers.status(&chk), None);
    drop(trackers);
    assert_eq!(events.recv().await, None);
}

/// A program whose name no other test uses, and which is no child of this process.
struct Service {
    pid: String,
}

impl Service {
    fn start(program: &Path, arguments: &str) -> Self {
        let command = format!(
            "{} {arguments} > /dev/null 2>&1 & echo $!",
            program.display()
        );
        let mut shell = Command::new("/bin/sh");
        let output = shell.args(["-c", &command]).output().unwrap();
        let pid = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        Self { pid }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _gone = Command::new("kill").args(["-9", &self.pid]).status();
    }
}

fn program(folder: &TempDir) -> (PathBuf, String) {
    let name = format!("svc{}", std::process::id());
    let path = folder.path().join(&name);
    // Another process writes it, as in `script`.
    let copied = Command::new("cp").arg("/bin/sleep").arg(&path).status();
    assert!(copied.unwrap().success());
    (path, name)
}

/// Scenario 1.5.
#[tokio::test]
async fn s1_5_a_process_counts_while_it_runs_and_no_script_that_names_it_does() {
    let folder = folder();
    let (path, name) = program(&folder);
    let mut config = with_process(testing::process("svc", &name));
    // The script's path has the name, and the script even runs the program, as `mycat status` does.
    let check = format!("exec {} 1000 #{name}", path.display());
    config.vrrp_scripts = vec![testing::script("chk", ["/bin/sh", "-c", &check])];
    let (mut trackers, mut events) = Trackers::new();
    trackers.reconcile(&config);
    let event = next(&mut events).await;
    assert_eq!(event.tracker, tracker(TrackerKind::Process, "svc"));
    assert_eq!(
        (event.status, event.why),
        (Status::Failed, Why::Processes(0))
    );

    testing::track(&mut config, |track| {
        track.scripts = vec![testing::tracked("chk")];
    });
    trackers.reconcile(&config);
    let service = Service::start(&path, "1000");
    let event = next(&mut events).await;
    assert_eq!((event.status, event.why), (Status::Well, Why::Processes(1)));
    let view = trackers.view();
    let pids = view.iter().find_map(|view| match &view.found {
        Found::Process { pids } => Some(pids.clone()),
        _ => None,
    });
    let pid: i32 = service.pid.parse().unwrap();
    assert_eq!(pids, Some([pid].into()));

    drop(service);
    let event = next(&mut events).await;
    assert_eq!(
        (event.status, event.why),
        (Status::Failed, Why::Processes(0))
    );
}

#[tokio::test]
async fn a_process_is_told_by_its_arguments() {
    let folder = folder();
    let (path, name) = program(&folder);
    let mut config = with_process(TrackProcess {
        matching: ProcessMatch::ExactArguments,
        process: vec![path.display().to_string(), "1000".to_owned()],
        ..testing::process("svc", &name)
    });
    let other = testing::process("any", &name);
    config.track_processes.push(other);
    testing::track(&mut config, |track| {
        track.processes.push(testing::tracked("any"));
    });
    let _other = Service::start(&path, "1001");
    let (mut trackers, mut events) = Trackers::new();
    trackers.reconcile(&config);
    let mut seen = [next(&mut events).await, next(&mut events).await]
        .map(|event| (event.tracker.name.to_string(), event.status));
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        seen,
        [
            ("any".to_owned(), Status::Well),
            ("svc".to_owned(), Status::Failed)
        ]
    );
    let _service = Service::start(&path, "1000");
    let event = next(&mut events).await;
    assert_eq!((&*event.tracker.name, event.status), ("svc", Status::Well));
}

#[tokio::test]
async fn the_list_of_processes_is_made_only_while_one_is_tracked() {
    let (mut trackers, mut events) = Trackers::new();
    let mut config = with_process(testing::process("svc", "no such name"));
    trackers.reconcile(&config);
    assert_eq!(next(&mut events).await.status, Status::Failed);
    let scanner = trackers.scanner.as_ref().unwrap().listener();
    config.vrrp_instances.clear();
    trackers.reconcile(&config);
    assert!(trackers.scanner.is_none());
    let mut list = scanner.list;
    while list.changed().await.is_ok() {}
}

fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_file_is_told_at_every_change_however_it_is_written() {
    let folder = folder();
    let path = folder.path().join("load");
    let (mut trackers, mut events) = Trackers::new();
    trackers.reconcile(&with_file(testing::file("load", path.to_str().unwrap())));
    let first = next(&mut events).await;
    assert_eq!(first.tracker, tracker(TrackerKind::File, "load"));
    assert_eq!(first.status, Status::Number(0));
    assert_eq!(first.why, Why::File(Reading::Missing));

    put(&path, "5\n");
    assert_eq!(next(&mut events).await.status, Status::Number(5));
    let other = folder.path().join("other");
    put(&other, "-7");
    fs::rename(&other, &path).unwrap();
    assert_eq!(next(&mut events).await.status, Status::Number(-7));
    fs::remove_file(&path).unwrap();
    assert_eq!(next(&mut events).await.status, Status::Number(0));
    put(&other, "8");
    std::os::unix::fs::symlink(&other, &path).unwrap();
    assert_eq!(next(&mut events).await.status, Status::Number(8));
    // The folder of the link does not change.
    put(&other, "9");
    assert_eq!(next(&mut events).await.status, Status::Number(9));
}

#[tokio::test]
async fn a_file_whose_folder_comes_late_or_is_another_one_is_found() {
    let folder = folder();
    let inner = folder.path().join("inner");
    let path = inner.join("load");
    let (mut trackers, mut events) = Trackers::new();
    trackers.reconcile(&with_file(testing::file("load", path.to_str().unwrap())));
    assert_eq!(next(&mut events).await.status, Status::Number(0));
    for number in [3, 4] {
        fs::create_dir(&inner).unwrap();
        put(&path, &number.to_string());
        assert_eq!(next(&mut events).await.status, Status::Number(number));
        fs::remove_dir_all(&inner).unwrap();
        assert_eq!(next(&mut events).await.status, Status::Number(0));
    }
}

#[tokio::test]
async fn a_file_without_a_number_is_shown_as_broken() {
    let folder = folder();
    let path = folder.path().join("load");
    put(&path, "5");
    let (mut trackers, mut events) = Trackers::new();
    trackers.reconcile(&with_file(testing::file("load", path.to_str().unwrap())));
    assert_eq!(next(&mut events).await.status, Status::Number(5));
    put(&path, "high");
    assert_eq!(next(&mut events).await.status, Status::Number(0));
    let view = shown(&trackers, |view| view.broken).await;
    assert_eq!(view.why, "it has no number, which counts as 0");

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let view = shown(&trackers, |view| view.why.contains("cannot be read")).await;
    assert_eq!((view.broken, view.status), (true, TrackedStatus::Number(0)));
}

#[tokio::test]
async fn init_file_is_written_at_the_start_and_overwrites_nothing_later() {
    let folder = folder();
    let path = folder.path().join("load");
    let file = |value, overwrite| TrackFile {
        init: Some(InitFile { value, overwrite }),
        ..testing::file("load", path.to_str().unwrap())
    };
    let start = async |file| {
        let (mut trackers, mut events) = Trackers::new();
        trackers.reconcile(&with_file(file));
        (next(&mut events).await.status, trackers, events)
    };
    assert_eq!(start(file(3, false)).await.0, Status::Number(3));
    assert_eq!(fs::read_to_string(&path).unwrap(), "3\n");
    assert_eq!(
        start(file(4, false)).await.0,
        Status::Number(3),
        "it is there"
    );
    let (status, mut trackers, mut events) = start(file(-5, true)).await;
    assert_eq!(status, Status::Number(-5));
    assert_eq!(fs::read_to_string(&path).unwrap(), "-5\n");

    put(&path, "6");
    assert_eq!(next(&mut events).await.status, Status::Number(6));
    trackers.reconcile(&with_file(file(7, true)));
    // Whether it comes before or after the new tracker's first look: 7 would be told.
    put(&path, "8");
    assert_eq!(next(&mut events).await.status, Status::Number(8));
}
