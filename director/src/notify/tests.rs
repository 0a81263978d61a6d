use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;
use crate::config::{Fifo, ScriptUser, Span};

fn change(state: State) -> Change {
    Change {
        subject: Subject::Instance("VI_1".into()),
        state,
        priority: 100,
    }
}

fn script(words: &[&str]) -> Script {
    Script {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        user: Some(ScriptUser {
            user: "root".into(),
            group: None,
        }),
        span: Span::default(),
    }
}

#[test]
fn a_line_and_the_arguments_are_those_of_keepalived() {
    assert_eq!(
        change(State::Master).line(),
        "INSTANCE \"VI_1\" MASTER 100\n"
    );
    assert_eq!(
        change(State::Fault).arguments(),
        ["INSTANCE", "VI_1", "FAULT", "100"]
    );
    let group = Change {
        subject: Subject::Group("VG".into()),
        state: State::Stop,
        priority: 0,
    };
    assert_eq!(group.line(), "GROUP \"VG\" STOP 0\n");
}

#[tokio::test]
async fn scripts_of_one_instance_run_one_after_the_other_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let tool = folder.path().join("tell");
    // The first one takes longest: run at once, it would write last.
    let text = format!(
        "#!/bin/sh\n[ \"$3\" = MASTER ] && sleep 0.2\necho \"$3\" >> {}\n",
        log.display()
    );
    fs::write(&tool, text).expect("a script");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("executable");
    let notify = Notify {
        any: Some(script(&[tool.to_str().expect("text")])),
        ..Notify::default()
    };
    let mut notifier = Notifier::default();
    for state in [State::Master, State::Backup, State::Fault, State::Stop] {
        notifier.tell(&change(state), &notify);
    }
    notifier.finish().await;
    let told = fs::read_to_string(log).expect("the log");
    assert_eq!(told, "MASTER\nBACKUP\nFAULT\nSTOP\n");
}

#[tokio::test]
async fn a_pipe_is_made_written_to_without_a_reader_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::default();
    let path = folder.path().join("fifo");
    config.global.vrrp_notify_fifo = Some(Fifo {
        path: path.clone(),
        script: None,
    });
    let mut notifier = Notifier::default();
    assert!(notifier.reconcile(&config).is_empty());
    notifier.tell(&change(State::Master), &Notify::default());
    notifier.tell(&change(State::Backup), &Notify::default());
    let lines = tokio::task::spawn_blocking({
        let path = path.clone();
        move || {
            use std::io::Read as _;
            let mut text = [0; 54];
            let mut pipe = fs::File::open(path).expect("the pipe");
            pipe.read_exact(&mut text).expect("two lines");
            String::from_utf8_lossy(&text).into_owned()
        }
    });
    let lines = lines.await.expect("a reader");
    assert!(lines.starts_with("INSTANCE \"VI_1\" MASTER 100\nINSTANCE \"VI_1\" BACKUP"));
    notifier.finish().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_in_the_place_of_a_pipe_is_an_error_and_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, "mine").expect("a file");
    let mut config = Config::default();
    config.global.notify_fifo = Some(Fifo {
        path: path.clone(),
        script: None,
    });
    let errors = Notifier::default().reconcile(&config);
    assert!(matches!(errors[..], [FifoError::NoPipe { .. }]));
    assert_eq!(fs::read_to_string(path).expect("the file"), "mine");
}
