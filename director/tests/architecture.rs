//! The rules of ARCHITECTURE.md that a machine can check, held against the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files that must work without a clock, a socket, a task and a log.
const PURE: [&str; 66] = [
    "check/health.rs",
    "check/probe.rs",
    "cli/doctor/findings.rs",
    "cli/doctor/findings/tracked.rs",
    "cli/doctor/page.rs",
    "cli/list/standby.rs",
    "cli/vrrp/page.rs",
    "cli/vrrp/page/tracked.rs",
    "config/diff/digest.rs",
    "config/diff/running.rs",
    "config/grammar.rs",
    "config/lexer.rs",
    "config/tree.rs",
    "daemon/changes.rs",
    "daemon/first_results.rs",
    "daemon/placing.rs",
    "daemon/survey/masks.rs",
    "dataplane/expiry.rs",
    "dataplane/ledger.rs",
    "dataplane/plan.rs",
    "dataplane/schedule.rs",
    "dataplane/tables.rs",
    "dataplane/wanted.rs",
    "guardian/watch.rs",
    "host/arp.rs",
    "host/frames.rs",
    "host/ndp.rs",
    "model/mod.rs",
    "model/pool.rs",
    "model/server.rs",
    "model/service.rs",
    "notify/change.rs",
    "pair/message.rs",
    "pair/peers.rs",
    "script/exit.rs",
    "script/output.rs",
    "tell/digest.rs",
    "tell/pace.rs",
    "tell/reason.rs",
    "tell/reset.rs",
    "track/file.rs",
    "track/process.rs",
    "track/quorum.rs",
    "track/script.rs",
    "track/view.rs",
    "track/wanted.rs",
    "vrrp/election.rs",
    "vrrp/frame.rs",
    "vrrp/instance.rs",
    "vrrp/instance/event.rs",
    "vrrp/instance/hearing.rs",
    "vrrp/instance/lists.rs",
    "vrrp/instance/settings.rs",
    "vrrp/packet.rs",
    "vrrp/profile.rs",
    "vrrp/reception.rs",
    "vrrp/router.rs",
    "vrrp/router/effect.rs",
    "vrrp/router/group.rs",
    "vrrp/router/handover.rs",
    "vrrp/router/hear.rs",
    "vrrp/router/quiet.rs",
    "vrrp/router/report.rs",
    "vrrp/router/station.rs",
    "vrrp/sync_group.rs",
    "vrrp/track.rs",
];

/// What a pure file must not name.
const IMPURE: [&str; 8] = [
    "tokio::",
    "aya::",
    "Instant::now",
    "SystemTime::now",
    "std::fs",
    "TcpStream",
    "UdpSocket",
    "tracing::",
];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file without its tests.
fn code(file: &Path) -> String {
    let text =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Every source file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .flat_map(|entry| {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn pure_parts_name_no_clock_no_socket_no_task_and_no_log() {
    for file in PURE {
        let code = code(&sources().join(file));
        for word in IMPURE {
            assert!(!code.contains(word), "{file} is pure, but names {word}");
        }
    }
}

#[test]
fn only_the_data_plane_names_aya() {
    for file in files(&sources()) {
        if !file.starts_with(sources().join("dataplane")) {
            let names_aya = code(&file).contains("aya::");
            assert!(!names_aya, "{} names aya", file.display());
        }
    }
}

#[test]
fn only_the_configuration_reads_keywords() {
    let keywords = ["lb_algo", "delay_loop", "nb_get_retry", "sorry_server"];
    for file in files(&sources()) {
        if !file.starts_with(sources().join("config")) {
            let code = code(&file);
            for word in keywords {
                let quoted = format!("\"{word}\"");
                assert!(
                    !code.contains(&quoted),
                    "{} reads the keyword {word}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn no_source_file_has_outgrown_its_noun() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for part in [
        "director",
        "director-ebpf",
        "director-common",
        "xtask",
        "tests",
    ] {
        for file in files(&workspace.join(part).join("src")) {
            let lines = code(&file).lines().count();
            assert!(
                lines <= 500,
                "{} has {lines} lines: look for its second noun",
                file.display()
            );
        }
    }
}
