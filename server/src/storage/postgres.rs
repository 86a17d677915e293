//! The store for more than one machine's worth of durability: PostgreSQL, with one writing connection that
//! groups commits and owns the database, and a pool of reading ones.

mod bindings;
mod failure;
mod migrations;
mod open;
mod ownership;
mod reads;
mod relational;
mod session;
mod writer;
mod writes;

pub use open::{OpenError, PostgresOptions};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use failure::Failure;
use futures_util::FutureExt;
use ownership::Ownership;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use tiebreak_protocol::{DocumentId, Heads, StorageId};
use tiebreak_storage::shared_heads::SharedHeadsBuffer;
use tiebreak_storage::status::Status;
use tiebreak_storage::{
    Append, Committed, Compaction, DocumentPage, DocumentStore, PAGE_DOCUMENTS_MAX, QuarantinedChange,
    StorageError, StoreFailure, StoreFuture, StoredDocument,
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::NoTls;
use tokio_util::sync::CancellationToken;
use writer::{Answer, Request, Work, Writer};

/// Requests that wait to be written; then callers wait before they may join the queue.
const REQUESTS_MAX: usize = 1024;

/// KiB of changes that wait or are being written; then callers wait before they may join the queue.
const WRITES_KIB_MAX: u32 = 64 * 1024;

/// Documents in a PostgreSQL database that this server owns alone.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Pool,
    options: PostgresOptions,
    requests: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
    shared_heads: Arc<SharedHeadsBuffer>,
    status: Arc<Status>,
    stop: CancellationToken,
    // Taken once, by the first close.
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl PostgresStore {
    /// Connects, takes the database over and brings its schema up to date.
    ///
    /// # Errors
    /// When the database cannot be used, is in use, or is not as durable as promised.
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        Self::connect_with(url, PostgresOptions::default()).await
    }

    /// As [`PostgresStore::connect`], with options.
    ///
    /// # Errors
    /// When the database cannot be used, is in use, or is not as durable as promised.
    pub async fn connect_with(url: &str, options: PostgresOptions) -> Result<Self, OpenError> {
        let config = open::config(url, &options)?;
        let (session, epoch) = open::own(&config, &options).await?;
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config.clone(), NoTls, manager))
            .max_size(options.readers.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(options.answer_time))
            .create_timeout(Some(options.answer_time))
            .recycle_timeout(Some(options.answer_time))
            .build()
            .map_err(OpenError::Pool)?;
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let status = Arc::new(Status::default());
        let shared_heads = Arc::new(SharedHeadsBuffer::default());
        let stop = CancellationToken::new();
        let writer = Writer {
            requests,
            shared_heads: Arc::clone(&shared_heads),
            status: Arc::clone(&status),
            stop: stop.clone(),
            ownership: Ownership::new(config, options.clone(), session, epoch),
            forgot_at: None,
        };
        Ok(Self {
            pool,
            options,
            requests: sender,
            room: Arc::new(Semaphore::new(WRITES_KIB_MAX as usize)),
            shared_heads,
            status: Arc::clone(&status),
            stop,
            writer: Mutex::new(Some(tokio::spawn(run(writer, status)))),
        })
    }

    /// Transactions committed since the store was opened: with group commit, fewer than calls.
    pub fn commits(&self) -> u64 {
        self.status.commits()
    }

    /// Why the store must be reopened, if it must.
    pub fn failure(&self) -> Option<StorageError> {
        self.status.failure()
    }

    async fn end(&self) -> Result<(), StorageError> {
        self.stop.cancel();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            writer.await.map_err(|error| StorageError::Fatal(error.to_string()))?;
        }
        self.pool.close();
        self.status.failure().map_or(Ok(()), Err)
    }

    async fn write(&self, work: Work, bytes: usize) -> Result<Answer, StorageError> {
        let (reply, answer) = oneshot::channel();
        let room = Arc::clone(&self.room).acquire_many_owned(kib(bytes)).await;
        let room = room.map_err(|_closed| self.status.why_closed())?;
        let request = Request { work, reply: Some(reply), _room: room };
        self.requests.send(request).await.map_err(|_closed| self.status.why_closed())?;
        answer.await.unwrap_or_else(|_ended| Err(self.status.why_closed()))
    }

    async fn reader(&self) -> Result<Object, StorageError> {
        if let Some(failure) = self.status.failure() {
            return Err(failure);
        }
        if self.pool.is_closed() {
            return Err(self.status.why_closed());
        }
        self.pool.get().await.map_err(|error| StorageError::Unavailable(error.to_string()))
    }

    async fn load_document(&self, document: DocumentId) -> Result<Option<StoredDocument>, StorageError> {
        let mut client = self.reader().await?;
        let read = timeout(self.options.answer_time, reads::load(&mut client, document)).await;
        let Some(verified) = finish(client, read)?.verify() else { return Ok(None) };
        for damaged in verified.set_aside {
            tracing::error!(%document, reason = damaged.reason, "left damaged data out and set it aside");
            self.set_aside(damaged);
        }
        Ok(Some(verified.stored))
    }

    /// Behind the load's back. When the queue is full it does not happen; the next load finds the same again.
    fn set_aside(&self, damaged: QuarantinedChange) {
        let room = Arc::clone(&self.room).try_acquire_many_owned(kib(damaged.bytes.len()));
        let Ok(room) = room else { return };
        let request = Request { work: Work::Quarantine(damaged), reply: None, _room: room };
        if self.requests.try_send(request).is_err() {
            tracing::warn!("no room to set damaged data aside");
        }
    }
}

/// Whoever waits for a writer that panicked must hear of it.
async fn run(writer: Writer, status: Arc<Status>) {
    if AssertUnwindSafe(writer.run()).catch_unwind().await.is_err() {
        status.fail(StorageError::Fatal("the storage writer panicked".to_owned()));
    }
}

/// A store that is dropped without being closed closes behind the back of its owner.
impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl DocumentStore for PostgresStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Committed> {
        Box::pin(async move {
            append.check_beside()?;
            let bytes = append.bytes();
            match self.write(Work::Append(append), bytes).await? {
                Answer::Committed(committed) => Ok(committed),
                other
                @ (Answer::Done | Answer::Deleted(_) | Answer::StorageId(_) | Answer::Transacted(_)) => {
                    Err(mismatch(&other))
                }
            }
        })
    }

    fn load(&self, document: DocumentId) -> StoreFuture<'_, Option<StoredDocument>> {
        Box::pin(self.load_document(document))
    }

    fn compact(&self, compaction: Compaction) -> StoreFuture<'_, ()> {
        let bytes = compaction.snapshot.len();
        Box::pin(async move { self.write(Work::Compact(compaction), bytes).await.map(|_done| ()) })
    }

    fn list(&self, after: Option<DocumentId>, limit: usize) -> StoreFuture<'_, DocumentPage> {
        Box::pin(async move {
            let client = self.reader().await?;
            let limit = limit.clamp(1, PAGE_DOCUMENTS_MAX);
            let read = timeout(self.options.answer_time, reads::list(&client, after, limit)).await;
            finish(client, read)
        })
    }

    fn delete(&self, document: DocumentId) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            let answer = self.write(Work::Delete(document), 0).await?;
            self.shared_heads.forget(document);
            match answer {
                Answer::Deleted(deleted) => Ok(deleted),
                other @ (Answer::Committed(_)
                | Answer::Done
                | Answer::StorageId(_)
                | Answer::Transacted(_)) => Err(mismatch(&other)),
            }
        })
    }

    fn quarantine(&self, change: QuarantinedChange) -> StoreFuture<'_, ()> {
        let bytes = change.bytes.len();
        Box::pin(async move { self.write(Work::Quarantine(change), bytes).await.map(|_done| ()) })
    }

    fn quarantined(&self, document: DocumentId) -> StoreFuture<'_, Vec<QuarantinedChange>> {
        Box::pin(async move {
            let client = self.reader().await?;
            let read = timeout(self.options.answer_time, reads::quarantined(&client, document)).await;
            finish(client, read)
        })
    }

    fn shared_heads(&self, peer: StorageId, document: DocumentId) -> StoreFuture<'_, Option<Heads>> {
        Box::pin(async move {
            if let Some(heads) = self.shared_heads.get(&peer, document) {
                return Ok(Some(heads));
            }
            let client = self.reader().await?;
            let read = timeout(self.options.answer_time, reads::shared_heads(&client, &peer, document)).await;
            finish(client, read)
        })
    }

    fn remember_shared_heads(
        &self,
        peer: StorageId,
        document: DocumentId,
        heads: Heads,
    ) -> StoreFuture<'_, ()> {
        let failure = self.status.failure();
        if failure.is_none() {
            self.shared_heads.remember(peer, document, heads);
        }
        Box::pin(std::future::ready(failure.map_or(Ok(()), Err)))
    }

    fn own_storage_id(&self, candidate: StorageId) -> StoreFuture<'_, StorageId> {
        Box::pin(async move {
            match self.write(Work::OwnStorageId(candidate), 0).await? {
                Answer::StorageId(id) => Ok(id),
                other
                @ (Answer::Committed(_) | Answer::Done | Answer::Deleted(_) | Answer::Transacted(_)) => {
                    Err(mismatch(&other))
                }
            }
        })
    }

    fn probe(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.write(Work::Probe, 0).await?;
            let client = self.reader().await?;
            let read = timeout(self.options.answer_time, client.batch_execute("SELECT 1")).await;
            finish(client, read)
        })
    }

    fn failed(&self) -> StoreFailure<'_> {
        Box::pin(self.status.failed())
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.end())
    }
}

/// Gives the client back to the pool, unless an answer may still come in on it.
fn finish<T>(
    client: Object,
    read: Result<Result<T, tokio_postgres::Error>, Elapsed>,
) -> Result<T, StorageError> {
    match read {
        Ok(read) => read.map_err(|error| Failure::from(error).into_storage_error()),
        Err(_elapsed) => {
            drop(Object::take(client));
            Err(StorageError::Unavailable("PostgreSQL did not answer in time".to_owned()))
        }
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes / 1024).unwrap_or(u32::MAX).saturating_add(1).min(WRITES_KIB_MAX)
}

fn mismatch(answer: &Answer) -> StorageError {
    StorageError::Fatal(format!("the storage writer gave the wrong kind of answer: {answer:?}"))
}
