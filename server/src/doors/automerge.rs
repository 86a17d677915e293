//! `GET /automerge`: the automerge-repo protocol over WebSockets.

mod connection;

use crate::access::{AccessControl, Principal};
use crate::http::Remote;
use crate::memory::Memory;
use crate::metrics;
use crate::rooms::Rooms;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use connection::{Comer, Connection};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tiebreak_driver::Clock;
use tiebreak_protocol::{Limits, Refusal};
use tiebreak_sync::session::ServerIdentity;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Read buffer of one connection: idle ones cost little, large messages grow it while they last.
const READ_BUFFER_BYTES: usize = 4096;
/// Small messages gather up to this size before they go to the kernel in one piece.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// What the door needs; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) rooms: Rooms,
    pub(crate) identity: Arc<ServerIdentity>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    pub(crate) connections: TaskTracker,
    pub(crate) closing: CancellationToken,
    pub(crate) next_session: Arc<AtomicU64>,
    pub(crate) memory: Memory,
    pub(crate) access: AccessControl,
    /// As many as there may be connections; each holds one from its upgrade to its end.
    pub(crate) places: Arc<Semaphore>,
}

/// Accepts the upgrade and hands the socket to a task that the server waits for at shutdown.
#[expect(clippy::unused_async, reason = "handlers are asynchronous by type")]
pub(crate) async fn open(
    State(door): State<Door>,
    Extension(principal): Extension<Principal>,
    remote: Option<Extension<Remote>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if door.closing.is_cancelled() {
        return crate::http::problem::refused(Refusal::ShuttingDown).into_response();
    }
    let place = Arc::clone(&door.places).try_acquire_owned().ok().filter(|_| !door.memory.is_full());
    let Some(place) = place else {
        metrics::refused(Refusal::Busy);
        return crate::http::problem::refused(Refusal::Busy).into_response();
    };
    let comer = Comer { principal, remote: remote.map(|Extension(remote)| remote), place };
    let message_bytes_max = door.limits.message_bytes_max;
    let tracker = door.connections.clone();
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(message_bytes_max)
        .max_frame_size(message_bytes_max)
        .on_upgrade(move |socket| {
            let connection = Box::new(Connection::new(door, comer, socket));
            tracker.track_future(connection.run())
        })
}
