//! Real scripts, run as root and as `nobody`.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::{SigHandler, Signal, signal};

use super::{
    testing::{call, configured, folder, script, user},
    *,
};

/// No test waits so long; it is there so that none waits for ever.
const AMPLE: Option<Duration> = Some(Duration::from_secs(60));
const SHORT: Option<Duration> = Some(Duration::from_millis(100));

async fn run(call: &Call) -> Outcome {
    Runner::default().run(call, AMPLE).await
}

fn shell(command: &str) -> Call {
    Call::new(configured(["/bin/sh", "-c", command]), Policy::default())
}

fn lines(outcome: &Outcome) -> Vec<&str> {
    outcome.output.lines().collect()
}

/// Scenario 1.7.
#[tokio::test]
async fn s1_7_the_exit_code_decides() {
    assert_eq!(run(&shell("exit 0")).await.exit, Exit::Success);
    assert_eq!(run(&shell("exit 1")).await.exit, Exit::Failure(1));
    assert_eq!(run(&shell("exit 255")).await.exit, Exit::Failure(255));
    assert_eq!(run(&shell("kill -9 $$")).await.exit, Exit::Signal(9));
}

/// Scenario 1.6.
#[tokio::test]
async fn s1_6_a_command_outside_of_path_is_broken_and_named() {
    let outcome = run(&shell("mycat status")).await;
    assert_eq!(outcome.exit.verdict(), Verdict::Broken);
    assert_eq!(outcome.exit.code(), Some(127));
    assert_eq!(
        outcome.exit.to_string(),
        "exit 127: command not found: mycat"
    );
    let outcome = run(&shell("/etc/passwd")).await;
    assert!(matches!(
        outcome.exit,
        Exit::Broken(Broken::Exit126 { last_line: Some(line) }) if line.contains("/etc/passwd")
    ));
}

#[tokio::test]
async fn a_program_that_cannot_be_executed_is_broken_and_says_why() {
    let folder = folder();
    let broken = async |path: &Path| match run(&call(path)).await.exit {
        Exit::Broken(broken) => broken,
        exit => panic!("{exit}"),
    };
    let path = folder.path().join("absent");
    assert_eq!(broken(&path).await, Broken::Missing { path });

    let path = script(&folder, "below", "");
    let path = path.join("a file");
    assert_eq!(broken(&path).await, Broken::Missing { path });

    let path = folder.path().to_owned();
    let user = "root".to_owned();
    assert_eq!(broken(&path).await, Broken::NotExecutable { path, user });

    let path = script(&folder, "plain", "");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let user = "root".to_owned();
    assert_eq!(broken(&path).await, Broken::NotExecutable { path, user });

    let path = script(&folder, "snake", "");
    fs::write(&path, "#!/no/such/python3 -u\n").unwrap();
    let interpreter = "/no/such/python3".to_owned();
    assert_eq!(
        broken(&path).await,
        Broken::NoInterpreter { path, interpreter }
    );

    assert_eq!(
        broken(Path::new("no_such_command")).await,
        Broken::NotInPath {
            name: "no_such_command".to_owned()
        }
    );
    let explained = broken(Path::new("/bin/\0")).await.explained();
    assert!(explained.contains("cannot be started"), "{explained}");
}

/// Scenario 6.3: keepalived took it for success.
#[tokio::test]
async fn s6_3_a_script_that_vanishes_is_broken() {
    let folder = folder();
    let path = script(&folder, "check", "exit 1");
    let mut runner = Runner::default();
    let call = call(&path);
    assert_eq!(runner.run(&call, AMPLE).await.exit, Exit::Failure(1));
    fs::remove_file(&path).unwrap();
    let exit = runner.run(&call, AMPLE).await.exit;
    assert_eq!(exit, Exit::Broken(Broken::Missing { path }));
}

#[tokio::test]
async fn a_script_finds_the_documented_environment_and_nothing_else() {
    let mut call = Call::new(configured(["env"]), Policy::default());
    call.variables = vec![("DIRECTOR_SCRIPT", "chk".to_owned())];
    let outcome = run(&call).await;
    let mut found = lines(&outcome);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "DIRECTOR_SCRIPT=chk",
            "HOME=/root",
            "LANG=C.UTF-8",
            "LOGNAME=root",
            &format!("PATH={PATH}"),
            "SHELL=/bin/sh",
            "USER=root",
        ]
    );
}

#[tokio::test]
async fn a_script_runs_as_its_user_without_the_groups_of_the_director() {
    let mut call = shell("id -un; id -gn; id -G; pwd; umask; readlink /proc/self/fd/0");
    call.script.user = Some(user("nobody"));
    let outcome = run(&call).await;
    assert_eq!(
        lines(&outcome),
        ["nobody", "nogroup", "65534", "/", "0022", "/dev/null"]
    );
    call.script.user = None;
    call.policy.user = Some(user("nobody"));
    assert_eq!(lines(&run(&call).await)[0], "nobody", "script_user");
}

#[tokio::test]
async fn a_user_that_is_not_there_is_broken() {
    let mut call = shell("exit 0");
    call.script.user = Some(user("no_such_user"));
    let exit = run(&call).await.exit;
    assert_eq!(
        exit,
        Exit::Broken(Broken::Account(AccountError::UnknownUser(
            "no_such_user".to_owned()
        )))
    );
    assert_eq!(
        exit.to_string(),
        "it has no user to run as: there is no user no_such_user"
    );
}

#[tokio::test]
async fn what_its_user_cannot_reach_is_not_executable() {
    let folder = folder();
    let mut call = call(&script(&folder, "check", "exit 0"));
    call.script.user = Some(user("nobody"));
    assert_eq!(run(&call).await.exit, Exit::Success);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(
        run(&call).await.exit,
        Exit::Broken(Broken::NotExecutable { user, .. }) if user == "nobody"
    ));
}

#[tokio::test]
async fn arguments_reach_the_program_as_they_are() {
    let folder = folder();
    let path = script(&folder, "show", "for word; do echo \"[$word]\"; done");
    let mut call = call(&path);
    call.script.command.push("a b".to_owned());
    call.arguments = vec!["$HOME;*".to_owned(), String::new()];
    assert_eq!(lines(&run(&call).await), ["[a b]", "[$HOME;*]", "[]"]);
    assert_eq!(call.shown(), format!("{} a b $HOME;* ", path.display()));
}

#[tokio::test]
async fn both_outputs_are_kept_in_order() {
    let outcome = run(&shell("echo one; echo two >&2; echo three")).await;
    assert_eq!(outcome.output, "one\ntwo\nthree\n");
}

#[tokio::test]
async fn of_a_talkative_script_the_end_is_kept() {
    let outcome = run(&shell("seq 100000; exit 3")).await;
    assert_eq!(outcome.exit, Exit::Failure(3));
    assert_eq!(outcome.output.len(), 4096);
    assert!(outcome.output.ends_with("99999\n100000\n"));
}

#[tokio::test]
async fn a_script_inherits_no_open_files_and_no_signal_settings() {
    // A file without close-on-exec, as a careless parent may leave it.
    let left = fs::File::open("/etc/hostname").unwrap();
    nix::fcntl::fcntl(
        &left,
        nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()),
    )
    .unwrap();
    // SAFETY: no handler is installed, and nothing in this process waits for this signal.
    unsafe { signal(Signal::SIGUSR2, SigHandler::SigIgn) }.unwrap();
    let outcome = run(&shell(
        "for file in /proc/self/fd/*; do readlink $file; done | grep -c hostname; \
         sed -En 's/^Sig(Blk|Ign):[[:space:]]*//p' /proc/self/status",
    ))
    .await;
    let [files, sets @ ..] = &lines(&outcome)[..] else {
        panic!("{outcome:?}")
    };
    assert_eq!((*files, sets.len()), ("0", 2));
    for set in sets {
        // Signal 32 is the C library's own, and it lets nobody change it.
        let signals = u64::from_str_radix(set, 16).unwrap() & 0x7fff_ffff;
        assert_eq!(signals, 0, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_script_that_takes_too_long_is_ended_with_all_that_it_started() {
    let folder = folder();
    let ended = folder.path().join("ended");
    let command = format!(
        "trap 'echo $? > {}; exit 0' TERM; sleep 1000 & echo $!; wait",
        ended.display()
    );
    let outcome = Runner::default().run(&shell(&command), SHORT).await;
    assert_eq!(outcome.exit, Exit::TimedOut);
    assert_eq!(outcome.exit.verdict(), Verdict::Failure);
    assert!(ended.exists(), "it may clean up");
    gone(lines(&outcome)[0]).await;
}

#[tokio::test]
async fn a_script_that_ignores_the_end_of_its_time_is_killed() {
    let outcome = Runner::default()
        .run(
            &shell("trap '' TERM; echo $$; while :; do sleep 1000; done"),
            SHORT,
        )
        .await;
    assert_eq!(outcome.exit, Exit::TimedOut);
    gone(lines(&outcome)[0]).await;
}

#[tokio::test]
async fn a_run_that_is_given_up_is_ended() {
    let folder = folder();
    let told = folder.path().join("pid");
    let command = format!(
        "echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000",
        told.display()
    );
    let task = tokio::spawn(async move { run(&shell(&command)).await });
    let pid = appeared(&told).await;
    task.abort();
    gone(pid.trim()).await;
}

/// A daemon that a script starts goes on living, and writing.
#[tokio::test]
async fn what_a_script_leaves_in_the_background_does_not_hold_it_up_and_goes_on() {
    let folder = folder();
    let (goal, sign) = (folder.path().join("goal"), folder.path().join("sign"));
    let command = format!(
        "(until test -e {1}; do sleep 0.01; done; echo more; echo still > {0}) & echo started",
        goal.display(),
        sign.display()
    );
    let outcome = run(&shell(&command)).await;
    assert_eq!(
        (outcome.exit, outcome.output.as_str()),
        (Exit::Success, "started\n")
    );
    fs::write(&sign, "").unwrap();
    assert_eq!(appeared(&goal).await, "still\n");
}

#[tokio::test]
async fn script_security_refuses_as_root_what_others_can_change_and_says_which() {
    let folder = folder();
    let path = script(&folder, "check", "exit 0");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    let mut call = call(&link);
    assert_eq!(run(&call).await.exit, Exit::Success, "it is off");
    call.policy.security = Security::On;
    let exit = run(&call).await.exit;
    let insecure = Insecure::Everybody { path: path.clone() };
    assert_eq!(exit, Exit::Broken(Broken::Refused(insecure)));
    assert_eq!(
        exit.to_string(),
        format!(
            "script security refuses it: everybody can write {}, on the way to what root would run",
            path.display()
        )
    );
    call.script.user = Some(user("nobody"));
    assert_eq!(run(&call).await.exit, Exit::Success, "it is not root");
}

#[test]
fn a_name_without_a_slash_is_looked_up_in_path() {
    let program = Call::new(configured(["env", "x"]), Policy::default())
        .resolve()
        .unwrap();
    assert!(
        PATH.split(':')
            .any(|folder| Path::new(folder).join("env") == program.path)
    );
    assert_eq!(program.arguments, ["x"]);
    let program = Call::new(configured(["bin/sh"]), Policy::default())
        .resolve()
        .unwrap();
    assert_eq!(program.path, PathBuf::from("/bin/sh"), "from the root");
}

/// Waits until a process has ended.
async fn gone(pid: &str) {
    let status = Path::new("/proc").join(pid).join("status");
    while fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ")) {
        tokio::task::yield_now().await;
    }
}

/// Waits until there is a file.
async fn appeared(path: &Path) -> String {
    loop {
        match fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => return text,
            _ => tokio::task::yield_now().await,
        }
    }
}
