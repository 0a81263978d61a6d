//! The listening end: binds the socket, asks the owner task, writes its answers. Owns no state of the daemon.

mod bind;

use std::{
    future::{Future, IntoFuture},
    io,
    path::Path,
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Query, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{broadcast::error::RecvError, mpsc, oneshot, watch};

use super::{
    filter::FlowFilter,
    path,
    request::{CONNECTION_QUEUE_DEPTH, Connections, Reply, Request},
    response::{ConnectionLine, EventLine, Problem},
};

use crate::{config::edit::Edit, tell::Records};

pub use bind::BindError;
use bind::BoundSocket;

/// How long the owner task may take to answer. It never waits for the network, so this is a sign of a hung daemon.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// One JSON object a line.
const NDJSON: &str = "application/x-ndjson";

/// Longest body of a request, bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// How long answers under way may go on after the daemon was told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// Connections in one chunk of the answer: a system call for each would be most of the work.
const CONNECTIONS_PER_CHUNK: usize = CONNECTION_QUEUE_DEPTH / 4;

/// A bound API socket. It is removed when this is dropped.
#[derive(Debug)]
pub struct Server {
    socket: BoundSocket,
}

impl Server {
    /// Binds `path`, readable and writable by this user alone. Makes its folder (mode 0755) if need be and replaces a
    /// socket that nobody listens on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A daemon listens there already, or the path cannot be a socket: see [`BindError`].
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        Ok(Self {
            socket: BoundSocket::bind(path)?,
        })
    }

    /// Answers until `shutdown` completes, then removes the socket.
    ///
    /// # Errors
    /// Only what the kernel says of the listening socket; a bad request never ends it.
    pub async fn serve(
        self,
        requests: mpsc::Sender<Request>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { socket } = self;
        let (listener, _removed_on_drop) = socket.into_parts();
        let (stop, mut stopped) = watch::channel(());
        let server = axum::serve(listener, router(requests))
            .with_graceful_shutdown(async move {
                shutdown.await;
                drop(stop);
            })
            .into_future();
        tokio::select! {
            result = server => result,
            // A client that does not read its answer must not keep the daemon from stopping.
            () = async {
                while stopped.changed().await.is_ok() {}
                tokio::time::sleep(SHUTDOWN_GRACE).await;
            } => Ok(()),
        }
    }
}

fn router(requests: mpsc::Sender<Request>) -> Router {
    Router::new()
        .route(path::STATUS, get(status))
        .route(path::LISTING, get(listing))
        .route(path::VRRP, get(vrrp))
        .route(path::PAIR, get(pair))
        .route(path::CONNECTIONS, get(connections))
        .route(path::CONFIG, get(config))
        .route(path::RELOAD, post(reload))
        .route(path::EDIT, post(edit))
        .route(path::RESET, post(reset))
        .route(path::EVENTS, get(events))
        // Only an edit has a body, and a short one.
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(requests)
}

type Requests = State<mpsc::Sender<Request>>;

async fn status(State(requests): Requests) -> Response {
    json(
        ask(&requests, Request::Status).await,
        StatusCode::INTERNAL_SERVER_ERROR,
    )
}

async fn vrrp(State(requests): Requests) -> Response {
    json(
        ask(&requests, Request::Vrrp).await,
        StatusCode::INTERNAL_SERVER_ERROR,
    )
}

async fn pair(State(requests): Requests) -> Response {
    json(
        ask(&requests, Request::Pair).await,
        StatusCode::INTERNAL_SERVER_ERROR,
    )
}

async fn listing(State(requests): Requests) -> Response {
    json(
        ask(&requests, Request::Listing).await,
        StatusCode::INTERNAL_SERVER_ERROR,
    )
}

async fn config(State(requests): Requests) -> Response {
    json(
        ask(&requests, Request::Config).await,
        StatusCode::INTERNAL_SERVER_ERROR,
    )
}

async fn reload(State(requests): Requests) -> Response {
    json(
        ask(&requests, Request::Reload).await,
        StatusCode::UNPROCESSABLE_ENTITY,
    )
}

async fn edit(State(requests): Requests, body: Bytes) -> Response {
    match read::<Edit>(&body, "this is no edit") {
        Ok(edit) => json(
            ask(&requests, |reply| Request::Edit(edit, reply)).await,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        Err(problem) => refuse(StatusCode::BAD_REQUEST, problem),
    }
}

async fn reset(State(requests): Requests, body: Bytes) -> Response {
    match read::<FlowFilter>(&body, "this does not say which flows") {
        Ok(filter) => json(
            ask(&requests, |reply| Request::Reset(filter, reply)).await,
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
        Err(problem) => refuse(StatusCode::BAD_REQUEST, problem),
    }
}

/// Whether a reader of events wants those that are to come.
#[derive(Default, serde::Deserialize)]
struct EventsQuery {
    #[serde(default)]
    follow: bool,
}

async fn events(State(requests): Requests, Query(query): Query<EventsQuery>) -> Response {
    match ask(&requests, Request::Events).await {
        Ok(Ok(records)) => event_lines(&records, query.follow),
        Ok(Err(problem)) => refuse(StatusCode::INTERNAL_SERVER_ERROR, problem),
        Err(unanswered) => unanswered.into_response(),
    }
}

fn event_lines(records: &Records, follow: bool) -> Response {
    let (recent, live) = records.read();
    let recent = recent.into_iter().map(EventLine::Record).map(line);
    let live = stream::unfold(follow.then_some(live), async |live| {
        let mut live = live?;
        let event = match live.recv().await {
            Ok(record) => EventLine::Record(record),
            Err(RecvError::Lagged(missed)) => EventLine::Missed { missed },
            Err(RecvError::Closed) => return None,
        };
        Some((line(event), Some(live)))
    });
    (
        [(header::CONTENT_TYPE, NDJSON)],
        Body::from_stream(stream::iter(recent).chain(live)),
    )
        .into_response()
}

fn line(event: EventLine) -> serde_json::Result<Bytes> {
    let mut line = serde_json::to_vec(&event)?;
    line.push(b'\n');
    Ok(line.into())
}

/// The body of a request.
fn read<T: DeserializeOwned>(body: &[u8], otherwise: &str) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::new(otherwise).because(error.to_string()))
}

async fn connections(State(requests): Requests) -> Response {
    match ask(&requests, Request::Connections).await {
        Ok(Ok(connections)) => json_lines(connections),
        Ok(Err(problem)) => refuse(StatusCode::INTERNAL_SERVER_ERROR, problem),
        Err(unanswered) => unanswered.into_response(),
    }
}

async fn unknown_path(uri: Uri) -> Response {
    refuse(
        StatusCode::NOT_FOUND,
        Problem::new(format!("there is nothing at {}", uri.path())).help(format!(
            "the API has {}, {}, {}, {}, {}, {}, {}, {} and {}",
            path::STATUS,
            path::VRRP,
            path::PAIR,
            path::LISTING,
            path::CONNECTIONS,
            path::RELOAD,
            path::EVENTS,
            path::EDIT,
            path::RESET
        )),
    )
}

async fn wrong_method(uri: Uri) -> Response {
    refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        Problem::new(format!("{} does not have this method", uri.path())).help(format!(
            "{}, {} and {} are a POST, all others are a GET",
            path::RELOAD,
            path::EDIT,
            path::RESET
        )),
    )
}

/// The owner task did not answer at all.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Unanswered {
    #[error("the daemon is stopping")]
    Stopping,
    #[error("the daemon did not answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Late,
}

impl IntoResponse for Unanswered {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
        };
        refuse(
            status,
            Problem::from_error(&self).help("try again in a moment, and see the daemon's log"),
        )
    }
}

async fn ask<T>(
    requests: &mpsc::Sender<Request>,
    request: impl FnOnce(Reply<T>) -> Request,
) -> Result<Result<T, Problem>, Unanswered> {
    let (reply, answer) = oneshot::channel();
    let exchange = async {
        requests
            .send(request(reply))
            .await
            .map_err(|_| Unanswered::Stopping)?;
        answer.await.map_err(|_| Unanswered::Stopping)
    };
    tokio::time::timeout(ANSWER_TIMEOUT, exchange)
        .await
        .unwrap_or(Err(Unanswered::Late))
}

fn json<T: Serialize>(
    answer: Result<Result<T, Problem>, Unanswered>,
    on_problem: StatusCode,
) -> Response {
    match answer {
        Ok(Ok(value)) => Json(value).into_response(),
        Ok(Err(problem)) => refuse(on_problem, problem),
        Err(unanswered) => unanswered.into_response(),
    }
}

fn refuse(status: StatusCode, problem: Problem) -> Response {
    (status, Json(problem)).into_response()
}

fn json_lines(connections: Connections) -> Response {
    let chunks = stream::unfold(connections, async |mut connections| {
        let mut batch = Vec::with_capacity(CONNECTIONS_PER_CHUNK);
        match connections
            .recv_many(&mut batch, CONNECTIONS_PER_CHUNK)
            .await
        {
            0 => None,
            _ => Some((chunk(batch), connections)),
        }
    });
    ([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(chunks)).into_response()
}

fn chunk(batch: Vec<Result<super::response::Connection, Problem>>) -> serde_json::Result<Bytes> {
    let mut lines = Vec::new();
    for item in batch {
        let line = match item {
            Ok(connection) => ConnectionLine::Connection(connection),
            Err(error) => ConnectionLine::Problem { error },
        };
        serde_json::to_writer(&mut lines, &line)?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}

#[cfg(test)]
mod tests;
