//! Server and client over a real socket; the tests stand where the daemon's owner task would.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener as StdListener, UnixStream as StdStream},
    },
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinHandle,
};

use super::*;
use crate::{
    api::{
        client::{Client, ClientError},
        request::QUEUE_DEPTH,
        response::{Connection, ConnectionState, FlowTable, Listing, Reloaded, Status, Told},
    },
    config::Protocol,
};

fn status() -> Status {
    Status {
        version: "1.2.3".into(),
        pid: 7,
        started: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        config_file: "/etc/keepalived/keepalived.conf".into(),
        instances: vec![],
        services: vec![],
        counters: BTreeMap::from([("forward_flow".into(), 12)]),
        by_hand: Vec::new(),
        warnings: vec!["a warning".into()],
        flows: FlowTable {
            capacity: 4096,
            known: 0,
            half_open: 0,
            memory_bytes: 0,
        },
        told: Told::default(),
    }
}

fn connection(port: u16) -> Connection {
    let address = |last, port| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 168, 66, last)), port);
    Connection {
        protocol: Protocol::Tcp,
        client: address(1, port),
        vip: address(251, 3306),
        server: address(253, 3306),
        state: ConnectionState::Established,
        expires_secs: 899,
        idle_secs: 1,
    }
}

fn refusal() -> Problem {
    Problem::new("the configuration has errors")
        .because("line one\nline two")
        .help("repair it")
}

/// The other end of the channel: `walk_length` connections, and a refused reload.
async fn owner(mut requests: mpsc::Receiver<Request>, walk_length: u16, walk_end: Option<Problem>) {
    while let Some(request) = requests.recv().await {
        match request {
            Request::Status(reply) => drop(reply.send(Ok(status()))),
            Request::Listing(reply) => drop(reply.send(Ok(Listing {
                flow_table_size: 4096,
                timeouts: crate::api::response::ListedTimeouts::default(),
                services: vec![],
            }))),
            Request::Vrrp(reply) => {
                drop(reply.send(Ok(crate::api::response::VrrpStatus::default())));
            }
            Request::Pair(reply) => {
                drop(reply.send(Ok(crate::api::response::PairDigests::default())));
            }
            Request::Config(reply) => drop(reply.send(Ok(serde_json::json!({})))),
            Request::Reload(reply) => drop(reply.send(Err(refusal()))),
            Request::Edit(edit, reply) => drop(reply.send(Ok(Reloaded {
                changes: vec![format!("{edit:?}")],
                ..Reloaded::default()
            }))),
            Request::Events(reply) => drop(reply.send(Ok(std::sync::Arc::default()))),
            Request::Reset(_, reply) => drop(reply.send(Ok(Told::default()))),
            Request::Connections(reply) => {
                let (sender, receiver) = mpsc::channel(CONNECTION_QUEUE_DEPTH);
                let walk_end = walk_end.clone();
                tokio::spawn(async move {
                    for port in 0..walk_length {
                        if sender.send(Ok(connection(port))).await.is_err() {
                            return;
                        }
                    }
                    if let Some(problem) = walk_end {
                        drop(sender.send(Err(problem)).await);
                    }
                });
                drop(reply.send(Ok(receiver)));
            }
        }
    }
}

struct Daemon {
    folder: TempDir,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Daemon {
    fn start(walk_length: u16, walk_end: Option<Problem>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_DEPTH);
        tokio::spawn(owner(receiver, walk_length, walk_end));
        Self::with_requests(sender)
    }

    fn with_requests(requests: mpsc::Sender<Request>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(&socket_in(&folder)).unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(requests, async {
            drop(stopped.await);
        }));
        Self {
            folder,
            stop,
            serving,
        }
    }

    fn client(&self) -> Client {
        Client::new(&socket_in(&self.folder))
    }

    async fn stop(self) -> PathBuf {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap().unwrap();
        socket_in(&self.folder)
    }
}

/// A socket in a folder that is not there yet.
fn socket_in(folder: &TempDir) -> PathBuf {
    folder.path().join("run/director.sock")
}

async fn raw(daemon: &Daemon, request: &str) -> String {
    let mut stream = UnixStream::connect(socket_in(&daemon.folder))
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_client_gets_what_the_owner_answers() {
    let daemon = Daemon::start(0, None);
    assert_eq!(daemon.client().status().await.unwrap(), status());
    assert_eq!(
        daemon.client().listing().await.unwrap().flow_table_size,
        4096
    );
}

#[tokio::test]
async fn a_refused_reload_brings_the_whole_report() {
    let daemon = Daemon::start(0, None);
    let error = daemon.client().reload().await.unwrap_err();
    assert_eq!(Problem::from(error), refusal());
}

#[tokio::test]
async fn an_accepted_reload_tells_what_changed() {
    let (sender, mut receiver) = mpsc::channel(QUEUE_DEPTH);
    let reloaded = Reloaded {
        changes: vec!["a server was added".into()],
        ..Reloaded::default()
    };
    let answer = reloaded.clone();
    tokio::spawn(async move {
        if let Some(Request::Reload(reply)) = receiver.recv().await {
            drop(reply.send(Ok(answer)));
        }
    });
    let daemon = Daemon::with_requests(sender);
    assert_eq!(daemon.client().reload().await.unwrap(), reloaded);
}

#[tokio::test]
async fn an_edit_reaches_the_owner_as_it_was_meant() {
    let daemon = Daemon::start(0, None);
    let done = daemon.client().edit(&Edit::Clear).await.unwrap();
    assert_eq!(done.changes, ["Clear"]);
}

#[tokio::test]
async fn an_edit_that_is_none_is_refused_whole() {
    let daemon = Daemon::start(0, None);
    for body in ["", "{}", "{\"verb\":\"clean\"}", "[1"] {
        let request = format!(
            "POST /v1/edit HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = raw(&daemon, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{body}: {answer}");
        assert!(answer.contains("this is no edit"), "{answer}");
    }
}

#[tokio::test]
async fn connections_stream_in_order_and_whole() {
    // Several chunks and several fillings of the queue.
    let count = 5_000;
    let daemon = Daemon::start(count, None);
    let mut stream = daemon.client().connections().await.unwrap();
    for port in 0..count {
        assert_eq!(stream.next().await.unwrap(), Some(connection(port)));
    }
    assert_eq!(stream.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_walk_that_fails_ends_the_stream_with_its_problem() {
    let problem = Problem::new("the flow table cannot be read");
    let daemon = Daemon::start(2, Some(problem.clone()));
    let mut stream = daemon.client().connections().await.unwrap();
    assert!(stream.next().await.unwrap().is_some());
    assert!(stream.next().await.unwrap().is_some());
    assert_eq!(Problem::from(stream.next().await.unwrap_err()), problem);
}

#[tokio::test]
async fn an_unknown_path_is_a_404_in_json() {
    let daemon = Daemon::start(0, None);
    let answer = raw(
        &daemon,
        "GET /v2/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(
        answer.contains(r#"{"what":"there is nothing at /v2/status""#),
        "{answer}"
    );
}

#[tokio::test]
async fn a_wrong_method_is_a_405_in_json() {
    let daemon = Daemon::start(0, None);
    let answer = raw(
        &daemon,
        "GET /v1/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert!(
        answer.contains(r#"{"what":"/v1/reload does not have this method""#),
        "{answer}"
    );
}

#[tokio::test]
async fn nonsense_and_huge_bodies_do_not_end_the_server() {
    let daemon = Daemon::start(0, None);
    let nonsense = raw(&daemon, "\u{1}\u{2}\u{3} not HTTP at all\r\n\r\n").await;
    assert!(nonsense.starts_with("HTTP/1.1 400"), "{nonsense}");
    let announced = "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n";
    let answer = raw(&daemon, announced).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(daemon.client().status().await.unwrap(), status());
}

#[tokio::test]
async fn a_daemon_that_stops_answering_says_so() {
    let (sender, receiver) = mpsc::channel(QUEUE_DEPTH);
    drop(receiver);
    let daemon = Daemon::with_requests(sender);
    let problem = Problem::from(daemon.client().status().await.unwrap_err());
    assert_eq!(problem.what, "the daemon is stopping");
}

#[tokio::test]
async fn the_socket_is_for_its_owner_alone_and_its_folder_is_made() {
    let daemon = Daemon::start(0, None);
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(socket_in(&daemon.folder)), 0o600);
    assert_eq!(mode(daemon.folder.path().join("run")), 0o755);
}

#[tokio::test]
async fn the_socket_is_gone_after_shutdown() {
    let path = Daemon::start(0, None).stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_keep_the_daemon_from_stopping() {
    let daemon = Daemon::start(u16::MAX, None);
    let mut stream = daemon.client().connections().await.unwrap();
    assert!(stream.next().await.unwrap().is_some());
    tokio::time::timeout(Duration::from_secs(60), daemon.stop())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_living_daemon_keeps_its_socket() {
    let daemon = Daemon::start(0, None);
    let error = Server::bind(&socket_in(&daemon.folder)).unwrap_err();
    assert!(matches!(error, BindError::InUse(_)), "{error:?}");
    assert!(daemon.client().status().await.is_ok());
}

#[tokio::test]
async fn a_socket_left_by_a_dead_daemon_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("director.sock");
    drop(StdListener::bind(&path).unwrap());
    let server = Server::bind(&path).unwrap();
    assert!(StdStream::connect(&path).is_ok());
    drop(server);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_daemon_does_not_remove_the_socket_of_its_successor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("director.sock");
    let first = Server::bind(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let _successor = Server::bind(&path).unwrap();
    drop(first);
    assert!(StdStream::connect(&path).is_ok());
}

#[tokio::test]
async fn a_file_that_is_not_a_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "precious").unwrap();
    let error = Server::bind(&path).unwrap_err();
    assert!(matches!(error, BindError::NotASocket(_)), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error_with_help() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = Server::bind(&folder.path().join("file/run/director.sock")).unwrap_err();
    assert!(matches!(error, BindError::Folder { .. }), "{error:?}");
    assert!(Problem::from(error).help.is_some());
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = Server::bind(&folder.path().join("x".repeat(120))).unwrap_err();
    assert!(matches!(error, BindError::Listen { .. }), "{error:?}");
}

#[tokio::test]
async fn without_a_daemon_the_client_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("director.sock");
    let error = Client::new(&path).status().await.unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error:?}");
    let problem = Problem::from(error);
    assert_eq!(
        problem.what,
        format!("no director is running on {}", path.display())
    );
    assert!(problem.help.unwrap().contains("director run"));

    drop(StdListener::bind(&path).unwrap());
    let error = Client::new(&path).status().await.unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_of_something_else_is_not_taken_for_a_status() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        stream.write_all(answer).await.unwrap();
    });
    let error = Client::new(&path).status().await.unwrap_err();
    assert!(matches!(error, ClientError::Unexpected(_)), "{error:?}");
}
