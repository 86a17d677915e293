//! The contract of a document store. Every implementation passes the suite in `conformance`.

use crate::relational::Statement;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tiebreak_protocol::{AccountId, ActorId, ChangeHash, DocumentId, Heads, StorageId};

/// A boxed future, so that the server picks its store at start instead of carrying a type parameter.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// A future that ends when a store has failed for good.
pub type StoreFailure<'a> = Pin<Box<dyn Future<Output = StorageError> + Send + 'a>>;

/// Why a store could not do what it was asked. Except with `Fatal`, nothing of the failed call was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// No space left; reads and deletes go on.
    #[error("the disk is full")]
    Full,
    /// The document was deleted; its tombstone takes no changes.
    #[error("the document was deleted")]
    Deleted,
    /// What is stored of this document cannot be read or written, beyond the chunks that `damaged` names.
    /// Other documents are served.
    #[error("the stored document is damaged: {0}")]
    Damaged(String),
    /// Passing trouble: a lost connection, a busy database, a closed store. The same call may succeed later.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// A commit or fsync failed, its outcome cannot be learned, another server took the data over, or a bug
    /// was found: what is on disk is unknown until the store is opened again. The process must stop; every
    /// later call fails with the same error.
    #[error("storage failed and must be reopened: {0}")]
    Fatal(String),
}

/// Chunks kept apart per document: evidence for a person, not a second store.
pub const QUARANTINED_PER_DOCUMENT_MAX: usize = 100;

/// Peers per document whose shared heads are kept: peers choose their own storage ids, so their number has no end.
/// Those that were heard of last are kept.
pub const SHARED_HEADS_PER_DOCUMENT_MAX: usize = 1000;

/// How long shared heads that are not renewed are kept; durable stores drop them when they have nothing else to do.
pub const SHARED_HEADS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// Statements beside the changes of one append: what a turn in a hostile document may bring about.
pub const BESIDE_MAX: usize = 8192;

/// Documents on one page of a listing.
pub const PAGE_DOCUMENTS_MAX: usize = 1000;

/// Durable home of documents: a snapshot, the changes since, heads, sync states, quarantine.
///
/// A returned `Ok` from a writing call means that the data survives a crash of the process and of the machine.
/// Calls on one document may overlap; the caller (one room per document) appends one batch at a time.
/// A writing call whose future is dropped may still take effect. When too much waits to be written, callers wait.
pub trait DocumentStore: Send + Sync + std::fmt::Debug + 'static {
    /// Appends changes in one transaction, creating the document if it is new. All or nothing.
    /// Changes are kept as given, repeated hashes too; without changes nothing is written. A tombstone answers
    /// [`StorageError::Deleted`]. Rows beside the changes are refused as [`Append::check_beside`] says, and by a
    /// store that has no rows.
    fn append(&self, append: Append) -> StoreFuture<'_, Committed>;

    /// Everything needed to open a document: `None` when it was never written.
    /// Chunks whose checksum is wrong are left out, set aside in quarantine and named in `damaged`.
    fn load(&self, document: DocumentId) -> StoreFuture<'_, Option<StoredDocument>>;

    /// Replaces the snapshot and drops the changes up to and including `through`, in one transaction.
    /// Does nothing when the document is gone, its snapshot already covers more, or `through` was never appended.
    fn compact(&self, compaction: Compaction) -> StoreFuture<'_, ()>;

    /// One page of live documents in id order, starting after the cursor. `limit` is clamped to
    /// 1..=[`PAGE_DOCUMENTS_MAX`].
    fn list(&self, after: Option<DocumentId>, limit: usize) -> StoreFuture<'_, DocumentPage>;

    /// Removes the content, with sync states, quarantine, grants, invitations, actors and conflicts, and leaves a
    /// tombstone, so that a device that still holds the document cannot bring it back unnoticed. Answers whether it
    /// was there.
    fn delete(&self, document: DocumentId) -> StoreFuture<'_, bool>;

    /// Keeps a change that must not enter its document, for a person to inspect. The same bytes are kept once;
    /// beyond [`QUARANTINED_PER_DOCUMENT_MAX`] the older ones are kept and newer ones are not.
    fn quarantine(&self, change: QuarantinedChange) -> StoreFuture<'_, ()>;

    /// Changes and chunks set aside for one document, oldest first.
    fn quarantined(&self, document: DocumentId) -> StoreFuture<'_, Vec<QuarantinedChange>>;

    /// The heads that a peer's storage was last known to share with us.
    fn shared_heads(&self, peer: StorageId, document: DocumentId) -> StoreFuture<'_, Option<Heads>>;

    /// Remembers them, for documents that live, and of each for the latest [`SHARED_HEADS_PER_DOCUMENT_MAX`] peers
    /// once a commit has taken them along. Not worth an fsync of its own: a lost one costs a longer
    /// handshake, never data.
    fn remember_shared_heads(
        &self,
        peer: StorageId,
        document: DocumentId,
        heads: Heads,
    ) -> StoreFuture<'_, ()>;

    /// The server's own storage id, made from `candidate` on first use and stable from then on.
    fn own_storage_id(&self, candidate: StorageId) -> StoreFuture<'_, StorageId>;

    /// Answers once a read and a durable write work: for readiness probes.
    fn probe(&self) -> StoreFuture<'_, ()>;

    /// Resolves with the [`StorageError::Fatal`] after which every call fails, whoever met it first, and never
    /// for a store that works: the one place where the process learns that it must stop.
    fn failed(&self) -> StoreFailure<'_>;

    /// Writes what waits, remembered heads included, and gives the data back; later calls answer
    /// [`StorageError::Unavailable`]. Fails when the store failed, now or before.
    fn close(&self) -> StoreFuture<'_, ()>;
}

/// One batch of changes for one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    pub document: DocumentId,
    /// In causal order.
    pub changes: Vec<ChangeRow>,
    /// The document's heads after these changes.
    pub heads: Heads,
    /// Milliseconds since the Unix epoch, from the server's clock; for people, never for order.
    pub received_ms: i64,
    /// As whom these actors write: to be bound with the changes. The first binding of an actor stays.
    pub actors: Vec<(ActorId, AccountId)>,
    /// Whose the document becomes when this append creates it. A store without accounts, and an account that is
    /// gone, leave it without an owner.
    pub owner: Option<AccountId>,
    /// Rows to be written in the same transaction, after the changes and in this order: durable with them, or not at
    /// all. What they answer is not read; one that fails fails the append.
    pub beside: Vec<Statement>,
}

/// One change as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    pub hash: ChangeHash,
    /// The change chunk as it came from the wire, whole.
    pub bytes: Bytes,
}

impl Append {
    /// Changes and nothing beside them.
    pub fn new(document: DocumentId, changes: Vec<ChangeRow>, heads: Heads, received_ms: i64) -> Self {
        Self { document, changes, heads, received_ms, actors: Vec::new(), owner: None, beside: Vec::new() }
    }

    /// Bytes that it takes while it waits.
    pub fn bytes(&self) -> usize {
        let changes: usize = self.changes.iter().map(|change| change.bytes.len()).sum();
        changes + self.beside.iter().map(Statement::bytes).sum::<usize>()
    }

    /// Refuses rows that are too many, or that have no change to be written beside: an append without changes writes
    /// nothing, and they must not be lost unnoticed.
    ///
    /// # Errors
    /// When there are more than [`BESIDE_MAX`], or no changes.
    pub fn check_beside(&self) -> Result<(), StorageError> {
        let (beside, most) = (self.beside.len(), BESIDE_MAX);
        if beside > most {
            let refusal =
                format!("at most {most} statements go beside the changes of an append, not {beside}");
            return Err(StorageError::Unavailable(refusal));
        }
        if beside > 0 && self.changes.is_empty() {
            let refusal = "an append without changes writes no rows: write them in a transaction";
            return Err(StorageError::Unavailable(refusal.to_owned()));
        }
        Ok(())
    }
}

/// What an append wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Sequence number of the last change written, counted per document from 1.
    pub through: u64,
    /// Whether the document did not exist before.
    pub created: bool,
}

/// A document as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// A document chunk that holds the changes up to `snapshot_through`; `None` before the first compaction.
    pub snapshot: Option<Bytes>,
    pub snapshot_through: u64,
    /// The changes after the snapshot, in the order they were appended.
    pub changes: Vec<ChangeRow>,
    /// Sequence number of the last change ever appended.
    pub through: u64,
    /// Heads as of the last append.
    pub heads: Heads,
    /// Who writes as whom.
    pub actors: BTreeMap<ActorId, AccountId>,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// A tombstone: snapshot and changes are empty.
    pub deleted: bool,
    /// Chunks that failed their checksum and were left out. With any, `heads` name more than is here.
    pub damaged: Vec<DamagedChunk>,
}

/// A stored chunk whose bytes do not match its checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DamagedChunk {
    /// The snapshot's bytes, or all of it.
    Snapshot,
    /// One change, or the place where it should be.
    Change { sequence: u64 },
    /// The document's row: heads and times are unknown, `heads` is empty. The next append writes it anew.
    Row,
}

/// A snapshot that takes the place of older changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compaction {
    pub document: DocumentId,
    pub snapshot: Bytes,
    /// Sequence number of the last change that the snapshot holds.
    pub through: u64,
}

/// A change or chunk kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedChange {
    pub document: DocumentId,
    pub hash: Option<ChangeHash>,
    pub bytes: Bytes,
    /// A sentence for a person: what failed.
    pub reason: String,
    pub received_ms: i64,
}

/// One row of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentSummary {
    pub document: DocumentId,
    pub heads: Heads,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// Changes ever appended.
    pub changes: u64,
    /// Bytes of the snapshot and of the changes since.
    pub bytes: u64,
    /// The row fails its checksum: nothing in it, not even the id, can be relied on; `heads` is empty.
    pub damaged: bool,
}

/// A page of documents; `next` is the cursor of the following page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentPage {
    pub documents: Vec<DocumentSummary>,
    pub next: Option<DocumentId>,
}
