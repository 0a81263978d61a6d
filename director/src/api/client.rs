//! The asking end, for the command line: one connection, one question.

use std::{
    io,
    path::{Path, PathBuf},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::{
    filter::FlowFilter,
    path,
    response::{
        Connection, ConnectionLine, EventLine, Listing, PairDigests, Problem, Reloaded, Status,
        Told, VrrpStatus,
    },
};
use crate::config::edit::Edit;

/// Why the daemon could not be asked, or what it said instead of an answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No socket, or nobody behind it.
    #[error("no director is running on {}", .path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The socket is root's.
    #[error("not allowed to ask the director on {}", .path.display())]
    PermissionDenied {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Anything else that the kernel said.
    #[error("cannot connect to {}", .path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The connection broke, or what answers there does not speak HTTP.
    #[error("the daemon's answer broke off")]
    Exchange(#[source] hyper::Error),
    /// What answers there is not a director, or one of another version.
    #[error("the daemon's answer is not understood")]
    Unexpected(#[source] serde_json::Error),
    /// The daemon understood the question and says why it has no answer.
    #[error("{}", .0.what)]
    Refused(Problem),
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let help = match &error {
            ClientError::NotRunning { .. } => {
                "start it with `director run`; --socket names another socket"
            }
            ClientError::PermissionDenied { .. } => "run this command as root",
            ClientError::Connect { .. } => {
                "check that the path is the daemon's socket; --socket names another"
            }
            ClientError::Exchange(_) => "see the daemon's log; --socket names another socket",
            ClientError::Unexpected(_) => {
                "check that the daemon has the version of this command (`director --version`) and was restarted since"
            }
            ClientError::Refused(problem) => return problem.clone(),
        };
        Self::from_error(&error).help(help)
    }
}

/// Asks the daemon behind one socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client for the daemon on `socket`. Nothing is opened before the first question.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// What everything is and since when.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.ask(Method::GET, path::STATUS).await
    }

    /// Elections, and what was heard of others.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn vrrp(&self) -> Result<VrrpStatus, ClientError> {
        self.ask(Method::GET, path::VRRP).await
    }

    /// What other directors told of their configurations.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn pair(&self) -> Result<PairDigests, ClientError> {
        self.ask(Method::GET, path::PAIR).await
    }

    /// Services and servers with their traffic.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn listing(&self) -> Result<Listing, ClientError> {
        self.ask(Method::GET, path::LISTING).await
    }

    /// The configuration that is in force, as `director config show --json` prints a file.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn config(&self) -> Result<serde_json::Value, ClientError> {
        self.ask(Method::GET, path::CONFIG).await
    }

    /// Makes the daemon read its configuration again.
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::Refused`] for a configuration with errors.
    pub async fn reload(&self) -> Result<Reloaded, ClientError> {
        self.ask(Method::POST, path::RELOAD).await
    }

    /// Changes one thing of the configuration that runs.
    ///
    /// # Errors
    /// See [`ClientError`]; [`ClientError::Refused`] for an edit that cannot be.
    pub async fn edit(&self, edit: &Edit) -> Result<Reloaded, ClientError> {
        let json = serde_json::to_vec(edit).map_err(ClientError::Unexpected)?;
        let body = self
            .send_body(Method::POST, path::EDIT, json.into())
            .await?;
        decode(&collect(body).await?)
    }

    /// Ends flows, and says what became of them.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reset_flows(&self, filter: &FlowFilter) -> Result<Told, ClientError> {
        let json = serde_json::to_vec(filter).map_err(ClientError::Unexpected)?;
        let body = self
            .send_body(Method::POST, path::RESET, json.into())
            .await?;
        decode(&collect(body).await?)
    }

    /// All connections, one by one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn connections(&self) -> Result<ConnectionStream, ClientError> {
        let body = self.send(Method::GET, path::CONNECTIONS).await?;
        Ok(ConnectionStream(Lines::of(body)))
    }

    /// The record of connections that were ended, one by one; with `follow` those that are to come, too.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn events(&self, follow: bool) -> Result<EventStream, ClientError> {
        let path = match follow {
            true => path::EVENTS_FOLLOW,
            false => path::EVENTS,
        };
        let body = self.send(Method::GET, path).await?;
        Ok(EventStream(Lines::of(body)))
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &'static str,
    ) -> Result<T, ClientError> {
        let body = self.send(method, path).await?;
        decode(&collect(body).await?)
    }

    /// The body of the answer, if it is a 200.
    async fn send(&self, method: Method, path: &'static str) -> Result<Incoming, ClientError> {
        self.send_body(method, path, Bytes::new()).await
    }

    async fn send_body(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
    ) -> Result<Incoming, ClientError> {
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(ClientError::Exchange)?;
        // What goes wrong on the connection comes out of the request as well.
        tokio::spawn(connection);
        let mut request = hyper::Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = hyper::Uri::from_static(path);
        request
            .headers_mut()
            .insert(header::HOST, header::HeaderValue::from_static("director"));
        request.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        let response = sender
            .send_request(request)
            .await
            .map_err(ClientError::Exchange)?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            _ => Err(ClientError::Refused(decode(
                &collect(response.into_body()).await?,
            )?)),
        }
    }

    async fn connect(&self) -> Result<UnixStream, ClientError> {
        let path = self.socket.clone();
        UnixStream::connect(&self.socket)
            .await
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    ClientError::NotRunning { path, source }
                }
                io::ErrorKind::PermissionDenied => ClientError::PermissionDenied { path, source },
                _ => ClientError::Connect { path, source },
            })
    }
}

async fn collect(body: Incoming) -> Result<Bytes, ClientError> {
    Ok(body
        .collect()
        .await
        .map_err(ClientError::Exchange)?
        .to_bytes())
}

fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(json).map_err(ClientError::Unexpected)
}

/// Lines of an answer as they arrive; at most a chunk of them is held in memory.
#[derive(Debug)]
struct Lines {
    body: Incoming,
    received: Vec<u8>,
    /// Bytes of `received` that were given out already.
    consumed: usize,
}

impl Lines {
    const fn of(body: Incoming) -> Self {
        Self {
            body,
            received: Vec::new(),
            consumed: 0,
        }
    }

    async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(line) = self.take_line() {
                return decode(&line).map(Some);
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(data) = frame.map_err(ClientError::Exchange)?.into_data() {
                self.received.drain(..std::mem::take(&mut self.consumed));
                self.received.extend_from_slice(&data);
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let rest = self.received.get(self.consumed..)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..end)?.to_vec();
        self.consumed += end + 1;
        Some(line)
    }
}

/// Connections as they arrive.
#[derive(Debug)]
pub struct ConnectionStream(Lines);

impl ConnectionStream {
    /// The next connection; `None` after the last.
    ///
    /// # Errors
    /// The walk of the flow table failed or the connection broke: what came so far is not all.
    pub async fn next(&mut self) -> Result<Option<Connection>, ClientError> {
        match self.0.next().await? {
            None => Ok(None),
            Some(ConnectionLine::Connection(connection)) => Ok(Some(connection)),
            Some(ConnectionLine::Problem { error }) => Err(ClientError::Refused(error)),
        }
    }
}

/// Records of connections that were ended, as they arrive.
#[derive(Debug)]
pub struct EventStream(Lines);

impl EventStream {
    /// The next one; `None` after the last.
    ///
    /// # Errors
    /// The connection to the daemon broke.
    pub async fn next(&mut self) -> Result<Option<EventLine>, ClientError> {
        self.0.next().await
    }
}
