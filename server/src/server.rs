//! Start and stop: opens the store, serves until told otherwise, finishes what it has begun.

use crate::clock::Clock;
use crate::compaction::Compactor;
use crate::config::{Config, StoreChoice};
use crate::doors::automerge::Door;
use crate::http::{self, App};
use crate::metrics;
use crate::rooms::{RoomContext, Rooms};
use crate::storage;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tiebreak_protocol::{InvalidName, PeerId, Refusal, StorageId};
use tiebreak_storage::{DocumentStore, SqliteOptions, SqliteStore, StorageError};
use tiebreak_sync::session::ServerIdentity;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// How long connections and rooms get to finish at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// Why the server did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("could not open the store")]
    Open(#[from] storage::OpenError),
    #[error("could not read the server's own id from the store")]
    Identity(#[source] StorageError),
    #[error("the store holds a server id that is none")]
    InvalidIdentity(#[from] InvalidName),
    #[error("could not listen on {address}")]
    Listen { address: std::net::SocketAddr, #[source] source: std::io::Error },
    #[error("could not accept connections")]
    Accept(#[source] std::io::Error),
    #[error("the store failed; start again to recover from what is durable")]
    StoreFailed,
}

/// Whether the server can do its work.
#[derive(Debug, Clone)]
pub struct Health {
    store: Arc<dyn DocumentStore>,
    closing: CancellationToken,
}

impl Health {
    pub(crate) async fn check(&self) -> Result<(), Refusal> {
        if self.closing.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        self.store.probe().await.map_err(|error| match error {
            StorageError::Full => Refusal::StorageFull,
            StorageError::Deleted
            | StorageError::Damaged(_)
            | StorageError::Unavailable(_)
            | StorageError::Fatal(_) => Refusal::StorageUnavailable,
        })
    }
}

/// Opens the store that the configuration names.
///
/// # Errors
/// When it cannot be opened, is in use by another server, or is not as durable as promised.
pub async fn open_store(config: &Config) -> Result<Arc<dyn DocumentStore>, ServerError> {
    Ok(match &config.store {
        StoreChoice::Sqlite => {
            let directory = config.data.clone();
            let opened = tokio::task::block_in_place(|| SqliteStore::open(&directory, &SqliteOptions::default()));
            Arc::new(opened.map_err(storage::OpenError::from)?)
        }
        StoreChoice::Postgres(_url) => return Err(ServerError::StoreFailed),
    })
}

/// Serves until `stop` is cancelled, then finishes writes and says goodbye to everyone.
///
/// # Errors
/// When the server cannot start, or its store fails while it runs.
pub async fn serve(config: Config, stop: CancellationToken) -> Result<(), ServerError> {
    metrics::install();
    let store = open_store(&config).await?;
    let identity = Arc::new(identity(store.as_ref()).await?);
    let (limits, clock) = (Arc::new(config.limits.limits()), Clock::start());
    let (closing, failure) = (CancellationToken::new(), CancellationToken::new());
    let compactor = Compactor::new(Arc::clone(&store));
    let context =
        RoomContext { store: Arc::clone(&store), limits: Arc::clone(&limits), clock, compactor, failure: failure.clone() };
    let rooms = Rooms::new(context);
    let connections = TaskTracker::new();
    let door = Door {
        rooms: rooms.clone(),
        identity,
        limits,
        clock,
        connections: connections.clone(),
        closing: closing.clone(),
        next_session: Arc::new(AtomicU64::new(1)),
    };
    let health = Health { store: Arc::clone(&store), closing: closing.clone() };
    let listener = listen(config.listen).await?;
    let admin = match config.admin_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    announce(&config, &listener);
    let servers = TaskTracker::new();
    if let Some(admin) = admin {
        let operations = http::operations(health.clone());
        let closed = closing.clone();
        servers.spawn(async move {
            let serving = axum::serve(admin, operations).with_graceful_shutdown(closed.cancelled_owned());
            if let Err(error) = serving.await {
                warn!(%error, "the admin listener failed");
            }
        });
    }
    let router = http::router(App { door, health });
    let serving = axum::serve(NoDelay(listener), router).with_graceful_shutdown(closing.clone().cancelled_owned());
    let mut serving = std::pin::pin!(serving.into_future());
    let accepting = tokio::select! {
        accepting = &mut serving => accepting,
        () = stop.cancelled() => Ok(()),
        () = failure.cancelled() => Ok(()),
    };
    info!("stopping");
    closing.cancel();
    connections.close();
    servers.close();
    let finished = async {
        connections.wait().await;
        rooms.close().await;
        servers.wait().await;
        serving.await.ok();
    };
    if tokio::time::timeout(SHUTDOWN_GRACE, finished).await.is_err() {
        warn!(connections = connections.len(), rooms = rooms.len(), "shutdown grace ran out");
    }
    accepting.map_err(ServerError::Accept)?;
    if failure.is_cancelled() { Err(ServerError::StoreFailed) } else { Ok(()) }
}

async fn identity(store: &dyn DocumentStore) -> Result<ServerIdentity, ServerError> {
    let candidate: StorageId = uuid::Uuid::new_v4().to_string().parse()?;
    let storage = store.own_storage_id(candidate).await.map_err(ServerError::Identity)?;
    let peer: PeerId = format!("tiebreak-{}", uuid::Uuid::new_v4()).parse()?;
    Ok(ServerIdentity { peer, storage })
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| ServerError::Listen { address, source })
}

#[expect(clippy::print_stderr, reason = "the first lines tell a person at the terminal where to go")]
fn announce(config: &Config, listener: &TcpListener) {
    let Ok(address) = listener.local_addr() else { return };
    eprintln!("tiebreak {} is listening on http://{address}", env!("CARGO_PKG_VERSION"));
    eprintln!("  automerge-repo clients connect to ws://{address}/automerge");
    eprintln!("  --auth open: anybody on this machine may read and write every document");
    match &config.store {
        StoreChoice::Sqlite => eprintln!("  documents are in {}", config.data.display()),
        StoreChoice::Postgres(_) => eprintln!("  documents are in {}", config.store),
    }
}

/// Small frames leave at once; the batching is ours.
struct NoDelay(TcpListener);

impl axum::serve::Listener for NoDelay {
    type Io = tokio::net::TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "small frames of a connection may be delayed");
        }
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}
