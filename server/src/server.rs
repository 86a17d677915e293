//! Start and stop: opens the store, serves until told otherwise, finishes what it has begun.

mod abandoned;
mod address_file;
mod listeners;
mod people;

pub use crate::http::tls::TlsError;
pub use crate::jwt::{FetchError, InvalidKeys, ProviderError};
pub(crate) use address_file::{AddressFile, ServerAddress};

use crate::access::{OPERATOR_PREFIX, new_secret};
use crate::accounts::AccountError;
use crate::config::{Config, StoreChoice};
use crate::conflicts::ConflictRecords;
use crate::doors::automerge::Door;
use crate::events::EventStreams;
use crate::http::tls::Tls;
use crate::http::{App, Documents};
use crate::inboxes::Inboxes;
use crate::kinds::{self, KindsError};
use crate::memory::{self, Memory};
use crate::metrics;
use crate::rooms::{RoomContext, Rooms};
use crate::storage;
use crate::storage::postgres::PostgresStore;
use listeners::Listeners;
use people::People;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tiebreak_driver::{Clock, Compactor};
use tiebreak_protocol::{InvalidName, PeerId, Refusal, Secret, StorageId};
use tiebreak_storage::{
    AccountStore, DocumentStore, RelationalStore, SqliteOptions, SqliteStore, StorageError,
};
use tiebreak_sync::room::Flagging;
use tiebreak_sync::session::ServerIdentity;
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
    #[error("refusing to start")]
    Kinds(#[from] KindsError),
    #[error("could not open the store")]
    Open(#[from] storage::OpenError),
    #[error("could not read the server's own id from the store")]
    Identity(#[source] StorageError),
    #[error("the store holds a server id that is none")]
    InvalidIdentity(#[from] InvalidName),
    #[error("could not make the accounts ready")]
    Accounts(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("could not learn the identity provider's keys; --jwt-jwks says where they are")]
    Provider(#[from] ProviderError),
    #[error("could not speak TLS")]
    Tls(#[from] TlsError),
    #[error("could not listen on {address}; --listen takes another address, port 0 any free one")]
    Listen {
        address: SocketAddr,
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

impl From<AccountError> for ServerError {
    fn from(error: AccountError) -> Self {
        Self::Accounts(error.into())
    }
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

/// What the configuration's store is to the server: documents, and rows beside them.
#[derive(Debug, Clone)]
pub struct Stores {
    pub documents: Arc<dyn DocumentStore>,
    pub rows: Arc<dyn RelationalStore>,
}

impl Stores {
    fn of<S: DocumentStore + RelationalStore>(store: S) -> Self {
        let store = Arc::new(store);
        Self { documents: Arc::<S>::clone(&store), rows: store }
    }
}

/// Opens the store that the configuration names.
///
/// # Errors
/// When it cannot be opened, is in use by another server, or is not as durable as promised.
pub async fn open_store(config: &Config) -> Result<Stores, ServerError> {
    Ok(match &config.store {
        StoreChoice::Sqlite => {
            let directory = config.data.clone();
            let opened =
                tokio::task::block_in_place(|| SqliteStore::open(&directory, &SqliteOptions::default()));
            Stores::of(opened.map_err(storage::OpenError::from)?)
        }
        StoreChoice::Postgres(url) => {
            Stores::of(PostgresStore::connect(url).await.map_err(storage::OpenError::from)?)
        }
    })
}

async fn tls(config: &Config) -> Result<Option<Tls>, ServerError> {
    Ok(match config.transport.tls() {
        Some(files) => Some(Tls::open(files).await?),
        None => None,
    })
}

/// Serves until `stop` is cancelled, then finishes writes and says goodbye to everyone.
///
/// # Errors
/// When the server cannot start, or its store fails while it runs.
pub async fn serve(config: Config, stop: CancellationToken) -> Result<(), ServerError> {
    metrics::install();
    let kinds = kinds::load(config.kinds.as_deref())?;
    let tls = tls(&config).await?;
    let Stores { documents: store, rows } = open_store(&config).await?;
    let address_file = (config.store == StoreChoice::Sqlite).then(|| AddressFile::claim(&config.data));
    let identity = Arc::new(identity(store.as_ref()).await?);
    let (limits, clock) = (Arc::new(config.limits.limits()), Clock::start());
    let closing = CancellationToken::new();
    let (compactor, memory) = (Compactor::new(Arc::clone(&store)), Memory::default());
    let connections_max = config.connections_max.min(raise_descriptor_limit());
    let conflicts = ConflictRecords::new(Arc::clone(&rows), kinds.clone(), EventStreams::new(&config.http));
    let context = RoomContext {
        store: Arc::clone(&store),
        limits: Arc::clone(&limits),
        clock,
        compactor,
        memory: memory.clone(),
        flagging: Flagging { kinds: kinds.clone(), plain: config.plain_documents.into() },
        conflicts: conflicts.clone(),
    };
    let rooms = Rooms::new(context);
    let operator = Secret::new(new_secret(OPERATOR_PREFIX).map_err(AccountError::from)?);
    let people = People::open(&config, AccountStore::new(rows), &identity.storage, clock).await?;
    let access = people.access(&config, operator.clone());
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
        access: access.clone(),
        places: Arc::new(Semaphore::new(connections_max)),
    };
    let health =
        Health { store: Arc::clone(&store), storage: identity.storage.clone(), closing: closing.clone() };
    let listeners = Listeners::open(&config, tls).await?;
    listeners.announce(&config);
    if let (Some(file), Ok(address)) = (&address_file, listeners.address_for_commands()) {
        file.write(&ServerAddress { address, storage: identity.storage.clone(), operator });
    }
    let servers = TaskTracker::new();
    servers.spawn(memory.clone().watch(memory_cap_bytes(&config), rooms.clone(), closing.clone()));
    tell_people(&config, &conflicts, &documents, (&servers, &closing));
    let (accounts, directory) = (people.accounts.clone(), people.directory.clone());
    let erasable = documents.clone();
    let app = App { door, documents, kinds, conflicts, health, access, accounts, directory };
    people.look_after(&erasable, &servers, &closing);
    let mut serving = std::pin::pin!(listeners.serve(&config, app, &memory, (&servers, &closing)));
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

fn memory_cap_bytes(config: &Config) -> u64 {
    config.memory_max_mib.map_or_else(memory::default_cap_bytes, |mib| mib.saturating_mul(1 << 20))
}

/// Keeps inboxes and event streams in step with the database. Only a database server may have others that write into
/// the same data.
fn tell_people(
    config: &Config,
    conflicts: &ConflictRecords,
    documents: &Documents,
    (tasks, closing): (&TaskTracker, &CancellationToken),
) {
    tasks.spawn(conflicts.clone().keep_counted(closing.clone()));
    tasks.spawn(Inboxes::new(conflicts.clone(), documents.clone()).keep(closing.clone()));
    if matches!(config.store, StoreChoice::Postgres(_)) {
        tasks.spawn(conflicts.streams().clone().watch(conflicts.store().clone(), closing.clone()));
    }
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

async fn identity(store: &dyn DocumentStore) -> Result<ServerIdentity, ServerError> {
    let candidate: StorageId = uuid::Uuid::new_v4().to_string().parse()?;
    let storage = store.own_storage_id(candidate).await.map_err(ServerError::Identity)?;
    let peer: PeerId = format!("tiebreak-{}", uuid::Uuid::new_v4()).parse()?;
    Ok(ServerIdentity { peer, storage })
}
