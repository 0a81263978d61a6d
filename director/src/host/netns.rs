//! Network namespaces for tests: each lives as long as one thread, so nothing is left behind, not even by a panic.

use std::{
    io::Write,
    net::Ipv4Addr,
    process::Command,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{Pid, geteuid, gettid},
};

/// Runs a test in a new network namespace, on a runtime whose only thread lives there.
pub(super) fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send) {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter_new();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(test());
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn enter_new() {
    assert!(geteuid().is_root(), "needs root: run `cargo xtask test`");
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
    ip("link set lo up");
}

/// `ip` in the namespace of this thread.
pub(super) fn ip(arguments: &str) {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .expect("`ip`");
    assert!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Many `ip` commands at once.
pub(super) fn ip_batch(commands: impl Iterator<Item = String>) {
    let mut batch = tempfile::NamedTempFile::new().expect("a file");
    for command in commands {
        writeln!(batch, "{command}").expect("room on the disk");
    }
    ip(&format!("-batch {}", batch.path().display()));
}

/// Another host on our link: a namespace with one interface `eth0`, whose kernel answers ARP.
pub(super) struct Peer {
    leave: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Joins `link`, a new veth of ours, to a host with this address and MAC address.
    pub(super) fn join(link: &str, address: Ipv4Addr, mac: &str) -> Self {
        let (arrived, arrival) = mpsc::channel::<Pid>();
        let (moved, wait_for_link) = mpsc::channel::<()>();
        let (ready, wait_for_peer) = mpsc::channel::<()>();
        let (leave, wait_for_leave) = mpsc::channel::<()>();
        let mac = mac.to_owned();
        let thread = thread::spawn(move || {
            enter_new();
            arrived.send(gettid()).expect("the test waits");
            wait_for_link.recv().expect("the link comes");
            ip(&format!("link set eth0 address {mac}"));
            ip(&format!("address add {address}/24 dev eth0"));
            ip("link set eth0 up");
            ready.send(()).expect("the test waits");
            // An error means that the test is over, too.
            let _ = wait_for_leave.recv();
        });
        let pid = arrival.recv().expect("a namespace");
        ip(&format!(
            "link add {link} type veth peer name eth0 netns {pid}"
        ));
        ip(&format!("link set {link} up"));
        moved.send(()).expect("the peer waits");
        wait_for_peer.recv().expect("the peer is ready");
        Self {
            leave: Some(leave),
            thread: Some(thread),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.leave.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has already shown itself to the test.
            let _ = thread.join();
        }
    }
}
