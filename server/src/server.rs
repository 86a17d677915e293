//! Start and stop: opens the store, serves until told otherwise, finishes what it has begun.

mod address_file;

pub(crate) use address_file::{AddressFile, ServerAddress};

use crate::config::{Config, Demo, HttpArgs, LogFormat, StoreChoice};
use crate::doors::automerge::Door;
use crate::http::listener::Patience;
use crate::http::{self, App, Callers, Documents, Guard};
use crate::memory::{self, Memory};
use crate::metrics;
use crate::rooms::{RoomContext, Rooms};
use crate::storage;
use crate::storage::postgres::PostgresStore;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tiebreak_driver::{Clock, Compactor};
use tiebreak_protocol::{InvalidName, PeerId, Refusal, StorageId};
use tiebreak_storage::{DocumentStore, SqliteOptions, SqliteStore, StorageError};
use tiebreak_sync::session::ServerIdentity;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

/// How long connections and rooms get to finish at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(20);

/// How long the store gets after that: a checkpoint, or the last transaction.
const STORE_CLOSES_IN: Duration = Duration::from_secs(10);

/// Descriptors kept for the store, logs and listeners.
const DESCRIPTORS_RESERVED: usize = 64;

/// Why the server did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("could not open the store")]
    Open(#[from] storage::OpenError),
    #[error("could not read the server's own id from the store")]
    Identity(#[source] StorageError),
    #[error("the store holds a server id that is none")]
    InvalidIdentity(#[from] InvalidName),
    #[error("could not listen on {address}; --listen takes another address, port 0 any free one")]
    Listen {
        address: std::net::SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("could not accept connections")]
    Accept(#[source] std::io::Error),
    #[error("the store failed; start again to recover from what is durable")]
    StoreFailed(#[source] StorageError),
    #[error("the store did not close in time; what it was asked to write is durable, or was not answered")]
    StoreStuck,
}

/// Whether the server can do its work.
#[derive(Debug, Clone)]
pub struct Health {
    store: Arc<dyn DocumentStore>,
    storage: StorageId,
    closing: CancellationToken,
}

impl Health {
    /// The id of the data that this server serves.
    pub(crate) fn storage(&self) -> &StorageId {
        &self.storage
    }

    pub(crate) async fn check(&self) -> Result<(), Refusal> {
        if self.closing.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        self.store.probe().await.map_err(|error| storage::refusal(&error))
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
            let opened =
                tokio::task::block_in_place(|| SqliteStore::open(&directory, &SqliteOptions::default()));
            Arc::new(opened.map_err(storage::OpenError::from)?)
        }
        StoreChoice::Postgres(url) => {
            Arc::new(PostgresStore::connect(url).await.map_err(storage::OpenError::from)?)
        }
    })
}

/// Serves until `stop` is cancelled, then finishes writes and says goodbye to everyone.
///
/// # Errors
/// When the server cannot start, or its store fails while it runs.
pub async fn serve(config: Config, stop: CancellationToken) -> Result<(), ServerError> {
    metrics::install();
    let store = open_store(&config).await?;
    let address_file = (config.store == StoreChoice::Sqlite).then(|| AddressFile::claim(&config.data));
    let identity = Arc::new(identity(store.as_ref()).await?);
    let (limits, clock) = (Arc::new(config.limits.limits()), Clock::start());
    let closing = CancellationToken::new();
    let (compactor, memory) = (Compactor::new(Arc::clone(&store)), Memory::default());
    let connections_max = config.connections_max.min(raise_descriptor_limit());
    let context = RoomContext {
        store: Arc::clone(&store),
        limits: Arc::clone(&limits),
        clock,
        compactor,
        memory: memory.clone(),
    };
    let rooms = Rooms::new(context);
    let connections = TaskTracker::new();
    let documents = Documents::new(rooms.clone(), Arc::clone(&store), Arc::clone(&limits));
    let door = Door {
        rooms: rooms.clone(),
        identity: Arc::clone(&identity),
        limits,
        clock,
        connections: connections.clone(),
        closing: closing.clone(),
        next_session: Arc::new(AtomicU64::new(1)),
        memory: memory.clone(),
        places: Arc::new(Semaphore::new(connections_max)),
    };
    let health =
        Health { store: Arc::clone(&store), storage: identity.storage.clone(), closing: closing.clone() };
    let listener = listen(config.listen).await?;
    let admin = match config.admin_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    announce(&config, &listener);
    if let (Some(file), Ok(address)) = (&address_file, listener.local_addr()) {
        file.write(&ServerAddress { address, storage: identity.storage.clone() });
    }
    let servers = TaskTracker::new();
    let (patience, http_guard) = (patience(&config.http), guard(&config, &listener, &memory));
    let cap_bytes =
        config.memory_max_mib.map_or_else(memory::default_cap_bytes, |mib| mib.saturating_mul(1 << 20));
    if let Some(admin) = admin {
        let router = http::operations(health.clone(), guard(&config, &admin, &memory));
        servers.spawn(serve_operations(admin, router, patience, closing.clone()));
    }
    servers.spawn(memory.watch(cap_bytes, rooms.clone(), closing.clone()));
    let router = http::router(App { door, documents, health }, config.demo(), http_guard);
    let mut serving = std::pin::pin!(http::listener::serve(listener, router, patience, closing.clone()));
    let accepting = tokio::select! {
        accepting = &mut serving => accepting,
        () = stop.cancelled() => Ok(()),
        failure = store.failed() => {
            error!(%failure, "storage failed; stopping, so that nothing is acknowledged that is not durable");
            Ok(())
        }
    };
    info!("stopping");
    drop(address_file);
    let running = Running { store, rooms, connections, servers, closing };
    let stopped = running.stop(async { serving.await.ok() }).await;
    accepting.map_err(ServerError::Accept)?;
    stopped
}

/// What is waited for at the end.
struct Running {
    store: Arc<dyn DocumentStore>,
    rooms: Rooms,
    connections: TaskTracker,
    servers: TaskTracker,
    closing: CancellationToken,
}

impl Running {
    /// Says goodbye to everyone, then lets the rooms and last the store finish what they have begun.
    async fn stop(self, serving: impl Future) -> Result<(), ServerError> {
        let Self { store, rooms, connections, servers, closing } = self;
        closing.cancel();
        connections.close();
        servers.close();
        let finished = async {
            connections.wait().await;
            rooms.close().await;
            servers.wait().await;
            serving.await;
        };
        if timeout(SHUTDOWN_GRACE, finished).await.is_err() {
            warn!(connections = connections.len(), rooms = rooms.len(), "shutdown grace ran out");
        }
        // Nobody writes any more: what still waits, the heads shared with peers among it, goes in now.
        match timeout(STORE_CLOSES_IN, store.close()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(ServerError::StoreFailed(failure)),
            Err(_elapsed) => Err(ServerError::StoreStuck),
        }
    }
}

/// As many descriptors as the system allows. Answers how many of them connections may take.
fn raise_descriptor_limit() -> usize {
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    usize::try_from(allowed).unwrap_or(usize::MAX).saturating_sub(DESCRIPTORS_RESERVED).max(1)
}

/// What every request at this listener has to pass.
fn guard(config: &Config, listener: &TcpListener, memory: &Memory) -> Guard {
    let ip = listener.local_addr().map_or(config.listen.ip(), |address| address.ip());
    let callers = Callers::of_listener(ip, &config.allow_origin, &config.allow_host);
    Guard::new(Some(callers), memory.clone(), &config.http)
}

fn patience(http: &HttpArgs) -> Patience {
    Patience { head_time_max: http.head_time_max(), write_time_max: http.write_time_max() }
}

async fn serve_operations(
    admin: TcpListener,
    router: axum::Router,
    patience: Patience,
    closing: CancellationToken,
) {
    if let Err(error) = http::listener::serve(admin, router, patience, closing).await {
        warn!(%error, "the admin listener failed");
    }
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
    if config.log_format == LogFormat::Json {
        return info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    }
    eprintln!("tiebreak {} is listening on http://{address}", env!("CARGO_PKG_VERSION"));
    eprintln!("  automerge-repo clients connect to ws://{address}/automerge");
    if config.demo() == Demo::Served && http::demo::is_built() {
        eprintln!("  the demo is at http://{address}{}", http::demo::ADDRESS);
    }
    eprintln!("  --auth open: anybody on this machine may read and write every document");
    match &config.store {
        StoreChoice::Sqlite => eprintln!("  documents are in {}", config.data.display()),
        StoreChoice::Postgres(_) => eprintln!("  documents are in {}", config.store),
    }
}
