//! What the API asks of the daemon's owner task. No state and no I/O here.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{
    filter::FlowFilter,
    response::{Connection, Listing, PairDigests, Problem, Reloaded, Status, Told, VrrpStatus},
};
use crate::{config::edit::Edit, tell::Records};

/// Requests that may wait for the owner task. A person or a monitor asks; more than a few at once is a fault of theirs,
/// and they wait for their turn at the socket.
pub const QUEUE_DEPTH: usize = 16;

/// Connections that may wait between the walk of the flow table and the socket.
///
/// It bounds the memory of a listing however many flows there are, and is large enough that the walk and the socket
/// rarely wait for each other.
pub const CONNECTION_QUEUE_DEPTH: usize = 1024;

/// Where the answer goes. The asker may be gone; a failed `send` is not an error.
pub type Reply<T> = oneshot::Sender<Result<T, Problem>>;

/// The connections as the walk finds them; the walk ends when the receiver is dropped.
///
/// A walk that fails sends the problem as its last item, so that a cut listing never looks whole.
pub type Connections = mpsc::Receiver<Result<Connection, Problem>>;

/// A question or a command for the owner of the daemon's state.
#[derive(Debug)]
pub enum Request {
    /// What everything is and since when.
    Status(Reply<Status>),
    /// Elections, and what was heard of others.
    Vrrp(Reply<VrrpStatus>),
    /// What other directors told of their configurations.
    Pair(Reply<PairDigests>),
    /// Services and real servers with their traffic.
    Listing(Reply<Listing>),
    /// The configuration that is in force: the file, and what was changed by hand; without passwords.
    Config(Reply<serde_json::Value>),
    /// Read the configuration again. A configuration with errors is refused whole; the problem then holds the report.
    Reload(Reply<Reloaded>),
    /// Change one thing of the configuration that runs.
    Edit(Edit, Reply<Reloaded>),
    /// The record of connections that were ended.
    Events(Reply<Arc<Records>>),
    /// End flows.
    Reset(FlowFilter, Reply<Told>),
    /// Every flow.
    Connections(Reply<Connections>),
}
