//! The embedded store: one SQLite file, one writing thread with group commit, a few reading threads.

mod backup;
mod check;
mod failure;
mod job;
mod migrations;
mod notes;
mod open;
mod panic_guard;
mod queue;
mod reader;
mod reads;
mod relational;
mod reserve;
mod writer;
mod writes;

pub use backup::{BackupError, BackupProgress};
pub use check::{CheckError, CheckProgress, CheckReport};
pub use open::{OpenError, QuickCheck, SqliteOptions, create_directory};

use crate::clock::unix_ms;
use crate::document_store::PAGE_DOCUMENTS_MAX;
use crate::shared_heads::SharedHeadsBuffer;
use crate::status::Status;
use crate::{
    Append, Committed, Compaction, DocumentPage, DocumentStore, QuarantinedChange, StorageError,
    StoreFailure, StoreFuture, StoredDocument,
};
use failure::Failure;
use job::{Job, Size};
use open::DirectoryLock;
use panic_guard::PanicGuard;
use queue::Queue;
use reader::Read;
use reserve::Reserve;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::{fs, io};
use tiebreak_protocol::{DocumentId, Heads, StorageId};
use tokio::sync::oneshot;
use writer::{Write, Writer};

/// KiB of changes that wait to be written; then callers wait before they may join the queue.
const WRITES_KIB_MAX: u32 = 64 * 1024;

/// Reads that wait; then callers wait before they may join the queue.
const READS_MAX: u32 = 1024;

/// SQLite's default.
const PAGE_BYTES: u64 = 4096;

/// Documents in one SQLite file in a data directory that it owns alone.
#[derive(Debug)]
pub struct SqliteStore {
    directory: PathBuf,
    incarnation: u64,
    status: Arc<Status>,
    shared_heads: Arc<SharedHeadsBuffer>,
    writes: Arc<Queue<Box<dyn Write>>>,
    reads: Arc<Queue<Read>>,
    // Held while closing only.
    running: Mutex<Option<Running>>,
}

/// What a close waits for, and gives back last.
#[derive(Debug)]
struct Running {
    readers: Vec<JoinHandle<()>>,
    writer: JoinHandle<()>,
    _lock: DirectoryLock,
}

impl Running {
    fn end(self, reads: &Queue<Read>, writes: &Queue<Box<dyn Write>>) {
        reads.close();
        for reader in self.readers {
            join(reader);
        }
        writes.close();
        join(self.writer);
    }
}

impl SqliteStore {
    /// Opens a data directory, creating it if needed, and brings its schema up to date. Blocks: for start-up.
    pub fn open(directory: &Path, options: &SqliteOptions) -> Result<Self, OpenError> {
        let lock = DirectoryLock::take(directory)?;
        let mut reserve = Reserve::new(directory, options.log_bytes);
        let (connection, incarnation) = open::writer(directory, options, &mut reserve)?;
        let connections = (0..options.readers.max(1))
            .map(|_| open::reader(directory))
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(OpenError::Sqlite)?;

        let status = Arc::new(Status::default());
        let shared_heads = Arc::new(SharedHeadsBuffer::default());
        let writes = Arc::new(Queue::new(WRITES_KIB_MAX));
        let reads = Arc::new(Queue::new(READS_MAX));
        let writer = Writer {
            connection,
            epoch: incarnation.to_string(),
            queue: Arc::clone(&writes),
            shared_heads: Arc::clone(&shared_heads),
            status: Arc::clone(&status),
            reserve,
            log_pages_max: i64::try_from(options.log_bytes / PAGE_BYTES).unwrap_or(i64::MAX),
            forgot_at: None,
        };
        let guard = PanicGuard { status: Arc::clone(&status), queue: Arc::clone(&writes) };
        let writer = spawn("storage-writer", move || {
            let _guard = guard;
            writer.run();
        })?;
        let mut readers = Vec::new();
        for connection in connections {
            let (reads, status) = (Arc::clone(&reads), Arc::clone(&status));
            readers.push(spawn("storage-reader", move || reader::run(connection, reads, status))?);
        }
        let running = Mutex::new(Some(Running { readers, writer, _lock: lock }));
        let directory = directory.to_owned();
        Ok(Self { directory, incarnation, status, shared_heads, writes, reads, running })
    }

    /// How often this data was opened, this time included: counted durably, so that it is another each time. A copy
    /// of the data counts on by itself.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Removes everything that a store has written to a directory, and the directory if nothing else is in it.
    /// Does nothing when it is not there.
    ///
    /// # Errors
    /// When a store has it open, or the system refuses.
    pub fn remove(directory: &Path) -> io::Result<()> {
        if !directory.exists() {
            return Ok(());
        }
        let lock = DirectoryLock::take(directory).map_err(io::Error::other)?;
        for file in open::files(directory) {
            remove_if_there(fs::remove_file(file))?;
        }
        drop(lock);
        remove_if_there(fs::remove_file(open::lock_file(directory)))?;
        // Whatever else is in it is not ours.
        fs::remove_dir(directory).ok();
        Ok(())
    }

    /// Where the database lies in a data directory.
    pub fn database_in(directory: &Path) -> PathBuf {
        directory.join(open::DATABASE_FILE)
    }

    /// Transactions committed since the store was opened: with group commit, fewer than calls.
    pub fn commits(&self) -> u64 {
        self.status.commits()
    }

    /// Why the store must be reopened, if it must.
    pub fn failure(&self) -> Option<StorageError> {
        self.status.failure()
    }

    /// Writes what waits, ends the threads and gives the directory back. Blocks.
    fn end(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.end(&self.reads, &self.writes);
        }
    }

    async fn end_elsewhere(&self) -> Result<(), StorageError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            let (reads, writes) = (Arc::clone(&self.reads), Arc::clone(&self.writes));
            let ended = tokio::task::spawn_blocking(move || running.end(&reads, &writes)).await;
            ended.map_err(|_| StorageError::Fatal("closing the store panicked".to_owned()))?;
        }
        self.status.failure().map_or(Ok(()), Err)
    }

    async fn write<T: Send + 'static>(
        &self,
        size: Size,
        work: impl FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StorageError> {
        if let Some(failure) = self.status.failure() {
            return Err(failure);
        }
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Job::new(work, Some(reply), size));
        self.writes.push(job, size.cost()).await.map_err(|_closed| self.status.why_closed())?;
        answer.await.unwrap_or_else(|_ended| Err(self.status.why_closed()))
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        // A store that failed serves nothing: what it would read may not be what is on disk.
        if let Some(failure) = self.status.failure() {
            return Err(failure);
        }
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            // Nobody is left to read it when the caller went away.
            drop(reply.send(work(connection)));
        });
        self.reads.push(read, 1).await.map_err(|_closed| self.status.why_closed())?;
        let read = answer.await.map_err(|_ended| self.status.why_closed())?;
        read.map_err(|error| failure::in_read(&error))
    }

    async fn load_document(&self, document: DocumentId) -> Result<Option<StoredDocument>, StorageError> {
        let verified = self
            .read(move |connection| reads::load(connection, document).map(|found| found.verify()))
            .await?;
        let Some(verified) = verified else { return Ok(None) };
        for damaged in verified.set_aside {
            tracing::error!(%document, reason = damaged.reason, "left damaged data out and set it aside");
            self.set_aside(damaged);
        }
        Ok(Some(verified.stored))
    }

    /// Behind the load's back. When the queue is full it does not happen; the next load finds the same again.
    fn set_aside(&self, damaged: QuarantinedChange) {
        let size = Size::of(damaged.bytes.len());
        let work = move |connection: &Connection| writes::quarantine(connection, &damaged);
        let job = Box::new(Job::new(work, None, size));
        if self.writes.try_push(job, size.cost()).is_err() {
            tracing::warn!("no room to set damaged data aside");
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.end();
    }
}

impl DocumentStore for SqliteStore {
    fn append(&self, append: Append) -> StoreFuture<'_, Committed> {
        Box::pin(async move {
            append.check_beside()?;
            let size = Size::of(append.bytes());
            self.write(size, move |connection| writes::append(connection, &append)).await
        })
    }

    fn load(&self, document: DocumentId) -> StoreFuture<'_, Option<StoredDocument>> {
        Box::pin(self.load_document(document))
    }

    fn compact(&self, compaction: Compaction) -> StoreFuture<'_, ()> {
        let size = Size::of(compaction.snapshot.len());
        Box::pin(self.write(size, move |connection| writes::compact(connection, &compaction)))
    }

    fn list(&self, after: Option<DocumentId>, limit: usize) -> StoreFuture<'_, DocumentPage> {
        let limit = limit.clamp(1, PAGE_DOCUMENTS_MAX);
        Box::pin(self.read(move |connection| reads::list(connection, after, limit)))
    }

    fn delete(&self, document: DocumentId) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            let work = move |connection: &Connection| writes::delete(connection, document, unix_ms());
            let deleted = self.write(Size::FreesSpace, work).await?;
            self.shared_heads.forget(document);
            Ok(deleted)
        })
    }

    fn quarantine(&self, change: QuarantinedChange) -> StoreFuture<'_, ()> {
        let size = Size::of(change.bytes.len());
        Box::pin(self.write(size, move |connection| writes::quarantine(connection, &change)))
    }

    fn quarantined(&self, document: DocumentId) -> StoreFuture<'_, Vec<QuarantinedChange>> {
        Box::pin(self.read(move |connection| reads::quarantined(connection, document)))
    }

    fn shared_heads(&self, peer: StorageId, document: DocumentId) -> StoreFuture<'_, Option<Heads>> {
        Box::pin(async move {
            if let Some(heads) = self.shared_heads.get(&peer, document) {
                return Ok(Some(heads));
            }
            self.read(move |connection| reads::shared_heads(connection, &peer, document)).await
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
        Box::pin(self.write(Size::of(0), move |connection| writes::own_storage_id(connection, &candidate)))
    }

    fn probe(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.write(Size::of(0), |connection| writes::probe(connection, unix_ms())).await?;
            self.read(|connection| connection.query_row("SELECT 1", (), |_row| Ok(()))).await
        })
    }

    fn failed(&self) -> StoreFailure<'_> {
        Box::pin(self.status.failed())
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.end_elsewhere())
    }
}

fn remove_if_there(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(OpenError::Thread)
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a storage thread panicked");
    }
}
