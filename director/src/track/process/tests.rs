//! Tables of processes, and who counts.

use std::time::Duration;

use super::*;
use crate::config::Span;

const DIRECTOR: i32 = 100;

fn wanted(process: &[&str], matching: ProcessMatch) -> TrackProcess {
    TrackProcess {
        name: "chk".to_owned(),
        process: process.iter().map(|&word| word.to_owned()).collect(),
        matching,
        quorum: 1,
        quorum_max: None,
        fork_delay: Duration::ZERO,
        terminate_delay: Duration::ZERO,
        span: Span::default(),
    }
}

fn process(pid: i32, parent: i32, name: &str, command_line: &[&str]) -> Process {
    Process {
        pid,
        parent,
        name: name.as_bytes().to_vec(),
        command_line: command_line
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect(),
    }
}

fn counted(wanted: &TrackProcess, processes: &[Process]) -> Vec<i32> {
    matching(wanted, processes, DIRECTOR).into_iter().collect()
}

#[test]
fn a_name_must_be_the_whole_name() {
    let processes = [
        process(1, 0, "ssh", &[]),
        process(2, 0, "sshd", &[]),
        process(3, 0, "SSH", &[]),
        process(4, 0, "ssh", &["something", "else"]),
    ];
    let ssh = wanted(&["ssh"], ProcessMatch::Name);
    assert_eq!(counted(&ssh, &processes), [1, 4]);
}

#[test]
fn a_long_name_is_cut_as_the_kernel_cuts_it() {
    let processes = [
        process(1, 0, "systemd-resolve", &[]),
        process(2, 0, "systemd-resolv", &[]),
    ];
    let long = wanted(&["systemd-resolved"], ProcessMatch::Name);
    assert_eq!(counted(&long, &processes), [1]);
}

/// Scenario 1.5: `ps -ef | grep mycat` counts the script, the shell and itself.
#[test]
fn s1_5_a_process_that_is_absent_is_not_found_in_scripts_that_name_it() {
    let processes = [
        process(DIRECTOR, 1, "director", &["director", "run"]),
        process(
            200,
            DIRECTOR,
            "check_mycat.sh",
            &["/bin/sh", "/etc/mycat/check_mycat.sh"],
        ),
        process(201, 200, "grep", &["grep", "mycat"]),
        process(300, 1, "vi", &["vi", "/etc/mycat.conf"]),
        // Even one that is called so: the script asks `mycat status`.
        process(202, 200, "mycat", &["mycat", "status"]),
    ];
    for matching in [ProcessMatch::Name, ProcessMatch::FullCommand] {
        assert_eq!(counted(&wanted(&["mycat"], matching), &processes), [0; 0]);
    }
    let director = wanted(&["director"], ProcessMatch::Name);
    assert_eq!(counted(&director, &processes), [0; 0]);
}

#[test]
fn a_service_that_a_script_left_behind_counts() {
    let processes = [
        process(DIRECTOR, 1, "director", &[]),
        process(1, 0, "init", &[]),
        process(300, 1, "mycat", &[]),
    ];
    let mycat = wanted(&["mycat"], ProcessMatch::Name);
    assert_eq!(counted(&mycat, &processes), [300]);
}

#[test]
fn a_list_with_a_ring_has_an_end() {
    let processes = [process(7, 8, "a", &[]), process(8, 7, "a", &[])];
    assert_eq!(
        counted(&wanted(&["a"], ProcessMatch::Name), &processes),
        [7, 8]
    );
}

#[test]
fn of_a_command_line_as_much_is_compared_as_is_asked_for() {
    let line = |arguments: &[&str]| {
        let words: Vec<_> = [&["/usr/bin/app"], arguments].concat();
        [process(1, 0, "app", &words)]
    };
    let matches = |matching, given: &[&str], found: &[&str]| {
        let words: Vec<_> = [&["/usr/bin/app"], given].concat();
        !counted(&wanted(&words, matching), &line(found)).is_empty()
    };
    use ProcessMatch::{ExactArguments, FullCommand, InitialArguments, PartialArguments};
    for (matching, given, found, expected) in [
        (FullCommand, &[][..], &["-a", "-b"][..], true),
        (ExactArguments, &[], &[], true),
        (ExactArguments, &[], &["-a"], false),
        (ExactArguments, &["-a"], &["-a"], true),
        (ExactArguments, &["-a"], &["-a", "-b"], false),
        (ExactArguments, &["-a", "-b"], &["-a"], false),
        (PartialArguments, &[], &["-a"], true),
        (PartialArguments, &["-a"], &["-a", "-b"], true),
        (PartialArguments, &["-a"], &["-abc"], false),
        (PartialArguments, &["-a", "-b"], &["-a"], false),
        (InitialArguments, &[], &["-a"], true),
        (InitialArguments, &["-a"], &["-abc", "-d"], true),
        (InitialArguments, &["-a", "b"], &["-a", "bc"], true),
        (InitialArguments, &["-a", "b"], &["-ax", "bc"], false),
        (InitialArguments, &["-a"], &[], false),
    ] {
        assert_eq!(
            matches(matching, given, found),
            expected,
            "{matching:?} {given:?} {found:?}"
        );
    }
}

#[test]
fn the_program_of_a_command_line_must_be_the_first_word() {
    let processes = [
        process(1, 0, "app", &["/usr/bin/app"]),
        process(2, 0, "app", &["app"]),
        process(3, 0, "sh", &["sh", "/usr/bin/app"]),
        process(4, 0, "app", &[]),
    ];
    let app = wanted(&["/usr/bin/app"], ProcessMatch::FullCommand);
    assert_eq!(counted(&app, &processes), [1]);
}

#[test]
fn the_kernels_text_is_read_whatever_the_name_is() {
    let stat = b"4711 (a) S (b) R 42 4711 4711 0 -1 4194304";
    assert_eq!(
        Process::from_stat(stat),
        Some(process(4711, 42, "a) S (b", &[]))
    );
    assert_eq!(
        Process::from_stat(b"1 (\xff\xfe) S 0 1 1").unwrap().name,
        b"\xff\xfe"
    );
}

#[test]
fn a_zombie_and_what_is_no_process_do_not_count() {
    for stat in [
        &b"4711 (mycat) Z 42 4711"[..],
        b"4711 (mycat) X 42 4711",
        b"",
        b"4711",
        b"4711 (mycat",
        b"4711 )mycat( S 1",
        b"x (mycat) S 1",
        b"4711 (mycat) S",
        b"4711 (mycat) S x",
        b"\xff (mycat) S 1",
    ] {
        assert_eq!(Process::from_stat(stat), None, "{stat:?}");
    }
}

#[test]
fn a_command_line_falls_into_its_words() {
    assert_eq!(words(b"a\0-b\0\0"), [&b"a"[..], b"-b", b""]);
    assert_eq!(words(b"nginx: master process"), [b"nginx: master process"]);
    assert_eq!(words(b""), [[0_u8; 0]; 0]);
}
